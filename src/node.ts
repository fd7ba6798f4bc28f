/** The entry point `isobench/node`: what programs import that collect, run, judge or report benches themselves. */

import { buildReport } from './core/judge/report.ts'
import { measureProject } from './core/measure/measure-project.ts'
import type { RunRecord } from './core/model/record.ts'
import type { Report } from './core/model/report.ts'
import type { BenchData, Suite } from './core/model/suite.ts'
import { loadProject } from './core/project/config.ts'
import { createPlan, type PlanOptions, selectProject } from './core/project/plan.ts'
import { formerRun, historyFor } from './core/records/history.ts'
import { multiplexReporters, type Reporter } from './core/reporter.ts'
import type { FindingId } from './dsl/finding-id.ts'
import { drivers } from './platforms/index.ts'
import { reporters } from './reporters/index.ts'
import type { OutputStream } from './reporters/reporter.ts'
import { UsageError } from './util/errors.ts'

export type {
  BenchCase,
  ExcludedBench,
  Plan,
  PlannedPlatform,
  ResolvedProfile,
  ShardOfPlan,
} from './core/model/plan.ts'
export type { RunRecord, Sample } from './core/model/record.ts'
export type { Report } from './core/model/report.ts'
export type { BenchData, FindingData, Problem, Suite } from './core/model/suite.ts'
export { readRecord } from './core/records/record-file.ts'
export type { BenchVerdicts, Progress, Reporter, StopReason, StoredRun } from './core/reporter.ts'
export type { Claim, Reference } from './dsl/claim.ts'
export type { Location } from './dsl/errors.ts'
export type { Metric } from './dsl/metric.ts'
export type { FindingSource, Misprint, Part } from './dsl/registry.ts'
export { IsobenchError } from './util/errors.ts'

/** Which project, and which benches and platforms of it. Names and meanings are those of `isobench run`. */
export interface SelectOptions {
  /** The folder of the project, or one below it. Default: the working directory. */
  readonly cwd?: string
  /** The config file. Default: the nearest one. */
  readonly config?: string
  /** Bench files, folders, or parts of paths of bench files. */
  readonly filters?: readonly string[]
  readonly platform?: readonly string[]
  readonly allPlatforms?: boolean
  /** Texts in names of benches. */
  readonly name?: readonly string[]
  readonly tag?: readonly string[]
  /** Numbers of findings; an empty list selects all findings. */
  readonly findings?: readonly FindingId[]
  /** Default: `quick`. */
  readonly profile?: string
}

/** How a verdict becomes an exit code. */
export interface JudgeOptions {
  /** Inconclusive verdicts give the exit code 3. Default: false. */
  readonly strict?: boolean
  /** Contradicted findings give the exit code 1, in either direction. Default: false. */
  readonly strictFindings?: boolean
  /** Findings with an open part give the exit code 3. */
  readonly require?: 'complete'
}

/** What `run` takes. */
export interface RunOptions extends SelectOptions, JudgeOptions {
  /** Default: the config's, or the profile's. */
  readonly rounds?: number
  /** Length of one sample. */
  readonly seconds?: number
  /** Time limit of one sample, in seconds. */
  readonly timeout?: number
  /** Milliseconds that measuring may take. */
  readonly maxDuration?: number
  readonly seed?: string
  /** Whether disturbed samples may be measured again. Default: true. */
  readonly remeasure?: boolean
  /** Whether missing Debian packages are installed. Default: false; then a missing one is an error. */
  readonly install?: boolean
  /** Whether to wait for another isobench on this host. Default: false; then it is an error. */
  readonly waitForLock?: boolean
  /** Receives the events of the run. An error that it throws is ignored. */
  readonly reporter?: Reporter
  /** Interrupts the run. The samples that it has are judged. */
  readonly signal?: AbortSignal
}

const planOptions = ({ findings, profile = 'quick', ...options }: SelectOptions): PlanOptions => ({
  ...options,
  profile,
  ...(findings && { findings: findings.map(String) }),
})

const projectOf = (command: string, { cwd = process.cwd(), config, profile = 'quick' }: SelectOptions) =>
  loadProject(cwd, config, { command, profile })

/**
 * Reads the benches and findings of a project, as `isobench list` does. Measures nothing.
 * @returns benches, findings, and problems of bench files
 * @throws {IsobenchError} if the config cannot be used, or a name is unknown
 */
export async function collect(options: SelectOptions = {}): Promise<Suite> {
  const project = await projectOf('list', options)
  const { suite, benches } = await selectProject(project, drivers, { forbidOnly: false, ...planOptions(options) })
  const isSelected = ({ id }: BenchData) => benches.some((bench) => bench.id === id)
  return options.name || options.tag || options.findings
    ? { ...suite, benches: suite.benches.filter(isSelected) }
    : suite
}

/**
 * Measures a project, as `isobench run` does. Needs root. Writes a run record; the report has its path.
 * @throws {IsobenchError} if nothing can be measured; an interrupted run returns a report with that status
 */
export async function run(options: RunOptions = {}): Promise<Report> {
  const project = await projectOf('run', options)
  const { rounds: defaultRounds, seed } = project
  const reporter = multiplexReporters([{ name: 'program', reporter: options.reporter ?? {} }], () => {})
  const planned = await createPlan(project, drivers, {
    seed,
    rounds: defaultRounds?.last,
    firstLook: options.rounds === undefined ? defaultRounds?.first : undefined,
    ...planOptions(options),
  })
  const { problems } = planned.collected.suite
  if (problems.length > 0) reporter.onProblems(problems)
  try {
    const measured = await measureProject({
      strict: false,
      remeasure: true,
      waitForLock: false,
      ...planned,
      ...options,
      project,
      reporter,
      signal: options.signal ?? new AbortController().signal,
      // A program cannot be asked.
      dependencies: { install: options.install ?? false, confirm: async () => false },
    })
    await reporter.onFinish(measured)
    return measured
  } catch (error) {
    reporter.onAbort()
    throw error
  }
}

/** Judges a run record again, as `isobench judge` does. */
export const judge = (record: RunRecord, options: JudgeOptions = {}): Report =>
  buildReport(record, { strict: false, ...options })

/** What `report` takes. */
export interface ReportOptions extends JudgeOptions {
  /** Name of a reporter of isobench. Default: `default`, which is for people. */
  readonly reporter?: string
  /** The folder that paths are relative to. Default: the working directory. */
  readonly cwd?: string
  /** Width of the text for people: a number of columns. Default: 100. */
  readonly columns?: number
}

/**
 * Renders run records with a reporter, as `isobench report` does.
 * @returns what the reporter writes to standard output: text, HTML, JSON, ...
 * @throws {UsageError} if isobench has no such reporter
 */
export async function report(
  records: RunRecord | readonly RunRecord[],
  { reporter = 'default', cwd = process.cwd(), columns = 100, ...options }: ReportOptions = {},
): Promise<string> {
  const factory = Object.hasOwn(reporters, reporter) ? reporters[reporter] : undefined
  if (!factory)
    throw new UsageError(`there is no reporter "${reporter}"`, `use one of: ${Object.keys(reporters).join(', ')}`)
  let text = ''
  const out: OutputStream = {
    write: (part) => {
      text += part
    },
    isTTY: false,
    columns,
  }
  const created = factory.create({ out, root: cwd, color: false, former: formerRun, history: historyFor })
  const all: readonly RunRecord[] = 'samples' in records ? [records] : records
  const runs = all.map((record) => ({ plan: record.plan, report: judge(record, options) }))
  if (created.onStoredRuns) await created.onStoredRuns(runs)
  else for (const one of runs) await created.onFinish?.(one.report)
  return text
}
