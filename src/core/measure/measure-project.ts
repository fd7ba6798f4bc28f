import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { loadRegistrations } from '../../dsl/registry.ts'
import type { Workload } from '../../dsl/workload.ts'
import { assignDuetCpus } from '../../host/cpus.ts'
import { findImage, type Image, ImageError } from '../../host/image.ts'
import { imageLacksProgram } from '../../host/image-recipe.ts'
import { runTimed } from '../../host/timed-process.ts'
import { AsyncDisposableStack } from '../../util/async-disposable-stack.ts'
import { markStrayErrors, StrayError } from '../../util/stray-errors.ts'
import { plural } from '../../util/text.ts'
import { isFailingSoFar } from '../judge/exit-code.ts'
import { judge, judgeClaims } from '../judge/judge.ts'
import { buildReport } from '../judge/report.ts'
import type { ExcludedBench, Plan, ScheduledPlan } from '../model/plan.ts'
import type { RunRecord, Sample } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import { benchInfo, type Problem } from '../model/suite.ts'
import type { Collected } from '../project/collect.ts'
import type { Project } from '../project/config.ts'
import { importCompiled, importProblem } from '../project/import-default.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { assertSameHost } from '../records/fingerprint.ts'
import { noiseFloorsFor, readNoise } from '../records/noise.ts'
import { folderOf, RecordWriter, readRecord } from '../records/record-file.ts'
import { readStepDurations, stepDurations } from '../records/step-durations.ts'
import type { Reporter, StopReason } from '../reporter.ts'
import { type EnsureDependenciesOptions, ensureDependencies, installPlatformPrograms } from '../session/artifacts.ts'
import type { Exec } from '../session/exec-target.ts'
import { HostSession } from '../session/host-session.ts'
import { excludeUntraceable, probePlatforms } from '../session/probe.ts'
import type { OpenSession, Session } from '../session/session.ts'
import { decidableClaims, neededPlatforms, orderBenches, stepSeconds } from './bench-order.ts'
import { CleanupProblems } from './cleanup-problems.ts'
import { Duet } from './duet.ts'
import { GuestBundles } from './guest-api.ts'
import { GuestPool } from './guest-pool.ts'
import { LateErrors } from './late-errors.ts'
import { type PlannedScheduleOptions, plannedSchedule } from './planned-schedule.ts'
import { RemeasureBudget } from './remeasure.ts'
import { isUndecided, runLoop } from './run-loop.ts'

/** What is measured, how, and on which host. */
export interface MeasureProjectOptions {
  readonly project: Project
  readonly plan: Omit<ScheduledPlan, 'platforms'>
  readonly platforms: readonly ResolvedPlatform[]
  readonly collected: Collected
  readonly reporter: Required<Reporter>
  readonly signal: AbortSignal
  /** Waits if another isobench process has the host. */
  readonly waitForLock: boolean
  /** Whether missing programs are installed. If left out, the caller has ensured that none is missing. */
  readonly dependencies?: Pick<EnsureDependenciesOptions, 'install' | 'confirm'>
  /** The run to compare with. If its host differs from this one, nothing is measured. */
  readonly before?: RunRecord | undefined
  /** Whether disturbed samples may be taken once more. */
  readonly remeasure: boolean
  /** The folder for the record. Default: `.isobench/runs` of the project. */
  readonly recordFolder?: string | undefined
  readonly strict: boolean
  readonly strictFindings?: boolean
  readonly require?: 'complete' | undefined
  /** Stops after the first round that fails the run. */
  readonly failFast?: boolean
  /** Milliseconds that measuring may take. The current case is finished. */
  readonly maxDuration?: number | undefined
  /** The functions of the benches, by the bench's id; imported from the compiled files if left out. */
  readonly workloads?: ReadonlyMap<string, Workload>
  readonly openSession?: OpenSession
  readonly exec?: Exec
}

/**
 * Takes the host, probes the platforms, measures the plan, writes the record as it goes, and judges it. The host is
 * released before the report is returned. An interrupted run is judged with the samples that it has.
 * @throws the reason of the signal if it is aborted before anything is measured
 * @throws {LockedError} if another isobench process has the host and `waitForLock` is false
 */
export async function measureProject(options: MeasureProjectOptions): Promise<Report> {
  const { project, platforms, reporter, signal, dependencies, openSession = HostSession.open } = options
  const onProgress = reporter.onPrepare
  if (dependencies)
    await ensureDependencies({
      ...dependencies,
      needsImage: !findImage(project.image),
      platforms: [],
      onProgress,
      signal,
    })
  const cleanup = new CleanupProblems(project)
  await using session = await openSession(project.guest, {
    purpose: `running ${plural(options.plan.benches.length, 'bench', 'benches')} of ${project.root}`,
    wait: options.waitForLock,
    onWait: ({ pid, purpose, since }) => onProgress(`waiting for process ${pid}, ${purpose}, since ${since}`),
    onWaited: reporter.onWaited,
    signal,
    onLeft: cleanup.add,
  })
  const { skipEmulated = false } = options.plan.profile
  const image = await ensureImageAndPackages(options, session, skipEmulated)
  requireNode(image, options.plan)
  await session.ensureArtifacts(platforms, image.rootfs, { onLine: onProgress, skipEmulated })
  onProgress(`probing ${platforms.map(({ spec }) => spec.name).join(', ')}`)
  const { exec = runTimed } = options
  const probed = await probePlatforms(platforms, session, image, {
    skipEmulated,
    exec,
    digests: options.project.releaseDigests,
  })
  const traceable = await excludeUntraceable(options.plan, session, onProgress)
  signal.throwIfAborted()
  return await measureAndJudge(options, { session, image, exec, cleanup, plan: { ...traceable, platforms: probed } })
}

/** Builds the image and installs the packages of the platforms at the same time: each waits for network and disk. */
async function ensureImageAndPackages(
  { project, platforms, reporter, signal, dependencies }: MeasureProjectOptions,
  session: Session,
  skipEmulated: boolean,
): Promise<Image> {
  const onProgress = reporter.onPrepare
  const [image, packages] = await Promise.allSettled([
    session.ensureImage(project.image, (line) => onProgress(`building the image  ${line}`)),
    dependencies?.install
      ? installPlatformPrograms(platforms, skipEmulated, { onProgress, signal, digests: project.releaseDigests })
      : undefined,
  ])
  if (image.status === 'rejected') throw image.reason
  if (packages.status === 'rejected') throw packages.reason
  return image.value
}

/** @throws {ImageError} if a bench is timed inside guests and the image has no Node.js */
function requireNode({ rootfs }: Image, { benches }: Pick<Plan, 'benches'>): void {
  const inGuest = benches.find(({ workload }) => workload.kind === 'in-guest')
  if (!inGuest || !imageLacksProgram(rootfs, 'node')) return
  throw new ImageError(
    `the image ${rootfs} has no node, which times "${inGuest.name}" inside guests`,
    "install Node.js in it, or leave that bench out: isobench run --name '...'",
  )
}

/** The host, ready to measure. */
interface PreparedHost {
  readonly session: Session
  readonly image: Image
  readonly exec: Exec
  readonly cleanup: CleanupProblems
  readonly plan: ScheduledPlan
}

/** Milliseconds that timers of the last workload get to fail, so that the record has their errors. */
const settleMs = 100

async function measureAndJudge(options: MeasureProjectOptions, host: PreparedHost): Promise<Report> {
  const { project, reporter, collected, before } = options
  const environment = await host.session.readEnvironment(project, host.image)
  const noiseFloors = noiseFloorsFor(readNoise(project.root), environment, host.plan)
  const plan: ScheduledPlan = {
    ...host.plan,
    ...(noiseFloors.length > 0 && { noiseFloors }),
  }
  // Without a time budget, the order of a seed does not depend on former records.
  const durations =
    options.maxDuration === undefined ? stepDurations([], plan.profile) : readStepDurations(project.root, plan.profile)
  const needed = plan.onlyFindings ? { ...plan, casePlatforms: neededPlatforms(plan) } : plan
  const blocks = plan.blocks ?? orderBenches(needed, durations, options.maxDuration !== undefined)
  const ordered: ScheduledPlan = { ...needed, blocks }
  if (before) assertSameHost(before, { environment, plan: ordered })
  const writer = RecordWriter.start(
    options.recordFolder ?? folderOf(project.root),
    // All shards of a plan have its seed, and may write into one folder at the same time.
    [plan.seed.slice(0, 12), ...(plan.shard ? [`shard-${plan.shard.indices[0]}`] : [])].join('-'),
    environment,
    ordered,
    collected.suite.problems,
  )
  reporter.onPlan(ordered)
  const measuring = { ...host, plan: ordered, stepSeconds: stepSeconds(ordered, durations) }
  const addProblem = (problem: Problem) => {
    writer.problem(problem)
    reporter.onProblems([problem])
  }
  const { cleanup } = host
  for (const problem of cleanup.problems) addProblem(problem)
  cleanup.reportTo(addProblem)
  const lateErrors = new LateErrors(project.root, addProblem, () => collected.suite.problems)
  const ended = await measureAll(options, { ...measuring, lateErrors }, writer).catch((error: unknown) => {
    // The start of the load client and the removal of guests can be interrupted, too.
    if (options.signal.aborted) return 'interrupted' as const
    writer.endWith(error)
    throw error
  })
  if (ended !== 'interrupted') await sleep(settleMs)
  lateErrors.end()
  const { reason } = options.signal
  // A driver may have left an error behind, too.
  const stop = reason instanceof StrayError ? 'interrupted' : ended
  if (stop !== 'interrupted') {
    // The record has the commands that could not remove a resource of the whole run.
    try {
      await host.session[Symbol.asyncDispose]()
    } catch (error) {
      writer.endWith(error)
      throw error
    }
    writer.end('finished', excludedByTime(ordered, stop))
  } else if (reason instanceof StrayError) {
    // The config loads everything that is not part of a bench file: drivers and reporters.
    addProblem(importProblem(reason, project.root, basename(project.configFile)))
    writer.end('stopped')
  } else writer.end('interrupted')
  // After an interruption the host is released last, because a second signal may end that.
  cleanup.reportTo((problem) => reporter.onProblems([problem]))
  const report = buildReport(readRecord(writer.file), options)
  writer.verdicts({ claims: report.claims, findings: report.findings, exit: report.exit })
  if (stop !== 'interrupted') reporter.onStop(stop, report)
  return report
}

async function measureAll(
  options: MeasureProjectOptions,
  {
    session,
    image,
    exec,
    plan,
    stepSeconds,
    lateErrors,
  }: PreparedHost & Pick<PlannedScheduleOptions, 'stepSeconds'> & { readonly lateErrors: LateErrors },
  writer: RecordWriter,
): Promise<StopReason | 'interrupted'> {
  const { project, platforms, collected, reporter, strictFindings } = options
  const { timeout } = plan.profile
  await using pools = new AsyncDisposableStack()
  const createPool = (on: Session) => pools.use(new GuestPool(on, image.rootfs, timeout))
  const { cpus } = session.limits
  const duet = plan.duet?.length
    ? new Duet(assignDuetCpus(cpus.length), (duetCpus) => createPool(session.withCpus(duetCpus)))
    : undefined
  const fails = (samples: readonly Sample[]) => isFailingSoFar(judge(plan, samples), strictFindings)
  const ended = benchEnds(plan, reporter)
  let done = 0
  return await runLoop({
    schedule: plannedSchedule(plan, { ...options, stepSeconds }),
    context: {
      session,
      plan,
      image,
      exec,
      platforms: new Map(platforms.map((platform) => [platform.spec.name, platform])),
      workloads: options.workloads ?? (await loadWorkloads(project.root, collected, plan, lateErrors)),
      lateErrors,
      bundles: new GuestBundles(project.root),
      client: await session.loadClient(image.rootfs),
    },
    pool: createPool(session),
    duet,
    remeasure: RemeasureBudget.forPlan(plan, options.remeasure),
    stopWhen: options.failFast ? fails : undefined,
    on: {
      step: ({ left, sampleRound, ...step }) => {
        reporter.onStepStart({ ...step, warmup: sampleRound < 0, done, steps: done + left })
        done++
      },
      blockEnd: ended,
      sample: (sample) => {
        writer.sample(sample)
        reporter.onSample(sample)
      },
    },
  })
}

/** The benches that did not fit into the time, with the number of claims that each could decide. */
function excludedByTime(plan: ScheduledPlan, { notMeasured = [] }: StopReason): ExcludedBench[] {
  if (notMeasured.length === 0) return []
  const claims = decidableClaims(plan)
  return notMeasured.map(({ bench, seconds }) => ({
    bench,
    reason: 'time-budget',
    seconds,
    claims: claims.filter(({ claim }) => claim.bench === bench).length,
  }))
}

/** Reports the verdicts of each bench once, when no more rounds of it are planned or needed. */
function benchEnds(plan: ScheduledPlan, reporter: Required<Reporter>) {
  const reported = new Set<string>()
  return (block: number, samples: readonly Sample[]) => {
    const judged = judgeClaims(plan, samples)
    const { rounds } = plan.profile
    const looks = plan.sequential?.looks ?? [rounds]
    for (const id of plan.blocks?.[block] ?? []) {
      const cases = new Set(plan.cases.filter(({ bench }) => bench === id).map((one) => one.id))
      const claims = judged.filter(({ claim }) => claim.bench === id)
      const last = samples.reduce((most, { case: at, round }) => (cases.has(at) ? Math.max(most, round + 1) : most), 0)
      const isDecided = looks.includes(last) && !claims.some(isUndecided)
      if (reported.has(id) || (last < rounds && !isDecided)) continue
      reported.add(id)
      reporter.onBenchEnd({ bench: benchInfo(id, plan.benches), claims: claims.map((one) => one.reported) })
    }
  }
}

/**
 * Imports the benches' workloads with their functions. Collecting has imported the same files, but in a worker.
 * @throws {ProjectError} if a file behaves differently here
 */
export async function loadWorkloads(
  root: string,
  { compiled }: Collected,
  { benches }: Pick<Plan, 'benches'>,
  lateErrors?: LateErrors,
): Promise<Map<string, Workload>> {
  const workloads = new Map<string, Workload>()
  for (const file of new Set(benches.map((bench) => bench.file))) {
    const url = pathToFileURL(compiled.get(file)!.output).href
    // While the file is imported, errors that collecting did not find are those of the import.
    let isImported = false
    const late =
      lateErrors &&
      ((error: StrayError) => (isImported ? lateErrors.ofFile(file, error) : lateErrors.isCollected(file, error)))
    const registered = await loadRegistrations(() => markStrayErrors(late, () => importCompiled(root, file, url)))
    isImported = true
    for (const { name, workload } of registered.benches) if (workload) workloads.set(`${file}#${name}`, workload)
  }
  return workloads
}
