import { basename } from 'node:path'
import { exitCodes } from '../../core/judge/exit-code.ts'
import { logOrCollapsed } from '../../core/judge/samples.ts'
import type { BenchInfo } from '../../core/model/claim.ts'
import type { Params } from '../../core/model/plan.ts'
import type { CaseResult, MetricResult, Report } from '../../core/model/report.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'
import { groupBy } from '../../util/group-by.ts'
import { figureKey } from '../summary.ts'

/** Platforms by benches: how each platform compares with native in each bench, at a glance. */

export interface Matrix {
  readonly columns: readonly MatrixColumn[]
  /** native first, then from the cheapest to the costliest. */
  readonly rows: readonly MatrixRow[]
  /** Names of the benches that did not fit. */
  readonly omitted: readonly string[]
  /** Platforms of the rows with CPUs that software emulates. Do not compare their values with those on hardware. */
  readonly emulated: readonly string[]
}

/** A bench, or one case of it, by its main metric. */
export interface MatrixColumn {
  /** Short name of the bench. */
  readonly label: string
  /** The parameters of the case, or the metric. */
  readonly detail: string
  readonly metric: string
  readonly unit: string
  readonly better: 'lower' | 'higher'
  /** Ids of the cases. If there are several, a cell is the worst of them. */
  readonly cases: readonly string[]
  /** native's median; null if it was not measured. The first case's if there are several. */
  readonly native: number | null
}

/** Platforms that behave alike in every column, or as much alike as the number of rows allows. */
export interface MatrixRow {
  readonly platforms: readonly string[]
  readonly cells: readonly MatrixCell[]
}

export interface MatrixCell {
  /**
   * `same`: the interval contains 1, or the difference is negligible. `unsure`: there is no interval yet.
   * `failed`: all samples failed. `none`: not measured.
   */
  readonly state: 'better' | 'worse' | 'same' | 'unsure' | 'failed' | 'none'
  /** platform divided by native: of the platforms of the row, the smallest and the largest; null without a ratio. */
  readonly ratio: { readonly least: number; readonly most: number } | null
  /** Whether a claim about it, or its regression, fails the run. */
  readonly fails: boolean
  /** Whether the value is likely a cache or a clock. */
  readonly isSuspicious: boolean
}

export interface MatrixLimits {
  readonly columns: number
  readonly rows: number
}

/** Smaller differences from native, as a share, need not be seen. */
export const negligible = 0.01

/** Platforms share a row if their ratios differ by less than this factor. */
const alike = 1.15

/** A platform that fails the run joins one that does not only if rows are scarce: as if it were this factor worse. */
const failureFactor = 10

/**
 * The metric that fails the run, else one that an expectation is about, else the one that most claims are about.
 * @param own the claims about the bench
 */
function mainMetric(
  own: readonly ClaimVerdict[],
  cases: readonly CaseResult[],
  failing: ReadonlySet<string>,
): string | undefined {
  const metrics = [...new Set(cases.flatMap(({ results }) => results.flatMap((one) => Object.keys(one.metrics))))]
  const weight = (metric: string) =>
    own.filter(({ claim }) => claim.metric === metric).length +
    1000 * Number(own.some(({ claim, finding }) => claim.metric === metric && finding === null)) +
    1e6 * Number(isFailing(failing, cases, metric))
  return metrics.reduce<string | undefined>(
    (best, metric) => (best === undefined || weight(metric) > weight(best) ? metric : best),
    undefined,
  )
}

/** What every matrix of a report needs. A record of many shards has tens of thousands of cases. */
interface MatrixIndex {
  readonly failing: ReadonlySet<string>
  /** Whether they only leave the run open, as with `--strict`. */
  readonly isOpen: boolean
  readonly benches: readonly MeasuredBench[]
  /** By id. */
  readonly cases: ReadonlyMap<string, CaseResult>
  /** By the id of the bench. */
  readonly labels: ReadonlyMap<string, string>
  /** The platforms with results. */
  readonly measured: ReadonlySet<string>
}

/** A screen tries several sizes of the matrix. */
const indexes = new WeakMap<Report, MatrixIndex>()

function indexOf(report: Report): MatrixIndex {
  const known = indexes.get(report)
  if (known) return known
  const failing = failingCells(report)
  const byBench = groupBy(report.cases, ({ bench }) => bench.id)
  const claims = groupBy(report.claims, ({ bench }) => bench.id)
  const index: MatrixIndex = {
    failing,
    isOpen: report.exit.code === exitCodes.inconclusive,
    benches: [...byBench].flatMap(([id, cases]) => {
      const metric = mainMetric(claims.get(id) ?? [], cases, failing)
      return metric === undefined ? [] : [{ id, cases, metric, rank: rankOf(cases, metric, failing) }]
    }),
    cases: new Map(report.cases.map((one) => [one.case, one])),
    labels: labelsOf([...byBench.values()].map(([one]) => one!.bench)),
    measured: new Set(report.cases.flatMap(({ results }) => results.map(({ platform }) => platform))),
  }
  indexes.set(report, index)
  return index
}

/** The name of the bench file, if the benches of the report have different ones; otherwise the name of the bench. */
function labelsOf(benches: readonly BenchInfo[]): Map<string, string> {
  const files = groupBy(benches, ({ file }) => basename(file))
  const names = groupBy(benches, ({ name }) => name)
  return new Map(
    benches.map(({ id, file, name }) => {
      const base = basename(file)
      const stem = base.replace(/(\.bench)?\.[cm]?[jt]s$/, '')
      const others = [...files.get(base)!, ...(names.get(stem) ?? [])].filter((other) => other.id !== id)
      return [id, others.length === 0 && stem !== '' ? stem : name]
    }),
  )
}

/** Only the parameters in which the cases of a bench differ. */
function differingParams(params: Params, all: readonly CaseResult[]): Params {
  const differs = (name: string) => new Set(all.map((one) => one.params[name])).size > 1
  return Object.fromEntries(Object.entries(params).filter(([name]) => differs(name)))
}

const shortParams = (params: Params): string => Object.values(params).map(String).join(' ')

/** One column for each bench, then one for each case of the benches with the fewest cases while there is room. */
function columnsOf(index: MatrixIndex, most: number): { columns: MatrixColumn[]; omitted: string[] } {
  const { benches: all, labels } = index
  const shown = mostImportant(all, most)
  let room = most - shown.length
  const split = new Set<string>()
  for (const { id, cases } of [...shown].sort((a, b) => a.cases.length - b.cases.length)) {
    if (cases.length < 2 || cases.length - 1 > room) continue
    split.add(id)
    room -= cases.length - 1
  }
  const columns = shown.flatMap(({ id, cases, metric }) => {
    if (!split.has(id)) return [columnOf(labels, cases, metric, cases.length > 1 ? `worst of ${cases.length}` : metric)]
    return cases.map((one) => columnOf(labels, [one], metric, shortParams(differingParams(one.params, cases))))
  })
  const isShown = new Set(shown)
  return { columns, omitted: all.flatMap((one) => (isShown.has(one) ? [] : labels.get(one.id)!)) }
}

interface MeasuredBench {
  readonly id: string
  readonly cases: readonly CaseResult[]
  readonly metric: string
  /** How much it says. */
  readonly rank: number
}

/** The benches that fail the run, then those in which platforms differ most; in the order of the report. */
function mostImportant(all: readonly MeasuredBench[], most: number): readonly MeasuredBench[] {
  if (all.length <= most) return all
  const kept = new Set([...all].sort((a, b) => b.rank - a.rank).slice(0, most))
  return all.filter((one) => kept.has(one))
}

function rankOf(cases: readonly CaseResult[], metric: string, failing: ReadonlySet<string>): number {
  const ratios = cases.flatMap(({ results }) => results.flatMap((one) => one.metrics[metric]?.ratioToNative ?? []))
  const spread = ratios.reduce((most, { ratio }) => Math.max(most, Math.abs(logOrCollapsed(ratio))), 0)
  return (isFailing(failing, cases, metric) ? 1000 : 0) + spread
}

function columnOf(
  labels: MatrixIndex['labels'],
  cases: readonly CaseResult[],
  metric: string,
  detail: string,
): MatrixColumn {
  const results = cases.flatMap((one) => one.results.flatMap(({ metrics }) => metrics[metric] ?? []))
  const native = cases[0]!.results.find(({ platform }) => platform === 'native')?.metrics[metric]
  const { unit, better } = results[0]!
  return {
    label: labels.get(cases[0]!.bench.id)!,
    detail,
    metric,
    unit,
    better,
    cases: cases.map((one) => one.case),
    native: native?.median ?? null,
  }
}

/** What makes the exit code: claims, and results that regressed against the baseline. */
function failingCells({ claims, exit }: Pick<Report, 'claims' | 'exit'>): Set<string> {
  const claimed = claims.flatMap(({ failsRun, case: id, platforms, claim }) =>
    failsRun && id !== null && platforms.length === 1 ? [figureKey(id, platforms[0]!, claim.metric)] : [],
  )
  const regressed = (exit.regressions ?? []).map(({ case: id, platform, metric }) => figureKey(id, platform, metric))
  return new Set([...claimed, ...regressed])
}

/** Whether a metric fails the run in one of these cases. */
const isFailing = (failing: ReadonlySet<string>, cases: readonly CaseResult[], metric: string): boolean =>
  cases.some((one) => one.results.some(({ platform }) => failing.has(figureKey(one.case, platform, metric))))

const nothing: MatrixCell = { state: 'none', ratio: null, fails: false, isSuspicious: false }

/** How much the ratio costs: above 0 is worse. */
const costOf = (ratio: number, better: MetricResult['better']): number =>
  (better === 'lower' ? 1 : -1) * logOrCollapsed(ratio)

function matrixCell(
  { cases: all, failing, isOpen }: MatrixIndex,
  { cases, metric, better }: MatrixColumn,
  platform: string,
): MatrixCell {
  const cells = cases
    .map((id) => all.get(id)!)
    .map((one): MatrixCell => {
      const own = one.results.find((result) => result.platform === platform)
      const result = own?.metrics[metric]
      if (!own || !result) return nothing
      const fails = !isOpen && failing.has(figureKey(one.case, platform, metric))
      const isSuspicious = own.flags.includes('suspiciously-fast')
      if (result.median === null) return { ...nothing, state: own.errors.length > 0 ? 'failed' : 'none' }
      if (!result.ratioToNative) return { ...nothing, fails, state: platform === 'native' ? 'same' : 'unsure' }
      const { ratio, low, high } = result.ratioToNative
      const state = stateOf(result.ratioToNative, better)
      const isBounded = low !== null && high !== null
      return { state: isBounded ? state : 'unsure', ratio: { least: ratio, most: ratio }, fails, isSuspicious }
    })
  // A case that fails the run is worse than any other, also one that only a limit or the baseline fails.
  const rank = (cell: MatrixCell) =>
    (cell.fails ? 1e6 : 0) + stateRanks.indexOf(cell.state) * 1000 + (cell.ratio ? costOf(cell.ratio.most, better) : 0)
  return cells.reduce((worst, cell) => (rank(cell) > rank(worst) ? cell : worst), nothing)
}

function stateOf(
  { ratio, low, high }: NonNullable<MetricResult['ratioToNative']>,
  better: MetricResult['better'],
): 'better' | 'worse' | 'same' {
  if (low === null || high === null || (low <= 1 && high >= 1) || Math.abs(ratio - 1) < negligible) return 'same'
  return costOf(ratio, better) > 0 ? 'worse' : 'better'
}

const stateRanks: readonly MatrixCell['state'][] = ['none', 'same', 'better', 'unsure', 'worse', 'failed']

/** Both cells as one: the worse state, and the range of the ratios. */
function mergedCell(a: MatrixCell, b: MatrixCell): MatrixCell {
  const state = stateRanks[Math.max(stateRanks.indexOf(a.state), stateRanks.indexOf(b.state))]!
  const ratios = [a, b].flatMap(({ ratio }) => (ratio ? [ratio.least, ratio.most] : []))
  return {
    state,
    ratio: ratios.length > 0 ? { least: Math.min(...ratios), most: Math.max(...ratios) } : null,
    fails: a.fails || b.fails,
    isSuspicious: a.isSuspicious || b.isSuspicious,
  }
}

const mergedRow = (a: MatrixRow, b: MatrixRow): MatrixRow => ({
  platforms: [...a.platforms, ...b.platforms],
  cells: a.cells.map((cell, at) => mergedCell(cell, b.cells[at]!)),
})

/** How far apart the platforms of a row would be: the logarithm of the largest factor in any column. */
function distance(a: MatrixRow, b: MatrixRow): number {
  const distances = a.cells.map((cell, at) => {
    const other = b.cells[at]!
    const penalty = cell.fails === other.fails ? 0 : Math.log(failureFactor)
    if (cell.state === 'same' && other.state === 'same') return penalty
    if (!cell.ratio || !other.ratio) return cell.ratio === other.ratio ? penalty : Math.log(failureFactor)
    const most = Math.max(cell.ratio.most, other.ratio.most)
    const least = Math.min(cell.ratio.least, other.ratio.least)
    return Math.max(penalty, logOrCollapsed(most) - logOrCollapsed(least))
  })
  return Math.max(0, ...distances)
}

/** Joins the two rows that are most alike, until the others differ and there are few enough (complete linkage). */
function grouped(rows: readonly MatrixRow[], most: number): MatrixRow[] {
  const groups = [...rows]
  for (;;) {
    let nearest = { a: 0, b: 0, distance: Number.POSITIVE_INFINITY }
    for (let a = 0; a < groups.length; a++)
      for (let b = a + 1; b < groups.length; b++) {
        const between = distance(groups[a]!, groups[b]!)
        if (between < nearest.distance) nearest = { a, b, distance: between }
      }
    if (nearest.b === 0 || (groups.length <= most && nearest.distance > Math.log(alike))) return groups
    groups[nearest.a] = mergedRow(groups[nearest.a]!, groups[nearest.b]!)
    groups.splice(nearest.b, 1)
  }
}

/** The mean cost over the columns. */
function costOfRow({ cells }: MatrixRow, columns: readonly MatrixColumn[]): number {
  const costs = cells.flatMap(({ state, ratio }, at) =>
    state === 'none' || state === 'failed' || !ratio
      ? []
      : [state === 'same' ? 0 : costOf(ratio.most, columns[at]!.better)],
  )
  return costs.length === 0 ? Number.POSITIVE_INFINITY : costs.reduce((sum, one) => sum + one, 0) / costs.length
}

/** The matrix, with at most so many columns and rows; undefined if nothing is compared with native. */
export function matrixOf(report: Report, limits: MatrixLimits): Matrix | undefined {
  const index = indexOf(report)
  const { columns, omitted } = columnsOf(index, limits.columns)
  const names = report.platforms.flatMap(({ name }) => (name !== 'native' && index.measured.has(name) ? [name] : []))
  const all = names.map((name) => ({
    platforms: [name],
    cells: columns.map((column) => matrixCell(index, column, name)),
  }))
  const shown = all.filter(({ cells }) => cells.some(({ state }) => state !== 'none'))
  if (!shown.some(({ cells }) => cells.some(({ ratio }) => ratio !== null))) return undefined
  const rows = grouped(shown, limits.rows).sort((a, b) => costOfRow(a, columns) - costOfRow(b, columns))
  const emulated = report.platforms.flatMap(({ name, cpuMode }) =>
    cpuMode === 'emulated' && shown.some(({ platforms }) => platforms.includes(name)) ? [name] : [],
  )
  return { columns, rows, omitted, emulated }
}
