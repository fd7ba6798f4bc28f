import { type Claim, describeMatcher } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import { selects } from '../../dsl/platform.ts'
import type { Plan, PlannedPlatform, Point } from '../plan/plan.ts'
import { pointsOf } from '../plan/plan.ts'
import type { Interval } from '../stats/index.ts'
import { asRatio, asValue, better, equivalent, intervalOf, marginOf, notWorse, type Outcome, worse } from './compare.ts'
import type { ClaimVerdict, Estimate } from './judgement.ts'
import { differences, type NoData, type Samples, type Series, signOf } from './samples.ts'
import { sentence } from './words.ts'

/** Everything that a claim is judged by. */
export interface Evidence {
  readonly plan: Plan
  readonly samples: Samples
}

interface Judged extends Omit<Outcome, 'reason'> {
  readonly reason: string | null
  readonly measured: Estimate | null
  readonly of: string
}

const undecidable = (reason: string): Judged => ({
  verdict: 'undecidable',
  direction: null,
  reason,
  measured: null,
  of: '',
})

/** A claim as it is judged: one verdict for each point and platform that it is about, and at least one. */
export function judgeClaim(claim: Claim, finding: number | null, evidence: Evidence): ClaimVerdict[] {
  const bench = evidence.plan.benches.find(({ id }) => id === claim.bench)
  const metric = bench?.metrics[claim.metric]
  const points = bench
    ? pointsOf(bench).filter(({ params }) =>
        Object.entries(claim.where).every(([name, value]) => params[name] === value),
      )
    : []
  const subjects = subjectsOf(claim, evidence.plan.platforms)
  const verdict = (platform: string, params: Point['params'], judged: Judged): ClaimVerdict => ({
    bench: claim.bench,
    metric: claim.metric,
    platform,
    params,
    matcher: describeMatcher(claim.matcher, metric?.unit ?? ''),
    severity: claim.severity,
    verdict: judged.verdict,
    direction: judged.direction,
    reason: judged.reason,
    measured: judged.measured,
    text: sentence({
      ...judged,
      platform,
      metric: claim.metric,
      claim: describeMatcher(claim.matcher, metric?.unit ?? ''),
    }),
    finding,
    location: claim.location ?? null,
  })
  const names = subjects.length > 0 ? subjects : [selectorName(claim)]
  if (!metric || points.length === 0)
    return names.map((name) => verdict(name, claim.where, undecidable('not-measured')))
  if (subjects.length === 0) return [verdict(selectorName(claim), claim.where, undecidable('platform-unknown'))]
  return points.flatMap((point) =>
    names.map((name) => verdict(name, point.params, judgeOne(claim, name, point, metric, evidence))),
  )
}

/** The names of those that a claim is about. What it compares them with is not among them. */
function subjectsOf({ matcher, on }: Claim, platforms: readonly PlannedPlatform[]): string[] {
  if (matcher.kind === 'ranked') return [matcher.platforms.join(' > ')]
  const reference = matcher.kind === 'withinNative' ? 'native' : 'platform' in matcher ? matcher.platform : undefined
  const chosen = platforms
    .filter((platform) => selects(on, platform) && platform.name !== reference)
    .map(({ name }) => name)
  const unknown =
    on.by === 'name' ? on.names.filter((name) => !platforms.some((platform) => platform.name === name)) : []
  return [...chosen, ...unknown]
}

function selectorName({ on }: Claim): string {
  if (on.by === 'family') return on.families.join(' or ')
  if (on.by === 'tag') return on.tags.map((tag) => `#${tag}`).join(' or ')
  return on.by === 'name' ? on.names.join(' or ') : 'any platform'
}

function judgeOne(claim: Claim, name: string, point: Point, metric: Metric, evidence: Evidence): Judged {
  const { matcher } = claim
  const series = (platform: string) => evidence.samples.series(point.id, platform, claim.metric)
  const against = (platform: string, reference: string, judge: (interval: Interval) => Outcome): Judged => {
    const why = absent(platform, evidence) ?? absent(reference, evidence)
    if (why) return undecidable(why)
    const d = differences(series(platform), series(reference), metric)
    if (!Array.isArray(d)) return undecidable(failedOn(d, [platform, reference], series))
    const interval = intervalOf(d)
    return { ...judge(interval), measured: asRatio(interval, metric), of: `×${reference}` }
  }
  switch (matcher.kind) {
    case 'withinNative':
      return against(name, 'native', (interval) => notWorse(interval, marginOf(matcher.percent, metric)))
    case 'equivalentTo':
      return against(name, matcher.platform, (interval) => equivalent(interval, marginOf(matcher.percent, metric)))
    case 'fasterThan':
      return against(name, matcher.platform, (interval) => better(interval, matcher.by))
    case 'slowerThan':
      return against(name, matcher.platform, (interval) => worse(interval, matcher.by))
    case 'ranked':
      return judgeRanking(matcher.platforms, against)
    case 'atMost':
    case 'atLeast':
      return absolute(matcher, name, series(name), metric, evidence)
  }
}

/** Why a platform has no samples, or undefined when it was measured. */
function absent(name: string, { plan }: Evidence): string | undefined {
  const platform = plan.platforms.find((one) => one.name === name)
  if (platform?.available) return undefined
  if (name === 'native') return 'no-native'
  return `${platform ? 'platform-absent' : 'platform-unknown'}:${name}`
}

function failedOn({ reason }: NoData, platforms: readonly string[], series: (platform: string) => Series): string {
  if (reason !== 'sample-errors') return reason
  return `${reason}:${platforms.filter((platform) => series(platform).errors.length > 0).join(',')}`
}

type Against = (platform: string, reference: string, judge: (interval: Interval) => Outcome) => Judged

/** Each better than the next: one pair that is contradicted is enough against it, all are needed for it. */
function judgeRanking(order: readonly string[], against: Against): Judged {
  const pairs = order.slice(1).map((next, at) => against(order[at]!, next, (interval) => better(interval, 1)))
  const worst = (['contradicted', 'undecidable', 'inconclusive', 'holds'] as const).find((verdict) =>
    pairs.some((pair) => pair.verdict === verdict),
  )
  return pairs.find((pair) => pair.verdict === worst)!
}

function absolute(
  matcher: { readonly kind: 'atMost' | 'atLeast'; readonly value: number },
  name: string,
  series: Series,
  metric: Metric,
  evidence: Evidence,
): Judged {
  const why = absent(name, evidence)
  if (why) return undecidable(why)
  if (series.digests.size > 1) return undecidable('config-mismatch')
  if (series.rounds.size === 0) {
    return undecidable(
      failedOn({ reason: series.errors.length > 0 ? 'sample-errors' : 'too-few-rounds' }, [name], () => series),
    )
  }
  const sign = signOf(metric)
  const interval = intervalOf([...series.rounds.values()].map((value) => sign * (value - matcher.value)))
  // Below the limit is better where less is better: `atMost` then wants better, and `atLeast` worse.
  const wantsBetter = (matcher.kind === 'atMost') === (sign === 1)
  const measured = asValue(interval, metric, matcher.value)
  return { ...(wantsBetter ? better(interval, 1) : worse(interval, 1)), measured, of: metric.unit }
}
