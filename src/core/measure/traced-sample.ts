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
import { IsobenchError } from '../../util/errors.ts'
import { weightedScore } from '../attack-profile/weights.ts'
import type { AttackProfile } from '../model/record.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { Deadline } from '../session/exec-target.ts'
import type { MeasureContext } from './context.ts'
import { guestArgv } from './guest-api.ts'
import type { SampleScope } from './sample-scope.ts'
import { type TracedGuestApi, TraceRecorder, TraceTargets, tracedGuestApi } from './traced-guest-api.ts'
import { checkValues } from './values.ts'

/** What platforms do without work, by all controls of a session: some calls come in bursts that one control may miss. */

/** Controls as one tracer has seen them of a platform: calls in a second of idling, and of going through a gate once, each. */
interface Seen {
  readonly idle: CallCounts[]
  readonly barrier: CallCounts[]
}

const seen = new WeakMap<Tracer, Map<string, Seen>>()

function seenOf(tracer: Tracer, platform: string): Seen {
  const platforms = seen.get(tracer) ?? new Map<string, Seen>()
  seen.set(tracer, platforms)
  const own = platforms.get(platform) ?? { idle: [], barrier: [] }
  platforms.set(platform, own)
  return own
}

/** Something of each name's counts, 0 where a control did not have it; names for which that is 0 are left out. */
function each(controls: readonly CallCounts[], of: (counts: readonly number[]) => number): Record<string, number> {
  const names = new Set(controls.flatMap((control) => Object.keys(control)))
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const value = of(controls.map((control) => (Object.hasOwn(control, name) ? control[name]! : 0)))
      return value > 0 ? [[name, value]] : []
    }),
  )
}

const mean = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0) / counts.length

/** Of a sample; 0 of one count alone. */
function deviation(counts: readonly number[]): number {
  const middle = mean(counts)
  return Math.sqrt(counts.reduce((sum, count) => sum + (count - middle) ** 2, 0) / Math.max(1, counts.length - 1))
}

/**
 * Adds a control to those of a platform, and returns what it does in a second of idling by all of them. Not the most of all: that
 * grows with the number of controls, so that a call which the work makes each time would be lost from the first control on in which
 * it happens to be.
 * @param perSecond the calls of idling, per second.
 * @param seconds how long that was looked at.
 */
export function addIdleTrace(tracer: Tracer, platform: string, perSecond: CallCounts, seconds: number): IdleRates {
  const { idle } = seenOf(tracer, platform)
  idle.push(perSecond)
  return {
    mean: each(idle, mean),
    // A count varies with the root of the time that it is taken in, a rate with the inverse of that root.
    deviation: each(idle, (counts) => deviation(counts) * Math.sqrt(seconds)),
  }
}

/** Of counts in order, what as large a share of them is at most. */
const quantile = (counts: readonly number[], share: number) => counts[Math.ceil(share * counts.length) - 1]!

/**
 * Adds passes of a gate to those of a platform, and returns the most calls of each name that one is thought to have: what nine in
 * ten times had at most, and three times as far above that as that is above the middle. Where each time is like the other, that is
 * what each had. A call that is rarer there is as rare in the work, and left to the rounds.
 */
export function addBarrierTraces(tracer: Tracer, platform: string, passes: readonly CallCounts[]): CallCounts {
  const { barrier: gate } = seenOf(tracer, platform)
  gate.push(...passes)
  return each(gate, (counts) => {
    const ordered = [...counts].sort((a, b) => a - b)
    const [middle, nearly] = [quantile(ordered, 0.5), quantile(ordered, 0.9)]
    return nearly + 3 * (nearly - middle)
  })
}

/** Samples of a workload whose guest's host processes are watched by the host kernel; see docs/attack-profile.md. */

/** The workload did nothing that could be watched. */
export class NothingTracedError extends IsobenchError {
  readonly code = 'ISOBENCH_NOTHING_TRACED'
}

export interface Traced {
  readonly values: Readonly<Record<string, number>>
  readonly attackProfile: AttackProfile
}

/** What a traced sample is taken of. */
export interface TracedStep {
  readonly platform: ResolvedPlatform
  readonly workload: Workload & { readonly traced: Tracing }
  readonly scope: SampleScope
  readonly measureContext: MeasureContext
  /** Runs the workload's own code in a guest. */
  run(api: TracedGuestApi): Promise<unknown>
  /** The context of a boot but its `boot`. */
  readonly context: Omit<BootContext<ParamSpace>, 'boot'>
}

export async function measureTraced(step: TracedStep): Promise<Traced> {
  const tracer = await step.measureContext.session.tracer(step.workload.traced.source)
  // Whatever an earlier sample left when it failed is none of this one's.
  tracer.clearTargets()
  using _armed = tracer.enable()
  return await (step.workload.work.kind === 'boot' ? bootTraced(step, tracer) : runTraced(step, tracer))
}

const remaining = ({ until }: Deadline) => Math.max(1, until - performance.now())

/** Boots a guest, has it wait at the gate of its work, then work: a profile each. */
async function runTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, scope, measureContext } = step
  const { session, image, plan, client } = measureContext
  const followed = new TraceTargets(tracer)
  await using place = await session.createSandbox(image.rootfs, remaining(scope) / 1000, followed)
  followed.shared(place.group)
  const handle = await tracer.recording(() => platform.driver.boot(place, platform.options))
  const setup = await tracer.collect()

  const where = {
    name: platform.spec.name,
    rootfs: image.rootfs,
    sandbox: place,
    handle,
    execArgv: handle.execArgv.bind(handle),
  }
  const windows = new TraceRecorder(tracer, followed, plan.profile.seconds, scope.signal)
  const given = await step.run(tracedGuestApi(where, client, scope, windows))
  const own = checkValues(given, workload.traced.metrics)
  if (windows.seconds === 0) {
    throw new NothingTracedError(
      'the workload ran no command that could be traced',
      'run one in the guest or in the client, without preparing: true',
    )
  }
  const { seconds, idleSeconds, gates } = windows
  const controls = await windows.background()
  const { name } = platform.spec
  const gatesAll = scaleCounts(addBarrierTraces(tracer, name, controls.barriers), gates)
  const idling = addIdleTrace(tracer, name, scaleCounts(controls.idle, 1 / idleSeconds), idleSeconds)
  const work = subtractBackground(await tracer.collect(), { idling, seconds, barrier: gatesAll })
  const { workMetric: per, metrics } = workload.traced
  const units = per === undefined ? seconds : unitsOfWork(metrics[per]!, own[per]!, seconds)
  return tracedOf(step, {
    setup,
    idle: controls.idle,
    barrier: gatesAll,
    work,
    workloadMetrics: own,
    seconds,
    idleSeconds,
    units,
  })
}

/** Every boot is set-up and work in one; what had to stand before it, such as a daemon, is the set-up alone. */
async function bootTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, scope, measureContext, context } = step
  const [setups, works]: [CallCounts[], CallCounts[]] = [[], []]
  let seconds = 0
  const { session, image } = measureContext
  const bootOnce = async (command: Command): Promise<CommandResult> => {
    const followed = new TraceTargets(tracer)
    await using place = await session.createSandbox(image.rootfs, remaining(scope) / 1000, followed)
    followed.shared(place.group)
    const argv = await tracer.recording(() => platform.driver.oneShot(place, guestArgv(command), platform.options))
    setups.push(await tracer.collect())
    followed.again()
    const label = `${command.argv[0]} booted on ${platform.spec.name}`
    const done = await tracer.recording(() =>
      scope.exec(followed.launch(argv), { timeoutMs: remaining(scope), signal: scope.signal, label }),
    )
    works.push(await tracer.collect())
    seconds += done.milliseconds / 1000
    return done
  }
  const boot = (command: Command) => scope.track(bootOnce(command))
  const work = workload.work as { run(context: BootContext<ParamSpace>): Promise<unknown> }
  const given = await scope.race(work.run({ ...context, boot }))
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
  { workload, measureContext }: TracedStep,
  { setup, idle, barrier: gates, work, workloadMetrics: own, units, ...times }: Taken,
): Traced {
  const { source: by } = workload.traced
  const reach = (calls: CallCounts) => ({ distinct: Object.keys(calls).length, calls: totalCalls(calls) })
  const weighted = measureContext.weights && weightedScore(work, measureContext.weights, by)
  return {
    values: tracedValues(by, reach(work), reach(setup), units),
    attackProfile: {
      source: by,
      setup: { ...setup },
      idle: { ...idle },
      barrier: { ...gates },
      work: { ...work },
      ...times,
      workloadMetrics: { ...own },
      ...(weighted && { weighted }),
    },
  }
}
