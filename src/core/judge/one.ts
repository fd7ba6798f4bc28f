/** One claim on one platform at one point. */
import type { Claim, Reference } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import type { Point } from '../plan/plan.ts'
import type { Interval } from '../stats/index.ts'
import { absent, fewestMembers, membersOf } from './absent.ts'
import { answer, type Question } from './answer.ts'
import { isClientBound, withClient } from './client.ts'
import { asRatio, asValue, better, equivalent, marginOf, notWorse, type Rule, worse } from './compare.ts'
import { withCrowd } from './crowded.ts'
import { type Evidence, type Judged, undecidable } from './evidence.ts'
import type { Estimate } from './judgement.ts'
import { moreRounds } from './looks.ts'
import { judgeOrder } from './many.ts'
import { medianSeries, type NoData, roundsOf, type Series, signOf } from './samples.ts'
import { judgeSeries, type SeriesMatcher } from './series.ts'
import { Statements } from './stated.ts'
import { judgeUnpaired } from './unpaired.ts'

/** @param points one of them; of a claim over a parameter, those of its series */
export function judgeOne(
  claim: Claim,
  name: string,
  points: readonly [Point, ...Point[]],
  metric: Metric,
  evidence: Evidence,
): Judged {
  const { matcher } = claim
  const [point] = points
  const series = (platform: string, beside?: string) =>
    evidence.samples.series(point.id, platform, claim.metric, beside)
  const stated = evidence.plan.stated && new Statements(evidence.plan.stated, [point.id], claim.metric)
  const clientOf = (name: string, members: readonly string[] = [name]) => ({
    name,
    bound: members.some((member) => isClientBound(evidence.samples, point.id, member)),
  })
  const against: Against = (platform, reference, rule) =>
    withClient(compare(platform, reference, rule), clientOf(platform), clientOf(reference.platform, reference.medianOf))
  const compare: Against = (platform, reference, rule) => {
    const compared = referenceSeries(platform, reference, series, evidence)
    if (typeof compared === 'string') return undecidable(compared)
    const [a, b] = [series(platform, reference.medianOf ? undefined : reference.platform), compared]
    const of = `×${reference.medianOf ? 'median' : reference.platform}`
    if (stated && (a.rounds.size === 0 || b.rounds.size === 0)) {
      return stated.against(platform, reference, metric, rule, of) ?? undecidable('needs-figure')
    }
    if (a.unpaired || b.unpaired) return judgeUnpaired(a, b, metric, rule, of)
    const rounds = roundsOf(a, b, metric)
    if (!Array.isArray(rounds)) return undecidable(failedOn(rounds, [platform, reference.platform], series))
    const id = [point.id, claim.metric, platform, reference.platform].join('\0')
    const visited = Math.min(a.visited, b.visited)
    const judged = atLooks({ id, rounds, visited, rule, of }, evidence, (interval) => asRatio(interval, metric))
    return withCrowd(judged, [a, b])
  }
  switch (matcher.kind) {
    case 'withinNative':
      return against(name, { platform: 'native' }, notWorse(marginOf(matcher.percent, metric)))
    case 'equivalentTo':
      return against(name, matcher, equivalent(marginOf(matcher.percent, metric)))
    case 'fasterThan':
      return against(name, matcher, better(matcher.by))
    case 'slowerThan':
      return against(name, matcher, worse(matcher.by))
    case 'ranked':
      return judgeRanking(matcher.platforms, against)
    case 'unstable': {
      const why = matcher.platforms.flatMap((platform) => absent(platform, evidence.plan) ?? [])[0]
      if (why) return undecidable(why)
      const all = matcher.platforms.map((name) => series(name))
      return stated && all.some(({ rounds }) => rounds.size === 0) ? undecidable('needs-figure') : judgeOrder(all)
    }
    case 'peaksAt':
    case 'flat':
      return over(matcher, claim, name, points, metric, evidence)
    case 'atMost':
    case 'atLeast':
      return withClient(absolute(claim, matcher, name, series(name), metric, point, evidence), clientOf(name))
  }
}

/** The series of what a platform is compared with, or why there is none. */
function referenceSeries(
  platform: string,
  { platform: reference, medianOf }: Reference,
  series: (platform: string, beside?: string) => Series,
  { plan }: Evidence,
): Series | string {
  const why = absent(platform, plan) ?? (medianOf ? undefined : absent(reference, plan))
  if (why) return why
  if (!medianOf) return series(reference, platform)
  const members = membersOf(medianOf, platform, plan).filter((name) => !series(name).unsupported)
  if (members.length >= fewestMembers) return medianSeries(members.map((name) => series(name)))
  return medianOf.flatMap((name) => absent(name, plan) ?? [])[0] ?? 'too-few-platforms'
}

function failedOn({ reason }: NoData, platforms: readonly string[], series: (platform: string) => Series): string {
  if (reason !== 'sample-errors') return reason
  const unable = platforms.filter((platform) => series(platform).unsupported)
  if (unable.length > 0) return `workload-unsupported:${unable.join(',')}`
  return `${reason}:${platforms.filter((platform) => series(platform).errors.length > 0).join(',')}`
}

type Against = (platform: string, reference: Reference, rule: Rule) => Judged

/** A question over all looks, as a verdict with its figures. */
function atLooks(
  question: Question & { readonly of: string },
  { plan }: Evidence,
  measured: (interval: Interval) => Estimate,
): Judged {
  const { outcome, interval, tests } = answer(question, plan.looks)
  const thresholds = question.rule.against.map(({ threshold }) => threshold)
  return {
    ...outcome,
    measured: measured(interval),
    of: question.of,
    interval,
    margin: question.rule.margin ?? null,
    wantsWorse: question.rule.against.every(({ direction }) => direction === 'better'),
    moreRounds: outcome.reason === 'near-margin' ? null : moreRounds(interval, thresholds),
    tests,
  }
}

/** Each better than the next: one pair that is contradicted is enough against it, all are needed for it. */
function judgeRanking(order: readonly string[], against: Against): Judged {
  const pairs = order.slice(1).map((next, at) => against(order[at]!, { platform: next }, better(1)))
  const worst = (['contradicted', 'undecidable', 'inconclusive', 'holds'] as const).find((verdict) =>
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
  points: readonly Point[],
  metric: Metric,
  { plan, samples }: Evidence,
): Judged {
  const why = absent(name, plan)
  if (why) return undecidable(why)
  const series = points.map(({ id, params }) => ({
    value: params[matcher.over]!,
    series: samples.series(id, name, metricName),
  }))
  if (plan.stated && series.every(({ series }) => series.rounds.size === 0)) {
    const statements = new Statements(
      plan.stated,
      points.map(({ id }) => id),
      metricName,
    )
    return (matcher.kind === 'peaksAt' && statements.peak(name, matcher)) || undecidable('needs-figure')
  }
  const bound = points.some(({ id }) => isClientBound(samples, id, name))
  const id = [metricName, name, ...points.map(({ id }) => id)].join('\0')
  const judged = judgeSeries(matcher, series, metric, plan.looks, id)
  const code = series.some(({ series }) => series.unsupported) ? 'workload-unsupported' : 'sample-errors'
  return withClient(judged.reason === 'sample-errors' ? { ...judged, reason: `${code}:${name}` } : judged, {
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
  point: Point,
  evidence: Evidence,
): Judged {
  const why = absent(name, evidence.plan)
  if (why) return undecidable(why)
  if (series.digests.size > 1) return undecidable('config-mismatch')
  const sign = signOf(metric)
  // Below the limit is better where less is better: `atMost` then wants better, and `atLeast` worse.
  const rule = (matcher.kind === 'atMost') === (sign === 1) ? better(1) : worse(1)
  const { stated } = evidence.plan
  if (stated && series.rounds.size === 0) {
    const statements = new Statements(stated, [point.id], metricName)
    return statements.value(name, matcher.value, metric, rule) ?? undecidable('needs-figure')
  }
  if (series.rounds.size === 0) {
    return undecidable(
      failedOn({ reason: series.errors.length > 0 ? 'sample-errors' : 'too-few-rounds' }, [name], () => series),
    )
  }
  const rounds = [...series.rounds].map(([round, value]) => ({ round, d: sign * (value - matcher.value) }))
  const id = [point.id, metricName, name, String(matcher.value)].join('\0')
  const judged = atLooks({ id, rounds, visited: series.visited, rule, of: metric.unit }, evidence, (interval) =>
    asValue(interval, metric, matcher.value),
  )
  return withCrowd(judged, [series])
}
