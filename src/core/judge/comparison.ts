import type { Claim, Matcher, Reference } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import type { ParamValue } from '../../dsl/workload.ts'
import type { BenchCase } from '../model/plan.ts'
import { benchById } from '../model/suite.ts'
import { type Estimate, isDecided, type Reason } from '../model/verdict.ts'
import { type Interval, median } from '../stats/index.ts'
import { applyClientLimit, applyDependence, applyHostLoad, isClientBound } from './adjustments.ts'
import { judgeNoStableOrder } from './aggregate.ts'
import type { PriorOf } from './comparable-cases.ts'
import { PublishedResults } from './published.ts'
import {
  asRatio,
  asValue,
  type Decision,
  type DecisionRule,
  decisivePart,
  equivalence,
  inferiority,
  type Limit,
  limitAt,
  limitedGrowth,
  logMargin,
  noBetterThanLimit,
  nonInferiority,
  noWorseThanLimit,
  ofLogs,
  perClaimAlpha,
  superiority,
  tooFewRounds,
  type ValueInterval,
} from './rules.ts'
import {
  measuredMembers,
  medianSeries,
  minMedianMembers,
  type NotComparable,
  notObserved,
  pairedDifferences,
  type Samples,
  type Series,
  unavailableReason,
  worseSign,
} from './samples.ts'
import { judgePeaks, judgeSeries, type PeakMatcher, type SeriesMatcher, type SeriesPoint, whyNot } from './series.ts'
import { applySuspicion, type Suspect, suspicionOf } from './suspicion.ts'
import {
  type ComparisonResult,
  extraRoundsNeeded,
  type HypothesisTest,
  type JudgeInput,
  judgeUnpaired,
  notEvaluated,
  pValueAtRate,
  runTest,
  type Test,
} from './tests.ts'

/**
 * Judges one claim on one platform.
 * @param cases one case; for a claim over a parameter, those of its series
 */
export function judgeOnPlatform(
  claim: Claim,
  name: string,
  cases: Cases,
  metric: Metric,
  input: JudgeInput,
): ComparisonResult {
  const { matcher } = claim
  const [benchCase] = cases
  const about = { bench: benchCase.bench, metric: claim.metric, case: benchCase.id }
  const series = (platform: string, comparedWith?: string) =>
    input.samples.series(benchCase.id, platform, claim.metric, comparedWith)
  const unseen = notObserved(namedPlatforms(matcher, name), (platform) =>
    cases.map(({ id }) => input.samples.series(id, platform, claim.metric)),
  )
  if (unseen) return notEvaluated(unseen)
  const published = input.plan.published && new PublishedResults(input.plan.published, [benchCase.id], claim.metric)
  const clientOf = (name: string, members: readonly string[] = [name]) => ({
    name,
    bound: members.some((member) => isClientBound(input.samples, benchCase.id, member)),
  })
  const bench = benchById(input.plan.benches, claim.bench)!
  const suspect = (name: string, members: readonly string[] = [name]): Suspect => {
    const all = members.flatMap((member) => cases.map((one) => suspicionOf(one, bench, member, claim.metric, input)))
    return { name, suspicion: (['certain', 'likely'] as const).find((one) => all.includes(one)) ?? 'none' }
  }
  // Only a decided claim needs the intervals that show what is suspicious.
  const unlessSuspicious = (judged: ComparisonResult, platform: string, reference?: Reference): ComparisonResult =>
    isDecided(judged)
      ? applySuspicion(judged, suspect(platform), reference && suspect(reference.platform, reference.medianOf))
      : judged
  const against: Against = (platform, reference, rule) =>
    unlessSuspicious(
      applyClientLimit(
        { ...compare(platform, reference, rule), wantsWorse: wantsWorse(rule) },
        clientOf(platform),
        clientOf(reference.platform, reference.medianOf),
      ),
      platform,
      reference,
    )
  const compare: Against = (platform, reference, rule) => {
    const compared = referenceSeries(platform, reference, series, input)
    if ('code' in compared) return notEvaluated(compared)
    const [a, b] = [series(platform, reference.medianOf ? undefined : reference.platform), compared]
    const to = reference.medianOf ? { medianOf: reference.medianOf } : { platform: reference.platform }
    const ratio = (paired: boolean) => (interval: ValueInterval) =>
      ({ kind: 'ratio', ...interval, platform, to, paired }) as const
    if (published && (a.rounds.size === 0 || b.rounds.size === 0)) {
      return (
        published.against(platform, reference, metric, rule, ratio(false)) ??
        notEvaluated({ code: 'no-published-number' })
      )
    }
    if (a.unpaired || b.unpaired) {
      return judgeUnpaired(a, b, metric, rule, reference.medianOf ? 'median' : reference.platform, ratio(false))
    }
    const rounds = pairedDifferences(a, b, metric)
    if (!Array.isArray(rounds)) {
      const { medianOf } = reference
      const others = medianOf ? measuredMembers(medianOf, platform, input.plan) : [reference.platform]
      return notEvaluated(failedOn(rounds, [platform, ...others], series))
    }
    const id = [benchCase.id, claim.metric, platform, reference.platform].join('\0')
    const visited = Math.min(a.visited, b.visited)
    const query = { ...about, platform, against: reference }
    const prior = input.comparable.prior(query)
    const judged = atLooks({ id, rounds, visited, rule, prior }, input, (interval) =>
      ratio(true)(asRatio(interval, metric)),
    )
    const dependenceOf = (those: readonly number[]) => input.comparable.dependence(query, those)
    return applyHostLoad(applyDependence(judged, [rounds], thresholdsOf(rule), ofLogs, dependenceOf), [a, b])
  }
  switch (matcher.kind) {
    case 'withinNative':
      return against(name, { platform: 'native' }, nonInferiority(logMargin(matcher.percent, metric)))
    case 'notWorseThan':
      return against(name, matcher, nonInferiority(logMargin(matcher.percent, metric)))
    case 'equivalentTo':
      return against(name, matcher, equivalence(logMargin(matcher.percent, metric)))
    case 'betterThan':
      return against(name, matcher, superiority(matcher.by))
    case 'worseThan':
      return against(name, matcher, inferiority(matcher.by))
    case 'ranked':
      return judgeRanking(matcher.platforms, against)
    case 'noStableOrder': {
      const why = matcher.platforms.flatMap((platform) => unavailableReason(platform, input.plan) ?? [])[0]
      if (why) return notEvaluated(why)
      const all = matcher.platforms.map((platform) => series(platform))
      if (published && all.some(({ rounds }) => rounds.size === 0)) return notEvaluated({ code: 'no-published-number' })
      const judged = judgeNoStableOrder(matcher.platforms, all)
      const suspects = isDecided(judged) ? matcher.platforms.map((platform) => suspect(platform)) : []
      const fast = suspects.find(({ suspicion }) => suspicion === 'certain')
      return fast ? applySuspicion(judged, fast) : judged
    }
    case 'peaksAt':
    case 'constant':
      return unlessSuspicious(judgeOverParameter(matcher, claim, name, cases, metric, input), name)
    case 'peakWithin':
      return unlessSuspicious(judgePeakWithin(matcher, claim, name, cases, metric, input), name, matcher)
    case 'worsensAtMost':
      return unlessSuspicious(judgeWorsening(matcher, claim, name, cases, metric, input), name)
    case 'atMost':
    case 'atLeast':
      return unlessSuspicious(
        applyClientLimit(judgeLimit(claim, matcher, name, series(name), metric, benchCase, input), clientOf(name)),
        name,
      )
  }
}

/** The platforms that a claim about `name` needs. Of a median, any two members are enough. */
function namedPlatforms(matcher: Claim['matcher'], name: string): readonly string[] {
  if ('platforms' in matcher) return matcher.platforms
  if (matcher.kind === 'withinNative') return [name, 'native']
  return 'platform' in matcher && !matcher.medianOf ? [name, matcher.platform] : [name]
}

/** The series of the reference, or why there is none. */
function referenceSeries(
  platform: string,
  { platform: reference, medianOf }: Reference,
  series: (platform: string, comparedWith?: string) => Series,
  { plan }: JudgeInput,
): Series | Reason {
  const why = unavailableReason(platform, plan) ?? (medianOf ? undefined : unavailableReason(reference, plan))
  if (why) return why
  if (!medianOf) return series(reference, platform)
  const members = measuredMembers(medianOf, platform, plan).filter((name) => !series(name).unsupported)
  if (members.length >= minMedianMembers) return medianSeries(members.map((name) => series(name)))
  const missing = medianOf.flatMap((name) => unavailableReason(name, plan) ?? [])[0]
  return missing ?? { code: 'too-few-platforms', needed: minMedianMembers }
}

function failedOn({ why }: NotComparable, platforms: readonly string[], series: (platform: string) => Series): Reason {
  if (why === 'too-few-rounds') return tooFewRounds
  if (why !== 'sample-errors') return { code: why }
  const unable = platforms.filter((platform) => series(platform).unsupported)
  if (unable.length > 0) return { code: 'workload-unsupported', platforms: unable }
  const failed = platforms.filter((platform) => series(platform).errors.length > 0)
  // A platform with some values is not the cause if another one has none.
  const entirely = failed.filter((platform) => series(platform).rounds.size === 0)
  return { code: why, platforms: entirely.length > 0 ? entirely : failed }
}

type Against = (platform: string, reference: Reference, rule: DecisionRule) => ComparisonResult

const thresholdsOf = ({ against }: DecisionRule): number[] => against.map(({ threshold }) => threshold)

/** Whether the distance of the interval from the thresholds says how many more rounds would decide. */
const hasExtraRounds = ({ reason }: Decision): boolean =>
  reason?.code !== 'within-half-margin' && reason?.code !== 'equals-margin'

/** Runs a test over all interim looks. */
function atLooks(
  test: HypothesisTest,
  { plan }: JudgeInput,
  estimate: (interval: Interval) => Estimate,
): ComparisonResult {
  const { decision, interval, tests } = runTest(test, plan.sequential)
  const thresholds = thresholdsOf(test.rule)
  return {
    ...decision,
    estimate: estimate(interval),
    interval,
    margin: test.rule.margin ?? null,
    wantsWorse: wantsWorse(test.rule),
    extraRoundsNeeded: hasExtraRounds(decision) ? extraRoundsNeeded(interval, thresholds) : null,
    tests,
  }
}

/** Whether the claim is that the platform is worse than something. */
const wantsWorse = ({ against }: DecisionRule): boolean => against.every(({ direction }) => direction === 'better')

/**
 * Each is better than every later one. One contradicted pair contradicts the ranking, so the pairs share the error rate
 * of one claim (Bonferroni). It holds only if all pairs hold, which needs no correction.
 */
function judgeRanking(order: readonly string[], against: Against): ComparisonResult {
  const all = order.flatMap((platform, at) =>
    order.slice(at + 1).map((later) => against(platform, { platform: later }, superiority(1))),
  )
  const pairs = all.map((pair) => (pair.outcome === 'contradicted' ? correctFor(all.length, pair) : pair))
  const worst = (['contradicted', 'not-evaluated', 'inconclusive', 'holds'] as const).find((outcome) =>
    pairs.some((pair) => pair.outcome === outcome),
  )
  const decisive = decisivePart(pairs.filter((pair) => pair.outcome === worst))!
  return { ...decisive, tests: pairs.flatMap(({ tests }) => tests) }
}

function correctFor(count: number, pair: ComparisonResult): ComparisonResult {
  const rate = perClaimAlpha.atMargin
  const isSignificant = ({ atMargin }: Test) => pValueAtRate(atMargin.p, rate, count) * count <= rate
  // A contradiction by a source's statement has no test.
  if (pair.tests.length === 0 || pair.tests.some(isSignificant)) return pair
  return {
    ...pair,
    outcome: 'inconclusive',
    direction: null,
    reason: { code: 'multiplicity', tests: count, among: 'claim' },
  }
}

type Cases = readonly [BenchCase, ...BenchCase[]]

const pointsOf = (cases: Cases, over: string, series: (caseId: string) => Series): SeriesPoint[] =>
  cases.map(({ id, params }) => ({ value: params[over]!, series: series(id) }))

/** If the load client was the limit in one case of a series, it decides the shape of the series. */
const clientOver = (cases: Cases, name: string, samples: Samples) => ({
  name,
  bound: cases.some(({ id }) => isClientBound(samples, id, name)),
})

function judgeOverParameter(
  matcher: SeriesMatcher,
  { metric: metricName }: Claim,
  name: string,
  cases: Cases,
  metric: Metric,
  { plan, samples, comparable }: JudgeInput,
): ComparisonResult {
  const why = unavailableReason(name, plan)
  if (why) return notEvaluated(why)
  const series = pointsOf(cases, matcher.over, (id) => samples.series(id, name, metricName))
  if (plan.published && series.every(({ series }) => series.rounds.size === 0)) {
    const published = new PublishedResults(
      plan.published,
      cases.map(({ id }) => id),
      metricName,
    )
    const peak = matcher.kind === 'peaksAt' ? published.peak(name, matcher) : undefined
    return peak ?? notEvaluated({ code: 'no-published-number' })
  }
  const id = [metricName, name, ...cases.map((one) => one.id)].join('\0')
  const about = { bench: cases[0].bench, metric: metricName, platform: name }
  const query = (a: number, b: number) => ({ ...about, case: cases[a]!.id, against: { case: cases[b]!.id } })
  const context = {
    looks: plan.sequential,
    priorOf: (a: number, b: number) => comparable.prior(query(a, b)),
    dependenceOf: (rounds: readonly number[]) => comparable.dependence(query(0, 1), rounds),
    id,
  }
  return applyClientLimit(judgeSeries(matcher, name, series, metric, context), clientOver(cases, name, samples))
}

function judgePeakWithin(
  matcher: PeakMatcher,
  { metric: metricName }: Claim,
  name: string,
  cases: Cases,
  metric: Metric,
  { plan, samples, comparable }: JudgeInput,
): ComparisonResult {
  const reference = matcher.platform
  const why = unavailableReason(name, plan) ?? unavailableReason(reference, plan)
  if (why) return notEvaluated(why)
  const ids = cases.map(({ id }) => id)
  const pointsAt = (platform: string) => pointsOf(cases, matcher.over, (id) => samples.series(id, platform, metricName))
  const [own, theirs] = [pointsAt(name), pointsAt(reference)]
  if (plan.published && [own, theirs].some((points) => points.every(({ series }) => series.rounds.size === 0))) {
    const published = new PublishedResults(plan.published, ids, metricName)
    const rule = nonInferiority(logMargin(matcher.percent, metric))
    const ratio = (interval: ValueInterval) =>
      ({ kind: 'ratio', ...interval, platform: name, to: { platform: reference }, paired: false }) as const
    return published.against(name, matcher, metric, rule, ratio) ?? notEvaluated({ code: 'no-published-number' })
  }
  const id = [metricName, name, ...ids].join('\0')
  const about = { bench: cases[0].bench, metric: metricName, platform: name, against: { platform: reference } }
  const query = (at: number) => ({ ...about, case: cases[at % cases.length]!.id })
  const context = {
    looks: plan.sequential,
    priorOf: (at: number) => comparable.prior(query(at)),
    dependenceOf: (rounds: readonly number[]) => comparable.dependence(query(0), rounds),
    id,
  }
  return applyClientLimit(
    judgePeaks(matcher, name, own, theirs, metric, context),
    clientOver(cases, name, samples),
    clientOver(cases, reference, samples),
  )
}

/** One value of a parameter against another one on the same platform, paired by round like two platforms. */
function judgeWorsening(
  matcher: Extract<Matcher, { readonly kind: 'worsensAtMost' }>,
  { metric: metricName }: Claim,
  name: string,
  cases: Cases,
  metric: Metric,
  input: JudgeInput,
): ComparisonResult {
  const { over, from, to, by } = matcher
  const why = unavailableReason(name, input.plan)
  if (why) return notEvaluated(why)
  const caseAt = (value: ParamValue) => cases.find(({ params }) => params[over] === value)
  const [first, last] = [caseAt(from), caseAt(to)]
  if (!first || !last) {
    const values = [from, to].filter((value) => !caseAt(value))
    return notEvaluated({ code: 'too-few-points', at: { parameter: over, values } })
  }
  const points = pointsOf([last, first], over, (id) => input.samples.series(id, name, metricName))
  if (points.some(({ series }) => series.digests.size > 1)) return notEvaluated({ code: 'different-work' })
  // The parameter is part of the work, so the two never have the same digest.
  const whole = ({ series }: SeriesPoint): Series => ({ ...series, digests: new Set() })
  const [a, b] = [whole(points[0]!), whole(points[1]!)]
  const change = (interval: ValueInterval) => ({ kind: 'change', ...interval, parameter: over, from, to }) as const
  const rule = limitedGrowth(by)
  if (input.plan.published && (a.rounds.size === 0 || b.rounds.size === 0))
    return notEvaluated({ code: 'no-published-number' })
  if (a.unpaired || b.unpaired) return judgeUnpaired(a, b, metric, rule, first.id, change)
  const rounds = pairedDifferences(a, b, metric)
  if (!Array.isArray(rounds)) return notEvaluated(whyNot(rounds, over, [{ platform: name, points }]))
  const query = { bench: last.bench, metric: metricName, platform: name, case: last.id, against: { case: first.id } }
  const test = {
    id: [last.id, first.id, metricName, name].join('\0'),
    rounds,
    visited: Math.min(a.visited, b.visited),
    rule,
    prior: input.comparable.prior(query),
  }
  const judged = atLooks(test, input, (interval) => change(asRatio(interval, metric)))
  const dependenceOf = (those: readonly number[]) => input.comparable.dependence(query, those)
  return applyClientLimit(
    applyHostLoad(applyDependence(judged, [rounds], thresholdsOf(rule), ofLogs, dependenceOf), [a, b]),
    clientOver(cases, name, input.samples),
  )
}

function judgeLimit(
  { metric: metricName }: Claim,
  matcher: { readonly kind: 'atMost' | 'atLeast'; readonly value: number },
  name: string,
  series: Series,
  metric: Metric,
  benchCase: BenchCase,
  input: JudgeInput,
): ComparisonResult {
  const why = unavailableReason(name, input.plan)
  if (why) return notEvaluated(why)
  if (series.digests.size > 1) return notEvaluated({ code: 'different-work' })
  const sign = worseSign(metric)
  // If a lower value is better, `atMost` claims that the platform is better than the limit, and `atLeast` that it is
  // worse.
  const rule = (matcher.kind === 'atMost') === (sign === 1) ? noWorseThanLimit : noBetterThanLimit
  const { published } = input.plan
  if (published && series.rounds.size === 0) {
    const results = new PublishedResults(published, [benchCase.id], metricName)
    return results.value(name, matcher.value, metric, rule) ?? notEvaluated({ code: 'no-published-number' })
  }
  if (series.rounds.size === 0) {
    return notEvaluated(
      failedOn({ why: series.errors.length > 0 ? 'sample-errors' : 'too-few-rounds' }, [name], () => series),
    )
  }
  const limit = limitAt(matcher.value)
  const rounds = [...series.rounds]
    .map(([round, value]) => ({ round, d: (sign * (value - limit.value)) / limit.scale }))
    .sort((one, next) => one.round - next.round)
  const query = { bench: benchCase.bench, metric: metricName, platform: name, case: benchCase.id, against: null }
  const prior = priorInUnitsOf(limit, series, input.comparable.prior(query))
  const id = [benchCase.id, metricName, name, String(matcher.value)].join('\0')
  const judged = atLooks({ id, rounds, visited: series.visited, rule, prior }, input, (interval) => ({
    kind: 'amount',
    ...asValue(interval, metric, limit),
    unit: metric.unit,
  }))
  // In percent of the platform's own value.
  const typical = median([...series.rounds.values()]) / limit.scale
  const ofValue = (drift: number) => (typical === 0 ? 0 : (100 * drift) / typical)
  const dependenceOf = (those: readonly number[]) => input.comparable.dependence(query, those)
  return applyHostLoad(applyDependence(judged, [rounds], [0], ofValue, dependenceOf), [series])
}

/** A prior of logarithms as a prior of differences from a limit: var(x) is about mean(x)^2 var(ln x). */
function priorInUnitsOf({ scale }: Limit, { rounds }: Series, prior: PriorOf): PriorOf {
  const typical = median([...rounds.values()]) / scale
  return (count) => {
    const found = prior(count)
    return found && { variance: found.variance * typical ** 2 }
  }
}
