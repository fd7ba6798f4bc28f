import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { readOwnFile, writeFileAtomic } from '../../util/files.ts'
import { hasCollapsed, pairedDifferences, Samples } from '../judge/samples.ts'
import type { NoiseFloor, ScheduledPlan } from '../model/plan.ts'
import type { Environment, RunRecord } from '../model/record.ts'
import { benchById } from '../model/suite.ts'
import { hodgesLehmann, quantile, seeded } from '../stats/index.ts'
import { hostFingerprint } from './fingerprint.ts'

const resamples = 2000

/**
 * What two equal platforms seem to differ by, in 95 of 100 runs of so many rounds on this host: the 95th percentile of
 * |estimate| over bootstrap resamples of the rounds of an A/A run. As a difference of logarithms. A single round
 * differs by more, and a run does not judge by a single round.
 * Source: B. Efron, Ann. Stat. 7 (1979) 1–26.
 * @param d differences of native and native, a round each
 * @param rounds of the judged run
 */
export function smallestMargin(d: readonly number[], rounds: number): number {
  const random = seeded(`noise floor ${d.length} ${rounds}`)
  const draw = () => Array.from({ length: rounds }, () => d[Math.floor(random() * d.length)]!)
  return quantile(
    Array.from({ length: resamples }, () => Math.abs(hodgesLehmann(draw()))),
    0.95,
  )
}

/** What the second native is called in an A/A run. */
export const secondNative = 'native-2'

const noiseSchema = z.object({
  schemaVersion: z.literal(1),
  fingerprint: z.record(z.string(), z.string()),
  measured: z.array(
    z.object({
      case: z.string(),
      metric: z.string(),
      /** Of the bench: another one's noise is not this one's. */
      digest: z.string(),
      /** ISO 8601. */
      at: z.string(),
      /** ln(native ÷ native), a round each. */
      logRatios: z.array(z.number()),
    }),
  ),
})

export type Noise = z.infer<typeof noiseSchema>

const fileOf = (root: string) => join(root, '.isobench', 'noise.json')

/** The host without its platforms: only native is measured. */
const hostOf = (environment: Environment, plan: ScheduledPlan): Record<string, string> =>
  hostFingerprint({ environment, plan: { ...plan, platforms: [] } })

/** What an A/A run measured. Metrics that have fewer than five rounds of both are left out. */
export function measuredNoise({ environment, plan, samples }: RunRecord): Noise {
  const all = new Samples(samples)
  return {
    schemaVersion: 1,
    fingerprint: hostOf(environment, plan),
    measured: plan.cases.flatMap((point) => {
      const bench = benchById(plan.benches, point.bench)!
      return Object.entries(bench.metrics).flatMap(([metric, about]) => {
        const a = all.series(point.id, secondNative, metric, 'native')
        const b = all.series(point.id, 'native', metric, secondNative)
        const rounds = pairedDifferences(a, b, about)
        if (!Array.isArray(rounds) || rounds.length < 5 || hasCollapsed(rounds)) return []
        const d = rounds.map((one) => one.d)
        return [{ case: point.id, metric, digest: bench.digest, at: environment.startedAt, logRatios: d }]
      })
    }),
  }
}

/** The noise that is known of this project, or undefined. A file that cannot be read is none: it is measured again. */
export function readNoise(root: string): Noise | undefined {
  if (!existsSync(fileOf(root))) return undefined
  try {
    return noiseSchema.parse(JSON.parse(readOwnFile(fileOf(root))))
  } catch {
    return undefined
  }
}

const isSame = (a: object, b: object) => {
  const sorted = (one: object) => JSON.stringify(Object.entries(one).sort(([x], [y]) => (x < y ? -1 : 1)))
  return sorted(a) === sorted(b)
}

/** Keeps what was measured, beside what is known of other benches on the same host; another host's is replaced. */
export function saveNoise(root: string, noise: Noise): string {
  const known = readNoise(root)
  const rest = known && isSame(known.fingerprint, noise.fingerprint) ? known.measured : []
  const isNew = (one: Noise['measured'][number]) =>
    noise.measured.some(({ case: point, metric }) => point === one.case && metric === one.metric)
  const all: Noise = { ...noise, measured: [...rest.filter((one) => !isNew(one)), ...noise.measured] }
  const file = fileOf(root)
  writeFileAtomic(file, `${JSON.stringify(all)}\n`)
  return file
}

/** The noise floors of a run's metrics, if the noise of this host is known. */
export function noiseFloorsFor(noise: Noise | undefined, environment: Environment, plan: ScheduledPlan): NoiseFloor[] {
  if (!noise || !isSame(noise.fingerprint, hostOf(environment, plan))) return []
  const rounds = plan.sequential?.looks[0] ?? plan.profile.rounds
  return plan.cases.flatMap((point) => {
    const digest = benchById(plan.benches, point.bench)?.digest
    return noise.measured
      .filter((one) => one.case === point.id && one.digest === digest)
      .map(({ metric, logRatios: d }) => ({ case: point.id, metric, logRatio: smallestMargin(d, rounds) }))
  })
}
