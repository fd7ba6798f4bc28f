import { setMaxListeners } from 'node:events'
import { Undoing } from '../disposable.ts'
import { registrationsOf } from '../dsl/registry.ts'
import type { Workload } from '../dsl/workload.ts'
import { InterruptedError } from '../errors.ts'
import type { Image } from '../guest/image/image.ts'
import type { Collected } from './collect/collect.ts'
import { type Environment, readEnvironment } from './environment.ts'
import { GuestBundles } from './measure/in-guest.ts'
import { type Means, measure } from './measure/measure.ts'
import { Slots } from './measure/slot.ts'
import { orderOf, type Plan } from './plan/plan.ts'
import type { ResolvedPlatform } from './probe.ts'
import type { Project } from './project.ts'
import { type RunRecord, readRecord } from './record/reader.ts'
import { RecordWriter } from './record/writer.ts'
import { buildReport } from './report/build.ts'
import type { Report } from './report/schema.ts'
import type { Reporter } from './reporting.ts'
import type { Session } from './session.ts'

export interface RunOptions {
  readonly project: Project
  readonly collected: Collected
  readonly plan: Plan
  readonly platforms: readonly ResolvedPlatform[]
  readonly image: Image
  readonly session: Session
  readonly reporter: Required<Reporter>
  readonly strict: boolean
}

/** Measures a plan, writes the record as it goes, judges it, and reports. An interruption is judged as far as it got. */
export async function run(options: RunOptions): Promise<Report> {
  const { project, plan, session, reporter, image, collected } = options
  const guest: Environment['guest'] = { cpus: [...session.limits.cpus], memoryBytes: session.limits.memoryBytes }
  const environment = await readEnvironment(project, guest, image.digest)
  const writer = RecordWriter.start(project.root, plan.seed.slice(0, 12), environment, plan, collected.suite.problems)
  reporter.planned(plan)
  const how = await measureAll(options, writer)
  writer.end(how)
  const record: RunRecord = readRecord(writer.file)
  const report = buildReport(record, { strict: options.strict })
  writer.verdicts({ claims: report.claims, findings: report.findings, exitCode: report.exitCode })
  return report
}

async function measureAll(options: RunOptions, writer: RecordWriter): Promise<'finished' | 'interrupted'> {
  const { plan, session, image, reporter } = options
  const { rounds, warmup, timeout } = plan.profile
  const steps = plan.points.length * plan.platforms.filter(({ available }) => available).length * (rounds + warmup)
  let done = 0
  try {
    await using held = new Undoing()
    const slots = (): Slots => new Slots(session, image.rootfs, timeout)
    const means: Omit<Means, 'slots'> = {
      session,
      plan,
      image,
      platforms: new Map(options.platforms.map((platform) => [platform.spec.name, platform])),
      workloads: await loadWorkloads(options.collected, plan),
      bundles: new GuestBundles(options.project.root),
      client: await session.client(image.rootfs),
    }
    const wholeRun = held.use(slots())
    for (let round = -warmup; round < rounds; round++) {
      await using thisRound = slots()
      for (const step of orderOf(plan, round)) {
        session.signal.throwIfAborted()
        reporter.measuring({ ...step, round, warmup: round < 0, done: done++, steps })
        const sample = await measure(step, round, { ...means, slots: { round: thisRound, run: wholeRun } })
        writer.sample(sample)
        reporter.sampled(sample)
      }
    }
    return 'finished'
  } catch (error) {
    if (session.signal.aborted) return 'interrupted'
    throw error
  }
}

/** The benches' workloads with their functions: importing is safe, because collecting has imported the same files. */
async function loadWorkloads({ compiled }: Collected, plan: Plan): Promise<Map<string, Workload>> {
  const workloads = new Map<string, Workload>()
  for (const file of new Set(plan.benches.map((bench) => bench.file))) {
    const { benches } = await registrationsOf(() => import(compiled.get(file)!.output))
    for (const { name, workload } of benches) if (workload) workloads.set(`${file}#${name}`, workload)
  }
  return workloads
}

/** The signal that SIGINT and SIGTERM abort, for as long as it is held. */
export function untilInterrupted(onInterrupt: () => void): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  // Everything that runs listens to it, and twelve platforms are probed at once.
  setMaxListeners(0, controller.signal)
  const stop = () => {
    if (!controller.signal.aborted) onInterrupt()
    controller.abort(new InterruptedError('interrupted'))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
    },
  }
}
