import { logOrCollapsed } from '../../core/judge/samples.ts'
import type { BenchInfo } from '../../core/model/claim.ts'
import { describeParams, type Params } from '../../core/model/plan.ts'
import type { MetricResult, Report } from '../../core/model/report.ts'
import type { ClaimVerdict, Outcome } from '../../core/model/verdict.ts'
import { regressions } from '../../core/records/compare.ts'
import type { Row } from '../../core/records/row-changes.ts'
import { compareFindingIds, type FindingId } from '../../dsl/finding-id.ts'
import { groupBy } from '../../util/group-by.ts'
import type { BaselineView } from '../metric-table.ts'
import { roundMedians } from '../summary.ts'

/**
 * Contradicted claims and regressions, grouped: each thing that was measured is one fact, however many claims and
 * findings are about it. Platforms and cases with the same claim share a fact.
 */

/** Something that was measured on one or more platforms and contradicts a claim, or regressed. */
export interface Fact {
  readonly bench: BenchInfo
  readonly metric: string
  /** Null if it only regressed against the baseline. */
  readonly direction: 'worse' | 'better' | null
  readonly fails: boolean
  /** At least one, the worst first. */
  readonly subjects: readonly FactSubject[]
  /** Numbers of the findings that it contradicts. */
  readonly findings: readonly FindingId[]
  /** Whether the bench's own expectation is contradicted. */
  readonly isOwn: boolean
  /** Platforms on which the same claim holds. */
  readonly holdsOn: readonly ClaimVerdict[]
}

/** A platform, or several for a ranking, with one set of parameters. */
export interface FactSubject {
  readonly params: Params
  readonly platforms: readonly string[]
  /** The contradicted claim that represents the others; null if it only regressed. */
  readonly verdict: ClaimVerdict | null
  /** In how many rounds the platform was on that side of the reference; null without a single reference. */
  readonly rounds: { readonly beyond: number; readonly of: number } | null
  /** The median that tables show, if the claim's estimate is another one. */
  readonly median: number | null
  readonly since: Since
}

/** When the fact first appeared. */
export type Since =
  /** It got worse since the baseline, or the platform has no result any more. */
  | { readonly kind: 'regressed'; readonly row: Row; readonly baseline: string }
  /** The comparison with the baseline did not find it worse: it was so before, or more rounds must decide. */
  | { readonly kind: 'baseline'; readonly row: Row; readonly baseline: string }
  /** What the latest comparable run of this host said. */
  | {
      readonly kind: 'former'
      readonly outcome: Outcome
      readonly verdict: ClaimVerdict
      readonly startedAt: string
      /** Whether it is now further from what is claimed: the intervals have nothing in common. */
      readonly isFurther: boolean
    }
  /** Nothing that the report is compared with has it. */
  | { readonly kind: 'first' }

/** What a report can be compared with. */
export interface Before {
  readonly baseline?: BaselineView | undefined
  /** The latest earlier run of the same host; null if there is none, undefined if that is unknown. */
  readonly former?: Report | null | undefined
}

const isContradicted = ({ outcome }: ClaimVerdict): boolean => outcome === 'contradicted'

const subjectKey = (bench: string, params: Params, platforms: readonly string[], metric: string): string =>
  JSON.stringify([bench, describeParams(params), platforms, metric])

const keyOfVerdict = ({ bench, params, platforms, claim }: ClaimVerdict): string =>
  subjectKey(bench.id, params, platforms, claim.metric)

const assertionKey = ({ claim: { matcher, onAtLeast } }: ClaimVerdict): string => JSON.stringify([matcher, onAtLeast])

/** Equal for the same claim about any subject. */
const claimedKey = (verdict: ClaimVerdict): string =>
  JSON.stringify([verdict.bench.id, verdict.claim.metric, assertionKey(verdict)])

/** The result of the metric in the case of a verdict, on its platform. */
export function resultOfVerdict(
  report: Pick<Report, 'cases'>,
  { case: id, bench, claim }: ClaimVerdict,
  platform: string,
): MetricResult | undefined {
  const about = report.cases.filter((one) => (id === null ? one.bench.id === bench.id : one.case === id))
  return about.flatMap((one) => one.results.find((own) => own.platform === platform)?.metrics[claim.metric] ?? [])[0]
}

/** Whether more is better, as the first result of the metric says. */
export function betterOf({ cases: benches }: Pick<Report, 'cases'>, bench: string, metric: string): 'lower' | 'higher' {
  const ofBench = benches.filter((one) => one.bench.id === bench)
  const results = ofBench.flatMap((one) => one.results.flatMap(({ metrics }) => metrics[metric] ?? []))
  return results[0]?.better ?? 'lower'
}

/** How bad the estimate of a verdict is: the more, the worse. */
export function badness({ estimate, claim, bench }: ClaimVerdict, report: Pick<Report, 'cases'>): number {
  if (!estimate) return Number.NEGATIVE_INFINITY
  const sign = betterOf(report, bench.id, claim.metric) === 'lower' ? 1 : -1
  const isLogarithmic = ['ratio', 'amount', 'change'].includes(estimate.kind) && estimate.value >= 0
  return sign * (isLogarithmic ? logOrCollapsed(estimate.value) : estimate.value)
}

/** The rounds in which the platform was worse (or better, if that is the fact) than what it is compared with. */
function roundsBeyond(report: Report, verdict: ClaimVerdict): FactSubject['rounds'] {
  const { estimate, direction, claim } = verdict
  if (estimate?.kind !== 'ratio' || !('platform' in estimate.to) || !estimate.paired) return null
  const own = resultOfVerdict(report, verdict, estimate.platform)
  const other = resultOfVerdict(report, verdict, estimate.to.platform)
  if (!own || !other) return null
  const reference = roundMedians(other)
  const pairs = [...roundMedians(own)].flatMap(([round, value]) => {
    const against = reference.get(round)
    return against === undefined ? [] : [value - against]
  })
  const bad = (betterOf(report, verdict.bench.id, claim.metric) === 'lower') === (direction === 'worse') ? 1 : -1
  return { beyond: pairs.filter((difference) => bad * difference > 0).length, of: pairs.length }
}

/** The median of the table, if the claim is about the value itself: its estimate is the Hodges-Lehmann one. */
function tableMedian(report: Report, verdict: ClaimVerdict): number | null {
  const { estimate, platforms } = verdict
  if (estimate?.kind !== 'amount' || platforms.length !== 1) return null
  return resultOfVerdict(report, verdict, platforms[0]!)?.median ?? null
}

/** Whether a contradicted verdict is beyond an earlier one in the same direction. */
function isFurther({ estimate: now }: ClaimVerdict, { estimate: before }: ClaimVerdict): boolean {
  if (!now || !before || now.kind !== before.kind) return false
  if (now.low === null || now.high === null || before.low === null || before.high === null) return false
  const center = now.kind === 'ratio' ? 1 : 0
  return (now.low > before.high && now.low > center) || (now.high < before.low && now.high < center)
}

/** Equal for the same claim about the same subject in two runs. */
const formerKey = (verdict: ClaimVerdict): string => keyOfVerdict(verdict) + assertionKey(verdict)

/** The evaluated claims of an earlier run, the first of each by `formerKey`. */
const formerClaims = ({ former }: Before): Map<string, ClaimVerdict> =>
  new Map(
    (former?.claims ?? [])
      .filter(({ outcome }) => outcome !== 'not-evaluated')
      .reverse()
      .map((one) => [formerKey(one), one]),
  )

function sinceOf(
  verdict: ClaimVerdict,
  row: Row | undefined,
  { baseline, former }: Before,
  earlier: ReadonlyMap<string, ClaimVerdict>,
): Since {
  if (row && baseline) {
    const isRegressed = row.change === 'regressed' || row.change === 'lost'
    return { kind: isRegressed ? 'regressed' : 'baseline', row, baseline: baseline.name }
  }
  const before = earlier.get(formerKey(verdict))
  if (!before) return { kind: 'first' }
  return {
    kind: 'former',
    outcome: before.outcome,
    verdict: before,
    startedAt: former!.environment.startedAt,
    isFurther: isFurther(verdict, before),
  }
}

/** The bench's own expectation first, then what fails the run. */
const representative = (verdicts: readonly ClaimVerdict[]): ClaimVerdict =>
  verdicts.find(({ finding, claim }) => finding === null && claim.severity === 'fail') ??
  verdicts.find(({ failsRun }) => failsRun) ??
  verdicts[0]!

/** The facts of a report: contradicted claims and regressions, those that fail the run first, then the worst first. */
export function factsOf(report: Report, before: Before): Fact[] {
  const contradicted = groupBy(report.claims.filter(isContradicted), (verdict) =>
    JSON.stringify([keyOfVerdict(verdict), verdict.direction]),
  )
  const holding = groupBy(
    report.claims.filter(({ outcome }) => outcome === 'holds'),
    claimedKey,
  )
  const { rows = [] } = before.baseline?.comparison ?? {}
  const regressed = new Set(before.baseline ? regressions(before.baseline.comparison) : [])
  const rowKey = ({ bench, params, platform, metric }: Row) => subjectKey(bench.id, params, [platform], metric)
  const rowOf = new Map(rows.map((row) => [rowKey(row), row]))
  const used = new Set<Row>()
  const earlier = formerClaims(before)
  const groups = new Map<string, { verdicts: ClaimVerdict[]; subjects: FactSubject[]; fails: boolean }>()
  for (const verdicts of contradicted.values()) {
    const verdict = representative(verdicts)
    const row = verdict.direction === 'worse' ? rowOf.get(keyOfVerdict(verdict)) : undefined
    const isRegressed = row !== undefined && regressed.has(row)
    if (isRegressed) used.add(row)
    const fails = isRegressed || verdicts.some(({ failsRun }) => failsRun)
    const { bench, claim, direction } = verdict
    const key = JSON.stringify([bench.id, claim.metric, direction, assertionKey(verdict), fails])
    const group = groups.get(key) ?? { verdicts: [], subjects: [], fails }
    group.verdicts.push(...verdicts)
    group.subjects.push({
      params: verdict.params,
      platforms: verdict.platforms,
      verdict,
      rounds: roundsBeyond(report, verdict),
      median: tableMedian(report, verdict),
      since: sinceOf(verdict, row, before, earlier),
    })
    groups.set(key, group)
  }
  const claimed = [...groups.values()].map((group) => claimedFact(report, group, holding))
  const unclaimed = regressedFacts(
    [...regressed].filter((row) => !used.has(row)),
    before,
  )
  return [...claimed, ...unclaimed].sort((a, b) => Number(b.fails) - Number(a.fails) || severity(b) - severity(a))
}

function claimedFact(
  report: Report,
  { verdicts, subjects, fails }: { verdicts: ClaimVerdict[]; subjects: FactSubject[]; fails: boolean },
  holding: ReadonlyMap<string, ClaimVerdict[]>,
): Fact {
  const bad = (subject: FactSubject) => badness(subject.verdict!, report)
  const sign = verdicts[0]!.direction === 'better' ? -1 : 1
  const sorted = [...subjects].sort((a, b) => sign * (bad(b) - bad(a)))
  const first = sorted[0]!.verdict!
  return {
    bench: first.bench,
    metric: first.claim.metric,
    direction: first.direction,
    fails,
    subjects: sorted,
    findings: [...new Set(verdicts.flatMap(({ finding }) => finding ?? []))].sort(compareFindingIds),
    isOwn: verdicts.some(({ finding }) => finding === null),
    holdsOn: holding.get(claimedKey(first)) ?? [],
  }
}

/** The rows of the baseline about which no claim says anything. */
function regressedFacts(rows: readonly Row[], { baseline }: Before): Fact[] {
  const groups = groupBy(rows, (row) => JSON.stringify([row.bench.id, row.metric, row.change]))
  return [...groups.values()].map((own) => ({
    bench: own[0]!.bench,
    metric: own[0]!.metric,
    direction: null,
    fails: true,
    subjects: [...own]
      .sort((a, b) => change(b) - change(a))
      .map((row) => ({
        params: row.params,
        platforms: [row.platform],
        verdict: null,
        rounds: null,
        median: null,
        since: { kind: 'regressed', row, baseline: baseline!.name } as const,
      })),
    findings: [],
    isOwn: false,
    holdsOn: [],
  }))
}

const change = ({ ratio }: Row): number => (ratio ? Math.abs(logOrCollapsed(ratio.estimate)) : Number.POSITIVE_INFINITY)

/** How far the worst subject is from its reference, for the order. */
function severity({ subjects: [worst] }: Fact): number {
  const { verdict, since } = worst!
  if (since.kind === 'regressed') return change(since.row) + 100
  const { estimate } = verdict!
  return estimate?.kind === 'ratio' ? Math.abs(logOrCollapsed(estimate.value)) : 0
}
