import type { BootContext, ParamSpace, RunContext, VmmStartContext } from '../../dsl/workload.ts'
import { oomMonitor } from '../../host/cgroup.ts'
import { ranToCompletion, writeProbeKernel } from '../../host/probe-kernel.ts'
import type { HostArgv } from '../../host/process.ts'
import type { OwnedGuestSandbox } from '../../host/sandbox.ts'
import { CommandError, runTimed, type TimedOptions, type TimedResult } from '../../host/timed-process.ts'
import { lastLines, messageOf, UnsupportedError } from '../../util/errors.ts'
import type { Step } from '../model/plan.ts'
import type { AttackProfile, Sample } from '../model/record.ts'
import type { BenchData } from '../model/suite.ts'
import { sha256 } from '../project/compile.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { Deadline } from '../session/exec-target.ts'
import { type MeasureContext, TimeBreakdown } from './context.ts'
import {
  explainFailure,
  guestArgv,
  MissingProgramError,
  routeToGuest,
  runInGuest,
  type SampleNotes,
  workloadClient,
  workloadGuest,
} from './guest-api.ts'
import { GuestPool } from './guest-pool.ts'
import type { TracedGuestApi } from './traced-guest-api.ts'
import { measureTraced } from './traced-sample.ts'
import { checkValues, observationLists } from './values.ts'

/** Takes one sample. A failure is that sample's error; only an interruption is thrown. */
export async function measure(step: Step, round: number, means: MeasureContext): Promise<Sample> {
  const bench = means.plan.benches.find(({ id }) => id === step.case.bench)!
  const limit = bench.timeout ?? means.plan.profile.timeout
  const started = performance.now()
  const bounds: Deadline = { until: started + limit * 1000, signal: means.session.signal }
  const base = {
    case: step.case.id,
    platform: step.platform,
    round,
    warmup: round < 0,
    digest: digestOf(step, bench, means),
  }
  const notes: SampleNotes = {}
  const spent = new TimeBreakdown()
  let busiest: number | undefined
  const tell = (share: number) => {
    busiest = Math.max(busiest ?? 0, Math.round(share * 1000) / 1000)
  }
  try {
    const { given, attackProfile: profile } = await within(
      runWorkload(step, bench, bounds, means, { tell, notes, spent }),
      limit,
      spent,
    )
    const values = checkValues(given, bench.metrics)
    const all = observationLists(given, bench.metrics)
    const client = busiest === undefined ? {} : { client: { cpu: busiest } }
    // Two accelerators are two works.
    const digest = notes.accelerator === undefined ? base.digest : sha256(`${base.digest} ${notes.accelerator}`)
    const more = {
      ...(all && { observations: all }),
      ...notes,
      ...client,
      ...(profile ? { attackProfile: profile } : { timeBreakdown: spent.total }),
    }
    return { ...base, digest, wallMs: performance.now() - started, values, ...more }
  } catch (error) {
    means.session.signal.throwIfAborted()
    const lacks = error instanceof MissingProgramError ? { missingProgram: error.program } : {}
    const unsupported = error instanceof UnsupportedError ? { unsupported: true } : {}
    return { ...base, wallMs: performance.now() - started, error: errorText(error), ...lacks, ...unsupported, ...notes }
  }
}

/** What went wrong, and how to mend it where that is for this platform alone. */
const errorText = (error: unknown): string =>
  error instanceof UnsupportedError && error.fix ? `${messageOf(error)}: ${error.fix}` : messageOf(error)

/** Ends a workload's own code that waits for something other than the guest. The timer also keeps Node from ending. */
async function within<T>(work: Promise<T>, seconds: number, spent: TimeBreakdown): Promise<T> {
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
function digestOf({ case: point, duetWith }: Step, bench: BenchData, { plan, image, session }: MeasureContext): string {
  const { memoryBytes, cpus } = session.limits
  const work = [bench.digest, point.params, plan.profile.seconds, memoryBytes, cpus.length, image.digest]
  // What two do at once is slower than what one does alone.
  return sha256(JSON.stringify(duetWith === undefined ? work : [...work, 'duet']))
}

interface WorkloadOutput {
  readonly given: unknown
  readonly attackProfile?: AttackProfile
}

/** What is found out about a sample while it is taken. */
interface SampleSinks {
  /** Gets the share of its CPUs that the client used in each command. */
  readonly tell: (share: number) => void
  readonly notes: SampleNotes
  readonly spent: TimeBreakdown
}

async function runWorkload(
  step: Step,
  bench: BenchData,
  bounds: Deadline,
  means: MeasureContext,
  { tell, notes, spent }: SampleSinks,
): Promise<WorkloadOutput> {
  const platform = means.platforms.get(step.platform)!
  const workload = means.workloads.get(bench.id)!
  const { work } = workload
  const { seconds } = means.plan.profile
  const { cpus, memoryBytes } = means.session.limits
  const context = { seconds, params: step.case.params, cpus: cpus.length, memoryBytes, signal: bounds.signal }
  const run = async ({ exec, guest, client }: TracedGuestApi): Promise<unknown> => {
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
    const sample = await measureTraced({ platform, workload: { ...workload, traced }, bounds, means, run, context })
    return { given: sample.values, attackProfile: sample.attackProfile }
  }
  if (work.kind === 'boot') {
    const full: BootContext<ParamSpace> = {
      ...context,
      boot: ({ argv, ...rest }) => boot(platform, guestArgv({ argv, ...rest }), bounds, means, spent),
    }
    return { given: await work.run(full) }
  }
  const inSlot = (slots: GuestPool) =>
    slots.with(
      platform,
      (where) => {
        const { caller, address } = routeToGuest(means.client, where.sandbox, where.handle)
        const guest = spent.guest(workloadGuest(where, caller, address, bounds, notes))
        return run({ exec: guest.exec, guest, client: spent.client(workloadClient(caller, bounds, tell)) })
      },
      spent.booting,
    )
  if (work.kind === 'vmm-start') {
    const full: VmmStartContext<ParamSpace> = {
      ...context,
      startVmm: () => startVmm(platform, bounds, means, notes, spent),
    }
    return { given: await work.run(full) }
  }
  if (bench.workload.lifecycle === 'sample') {
    await using own = new GuestPool(means.session, means.image.rootfs, bench.timeout ?? means.plan.profile.timeout)
    return { given: await inSlot(own) }
  }
  return { given: await inSlot(means.slots[bench.workload.lifecycle]) }
}

/** Boots a guest that runs one command, in a place of its own, and takes the time from its start to its end. */
async function boot(
  { spec, driver, options }: ResolvedPlatform,
  argv: readonly string[],
  bounds: Deadline,
  means: MeasureContext,
  spent: TimeBreakdown,
) {
  await using place = await means.session.createSandbox(means.image.rootfs, left(bounds) / 1000)
  const command = await driver.oneShot(place, argv, options)
  const label = `${argv[0]} booted on ${spec.name}`
  const ranOutOfMemory = oomMonitor(place.group)
  try {
    return await timedIn(place, command, bounds, { label }, spent)
  } catch (error) {
    throw await explainFailure(error, argv[0]!, { name: spec.name, rootfs: means.image.rootfs, ranOutOfMemory })
  }
}

const left = ({ until }: Deadline) => Math.max(1, until - performance.now())

/** Takes the time of a host process that is the first thing in its place. */
async function timedIn(
  place: OwnedGuestSandbox,
  argv: HostArgv,
  bounds: Deadline,
  more: Pick<TimedOptions, 'label' | 'exitCodes'>,
  spent: TimeBreakdown,
): Promise<TimedResult> {
  // The first process in a new cgroup pays for what the kernel makes at its first use, a third of a runc boot: that is not
  // the platform's.
  await place.run(place.wrap(['true']))
  return spent.command(() => runTimed(argv, { timeoutMs: left(bounds), signal: bounds.signal, ...more }))
}

/** Starts a monitor with a guest that is nothing, and takes the time from its start to its end. */
async function startVmm(
  { spec, driver, options }: ResolvedPlatform,
  bounds: Deadline,
  means: MeasureContext,
  notes: SampleNotes,
  spent: TimeBreakdown,
): Promise<TimedResult> {
  await using place = await means.session.createSandbox(means.image.rootfs, left(bounds) / 1000)
  const { argv, accelerator: accel } = await driver.vmmStart!(place, writeProbeKernel(place), options)
  notes.accelerator = accel
  const label = `the monitor of ${spec.name}`
  const done = await timedIn(place, place.wrap(argv), bounds, { label, exitCodes: anyExitCode }, spent)
  if (!ranToCompletion(done.stdout)) {
    const said = lastLines(`${done.stdout}\n${done.stderr}`).join(' | ')
    throw new CommandError(`${label} ended before its guest had said that it ran: ${said || 'it said nothing'}`)
  }
  return done
}

/** What a guest's end comes to is each monitor's own; that it ran to its end is told by what it says. */
const anyExitCode = Array.from({ length: 256 }, (_, code) => code)
