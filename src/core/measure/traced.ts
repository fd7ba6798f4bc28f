/** Samples of a workload whose guest's host processes are watched by the host kernel; see docs/attack-profile.md. */
import type { CommandResult } from '../../dsl/guest.ts'
import { type Tracing, tracedValues, unitsOfWork } from '../../dsl/traced.ts'
import type { BootContext, ParamSpace, Workload } from '../../dsl/workload.ts'
import { IsobenchError } from '../../errors.ts'
import { runTimed } from '../../guest/stopwatch.ts'
import { type CallCounts, mergeCounts, scaleCounts, subtractBackground, totalCalls } from '../../guest/trace/profile.ts'
import type { Tracer } from '../../guest/trace/tracer.ts'
import type { Command } from '../../tools/command.ts'
import type { ResolvedPlatform } from '../probe.ts'
import type { AttackProfile } from '../record/schema.ts'
import { weightedScore } from '../weights/weigh.ts'
import { addBarrierTraces, addIdleTrace } from './controls.ts'
import type { Deadline } from './enterable.ts'
import { guestArgv } from './handle.ts'
import type { MeasureContext } from './means.ts'
import { type TracedGuestApi, TraceRecorder, TraceTargets, tracedGuestApi } from './traced-doors.ts'
import { checkValues } from './values.ts'

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
  readonly bounds: Deadline
  readonly means: MeasureContext
  /** Runs the workload's own code in a guest. */
  run(doors: TracedGuestApi): Promise<unknown>
  /** The context of a boot but its `boot`. */
  readonly context: Omit<BootContext<ParamSpace>, 'boot'>
}

export async function measureTraced(step: TracedStep): Promise<Traced> {
  const tracer = await step.means.session.tracer(step.workload.traced.source)
  // Whatever an earlier sample left when it failed is none of this one's.
  tracer.clearTargets()
  using _armed = tracer.enable()
  return await (step.workload.work.kind === 'boot' ? bootTraced(step, tracer) : runTraced(step, tracer))
}

const left = ({ until }: Deadline) => Math.max(1, until - performance.now())

/** Boots a guest, has it wait at the gate of its work, then work: a profile each. */
async function runTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, bounds, means } = step
  const { session, image, plan } = means
  const followed = new TraceTargets(tracer)
  await using place = await session.createSandbox(image.rootfs, left(bounds) / 1000, followed)
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
  const windows = new TraceRecorder(tracer, followed, plan.profile.seconds, bounds.signal)
  const given = await step.run(tracedGuestApi(where, means.client, bounds, windows))
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
  const { platform, workload, bounds, means, context } = step
  const [setups, works]: [CallCounts[], CallCounts[]] = [[], []]
  let seconds = 0
  const boot = async (command: Command): Promise<CommandResult> => {
    const { session, image } = means
    const followed = new TraceTargets(tracer)
    await using place = await session.createSandbox(image.rootfs, left(bounds) / 1000, followed)
    followed.shared(place.group)
    const argv = await tracer.recording(() => platform.driver.oneShot(place, guestArgv(command), platform.options))
    setups.push(await tracer.collect())
    followed.again()
    const label = `${command.argv[0]} booted on ${platform.spec.name}`
    const done = await tracer.recording(() =>
      runTimed(followed.launch(argv), { timeoutMs: left(bounds), signal: bounds.signal, label }),
    )
    works.push(await tracer.collect())
    seconds += done.milliseconds / 1000
    return done
  }
  const given = await (workload.work as { run(context: BootContext<ParamSpace>): Promise<unknown> }).run({
    ...context,
    boot,
  })
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
  { workload, means }: TracedStep,
  { setup, idle, barrier: gates, work, workloadMetrics: own, units, ...times }: Taken,
): Traced {
  const { source: by } = workload.traced
  const reach = (calls: CallCounts) => ({ distinct: Object.keys(calls).length, calls: totalCalls(calls) })
  const weighted = means.weights && weightedScore(work, means.weights, by)
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
