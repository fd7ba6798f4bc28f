import type { CommandResult } from '../../dsl/guest.ts'
import { type Tracing, tracedValues, unitsOfWork } from '../../dsl/traced.ts'
import type { BootContext, ParamSpace, Workload } from '../../dsl/workload.ts'
import type { Command } from '../../tools/command.ts'
import {
  type CallCounts,
  type IdleRates,
  mergeCounts,
  scaleCounts,
  subtractBackground,
  totalCalls,
} from '../../tracing/call-counts.ts'
import type { Tracer } from '../../tracing/tracer.ts'
import { IsobenchError, UnsupportedError } from '../../util/errors.ts'
import type { AttackProfile } from '../model/record.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { remaining } from '../session/exec-target.ts'
import type { MeasureContext } from './context.ts'
import { explainFailure, guestArgv, guestTarget, oomMonitor, withinLimits } from './guest-api.ts'
import type { SampleScope } from './sample-scope.ts'
import { type TracedGuestApi, TraceRecorder, TraceTargets, tracedGuestApi } from './traced-guest-api.ts'
import { checkValues } from './values.ts'

/**
 * The background of a platform, as one tracer has recorded it in all samples of a session: calls come in bursts that
 * one recording may miss.
 */
interface RecordedBackground {
  /** Calls per second while idle. */
  readonly idle: CallCounts[]
  /** Calls per round trip through a barrier. */
  readonly barrier: CallCounts[]
}

const recorded = new WeakMap<Tracer, Map<string, RecordedBackground>>()

function backgroundOf(tracer: Tracer, platform: string): RecordedBackground {
  const platforms = recorded.get(tracer) ?? new Map<string, RecordedBackground>()
  recorded.set(tracer, platforms)
  const own = platforms.get(platform) ?? { idle: [], barrier: [] }
  platforms.set(platform, own)
  return own
}

/**
 * A statistic of each name's counts. A name that a recording lacks counts 0 there. Names with the result 0 are left
 * out.
 */
function each(
  recordings: readonly CallCounts[],
  statistic: (counts: readonly number[]) => number,
): Record<string, number> {
  const names = new Set(recordings.flatMap((counts) => Object.keys(counts)))
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const value = statistic(recordings.map((counts) => (Object.hasOwn(counts, name) ? counts[name]! : 0)))
      return value > 0 ? [[name, value]] : []
    }),
  )
}

const mean = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length

/** The standard deviation of a sample; 0 for a single count. */
function deviation(counts: readonly number[]): number {
  const middle = mean(counts)
  return Math.sqrt(counts.reduce((sum, count) => sum + (count - middle) ** 2, 0) / Math.max(1, counts.length - 1))
}

/**
 * Adds an idle recording to those of a platform, and returns the idle rates of all of them. The maximum would grow with
 * the number of recordings, and a call of the work that happens to be in one of them would be lost.
 * @param perSecond calls per second while idle
 * @param seconds the length of the recording
 */
export function addIdleTrace(tracer: Tracer, platform: string, perSecond: CallCounts, seconds: number): IdleRates {
  const { idle } = backgroundOf(tracer, platform)
  idle.push(perSecond)
  return {
    mean: each(idle, mean),
    // The deviation of a count grows with the square root of the time; that of a rate shrinks with it.
    deviation: each(idle, (counts) => deviation(counts) * Math.sqrt(seconds)),
  }
}

/** A quantile of ordered counts. */
const quantile = (counts: readonly number[], share: number) => counts[Math.ceil(share * counts.length) - 1]!

/**
 * Adds round trips through a barrier to those of a platform. Returns an upper limit of the calls of each name: the 90 %
 * quantile, plus three times its distance from the median. A rarer call is as rare in the work, and the rounds show it.
 */
export function addBarrierTraces(tracer: Tracer, platform: string, roundTrips: readonly CallCounts[]): CallCounts {
  const { barrier } = backgroundOf(tracer, platform)
  barrier.push(...roundTrips)
  return each(barrier, (counts) => {
    const ordered = [...counts].sort((a, b) => a - b)
    const [middle, nearly] = [quantile(ordered, 0.5), quantile(ordered, 0.9)]
    return nearly + 3 * (nearly - middle)
  })
}

/** The workload ran nothing that could be traced. */
export class NothingTracedError extends IsobenchError {
  readonly code = 'ISOBENCH_NOTHING_TRACED'
}

/** The result of a traced sample. */
export interface Traced {
  readonly values: Readonly<Record<string, number>>
  readonly attackProfile: AttackProfile
}

/** A traced sample. */
export interface TracedStep {
  readonly platform: ResolvedPlatform
  readonly workload: Workload & { readonly traced: Tracing }
  readonly scope: SampleScope
  readonly measureContext: MeasureContext
  /** Runs the workload's own code in a guest. */
  run(api: TracedGuestApi): Promise<unknown>
  /** The context of a boot workload without its boots. */
  readonly context: Omit<BootContext<ParamSpace>, 'boot' | 'bootPhases'>
}

/**
 * Takes a sample while the host kernel traces the host processes of the guest. See docs/explanation/attack-profile.md.
 * @throws {NothingTracedError} if the workload runs nothing that could be traced
 */
export async function measureTraced(step: TracedStep): Promise<Traced> {
  const tracer = await step.measureContext.session.tracer(step.workload.traced.source)
  // A failed sample may have left targets.
  tracer.clearTargets()
  using _armed = tracer.enable()
  return await (step.workload.work.kind === 'boot' ? bootTraced(step, tracer) : runTraced(step, tracer))
}

/** Records the boot of a guest, its background, and its work. */
async function runTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, scope, measureContext } = step
  const { session, image, plan, client } = measureContext
  const targets = new TraceTargets(tracer)
  await using sandbox = await session.createSandbox(image.rootfs, remaining(scope) / 1000, targets)
  targets.shared(sandbox.group)
  const handle = await tracer.recording(() => platform.driver.boot(sandbox, platform.options))
  const setup = await tracer.collect()

  const { name } = platform.spec
  const target = guestTarget({ name, rootfs: image.rootfs }, sandbox, handle)
  const recorder = new TraceRecorder(tracer, targets, plan.profile.seconds, scope.signal)
  const given = await withinLimits(name, sandbox, () => step.run(tracedGuestApi(target, client, scope, recorder)))
  const own = checkValues(given, workload.traced.metrics)
  if (recorder.seconds === 0) {
    throw new NothingTracedError(
      'the workload ran no command that could be traced',
      'run one in the guest or in the client, without untraced: true',
    )
  }
  const { seconds, idleSeconds, barriers } = recorder
  const background = await recorder.background()
  const barrier = scaleCounts(addBarrierTraces(tracer, name, background.barriers), barriers)
  const idling = addIdleTrace(tracer, name, scaleCounts(background.idle, 1 / idleSeconds), idleSeconds)
  const work = subtractBackground(await tracer.collect(), { idling, seconds, barrier })
  const { workMetric: per, metrics } = workload.traced
  const units = per === undefined ? seconds : unitsOfWork(metrics[per]!, own[per]!, seconds)
  return tracedOf(step, {
    setup,
    idle: background.idle,
    barrier,
    work,
    workloadMetrics: own,
    seconds,
    idleSeconds,
    units,
  })
}

/** Records boots as work. Only what a boot needs beforehand, such as a daemon, is set-up. */
async function bootTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, scope, measureContext, context } = step
  const [setups, works]: [CallCounts[], CallCounts[]] = [[], []]
  let seconds = 0
  const { session, image } = measureContext
  const bootOnce = async (command: Command): Promise<CommandResult> => {
    const inGuest = guestArgv(command)
    const targets = new TraceTargets(tracer)
    await using sandbox = await session.createSandbox(image.rootfs, remaining(scope) / 1000, targets)
    targets.shared(sandbox.group)
    const argv = await tracer.recording(() => platform.driver.oneShot(sandbox, inGuest, platform.options))
    setups.push(await tracer.collect())
    targets.refresh()
    const { name } = platform.spec
    const label = `${command.argv[0]} booted on ${name}`
    const ranOutOfMemory = oomMonitor(sandbox)
    const boot = () => scope.exec(targets.launch(argv), { timeoutMs: remaining(scope), signal: scope.signal, label })
    const limited = withinLimits(name, sandbox, () => tracer.recording(boot))
    const done = await limited.catch(async (error: unknown) => {
      throw await explainFailure(error, command.argv[0], { name, rootfs: image.rootfs, ranOutOfMemory })
    })
    works.push(await tracer.collect())
    seconds += done.milliseconds / 1000
    return done
  }
  const boot = (command: Command) => scope.track(bootOnce(command))
  const work = workload.work as { run(context: BootContext<ParamSpace>): Promise<unknown> }
  const bootPhases = () => Promise.reject(new UnsupportedError('the phases of a traced boot are not observed'))
  const given = await scope.race(work.run({ ...context, boot, bootPhases }))
  const own = checkValues(given, workload.traced.metrics)
  if (works.length === 0) throw new NothingTracedError('the workload booted nothing')
  const { workMetric: per, metrics } = workload.traced
  const units = per === undefined ? works.length : unitsOfWork(metrics[per]!, own[per]!, seconds)
  return tracedOf(step, {
    setup: mergeCounts(setups),
    idle: {},
    barrier: {},
    work: mergeCounts(works),
    workloadMetrics: own,
    seconds,
    idleSeconds: 0,
    units,
  })
}

interface Taken {
  readonly setup: CallCounts
  readonly idle: CallCounts
  readonly barrier: CallCounts
  readonly work: CallCounts
  readonly workloadMetrics: Readonly<Record<string, number>>
  readonly seconds: number
  readonly idleSeconds: number
  readonly units: number
}

function tracedOf(
  { workload }: TracedStep,
  { setup, idle, barrier, work, workloadMetrics: own, units, ...times }: Taken,
): Traced {
  const { source: by } = workload.traced
  const reach = (calls: CallCounts) => ({ distinct: Object.keys(calls).length, calls: totalCalls(calls) })
  return {
    values: tracedValues(by, reach(work), reach(setup), units),
    attackProfile: {
      source: by,
      setup: { ...setup },
      idle: { ...idle },
      barrier: { ...barrier },
      work: { ...work },
      ...times,
      workloadMetrics: { ...own },
    },
  }
}
