import type { BootContext, FloorContext, ParamSpace, RunContext } from '../../dsl/workload.ts'
import { lastLines, messageOf, UnsupportedError } from '../../errors.ts'
import { memoryWatch } from '../../guest/cgroup.ts'
import type { OpenPlace } from '../../guest/place.ts'
import { CommandError, type Timed, type TimedOptions, timed } from '../../guest/stopwatch.ts'
import { floorKernel, ranToItsEnd } from '../../guest/vm/floor.ts'
import type { HostArgv } from '../../platforms/driver.ts'
import type { BenchData } from '../collect/types.ts'
import { sha256 } from '../compile.ts'
import type { Step } from '../plan/plan.ts'
import type { ResolvedPlatform } from '../probe.ts'
import type { Profile, Sample } from '../record/schema.ts'
import type { Bounds } from './enterable.ts'
import {
  explained,
  guestArgv,
  MissingProgramError,
  type Notes,
  reach,
  workloadClient,
  workloadGuest,
} from './handle.ts'
import { runInGuest } from './in-guest.ts'
import type { Means } from './means.ts'
import { Slots } from './slot.ts'
import { Spent } from './spent.ts'
import { takeTraced } from './traced.ts'
import type { Doors } from './traced-doors.ts'
import { checkValues, severalOf } from './values.ts'

/** Takes one sample. A failure is that sample's error; only an interruption is thrown. */
export async function measure(step: Step, round: number, means: Means): Promise<Sample> {
  const bench = means.plan.benches.find(({ id }) => id === step.point.bench)!
  const limit = bench.timeout ?? means.plan.profile.timeout
  const started = performance.now()
  const bounds: Bounds = { until: started + limit * 1000, signal: means.session.signal }
  const base = {
    point: step.point.id,
    platform: step.platform,
    round,
    warmup: round < 0,
    digest: digestOf(step, bench, means),
  }
  const notes: Notes = {}
  const spent = new Spent()
  let busiest: number | undefined
  const tell = (share: number) => {
    busiest = Math.max(busiest ?? 0, Math.round(share * 1000) / 1000)
  }
  try {
    const { given, profile } = await within(take(step, bench, bounds, means, { tell, notes, spent }), limit, spent)
    const values = checkValues(given, bench.metrics)
    const all = severalOf(given, bench.metrics)
    const client = busiest === undefined ? {} : { client: { cpu: busiest } }
    // Two accelerators are two works.
    const digest = notes.accel === undefined ? base.digest : sha256(`${base.digest} ${notes.accel}`)
    const more = { ...(all && { all }), ...notes, ...client, ...(profile ? { profile } : { spent: spent.total }) }
    return { ...base, digest, wallMs: performance.now() - started, values, ...more }
  } catch (error) {
    means.session.signal.throwIfAborted()
    const lacks = error instanceof MissingProgramError ? { lacks: error.program } : {}
    const unsupported = error instanceof UnsupportedError ? { unsupported: true } : {}
    return { ...base, wallMs: performance.now() - started, error: told(error), ...lacks, ...unsupported, ...notes }
  }
}

/** What went wrong, and how to mend it where that is for this platform alone. */
const told = (error: unknown): string =>
  error instanceof UnsupportedError && error.fix ? `${messageOf(error)}: ${error.fix}` : messageOf(error)

/** Ends a workload's own code that waits for something other than the guest. The timer also keeps Node from ending. */
async function within<T>(work: Promise<T>, seconds: number, spent: Spent): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = () => {
      const why = spent.failure === undefined ? '' : `; what failed in it: ${messageOf(spent.failure)}`
      return new Error(`the workload did not end within its ${seconds} s${why}`)
    }
    // The commands' own limit comes first and says more, unless what they ran in does not go away.
    timer = setTimeout(() => reject(error()), seconds * 1000 + 5000)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The work, its parameters, its length, the limits and the image: what must be the same for a comparison. */
function digestOf({ point, beside }: Step, bench: BenchData, { plan, image, session }: Means): string {
  const { memoryBytes, cpus } = session.limits
  const work = [bench.digest, point.params, plan.profile.seconds, memoryBytes, cpus.length, image.digest]
  // What two do at once is slower than what one does alone.
  return sha256(JSON.stringify(beside === undefined ? work : [...work, 'duet']))
}

interface Taken {
  readonly given: unknown
  readonly profile?: Profile
}

/** What is found out about a sample while it is taken. */
interface Told {
  /** Gets the share of its CPUs that the client used in each command. */
  readonly tell: (share: number) => void
  readonly notes: Notes
  readonly spent: Spent
}

async function take(
  step: Step,
  bench: BenchData,
  bounds: Bounds,
  means: Means,
  { tell, notes, spent }: Told,
): Promise<Taken> {
  const platform = means.platforms.get(step.platform)!
  const workload = means.workloads.get(bench.id)!
  const { work } = workload
  const { seconds } = means.plan.profile
  const { cpus, memoryBytes } = means.session.limits
  const context = { seconds, params: step.point.params, cpus: cpus.length, memoryBytes, signal: bounds.signal }
  const run = async ({ exec, guest, client }: Doors): Promise<unknown> => {
    if (work.kind === 'in-guest') {
      const bundle = await means.bundles.of(bench.file)
      await means.ready?.()
      return runInGuest(bench, bundle, { exec, seconds })
    }
    const full: RunContext<ParamSpace> = { ...context, guest, client }
    await means.ready?.()
    return (work as { run(context: RunContext<ParamSpace>): Promise<unknown> }).run(full)
  }
  const { traced } = workload
  if (traced) {
    const sample = await takeTraced({ platform, workload: { ...workload, traced }, bounds, means, run, context })
    return { given: sample.values, profile: sample.profile }
  }
  if (work.kind === 'boot') {
    const full: BootContext<ParamSpace> = {
      ...context,
      boot: ({ argv, ...rest }) => boot(platform, guestArgv({ argv, ...rest }), bounds, means, spent),
    }
    return { given: await work.run(full) }
  }
  const inSlot = (slots: Slots) =>
    slots.with(
      platform,
      (where) => {
        const { caller, address } = reach(means.client, where.place, where.handle)
        const guest = spent.guest(workloadGuest(where, caller, address, bounds, notes))
        return run({ exec: guest.exec, guest, client: spent.client(workloadClient(caller, bounds, tell)) })
      },
      spent.booting,
    )
  if (work.kind === 'floor') {
    const full: FloorContext<ParamSpace> = {
      ...context,
      floor: () => floor(platform, bounds, means, notes, spent),
    }
    return { given: await work.run(full) }
  }
  if (bench.workload.lifecycle === 'sample') {
    await using own = new Slots(means.session, means.image.rootfs, bench.timeout ?? means.plan.profile.timeout)
    return { given: await inSlot(own) }
  }
  return { given: await inSlot(means.slots[bench.workload.lifecycle]) }
}

/** Boots a guest that runs one command, in a place of its own, and takes the time from its start to its end. */
async function boot(
  { spec, driver, options }: ResolvedPlatform,
  argv: readonly string[],
  bounds: Bounds,
  means: Means,
  spent: Spent,
) {
  await using place = await means.session.place(means.image.rootfs, left(bounds) / 1000)
  const command = await driver.once(place, argv, options)
  const label = `${argv[0]} booted on ${spec.name}`
  const ranOutOfMemory = memoryWatch(place.group)
  try {
    return await timedIn(place, command, bounds, { label }, spent)
  } catch (error) {
    throw await explained(error, argv[0]!, { name: spec.name, rootfs: means.image.rootfs, ranOutOfMemory })
  }
}

const left = ({ until }: Bounds) => Math.max(1, until - performance.now())

/** Takes the time of a host process that is the first thing in its place. */
async function timedIn(
  place: OpenPlace,
  argv: HostArgv,
  bounds: Bounds,
  more: Pick<TimedOptions, 'label' | 'exitCodes'>,
  spent: Spent,
): Promise<Timed> {
  // The first process in a new cgroup pays for what the kernel makes at its first use, a third of a runc boot: that is not
  // the platform's.
  await place.run(place.inside(['true']))
  return spent.command(() => timed(argv, { timeoutMs: left(bounds), signal: bounds.signal, ...more }))
}

/** Starts a monitor with a guest that is nothing, and takes the time from its start to its end. */
async function floor(
  { spec, driver, options }: ResolvedPlatform,
  bounds: Bounds,
  means: Means,
  notes: Notes,
  spent: Spent,
): Promise<Timed> {
  await using place = await means.session.place(means.image.rootfs, left(bounds) / 1000)
  const { argv, accel } = await driver.floor!(place, floorKernel(place), options)
  notes.accel = accel
  const label = `the monitor of ${spec.name}`
  const done = await timedIn(place, place.inside(argv), bounds, { label, exitCodes: anyExitCode }, spent)
  if (!ranToItsEnd(done.stdout)) {
    const said = lastLines(`${done.stdout}\n${done.stderr}`).join(' | ')
    throw new CommandError(`${label} ended before its guest had said that it ran: ${said || 'it said nothing'}`)
  }
  return done
}

/** What a guest's end comes to is each monitor's own; that it ran to its end is told by what it says. */
const anyExitCode = Array.from({ length: 256 }, (_, code) => code)
