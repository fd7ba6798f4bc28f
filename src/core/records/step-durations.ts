import { type BenchCase, casesOf, type Plan, type PlannedPlatform } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { BenchData } from '../model/suite.ts'
import { median } from '../stats/index.ts'
import { folderOf, readRecord, recordsByTime } from './record-file.ts'

/** How long samples take: by former records of the project, or by estimate. */

/** What durations depend on of a platform. */
type TimedPlatform = Pick<PlannedPlatform, 'name' | 'cpuMode'>

/** Seconds that one sample takes without the boot of its guest, and seconds of that boot. */
export interface StepDurations {
  (benchCase: BenchCase, bench: BenchData, platform: TimedPlatform): { readonly sample: number; readonly boot: number }
  boot(platform: TimedPlatform): number
}

/** How many of the latest records are read. */
const recordCount = 3

/** Seconds of a boot without a former one. Emulated CPUs are about thirty times slower. */
const bootSeconds = { hardware: 0.3, nested: 3, emulated: 10 } as const
/** Seconds of a sample beside those that it measures: servers, files, commands of the platform. */
const overheadSeconds = 0.3
/** A bench with the tag `slow` takes about so many times as long, and longer if it has its own time limit. */
const slowFactor = { usual: 2, withTimeout: 5 } as const
/** A sample of a start-up bench has three boots or more. One with snapshots has a boot, a save and some restores. */
const bootsPerSample = 3

/** Whether the samples of a bench are boots. */
export const isStartup = ({ workload }: Pick<BenchData, 'workload'>): boolean =>
  workload.kind === 'boot' || workload.kind === 'vmm-start' || workload.kind === 'snapshot'

type Profile = Pick<Plan['profile'], 'seconds'>

/** The durations of the latest records with the same sample length. */
export function readStepDurations(root: string, profile: Profile): StepDurations {
  return stepDurations(formerSamples(root, profile, recordCount), profile)
}

/**
 * Seconds that a bench takes on one platform in a whole run, with the boots of its guests. Benches that share guests in
 * a round take less together.
 */
export function benchSeconds(
  bench: BenchData,
  platform: TimedPlatform,
  { rounds, warmup }: Pick<Plan['profile'], 'rounds' | 'warmup'>,
  durations: StepDurations,
): number {
  const cases = casesOf(bench)
  const boot = isStartup(bench) || bench.workload.kind === 'guests' ? 0 : durations.boot(platform)
  const samples = cases.reduce((sum, one) => sum + durations(one, bench, platform).sample, 0)
  const { lifecycle } = bench.workload
  if (lifecycle === 'run') return (rounds + warmup) * samples + boot
  return (rounds + warmup) * (samples + boot * (lifecycle === 'sample' ? cases.length : 1))
}

/**
 * The samples of the latest records with the same sample length.
 * @param count how many of the latest records are read
 */
export function formerSamples(root: string, { seconds }: Profile, count: number): Sample[] {
  return recordsByTime(folderOf(root))
    .slice(-count)
    .flatMap((file) => {
      try {
        const { plan, samples } = readRecord(file)
        return plan.profile.seconds === seconds ? samples : []
      } catch {
        // A record of another version only lacks its durations.
        return []
      }
    })
}

/** The durations of some samples: the median of each case on each platform. */
export function stepDurations(samples: readonly Sample[], { seconds }: Profile): StepDurations {
  const measured = new Map<string, number[]>()
  const booted = new Map<string, number[]>()
  const add = (to: Map<string, number[]>, key: string, value: number) => {
    const values = to.get(key)
    if (values) values.push(value)
    else to.set(key, [value])
  }
  for (const { case: id, platform, wallMs, timeBreakdown, outcome } of samples) {
    if (!outcome.ok) continue
    const boots = timeBreakdown?.boots ?? 0
    add(measured, `${id}\0${platform}`, (wallMs - boots) / 1000)
    if (boots > 0) add(booted, platform, boots / 1000)
  }
  const former = (of: Map<string, number[]>, key: string) => {
    const values = of.get(key)
    return values && median(values)
  }
  const boot: StepDurations['boot'] = ({ name, cpuMode }) => former(booted, name) ?? bootSeconds[cpuMode]
  const estimate = ({ workload, tags, timeout }: BenchData, platform: TimedPlatform): number => {
    const boots = isStartup({ workload }) || workload.kind === 'guests' ? bootsPerSample : 0
    const once = overheadSeconds + boots * bootSeconds[platform.cpuMode] + (isStartup({ workload }) ? 0 : seconds)
    if (!tags.includes('slow')) return once
    return once * (timeout === undefined ? slowFactor.usual : slowFactor.withTimeout)
  }
  const durations = (benchCase: BenchCase, bench: BenchData, platform: TimedPlatform) => ({
    sample: former(measured, `${benchCase.id}\0${platform.name}`) ?? estimate(bench, platform),
    boot: boot(platform),
  })
  return Object.assign(durations, { boot })
}
