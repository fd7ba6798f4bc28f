import { collectRegistrations } from '../../dsl/registry.ts'
import type { Workload } from '../../dsl/workload.ts'
import { assignDuetCpus } from '../../host/cpus.ts'
import type { Image } from '../../host/image.ts'
import { undecidedText } from '../../reporters/format.ts'
import { AsyncDisposableStack } from '../../util/async-disposable-stack.ts'
import { InterruptedError } from '../../util/errors.ts'
import { readWeights, type Weights } from '../attack-profile/weights.ts'
import { buildReport } from '../judge/report.ts'
import type { Plan, ScheduledPlan } from '../model/plan.ts'
import type { Environment, RunRecord, Sample } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import type { Collected } from '../project/collect.ts'
import type { Project } from '../project/config.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { assertSameHost } from '../records/baseline.ts'
import { noiseFloorsFor, readNoise } from '../records/noise.ts'
import { RecordWriter, readRecord } from '../records/record-file.ts'
import type { Reporter } from '../reporter.ts'
import { readEnvironment } from '../session/environment.ts'
import type { Session } from '../session/session.ts'
import type { MeasureContext } from './context.ts'
import { Duet } from './duet.ts'
import { GuestBundles } from './guest-api.ts'
import { Stage } from './guest-pool.ts'
import { measureUndisturbed, RemeasureBudget } from './remeasure.ts'
import { type StopReason, scheduleSteps } from './run-loop.ts'
import { measure } from './sample.ts'

export interface RunOptions {
  readonly project: Project
  readonly collected: Collected
  readonly plan: ScheduledPlan
  readonly platforms: readonly ResolvedPlatform[]
  readonly image: Image
  readonly session: Session
  readonly reporter: Required<Reporter>
  /** What it will be compared with: refused before anything is measured if its host is unlike this one. */
  readonly before?: RunRecord
  /** Whether samples that others disturbed may be taken once more. */
  readonly remeasure: boolean
  readonly strict: boolean
  readonly strictFindings?: boolean
  /** Milliseconds that measuring may take; the point in hand is finished. */
  readonly timeLimit?: number
}

/** Measures a plan, writes the record as it goes, judges it, and reports. An interruption is judged as far as it got. */
export async function run(options: RunOptions): Promise<Report> {
  const { project, session, reporter, image, collected } = options
  const guest: Environment['guest'] = { cpus: [...session.limits.cpus], memoryBytes: session.limits.memoryBytes }
  const environment = await readEnvironment(project, guest, image.digest)
  const floors = noiseFloorsFor(readNoise(project.root), environment, options.plan)
  const weights = options.plan.benches.some(({ workload }) => workload.traced) ? readWeights(project.root) : undefined
  const plan: ScheduledPlan = {
    ...options.plan,
    ...(floors.length > 0 && { noiseFloors: floors }),
    ...(weights && { weights: weights.source }),
  }
  if (options.before) assertSameHost(options.before, { environment, plan })
  const writer = RecordWriter.start(project.root, plan.seed.slice(0, 12), environment, plan, collected.suite.problems)
  reporter.onPlan(plan)
  const ended = await measureAll({ ...options, plan }, writer, weights)
  writer.end(ended === 'interrupted' ? 'interrupted' : 'finished')
  const record: RunRecord = readRecord(writer.file)
  const report = buildReport(record, options)
  writer.verdicts({ claims: report.claims, findings: report.findings, exitCode: report.exitCode })
  if (ended !== 'interrupted') reportEnd(ended, report, options)
  return report
}

/** Says why a run ended before its last round, and what that leaves open. */
function reportEnd({ why, rounds }: StopReason, { claims }: Report, { reporter, plan }: RunOptions): void {
  if (why === 'all-rounds') return
  const reason = why === 'time-up' ? 'the time is up' : 'every claim is decided, or as precise as it gets'
  const open = undecidedText(claims, rounds)
  reporter.onPrepare(`${reason} after ${rounds} of ${plan.profile.rounds} rounds${open ? `: ${open}` : ''}`)
}

async function measureAll(
  options: RunOptions,
  writer: RecordWriter,
  weights?: Weights,
): Promise<StopReason | 'interrupted'> {
  const { plan, session, image, reporter } = options
  const { timeout } = plan.profile
  const until = performance.now() + (options.timeLimit ?? Infinity)
  const samples: Sample[] = []
  const due = scheduleSteps(plan, samples, () => performance.now() > until)
  const repeats = new RemeasureBudget(plan, options.remeasure)
  let done = 0
  try {
    await using resources = new AsyncDisposableStack()
    const on = (where: Session): Stage => resources.use(new Stage(where, image.rootfs, timeout))
    const means: Omit<MeasureContext, 'slots' | 'session'> = {
      plan,
      image,
      platforms: new Map(options.platforms.map((platform) => [platform.spec.name, platform])),
      workloads: await loadWorkloads(options.collected, plan),
      bundles: new GuestBundles(options.project.root),
      client: await session.client(image.rootfs),
      ...(weights && { weights }),
    }
    const alone = on(session)
    const duet = plan.duet?.length
      ? new Duet(assignDuetCpus(session.limits.cpus.length), (cpus) => on(session.withCpus(cpus)))
      : undefined
    const take = (sample: Sample) => {
      samples.push(sample)
      writer.sample(sample)
      reporter.onSample(sample)
    }
    let next = due.next()
    while (!next.done) {
      const { round } = next.value
      for (; !next.done && next.value.round === round; next = due.next()) {
        session.signal.throwIfAborted()
        const { left, ...step } = next.value
        reporter.onStepStart({ ...step, warmup: round < 0, done, steps: done + left })
        done++
        const taken =
          duet && step.duetWith !== undefined
            ? await measureUndisturbed(
                () => duet.measure(step, round, means),
                { ...duet, prefix: session.prefix },
                repeats,
              )
            : await measureUndisturbed(
                async () => [await measure(step, round, { ...means, ...alone })],
                session,
                repeats,
              )
        for (const sample of taken) take(sample)
      }
      for (const stage of [alone, ...(duet?.stages ?? [])]) await stage.endRound()
    }
    return next.value
  } catch (error) {
    if (session.signal.aborted) return 'interrupted'
    throw error
  }
}

/** The benches' workloads with their functions: importing is safe, because collecting has imported the same files. */
export async function loadWorkloads(
  { compiled }: Collected,
  plan: Pick<Plan, 'benches'>,
): Promise<Map<string, Workload>> {
  const workloads = new Map<string, Workload>()
  for (const file of new Set(plan.benches.map((bench) => bench.file))) {
    const { benches } = await collectRegistrations(() => import(compiled.get(file)!.output))
    for (const { name, workload } of benches) if (workload) workloads.set(`${file}#${name}`, workload)
  }
  return workloads
}

/** The signal that SIGINT, SIGTERM and SIGHUP (the terminal went away) abort, for as long as it is held. */
export function interruptSignal(onInterrupt: () => void): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  const stop = () => {
    if (!controller.signal.aborted) onInterrupt()
    controller.abort(new InterruptedError('interrupted'))
  }
  const ending = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of ending) process.on(name, stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of ending) process.off(name, stop)
    },
  }
}
