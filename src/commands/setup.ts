import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { buildReport } from '../core/judge/report.ts'
import { type Plan, stepsOfRound } from '../core/model/plan.ts'
import type { RunRecord } from '../core/model/record.ts'
import type { Report } from '../core/model/report.ts'
import type { Suite } from '../core/model/suite.ts'
import { collect } from '../core/project/collect.ts'
import { benchFiles, loadProject, type Project } from '../core/project/config.ts'
import { type ResolvedPlatform, resolvePlatforms } from '../core/project/platforms.ts'
import { compareRecords } from '../core/records/baseline.ts'
import { historyFor } from '../core/records/history.ts'
import { type ImportTarget, importRecord, isImport } from '../core/records/import.ts'
import { RecordError, readRecord } from '../core/records/record-file.ts'
import { multiplexReporters, type Reporter } from '../core/reporter.ts'
import { platformFamily } from '../driver.ts'
import { drivers } from '../platforms/index.ts'
import { reporters } from '../reporters/index.ts'
import type { BaselineView } from '../reporters/metric-table.ts'
import { closestMatch } from '../util/closest-match.ts'
import { messageOf, UsageError } from '../util/errors.ts'
import type { CommandIo } from './command.ts'
import type { Options } from './options.ts'

/** Asks the user a yes-or-no question. Returns undefined if isobench does not run in a terminal. */
export async function confirm(question: string, io: CommandIo): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !io.err.isTTY) return undefined
  const lines = createInterface({ input: process.stdin, output: io.err })
  try {
    const answer = await lines.question(`${question} [y/N] `)
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}

/** The content of a `.json` file that is an import; undefined for a run record, which is JSON Lines. */
function readImport(file: string): unknown {
  if (!file.endsWith('.json') || !existsSync(file)) return undefined
  const fix = 'the format is described in docs/reference/import.md.'
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new RecordError(`${file}: invalid JSON: ${messageOf(error)}`, fix)
  }
  if (isImport(value)) return value
  throw new RecordError(`${file}: not a run record and not an import, because "isobench": "import" is missing.`, fix)
}

/**
 * Reads a run record, or an import of results from another harness.
 * @param loadProjectSuite called for an import, because the claims of the suite judge it
 */
export async function openRecord(
  file: string,
  loadProjectSuite: () => Promise<{ project: Project; suite: Suite }>,
): Promise<RunRecord> {
  const imported = readImport(file)
  if (imported === undefined) return readRecord(file)
  const { project, suite } = await loadProjectSuite()
  return importRecord(file, imported, suite, knownPlatforms(project))
}

const knownPlatforms = (project: Project): ImportTarget[] =>
  resolvePlatforms(project.platforms, drivers, project.configFile).map(({ spec, driver, options }) => ({
    name: spec.name,
    kind: spec.kind,
    family: platformFamily(driver, options),
  }))

/** The project of a directory, and the suite of all its bench files. */
export async function loadSuite(cwd: string, config: string | undefined): Promise<{ project: Project; suite: Suite }> {
  const project = await loadProject(cwd, config)
  return { project, suite: (await collect(project.root, await benchFiles(project))).suite }
}

/** The run to compare with: the name from the command line, and its record. */
export interface Baseline {
  readonly name: string
  readonly file: string
}

/**
 * Creates the reporters of `--reporter name[=file]`, as one reporter.
 * @throws {UsageError} for an unknown name
 */
export function createReporters(
  options: Pick<Options, 'reporter' | 'json' | 'verbose' | 'margin'>,
  root: string,
  io: CommandIo,
  baseline?: Baseline,
): Required<Reporter> {
  const wanted = options.json ? ['json', ...options.reporter.filter((text) => text !== 'default')] : options.reporter
  const out = {
    write: (text: string) => void io.out.write(text),
    isTTY: io.out.isTTY === true,
    columns: io.out.columns ?? 100,
  }
  return multiplexReporters(
    wanted.map((text) => {
      const [name, ...file] = text.split('=') as [string, ...string[]]
      const kind = Object.hasOwn(reporters, name) ? reporters[name] : undefined
      if (!kind) {
        const close = closestMatch(name, Object.keys(reporters))
        throw new UsageError(
          `there is no reporter "${name}"`,
          close ? `did you mean "${close}"?` : `there are: ${Object.keys(reporters).join(', ')}`,
        )
      }
      const path = file.join('=')
      const reporter = kind.create({
        out,
        root,
        color: io.color,
        verbose: options.verbose,
        history: historyFor,
        ...(baseline && { against: againstOf(baseline, options.margin) }),
        ...(path !== '' && { file: resolve(io.cwd, path) }),
      })
      return { name, reporter }
    }),
    (name, error) =>
      void io.err.write(`warning  reporter "${name}" failed: ${messageOf(error)}. The other reporters continue.\n`),
  )
}

/** Compares reports with a baseline, which is read once. Different hosts are accepted here: the reporter names them. */
function againstOf({ name, file }: Baseline, marginPercent: number): (report: Report) => BaselineView {
  let baseline: { readonly record: RunRecord; readonly report: Report } | undefined
  return ({ record: current }) => {
    if (!baseline) {
      const record = readRecord(file)
      baseline = { record, report: buildReport(record, { strict: false }) }
    }
    const comparison = compareRecords(baseline.record, readRecord(current), {
      marginPercent,
      allowDifferentHosts: true,
    })
    return { name, report: baseline.report, comparison }
  }
}

/** The text of `--dry-run`. It includes platforms that may not work on this host, because nothing was probed. */
export function showPlan(plan: Omit<Plan, 'platforms'>, platforms: readonly ResolvedPlatform[]): string {
  const { rounds, warmup, seconds } = plan.profile
  const planned = platforms.map(({ spec, driver, options }) => ({
    name: spec.name,
    kind: spec.kind,
    family: platformFamily(driver, options),
    tags: spec.tags,
    available: true,
    version: '',
    cpuMode: 'hardware' as const,
  }))
  const steps = stepsOfRound({ ...plan, platforms: planned }, 0)
  const total = steps.reduce((sum, { duetWith }) => sum + (duetWith ? 2 : 1), 0) * (rounds + warmup)
  const lines = [
    `Would measure ${plan.cases.length} cases on ${platforms.length} platforms: ${total} samples of about ${seconds} s`,
    `(${warmup} warm-up and ${rounds} rounds, seed ${plan.seed}, profile ${plan.profileName}). No platform was probed.`,
    '',
    'Cases:',
    ...plan.cases.map(({ id }) => `  ${id}`),
    '',
    `Platforms: ${platforms.map(({ spec }) => spec.name).join(', ')}`,
    '',
    'Order of the first round:',
    ...steps.map(
      ({ case: { id }, platform, duetWith }) => `  ${id}  on ${platform}${duetWith ? ` and ${duetWith}` : ''}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}
