import type { Claim, Reference } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import type { BenchCase } from '../model/plan.ts'
import type { Estimate } from '../model/verdict.ts'
import type { Interval } from '../stats/index.ts'
import { applyClientLimit, applyHostLoad, isClientBound } from './adjustments.ts'
import { judgeNoStableOrder } from './aggregate.ts'
import { PublishedResults } from './published.ts'
import {
  asRatio,
  asValue,
  type DecisionRule,
  equivalence,
  inferiority,
  logMargin,
  nonInferiority,
  superiority,
} from './rules.ts'
import {
  measuredMembers,
  medianSeries,
  minMedianMembers,
  type NotComparable,
  pairedDifferences,
  type Series,
  unavailableReason,
  worseSign,
} from './samples.ts'
import { judgeSeries, type SeriesMatcher } from './series.ts'
import {
  type ComparisonResult,
  type HypothesisTest,
  type JudgeInput,
  judgeUnpaired,
  moreRounds,
  notEvaluated,
  runTest,
} from './tests.ts'

/** One claim on one platform at one point. */

/** @param points one of them; of a claim over a parameter, those of its series */
export function judgeOnPlatform(
  claim: Claim,
  name: string,
  points: readonly [BenchCase, ...BenchCase[]],
  metric: Metric,
  evidence: JudgeInput,
): ComparisonResult {
  const { matcher } = claim
  const [point] = points
  const series = (platform: string, beside?: string) =>
    evidence.samples.series(point.id, platform, claim.metric, beside)
  const stated = evidence.plan.published && new PublishedResults(evidence.plan.published, [point.id], claim.metric)
  const clientOf = (name: string, members: readonly string[] = [name]) => ({
    name,
    bound: members.some((member) => isClientBound(evidence.samples, point.id, member)),
  })
  const against: Against = (platform, reference, rule) =>
    applyClientLimit(
      compare(platform, reference, rule),
      clientOf(platform),
      clientOf(reference.platform, reference.medianOf),
    )
  const compare: Against = (platform, reference, rule) => {
    const compared = referenceSeries(platform, reference, series, evidence)
    if (typeof compared === 'string') return notEvaluated(compared)
    const [a, b] = [series(platform, reference.medianOf ? undefined : reference.platform), compared]
    const of = `×${reference.medianOf ? 'median' : reference.platform}`
    if (stated && (a.rounds.size === 0 || b.rounds.size === 0)) {
      return stated.against(platform, reference, metric, rule, of) ?? notEvaluated('no-published-number')
    }
    if (a.unpaired || b.unpaired) return judgeUnpaired(a, b, metric, rule, of)
    const rounds = pairedDifferences(a, b, metric)
    if (!Array.isArray(rounds)) return notEvaluated(failedOn(rounds, [platform, reference.platform], series))
    const id = [point.id, claim.metric, platform, reference.platform].join('\0')
    const visited = Math.min(a.visited, b.visited)
    const judged = atLooks({ id, rounds, visited, rule, of }, evidence, (interval) => asRatio(interval, metric))
    return applyHostLoad(judged, [a, b])
  }
  switch (matcher.kind) {
    case 'withinNative':
      return against(name, { platform: 'native' }, nonInferiority(logMargin(matcher.percent, metric)))
    case 'equivalentTo':
      return against(name, matcher, equivalence(logMargin(matcher.percent, metric)))
    case 'betterThan':
      return against(name, matcher, superiority(matcher.by))
    case 'worseThan':
      return against(name, matcher, inferiority(matcher.by))
    case 'ranked':
      return judgeRanking(matcher.platforms, against)
    case 'noStableOrder': {
      const why = matcher.platforms.flatMap((platform) => unavailableReason(platform, evidence.plan) ?? [])[0]
      if (why) return notEvaluated(why)
      const all = matcher.platforms.map((name) => series(name))
      return stated && all.some(({ rounds }) => rounds.size === 0)
        ? notEvaluated('no-published-number')
        : judgeNoStableOrder(all)
    }
    case 'peaksAt':
    case 'constant':
      return over(matcher, claim, name, points, metric, evidence)
    case 'atMost':
    case 'atLeast':
      return applyClientLimit(absolute(claim, matcher, name, series(name), metric, point, evidence), clientOf(name))
  }
}

/** The series of what a platform is compared with, or why there is none. */
function referenceSeries(
  platform: string,
  { platform: reference, medianOf }: Reference,
  series: (platform: string, beside?: string) => Series,
  { plan }: JudgeInput,
): Series | string {
  const why = unavailableReason(platform, plan) ?? (medianOf ? undefined : unavailableReason(reference, plan))
  if (why) return why
  if (!medianOf) return series(reference, platform)
  const members = measuredMembers(medianOf, platform, plan).filter((name) => !series(name).unsupported)
  if (members.length >= minMedianMembers) return medianSeries(members.map((name) => series(name)))
  return medianOf.flatMap((name) => unavailableReason(name, plan) ?? [])[0] ?? 'too-few-platforms'
}

function failedOn(
  { reason }: NotComparable,
  platforms: readonly string[],
  series: (platform: string) => Series,
): string {
  if (reason !== 'sample-errors') return reason
  const unable = platforms.filter((platform) => series(platform).unsupported)
  if (unable.length > 0) return `workload-unsupported:${unable.join(',')}`
  return `${reason}:${platforms.filter((platform) => series(platform).errors.length > 0).join(',')}`
}

type Against = (platform: string, reference: Reference, rule: DecisionRule) => ComparisonResult

/** A question over all looks, as a verdict with its figures. */
function atLooks(
  question: HypothesisTest & { readonly of: string },
  { plan }: JudgeInput,
  measured: (interval: Interval) => Estimate,
): ComparisonResult {
  const { outcome, interval, tests } = runTest(question, plan.sequential)
  const thresholds = question.rule.against.map(({ threshold }) => threshold)
  return {
    ...outcome,
    measured: measured(interval),
    of: question.of,
    interval,
    margin: question.rule.margin ?? null,
    wantsWorse: question.rule.against.every(({ direction }) => direction === 'better'),
    extraRoundsNeeded: outcome.reason === 'within-half-margin' ? null : moreRounds(interval, thresholds),
    tests,
  }
}

/** Each better than the next: one pair that is contradicted is enough against it, all are needed for it. */
function judgeRanking(order: readonly string[], against: Against): ComparisonResult {
  const pairs = order.slice(1).map((next, at) => against(order[at]!, { platform: next }, superiority(1)))
  const worst = (['contradicted', 'not-evaluated', 'inconclusive', 'holds'] as const).find((verdict) =>
    pairs.some((pair) => pair.verdict === verdict),
  )
  const told = pairs.find((pair) => pair.verdict === worst)!
  return { ...told, tests: pairs.flatMap(({ tests }) => tests) }
}

/** A client that was the limit at one point decides there where the series bends. */
function over(
  matcher: SeriesMatcher,
  { metric: metricName }: Claim,
  name: string,
  points: readonly BenchCase[],
  metric: Metric,
  { plan, samples }: JudgeInput,
): ComparisonResult {
  const why = unavailableReason(name, plan)
  if (why) return notEvaluated(why)
  const series = points.map(({ id, params }) => ({
    value: params[matcher.over]!,
    series: samples.series(id, name, metricName),
  }))
  if (plan.published && series.every(({ series }) => series.rounds.size === 0)) {
    const statements = new PublishedResults(
      plan.published,
      points.map(({ id }) => id),
      metricName,
    )
    return (matcher.kind === 'peaksAt' && statements.peak(name, matcher)) || notEvaluated('no-published-number')
  }
  const bound = points.some(({ id }) => isClientBound(samples, id, name))
  const id = [metricName, name, ...points.map(({ id }) => id)].join('\0')
  const judged = judgeSeries(matcher, series, metric, plan.sequential, id)
  const code = series.some(({ series }) => series.unsupported) ? 'workload-unsupported' : 'sample-errors'
  return applyClientLimit(judged.reason === 'sample-errors' ? { ...judged, reason: `${code}:${name}` } : judged, {
    name,
    bound,
  })
}

function absolute(
  { metric: metricName }: Claim,
  matcher: { readonly kind: 'atMost' | 'atLeast'; readonly value: number },
  name: string,
  series: Series,
  metric: Metric,
  point: BenchCase,
  evidence: JudgeInput,
): ComparisonResult {
  const why = unavailableReason(name, evidence.plan)
  if (why) return notEvaluated(why)
  if (series.digests.size > 1) return notEvaluated('different-work')
  const sign = worseSign(metric)
  // Below the limit is better where less is better: `atMost` then wants better, and `atLeast` worse.
  const rule = (matcher.kind === 'atMost') === (sign === 1) ? superiority(1) : inferiority(1)
  const { published: stated } = evidence.plan
  if (stated && series.rounds.size === 0) {
    const statements = new PublishedResults(stated, [point.id], metricName)
    return statements.value(name, matcher.value, metric, rule) ?? notEvaluated('no-published-number')
  }
  if (series.rounds.size === 0) {
    return notEvaluated(
      failedOn({ reason: series.errors.length > 0 ? 'sample-errors' : 'too-few-rounds' }, [name], () => series),
    )
  }
  const rounds = [...series.rounds].map(([round, value]) => ({ round, d: sign * (value - matcher.value) }))
  const id = [point.id, metricName, name, String(matcher.value)].join('\0')
  const judged = atLooks({ id, rounds, visited: series.visited, rule, of: metric.unit }, evidence, (interval) =>
    asValue(interval, metric, matcher.value),
  )
  return applyHostLoad(judged, [series])
}
