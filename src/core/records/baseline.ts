import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Metric } from '../../dsl/metric.ts'
import { closestMatch } from '../../util/closest-match.ts'
import { IsobenchError, UsageError } from '../../util/errors.ts'
import { writeFileAtomic } from '../../util/files.ts'
import { isHostOverloaded } from '../judge/adjustments.ts'
import { exitCodes } from '../judge/exit-code.ts'
import { logMargin } from '../judge/rules.ts'
import { differences, Samples, type Series, worseSign } from '../judge/samples.ts'
import type { BenchInfo } from '../model/claim.ts'
import type { BenchCase } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import { benjaminiHochberg, type Interval, ratioInterval, ratioPValue } from '../stats/index.ts'
import { type Difference, type FingerprintInput, hostDifferences } from './fingerprint.ts'

/** Two run records against each other: what got worse, what got better, and what is unclear. */

export type Change = 'regressed' | 'improved' | 'same' | 'unclear'

/** One metric of one result in both runs. */
export interface Row {
  readonly bench: BenchInfo
  readonly case: string
  readonly params: BenchCase['params']
  readonly metric: string
  readonly platform: string
  /**
   * What the ratio is of: the ratios to native of each run, which leave the host's speed out, or the values themselves.
   */
  readonly of: 'ratio-to-native' | 'value'
  /** b ÷ a with its 90 % interval; null where there is nothing to compare, or no finite bound. */
  readonly ratio: { readonly estimate: number; readonly low: number | null; readonly high: number | null } | null
  /** Rounds of a and of b. */
  readonly rounds: readonly [number, number]
  readonly change: Change
  /** Why it is unclear, where that is not a matter of the interval: nothing to compare, or an overloaded host. */
  readonly reason: string | null
  /** Adjusted over the sweep (Benjamini–Hochberg): that b is worse, or better, than the margin allows. */
  readonly adjustedP: { readonly worse: number; readonly better: number } | null
  /** The row of native describes the host, and never fails the run. */
  readonly failsRun: boolean
}

export interface Comparison {
  readonly baseline: string
  readonly current: string
  readonly marginPercent: number
  readonly rows: readonly Row[]
  /** What was overlooked because of `--allow-different-hosts`. */
  readonly hostDifferences: readonly Difference[]
  /** Benches and platforms that only one of the runs has. */
  readonly onlyIn: { readonly baseline: readonly string[]; readonly current: readonly string[] }
  /** The smallest q that the numbers of rounds could give a single regression: above 0.05 they are too few. */
  readonly smallestAdjustedP: number
}

export const falseDiscoveryRate = 0.05

type UnadjustedRow = Omit<Row, 'change' | 'adjustedP'> & {
  readonly p: { worse: number; better: number } | null
  readonly same: boolean
  /** Which of the two runs others had most of the CPUs in. */
  readonly overloaded: 'before' | 'now' | null
}

/** Pure. `a` is the older. */
export function compareRecords(
  a: RunRecord,
  b: RunRecord,
  options: { readonly marginPercent: number; readonly allowDifferentHosts: boolean },
): Comparison {
  const [inA, inB] = [new Samples(a.samples), new Samples(b.samples)]
  const resultNames = (record: RunRecord) =>
    record.plan.cases.flatMap((point) =>
      record.plan.platforms.filter(({ available }) => available).map(({ name }) => `${point.id} on ${name}`),
    )
  const [inBaseline, inCurrent] = [resultNames(a), resultNames(b)]
  const working = (record: RunRecord) => record.plan.platforms.filter((one) => one.available).map((one) => one.name)
  const shared = working(b).filter((name) => working(a).includes(name))
  const bare = b.plan.cases
    .filter(({ id }) => a.plan.cases.some((point) => point.id === id))
    .flatMap((point) => {
      const benchIn = ({ plan }: RunRecord) => plan.benches.find(({ id }) => id === point.bench)
      const bench = benchIn(b)!
      const [before, now] = [benchIn(a)?.metrics ?? {}, bench.metrics]
      const both = Object.entries(now).filter(
        ([name, { unit, better }]) => before[name]?.unit === unit && before[name]?.better === better,
      )
      return both.flatMap(([name, metric]) =>
        shared.map((platform) => rowOf(point, bench, name, metric, platform, [inA, inB], options)),
      )
    })
  return {
    baseline: a.file,
    current: b.file,
    marginPercent: options.marginPercent,
    rows: classifyRows(bare),
    hostDifferences: hostDifferences(a, b),
    onlyIn: {
      baseline: inBaseline.filter((name) => !inCurrent.includes(name)),
      current: inCurrent.filter((name) => !inBaseline.includes(name)),
    },
    smallestAdjustedP: smallestAdjustedP(bare),
  }
}

function rowOf(
  point: BenchCase,
  bench: BenchInfo,
  name: string,
  metric: Metric,
  platform: string,
  runs: readonly [Samples, Samples],
  { marginPercent, allowDifferentHosts }: { readonly marginPercent: number; readonly allowDifferentHosts: boolean },
): UnadjustedRow {
  const [a, b] = runs.map((samples) => samples.series(point.id, platform, name, 'native')) as [Series, Series]
  const natives = runs.map((samples) => samples.series(point.id, 'native', name, platform)) as [Series, Series]
  const paired = [differences(a, natives[0], metric), differences(b, natives[1], metric)]
  const relative = platform !== 'native' && paired.every(Array.isArray)
  // Signed so that more is worse, on both sides: exp(d) is ×native for times, and native ÷ platform for rates.
  const sign = worseSign(metric)
  const worseness = ({ rounds }: Series) => [...rounds.values()].map((value) => value ** sign)
  const [x, y] = relative ? (paired as number[][]).map((d) => d.map(Math.exp)) : [worseness(a), worseness(b)]
  const base = {
    bench: { id: bench.id, file: bench.file, name: bench.name },
    case: point.id,
    params: point.params,
    metric: name,
    platform,
    of: relative ? ('ratio-to-native' as const) : ('value' as const),
    rounds: [x!.length, y!.length] as const,
    failsRun: platform !== 'native',
  }
  const nothing = (reason: string): UnadjustedRow => ({
    ...base,
    ratio: null,
    reason,
    p: null,
    same: false,
    overloaded: null,
  })
  if (x!.length === 0 || y!.length === 0) return nothing('not measured in both runs')
  if ([...x!, ...y!].some((value) => !(value > 0 && value < Infinity))) return nothing('a figure of 0 has no ratio')
  if (!allowDifferentHosts && new Set([...a.digests, ...b.digests]).size > 1)
    return nothing('the work differs: the bench, the limits or the image changed')
  const margin = Math.exp(logMargin(marginPercent, metric))
  const interval = ratioInterval(y!, x!)
  return {
    ...base,
    ratio: asPlainRatio(interval, sign),
    reason: null,
    p: { worse: ratioPValue(y!, x!, margin, 'greater'), better: ratioPValue(y!, x!, 1 / margin, 'less') },
    same: interval.low > 1 / margin && interval.high < margin,
    overloaded: wasOverloaded(b, natives[1]) ? 'now' : wasOverloaded(a, natives[0]) ? 'before' : null,
  }
}

/** Native describes the host too, if it was measured beside the platform. */
const wasOverloaded = (...sides: readonly Series[]): boolean =>
  isHostOverloaded(sides.filter(({ rounds }) => rounds.size > 0))

/** Back into the metric's own direction: b ÷ a. */
function asPlainRatio({ estimate, low, high }: Interval, sign: 1 | -1): Row['ratio'] {
  const finite = low > 0 && high < Infinity
  const bounds = finite ? [low ** sign, high ** sign].sort((one, other) => one - other) : [null, null]
  return { estimate: estimate ** sign, low: bounds[0]!, high: bounds[1]! }
}

/** Adjusts over the rows that can fail the run, each direction separately; other rows are judged alone. */
function classifyRows(bare: readonly UnadjustedRow[]): Row[] {
  const family = bare.filter(({ p, failsRun }) => p && failsRun)
  const adjusted = (side: 'worse' | 'better') => {
    const q = benjaminiHochberg(family.map(({ p }) => p![side]))
    return new Map(family.map((row, at) => [row, q[at]!]))
  }
  const [worse, better] = [adjusted('worse'), adjusted('better')]
  return bare.map((row) => {
    const { p, same, overloaded, ...rest } = row
    if (!p) return { ...rest, change: 'unclear', adjustedP: null }
    const q = { worse: worse.get(row) ?? p.worse, better: better.get(row) ?? p.better }
    const change: Change =
      q.worse <= falseDiscoveryRate
        ? 'regressed'
        : q.better <= falseDiscoveryRate
          ? 'improved'
          : same
            ? 'same'
            : 'unclear'
    // Such figures say who was scheduled when: docs/explanation/statistics.md.
    if (overloaded && (change === 'regressed' || change === 'improved'))
      return {
        ...rest,
        change: 'unclear',
        reason: `others had most of the CPUs in the run ${overloaded}`,
        adjustedP: q,
      }
    return { ...rest, change, adjustedP: q }
  })
}

/**
 * What a lone regression could reach at best: 1 ÷ the number of ways to split the rounds, times the size of the sweep.
 */
function smallestAdjustedP(bare: readonly UnadjustedRow[]): number {
  const family = bare.filter(({ p, failsRun }) => p && failsRun)
  const least = Math.min(1, ...family.map(({ rounds: [m, n] }) => 1 / choose(m + n, m)))
  return Math.min(1, family.length * least)
}

function choose(n: number, k: number): number {
  let ways = 1
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i
  return ways
}

/** Two runs were measured on different hosts. The command line prints the differences. */
export class DifferentHostsError extends IsobenchError {
  readonly code = 'ISOBENCH_USAGE'

  constructor(readonly differences: readonly Difference[]) {
    super('the two runs were measured on different hosts', 'add --allow-different-hosts to compare them all the same')
  }
}

/** @throws {DifferentHostsError} if the hosts differ */
export function assertSameHost(a: FingerprintInput, b: FingerprintInput): void {
  const differences = hostDifferences(a, b)
  if (differences.length > 0) throw new DifferentHostsError(differences)
}

/**
 * Compares two records.
 * @throws {DifferentHostsError} if the hosts differ, unless `allowDifferentHosts` is set
 */
export function compareSameHost(
  a: RunRecord,
  b: RunRecord,
  options: { readonly marginPercent: number; readonly allowDifferentHosts: boolean },
): Comparison {
  if (!options.allowDifferentHosts) assertSameHost(a, b)
  return compareRecords(a, b, options)
}

/** What makes a comparison fail: rows that are worse than the margin allows, without those of native. */
export const regressions = ({ rows }: Comparison): Row[] =>
  rows.filter(({ failsRun, change }) => failsRun && change === 'regressed')

/** The report of a run with a baseline: a regression fails it, and a comparison decides something without any claim. */
export function withBaseline(report: Report, comparison: Comparison): Report {
  const failing = regressions(comparison).map(({ case: id, platform, metric }) => ({ case: id, platform, metric }))
  const { exit } = report
  const isCompared = comparison.rows.some(({ ratio }) => ratio)
  const decided = exit.code === exitCodes.nothing && isCompared ? exitCodes.clean : exit.code
  const code = failing.length > 0 && exit.code !== exitCodes.interrupted ? exitCodes.failed : decided
  return { ...report, exit: { ...exit, code, regressions: failing } }
}

const folderOf = (root: string) => join(root, '.isobench', 'baselines')

/** @throws UsageError for a name that could be a path or an option. */
export function checkBaselineName(name: string): string {
  if (/^[\w][\w.+-]{0,99}$/.test(name)) return name
  throw new UsageError(
    `"${name}" cannot name a baseline`,
    'use letters, digits, ".", "_", "+" and "-", starting with a letter or digit',
  )
}

const fileOf = (root: string, name: string) => join(folderOf(root), `${checkBaselineName(name)}.jsonl`)

/** Keeps a copy of a record under a name; one of that name is replaced, whole or not at all. */
export function saveBaseline(root: string, name: string, record: string): string {
  const file = fileOf(root, name)
  writeFileAtomic(file, readFileSync(record))
  return file
}

export function baselineNames(root: string): string[] {
  const folder = folderOf(root)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => name.slice(0, -'.jsonl'.length))
    .sort()
}

/**
 * The file of a baseline.
 * @throws UsageError when there is none of that name.
 */
export function baselineFile(root: string, name: string): string {
  const file = fileOf(root, name)
  if (existsSync(file)) return file
  const known = baselineNames(root)
  const close = closestMatch(name, known)
  const fix = close ? `did you mean "${close}"?` : known.length > 0 ? `there are: ${known.join(', ')}` : undefined
  throw new UsageError(`there is no baseline "${name}"`, fix ?? `keep one with: isobench run --save-baseline ${name}`)
}

/** A record by its path, or by the name of a baseline. */
export function recordFile(root: string, cwd: string, given: string): string {
  const path = resolve(cwd, given)
  if (existsSync(path) && /\.jsonl$/.test(path)) return path
  if (/[\\/]|\.jsonl$/.test(given))
    throw new UsageError(`there is no run record at ${given}`, 'records are in .isobench/runs')
  return baselineFile(root, given)
}
