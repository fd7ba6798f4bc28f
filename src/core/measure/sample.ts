import { join } from 'node:path'
import type { BootPhases } from '../../dsl/boot-phases.ts'
import { checkNoMoreArguments } from '../../dsl/checked.ts'
import type { Location } from '../../dsl/errors.ts'
import type { Metrics } from '../../dsl/metric.ts'
import type {
  BootContext,
  CommandWork,
  ParamSpace,
  SnapshotContext,
  VmmStartContext,
  VmmStartResult,
} from '../../dsl/workload.ts'
import { peakMemory } from '../../host/cgroup.ts'
import { environmentPadding } from '../../host/environment.ts'
import { ranToCompletion, writeProbeKernel } from '../../host/probe-kernel.ts'
import type { HostArgv } from '../../host/process.ts'
import type { OwnedGuestSandbox } from '../../host/sandbox.ts'
import { CommandError, type TimedOptions, type TimedResult } from '../../host/timed-process.ts'
import { ChangedBuiltinsError, withRestoredBuiltins } from '../../util/builtins.ts'
import { isError, keyLines, messageOf, readableError, UnsupportedError } from '../../util/errors.ts'
import type { StrayError } from '../../util/stray-errors.ts'
import type { Confinement } from '../model/confinement.ts'
import type { Step } from '../model/plan.ts'
import type { AttackProfile, FailureCause, Sample } from '../model/record.ts'
import { type BenchData, benchById } from '../model/suite.ts'
import { sha256 } from '../project/compile.ts'
import { errorLocation } from '../project/error-location.ts'
import { locateAssignment } from '../project/locate-word.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { ProjectCodeError } from '../project/project-code-error.ts'
import { remaining } from '../session/exec-target.ts'
import { runProcess, runSteps } from './boot-phases.ts'
import { runCommandWork } from './command-work.ts'
import { type MeasureContext, TimeBreakdown } from './context.ts'
import {
  enterCgroup,
  explainFailure,
  InGuestError,
  MissingProgramError,
  oomMonitor,
  routeToGuest,
  runInGuest,
  type SampleNotes,
  withinLimits,
  workloadClient,
  workloadGuest,
} from './guest-api.ts'
import { guestArgv } from './guest-argv.ts'
import { showGuestOutput } from './guest-output.ts'
import { SampleScope } from './sample-scope.ts'
import { runSeveralGuests } from './several-guests.ts'
import { SnapshotGuests } from './snapshots.ts'
import type { TracedGuestApi } from './traced-guest-api.ts'
import { measureTraced } from './traced-sample.ts'
import { checkValues, observationLists } from './values.ts'

/**
 * Takes one sample. A failure becomes the error of the sample.
 * @throws the reason of the session's signal if the run is interrupted
 */
export async function measure(step: Step, round: number, context: MeasureContext): Promise<Sample> {
  const bench = benchById(context.plan.benches, step.case.bench)!
  const limit = bench.timeout ?? context.plan.profile.timeout
  const started = performance.now()
  const base = {
    case: step.case.id,
    platform: step.platform,
    round,
    warmup: round < 0,
    startedAt: new Date().toISOString(),
    workDigest: workDigestOf(step, bench, context),
  }
  const notes: SampleNotes = {}
  const times = new TimeBreakdown()
  const name = `${step.case.id} on ${step.platform}`
  context.session.noteSample(name)
  let busiest: number | undefined
  const onCpuShare = (share: number) => {
    busiest = Math.max(busiest ?? 0, Math.round(share * 1000) / 1000)
  }
  try {
    const { output, attackProfile, confinement } = await withRestoredBuiltins('the workload', () =>
      inScope({ name, limit, bench }, context, times, (scope) =>
        runWorkload(step, bench, scope, context, { onCpuShare, notes, times }),
      ),
    )
    // The values of a traced sample need the controls of all rounds, so they are computed when it is judged.
    const values = attackProfile ? {} : checkValues(output, bench.metrics)
    const observations = attackProfile ? undefined : observationLists(output, bench.metrics)
    // Samples of two accelerators are samples of different work.
    const workDigest =
      notes.accelerator === undefined ? base.workDigest : sha256(`${base.workDigest} ${notes.accelerator}`)
    return {
      ...base,
      workDigest,
      wallMs: performance.now() - started,
      outcome: {
        ok: true,
        values,
        ...(observations && { observations }),
        ...(attackProfile && { attackProfile }),
        ...(confinement && { confinement }),
      },
      ...notes,
      ...(busiest !== undefined && { client: { cpu: busiest } }),
      ...(!attackProfile && { timeBreakdown: times.total }),
    }
  } catch (thrown) {
    context.session.signal.throwIfAborted()
    const error = readableError(thrown)
    const cause = failureCause(error)
    const location = failureLocation(error, bench, context.bundles.root)
    // Nothing that runs later in this process can be trusted.
    if (error instanceof ChangedBuiltinsError && error.isLasting)
      throw new ProjectCodeError(`${name}: ${messageOf(error)}`, error.fix!, location)
    return {
      ...base,
      wallMs: performance.now() - started,
      outcome: { ok: false, error: errorText(error), ...(cause && { cause }), ...(location && { location }) },
      ...notes,
    }
  } finally {
    context.session.noteSample()
  }
}

/** Runs the work of a sample, and waits until its commands are gone. Fails if an earlier one left an error behind. */
async function inScope<T>(
  { name, limit, bench }: { readonly name: string; readonly limit: number; readonly bench: BenchData },
  { session, exec, lateErrors }: MeasureContext,
  times: TimeBreakdown,
  work: (scope: SampleScope) => Promise<T>,
): Promise<T> {
  const former = lateErrors?.of(bench.id)
  if (former !== undefined) throw new Error(`not measured, because ${former}`)
  const late = lateErrors && ((error: StrayError) => lateErrors.ofBench(bench, error))
  await using scope = new SampleScope(name, limit, session.signal, exec, () => times.failure, late)
  return await scope.run(work)
}

/** Why every sample of the case would fail with this error; undefined if another one may succeed. */
function failureCause(error: unknown): FailureCause | undefined {
  if (error instanceof MissingProgramError) return { kind: 'missing-program', program: error.program }
  return error instanceof UnsupportedError ? { kind: 'unsupported' } : undefined
}

/** Where code of the project failed. Builtins are usually changed in the bench file itself. */
const failureLocation = (error: unknown, { file }: BenchData, root: string): Location | undefined =>
  error instanceof ChangedBuiltinsError ? locateAssignment(join(root, file), error.names) : errorLocation(error, root)

/** What went wrong, with the fix if there is one for the author of a bench or a driver. */
function errorText(error: unknown): string {
  if (!isError(error)) {
    const value = typeof error === 'string' ? `"${messageOf(error)}"` : messageOf(error)
    return `the workload threw ${value}, which is no Error`
  }
  if (error instanceof ProjectCodeError) return `${messageOf(error).replace(/\.$/, '')}. Fix: ${error.fix}`
  const hinted =
    error instanceof UnsupportedError || error instanceof ChangedBuiltinsError || error instanceof InGuestError
  return messageOf(error) + (hinted && error.fix ? `: ${error.fix}` : '')
}

/**
 * The work, its parameters, its length, the limits and the image. Samples with different digests are never compared.
 */
function workDigestOf(
  { case: benchCase, duetWith }: Step,
  bench: BenchData,
  { plan, image, session }: MeasureContext,
): string {
  const { memoryBytes, cpus } = session.limits
  const work = [bench.digest, benchCase.params, plan.profile.seconds, memoryBytes, cpus.length, image.digest]
  // Two guests at a time are slower than one.
  return sha256(JSON.stringify(duetWith === undefined ? work : [...work, 'duet']))
}

interface WorkloadOutput {
  /** What the workload returned, unchecked. */
  readonly output: unknown
  readonly attackProfile?: AttackProfile
  readonly confinement?: Confinement[]
}

/** Receive facts about a sample while it is taken. */
interface SampleSinks {
  /** Receives the share of its CPUs that the client used in each command. */
  readonly onCpuShare: (share: number) => void
  readonly notes: SampleNotes
  readonly times: TimeBreakdown
}

async function runWorkload(
  step: Step,
  bench: BenchData,
  scope: SampleScope,
  measureContext: MeasureContext,
  sinks: SampleSinks,
): Promise<WorkloadOutput> {
  const { notes, times, onCpuShare } = sinks
  const { plan, session, pool } = measureContext
  const platform = measureContext.platforms.get(step.platform)!
  const workload = measureContext.workloads.get(bench.id)!
  const { work } = workload
  const { seconds } = plan.profile
  const { cpus, memoryBytes } = session.limits
  const { params } = step.case
  const context = { seconds, params, cpus: cpus.length, memoryBytes, signal: scope.workloadSignal }
  const source = `${step.case.id} on ${step.platform}`
  const onOutput = (stream: 'stdout' | 'stderr', text: string) => showGuestOutput(stream, source, text)
  const run = async ({ exec, guest, client, unmeasured }: TracedGuestApi): Promise<unknown> => {
    const bundle = work.kind === 'in-guest' ? await measureContext.bundles.of(bench.file) : undefined
    if (bundle !== undefined) {
      await scope.race(() => measureContext.ready?.())
      return scope.race(() => runInGuest(bench, bundle, { exec, seconds, onOutput }))
    }
    return runCommandWork({
      work: work as CommandWork<Metrics, ParamSpace>,
      server: workload.server,
      context,
      measured: { guest: scope.calls(guest), client: scope.calls(client) },
      unmeasured: { guest: scope.calls(unmeasured.guest), client: scope.calls(unmeasured.client) },
      race: (act) => scope.race(act),
      isEnded: () => scope.signal.aborted,
      ready: async () => measureContext.ready?.(),
    })
  }
  const { traced } = workload
  if (traced) {
    const tracedWorkload = { ...workload, traced }
    const options = { platform, workload: tracedWorkload, scope, measureContext, run, context }
    return { output: {}, ...(await measureTraced(options)) }
  }
  if (work.kind === 'boot') {
    const boot: BootContext<ParamSpace>['boot'] = async (command, ...more: unknown[]) => {
      checkNoMoreArguments('boot()', more)
      return scope.call(() => bootGuest(platform, guestArgv(command), scope, measureContext, times))
    }
    const bootPhases: BootContext<ParamSpace>['bootPhases'] = async (command, ...more: unknown[]) => {
      checkNoMoreArguments('bootPhases()', more)
      return scope.call(() => bootInPhases(platform, guestArgv(command), scope, measureContext, times))
    }
    return { output: await scope.race(() => work.run({ ...context, boot, bootPhases })) }
  }
  if (work.kind === 'vmm-start') {
    const start: VmmStartContext<ParamSpace>['startVmm'] = () =>
      scope.call(() => startVmm(platform, scope, measureContext, sinks))
    return { output: await scope.race(() => work.run({ ...context, startVmm: start })) }
  }
  if (work.kind === 'guests')
    return { output: await runSeveralGuests(work, context, { platform, scope, measureContext, times, notes }) }
  if (work.kind === 'snapshot') {
    await using guests = new SnapshotGuests({ platform, session, rootfs: measureContext.image.rootfs, scope, times })
    const boot: SnapshotContext<ParamSpace>['boot'] = (...given) => scope.call(() => guests.boot(...given))
    return { output: await scope.race(() => work.run({ ...context, boot })) }
  }
  const { lifecycle } = bench.workload
  const output = await pool.use(
    platform,
    lifecycle,
    (target) => {
      const { caller, address } = routeToGuest(measureContext.client, target.sandbox, target.handle)
      const plain = workloadGuest(target, caller, address, scope, notes)
      const guest = times.guest(plain)
      const client = times.client(workloadClient(caller, scope, onCpuShare))
      const unmeasured = { guest: plain, client: workloadClient(caller, scope, () => {}) }
      return run({ exec: guest.exec, guest, client, unmeasured })
    },
    {
      signal: scope.signal,
      onBoot: times.booting,
      isBusy: () => scope.isBusy,
      ...(lifecycle === 'sample' && { timeout: bench.timeout ?? plan.profile.timeout }),
    },
  )
  return { output }
}

/** Boots a guest that runs one command, in its own sandbox, and measures the time from its start to its end. */
const bootGuest = (
  platform: ResolvedPlatform,
  argv: readonly string[],
  scope: SampleScope,
  context: MeasureContext,
  times: TimeBreakdown,
): Promise<TimedResult> =>
  inBootSandbox(platform, argv, scope, context, async (sandbox, label) => {
    const command = await platform.driver.oneShot(sandbox, argv, platform.options)
    return withinLimits(platform.spec.name, sandbox, () => timeInSandbox(sandbox, command, scope, { label }, times))
  })

/** Boots a guest that runs one command, in its own sandbox, and measures the phases of its boot. */
const bootInPhases = (
  platform: ResolvedPlatform,
  argv: readonly string[],
  scope: SampleScope,
  context: MeasureContext,
  times: TimeBreakdown,
): Promise<BootPhases> =>
  inBootSandbox(platform, argv, scope, context, async (sandbox, label) => {
    const { driver, options, spec } = platform
    const steps = await driver.bootSteps?.(sandbox, argv, options)
    const prepared = steps ? { steps } : { process: await driver.oneShot(sandbox, argv, options) }
    await enterCgroup(sandbox)
    const runner = {
      exec: scope.exec,
      options: { label, signal: scope.signal, env: environmentPadding() },
      remaining: () => remaining(scope),
    }
    return withinLimits(spec.name, sandbox, () =>
      times.command(() =>
        'steps' in prepared ? runSteps(sandbox, prepared.steps, runner) : runProcess(sandbox, prepared.process, runner),
      ),
    )
  })

/**
 * Creates a sandbox for a boot.
 * @param boot receives the sandbox and a label for messages
 */
async function inBootSandbox<T>(
  { spec }: ResolvedPlatform,
  argv: readonly string[],
  scope: SampleScope,
  { session, image }: MeasureContext,
  boot: (sandbox: OwnedGuestSandbox, label: string) => Promise<T>,
): Promise<T> {
  await using sandbox = await session.createSandbox(image.rootfs, remaining(scope) / 1000)
  const ranOutOfMemory = oomMonitor(sandbox)
  try {
    return await boot(sandbox, `${argv[0]} booted on ${spec.name}`)
  } catch (error) {
    throw await explainFailure(error, argv[0]!, { name: spec.name, rootfs: image.rootfs, ranOutOfMemory })
  }
}

/** Measures the time of a host process that is the first in its sandbox. */
async function timeInSandbox(
  sandbox: OwnedGuestSandbox,
  argv: HostArgv,
  scope: SampleScope,
  options: Pick<TimedOptions, 'label' | 'exitCodes'>,
  times: TimeBreakdown,
): Promise<TimedResult> {
  await enterCgroup(sandbox)
  const env = environmentPadding()
  return times.command(() => scope.exec(argv, { timeoutMs: remaining(scope), signal: scope.signal, env, ...options }))
}

/** Starts a VMM with the probe kernel, and measures the time from its start to its end, and its memory. */
async function startVmm(
  { spec, driver, options }: ResolvedPlatform,
  scope: SampleScope,
  { session, image }: MeasureContext,
  { notes, times }: SampleSinks,
): Promise<VmmStartResult> {
  await using sandbox = await session.createSandbox(image.rootfs, remaining(scope) / 1000)
  const { argv, accelerator } = await driver.vmmStart!(sandbox, writeProbeKernel(sandbox), options)
  notes.accelerator = accelerator
  const label = `the VMM of ${spec.name}`
  const result = await timeInSandbox(sandbox, sandbox.wrap(argv), scope, { label, exitCodes: anyExitCode }, times)
  if (!ranToCompletion(result.stdout)) {
    const output = keyLines(`${result.stdout}\n${result.stderr}`).join(' | ')
    throw new CommandError(`${label} ended before its guest ran; output: ${output || 'none'}`)
  }
  return { ...result, peakBytes: peakMemory(sandbox.group) ?? null }
}

/** The exit code of the probe kernel differs from VMM to VMM. Its output shows whether it ran to completion. */
const anyExitCode = Array.from({ length: 256 }, (_, code) => code)
