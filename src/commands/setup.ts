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

/** Asks a person; `undefined` where there is none to ask. */
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

/** What a `.json` file holds, where it says of itself that it is an import; undefined for a run record, a line each. */
function importIn(file: string): unknown {
  if (!file.endsWith('.json') || !existsSync(file)) return undefined
  const fix = 'see docs/json-report.md, "Importing results"'
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new RecordError(`${file} is not JSON: ${messageOf(error)}`, fix)
  }
  if (isImport(value)) return value
  throw new RecordError(`${file} is neither a run record nor an import: it has no "isobench": "import"`, fix)
}

/** What `isobench judge` and `isobench findings` take: a run record, or results of elsewhere, which the suite's claims judge. */
export async function openRecord(
  file: string,
  suiteOf: () => Promise<{ project: Project; suite: Suite }>,
): Promise<RunRecord> {
  const imported = importIn(file)
  if (imported === undefined) return readRecord(file)
  const { project, suite } = await suiteOf()
  return importRecord(file, imported, suite, knownPlatforms(project))
}

const knownPlatforms = (project: Project): ImportTarget[] =>
  resolvePlatforms(project.platforms, drivers, project.configFile).map(({ spec, driver, options }) => ({
    name: spec.name,
    kind: spec.kind,
    family: platformFamily(driver, options),
  }))

/** The project here and all that its bench files say. */
export async function loadSuite(cwd: string, config: string | undefined): Promise<{ project: Project; suite: Suite }> {
  const project = await loadProject(cwd, config)
  return { project, suite: (await collect(project.root, await benchFiles(project))).suite }
}

/** The run to show others against: the name that it was asked for by, and its record. */
export interface Baseline {
  readonly name: string
  readonly file: string
}

/**
 * The reporters that `--reporter name[=file]` asks for, as one.
 * @throws UsageError for a name that there is not.
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
      void io.err.write(`the reporter "${name}" broke, and the run goes on without it: ${messageOf(error)}\n`),
  )
}

/** Reads the baseline once, however many reports are shown against it. Unlike hosts are told, and refused elsewhere. */
function againstOf({ name, file }: Baseline, marginPercent: number): (report: Report) => BaselineView {
  let former: { readonly record: RunRecord; readonly report: Report } | undefined
  return ({ record: now }) => {
    if (!former) {
      const record = readRecord(file)
      former = { record, report: buildReport(record, { strict: false }) }
    }
    const comparison = compareRecords(former.record, readRecord(now), { marginPercent, allowDifferentHosts: true })
    return { name, report: former.report, comparison }
  }
}

/** What a run would do, for `--dry-run`. Nothing was probed: platforms that turn out not to work cost nothing. */
export function showPlan(plan: Omit<Plan, 'platforms'>, platforms: readonly ResolvedPlatform[]): string {
  const { rounds, warmup, seconds } = plan.profile
  const all = platforms.map(({ spec, driver, options }) => ({
    name: spec.name,
    kind: spec.kind,
    family: platformFamily(driver, options),
    tags: spec.tags,
    available: true,
    version: '',
  }))
  const steps = stepsOfRound({ ...plan, platforms: all }, 0)
  const total = steps.reduce((sum, { duetWith: beside }) => sum + (beside ? 2 : 1), 0) * (rounds + warmup)
  const lines = [
    `Would measure ${plan.cases.length} points on ${platforms.length} platforms, ${warmup} warm-up and ${rounds} rounds: ${total} samples`,
    `of about ${seconds} s, with the seed ${plan.seed} (profile ${plan.profileName}). Nothing was probed.`,
    '',
    'Points:',
    ...plan.cases.map(({ id }) => `  ${id}`),
    '',
    `Platforms: ${platforms.map(({ spec }) => spec.name).join(', ')}`,
    '',
    'Order of the first round:',
    ...steps.map(
      ({ case: point, platform, duetWith: beside }) => `  ${point.id}  on ${platform}${beside ? ` and ${beside}` : ''}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}
