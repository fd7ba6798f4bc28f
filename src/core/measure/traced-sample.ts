import type { CommandResult } from '../../dsl/guest.ts'
import { type Tracing, unitsOfWork } from '../../dsl/traced.ts'
import type { BootContext, ParamSpace, Workload } from '../../dsl/workload.ts'
import type { Command } from '../../tools/command.ts'
import { type CallsByRole, mergeRoles } from '../../tracing/call-counts.ts'
import type { Tracer } from '../../tracing/tracer.ts'
import { IsobenchError, UnsupportedError } from '../../util/errors.ts'
import type { Confinement } from '../model/confinement.ts'
import type { AttackProfile } from '../model/record.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { remaining } from '../session/exec-target.ts'
import { ConfinementReader } from './confinement.ts'
import type { MeasureContext } from './context.ts'
import { explainFailure, guestTarget, oomMonitor, withinLimits } from './guest-api.ts'
import { guestArgv } from './guest-argv.ts'
import type { SampleScope } from './sample-scope.ts'
import {
  type TracedGuestApi,
  TraceRecorder,
  TraceTargets,
  tracedGuestApi,
  WorkConfinement,
} from './traced-guest-api.ts'
import { checkValues } from './values.ts'

/** The workload ran nothing that could be traced. */
export class NothingTracedError extends IsobenchError {
  readonly code = 'ISOBENCH_NOTHING_TRACED'
}

/** The result of a traced sample. */
export interface Traced {
  readonly attackProfile: AttackProfile
  /** What confined the host processes of the guest. Absent for boots. */
  readonly confinement?: Confinement[]
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
  const { driver, options } = step.platform
  // A failed sample may have left targets.
  tracer.clearTargets(driver.programRoles?.(options))
  using _armed = tracer.enable()
  return await (step.workload.work.kind === 'boot' ? bootTraced(step, tracer) : runTraced(step, tracer))
}

/** Records the boot of a guest, its background, and its work. */
async function runTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, scope, measureContext } = step
  const { session, image, plan, client } = measureContext
  const targets = new TraceTargets(tracer)
  await using sandbox = await session.createSandbox(image.rootfs, remaining(scope) / 1000, targets)
  targets.guest(sandbox.group)
  const looking = targets.look()
  const boot = () => tracer.recording(() => platform.driver.boot(sandbox, platform.options))
  const handle = await boot().finally(() => looking[Symbol.dispose]())
  targets.refresh()
  const setup = await tracer.collect()

  const { name } = platform.spec
  const target = guestTarget({ name, rootfs: image.rootfs }, sandbox, handle)
  const { id, stateDir, dataDir } = sandbox
  const reader = new ConfinementReader(() => targets.pids(), { id, rootfs: image.rootfs, stateDir, dataDir })
  const confinement = new WorkConfinement(reader, plan.profile.seconds * 500)
  const recorder = new TraceRecorder(tracer, targets, plan.profile.seconds, scope.signal, confinement)
  const run = () => step.run(tracedGuestApi(target, client, scope, recorder))
  const given = await withinLimits(name, sandbox, run, handle)
  const { workMetric: per, metrics, source } = workload.traced
  const workloadMetrics = checkValues(given, metrics)
  const { seconds } = recorder
  if (seconds === 0) {
    throw new NothingTracedError(
      'the workload ran no command that could be traced',
      'run one in the guest or in the client, without untraced: true',
    )
  }
  const units = per === undefined ? seconds : unitsOfWork(metrics[per]!, workloadMetrics[per]!, seconds)
  const counts = await recorder.counts()
  return {
    attackProfile: { source, setup, ...counts, units, workloadMetrics: { ...workloadMetrics } },
    // The last counts include the events by which the tracer knows the roles of short-lived processes.
    confinement: reader.entries((pid) => tracer.roleOf(pid)),
  }
}

/** Records boots as work. Only what a boot needs beforehand, such as a daemon, is set-up. */
async function bootTraced(step: TracedStep, tracer: Tracer): Promise<Traced> {
  const { platform, workload, scope, measureContext, context } = step
  const [setups, works]: [CallsByRole[], CallsByRole[]] = [[], []]
  let seconds = 0
  const { session, image } = measureContext
  const bootOnce = async (command: Command): Promise<CommandResult> => {
    const inGuest = guestArgv(command)
    const targets = new TraceTargets(tracer)
    await using sandbox = await session.createSandbox(image.rootfs, remaining(scope) / 1000, targets)
    targets.guest(sandbox.group)
    const argv = await tracer.recording(() => platform.driver.oneShot(sandbox, inGuest, platform.options))
    setups.push(await tracer.collect())
    targets.refresh()
    const { name } = platform.spec
    const label = `${command.argv[0]} booted on ${name}`
    const ranOutOfMemory = oomMonitor(sandbox)
    const boot = () => scope.exec(targets.launch(argv), { timeoutMs: remaining(scope), signal: scope.signal, label })
    using _looking = targets.look()
    const limited = withinLimits(name, sandbox, () => tracer.recording(boot))
    const done = await limited.catch(async (error: unknown) => {
      throw await explainFailure(error, command.argv[0], { name, rootfs: image.rootfs, ranOutOfMemory })
    })
    works.push(await tracer.collect())
    seconds += done.milliseconds / 1000
    return done
  }
  const boot = (command: Command) => scope.call(() => bootOnce(command))
  const work = workload.work as { run(context: BootContext<ParamSpace>): Promise<unknown> }
  const bootPhases = () => Promise.reject(new UnsupportedError('the phases of a traced boot are not observed'))
  const given = await scope.race(() => work.run({ ...context, boot, bootPhases }))
  const { workMetric: per, metrics, source } = workload.traced
  const workloadMetrics = checkValues(given, metrics)
  if (works.length === 0) throw new NothingTracedError('the workload booted nothing')
  const attackProfile = {
    source,
    setup: mergeRoles(setups),
    work: mergeRoles(works),
    seconds,
    units: per === undefined ? works.length : unitsOfWork(metrics[per]!, workloadMetrics[per]!, seconds),
    idle: { seconds: 0, recordings: 0, calls: {} },
    barrier: { passes: 0, recordings: 0, calls: {} },
    workloadMetrics: { ...workloadMetrics },
  }
  return { attackProfile }
}
