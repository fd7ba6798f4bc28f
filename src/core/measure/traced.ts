/** Samples of a workload whose guest's host processes are watched by the host kernel; see docs/attack-profile.md. */
import type { Completed } from '../../dsl/guest.ts'
import { type Tracing, tracedValues, unitsOfWork } from '../../dsl/traced.ts'
import type { BootContext, ParamSpace, Workload } from '../../dsl/workload.ts'
import { IsobenchError } from '../../errors.ts'
import { timed } from '../../guest/stopwatch.ts'
import { beyond, type Calls, scaled, sum, totalOf } from '../../guest/trace/profile.ts'
import type { Tracer } from '../../guest/trace/tracer.ts'
import type { Command } from '../../tools/command.ts'
import type { ResolvedPlatform } from '../probe.ts'
import type { Profile } from '../record/schema.ts'
import { weightedOf } from '../weights/weigh.ts'
import { gateOf, idlingOf } from './controls.ts'
import type { Bounds } from './enterable.ts'
import { guestArgv } from './handle.ts'
import type { Means } from './means.ts'
import { type Doors, doorsOf, Followed, Windows } from './traced-doors.ts'
import { checkValues } from './values.ts'

/** The workload did nothing that could be watched. */
export class NothingTracedError extends IsobenchError {
  readonly code = 'ISOBENCH_NOTHING_TRACED'
}

export interface Traced {
  readonly values: Readonly<Record<string, number>>
  readonly profile: Profile
}

/** What a traced sample is taken of. */
export interface TracedStep {
  readonly platform: ResolvedPlatform
  readonly workload: Workload & { readonly traced: Tracing }
  readonly bounds: Bounds
  readonly means: Means
  /** Runs the workload's own code in a guest. */
  run(doors: Doors): Promise<unknown>
  /** The context of a boot but its `boot`. */
  readonly context: Omit<BootContext<ParamSpace>, 'boot'>
}

export async function takeTraced(step: TracedStep): Promise<Traced> {
  const tracer = await step.means.session.tracer(step.workload.traced.by)
  // Whatever an earlier sample left when it failed is none of this one's.
  tracer.forget()
  using _armed = tracer.arm()
  return await (step.workload.work.kind === 'boot' ? bootTraced(step, tracer) : runTraced(step, tracer))
}

const left = ({ until }: Bounds) => Math.max(1, until - performance.now())

/** Boots a guest, has it wait at the gate of its work, then work: a profile each. */
async function runTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, bounds, means } = step
  const { session, image, plan } = means
  const followed = new Followed(tracer)
  await using place = await session.place(image.rootfs, left(bounds) / 1000, followed)
  followed.shared(place.group)
  const handle = await tracer.recording(() => platform.driver.open(place, platform.options))
  const setup = await tracer.collect()

  const where = { name: platform.spec.name, rootfs: image.rootfs, place, handle, enter: handle.enter.bind(handle) }
  const windows = new Windows(tracer, followed, plan.profile.seconds, bounds.signal)
  const given = await step.run(doorsOf(where, means.client, bounds, windows))
  const own = checkValues(given, workload.traced.metrics)
  if (windows.seconds === 0) {
    throw new NothingTracedError(
      'the workload ran no command that could be traced',
      'run one in the guest or in the client, without preparing: true',
    )
  }
  const { seconds, idleSeconds, gates } = windows
  const controls = await windows.controls()
  const { name } = platform.spec
  const gatesAll = scaled(gateOf(tracer, name, controls.gates), gates)
  const idling = idlingOf(tracer, name, scaled(controls.idle, 1 / idleSeconds), idleSeconds)
  const work = beyond(await tracer.collect(), { idling, seconds, gates: gatesAll })
  const { per, metrics } = workload.traced
  const units = per === undefined ? seconds : unitsOfWork(metrics[per]!, own[per]!, seconds)
  return tracedOf(step, { setup, idle: controls.idle, gates: gatesAll, work, own, seconds, idleSeconds, units })
}

/** Every boot is set-up and work in one; what had to stand before it, such as a daemon, is the set-up alone. */
async function bootTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, bounds, means, context } = step
  const [setups, works]: [Calls[], Calls[]] = [[], []]
  let seconds = 0
  const boot = async (command: Command): Promise<Completed> => {
    const { session, image } = means
    const followed = new Followed(tracer)
    await using place = await session.place(image.rootfs, left(bounds) / 1000, followed)
    followed.shared(place.group)
    const argv = await tracer.recording(() => platform.driver.once(place, guestArgv(command), platform.options))
    setups.push(await tracer.collect())
    followed.again()
    const label = `${command.argv[0]} booted on ${platform.spec.name}`
    const done = await tracer.recording(() =>
      timed(followed.launch(argv), { timeoutMs: left(bounds), signal: bounds.signal, label }),
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
  const { per, metrics } = workload.traced
  const units = per === undefined ? works.length : unitsOfWork(metrics[per]!, own[per]!, seconds)
  return tracedOf(step, {
    setup: sum(setups),
    idle: {},
    gates: {},
    work: sum(works),
    own,
    seconds,
    idleSeconds: 0,
    units,
  })
}

interface Taken {
  readonly setup: Calls
  readonly idle: Calls
  readonly gates: Calls
  readonly work: Calls
  readonly own: Readonly<Record<string, number>>
  readonly seconds: number
  readonly idleSeconds: number
  readonly units: number
}

function tracedOf({ workload, means }: TracedStep, { setup, idle, gates, work, own, units, ...times }: Taken): Traced {
  const { by } = workload.traced
  const reach = (calls: Calls) => ({ distinct: Object.keys(calls).length, calls: totalOf(calls) })
  const weighted = means.weights && weightedOf(work, means.weights, by)
  return {
    values: tracedValues(by, reach(work), reach(setup), units),
    profile: {
      by,
      setup: { ...setup },
      idle: { ...idle },
      gates: { ...gates },
      work: { ...work },
      ...times,
      own: { ...own },
      ...(weighted && { weighted }),
    },
  }
}
