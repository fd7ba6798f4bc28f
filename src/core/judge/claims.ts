import { type Claim, describeMatcher } from '../../dsl/claim.ts'
import type { Metric } from '../../dsl/metric.ts'
import { describeSelector, selects } from '../../dsl/platform.ts'
import type { Apart, PlannedPlatform, Point } from '../plan/plan.ts'
import { pointsOf } from '../plan/plan.ts'
import type { ScheduledPlan } from '../schedule/plan.ts'
import type { Interval } from '../stats/index.ts'
import { absent, apartOf, isMixed, lacking } from './absent.ts'
import { asRatio, asValue, better, equivalent, marginOf, notWorse, type Outcome, type Rule, worse } from './compare.ts'
import type { ClaimVerdict, Estimate } from './judgement.ts'
import { intervalsAt, moreRounds, type Test, testOf } from './looks.ts'
import { type Difference, type NoData, roundsOf, type Samples, type Series, signOf } from './samples.ts'
import { sentence } from './words.ts'

/** Everything that a claim is judged by. */
export interface Evidence {
  readonly plan: ScheduledPlan
  readonly samples: Samples
}

export interface Judged extends Omit<Outcome, 'reason'> {
  readonly reason: string | null
  readonly measured: Estimate | null
  readonly of: string
  /** What would contradict the claim, tested; none where there is no data. */
  readonly tests: readonly Test[]
  /** About how many more rounds would decide it; null where that cannot be told. */
  readonly moreRounds: number | null
  /** The interval that was judged, as signed differences, and the margin of the claim. */
  readonly interval: Interval | null
  readonly margin: number | null
}

/** One claim on one point and platform, judged by itself: the run's other claims may yet change it. */
export interface Single {
  readonly claim: Claim
  readonly finding: number | null
  readonly point: string | null
  readonly platform: string
  /** Those that its samples are of. */
  readonly needs: readonly string[]
  /** Its guests were not on hardware; of a bench's own expectation, only where that mixes two kinds. */
  readonly apart: Apart | null
  readonly judged: Judged
  verdict(judged: Judged): ClaimVerdict
}

const undecidable = (reason: string): Judged => ({
  verdict: 'undecidable',
  direction: null,
  reason,
  measured: null,
  of: '',
  tests: [],
  moreRounds: null,
  interval: null,
  margin: null,
})

/** A claim as it is judged: one verdict for each point and platform that it is about, and at least one. */
export function judgeClaim(claim: Claim, finding: number | null, evidence: Evidence): Single[] {
  const bench = evidence.plan.benches.find(({ id }) => id === claim.bench)
  const metric = bench?.metrics[claim.metric]
  const points = bench
    ? pointsOf(bench)
        .filter(({ params }) => Object.entries(claim.where).every(([name, value]) => params[name] === value))
        .filter(({ id }) => evidence.plan.points.some((point) => point.id === id))
    : []
  const subjects = subjectsOf(claim, evidence.plan.platforms)
  const single = (platform: string, point: Point | null, judged: Judged): Single => ({
    claim,
    finding,
    point: point?.id ?? null,
    platform,
    needs: needsOf(claim, platform),
    apart: apart(platform),
    judged,
    verdict: (final) => verdict(platform, point?.params ?? claim.where, final),
  })
  const apart = (platform: string): Apart | null => {
    const needs = needsOf(claim, platform)
    return finding !== null || isMixed(needs, evidence.plan) ? apartOf(needs, evidence.plan) : null
  }
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
    of: judged.measured ? judged.of : '',
    platforms: needsOf(claim, platform),
    moreRounds: judged.verdict === 'inconclusive' ? judged.moreRounds : null,
    text: sentence({
      ...judged,
      platform,
      metric: claim.metric,
      claim: describeMatcher(claim.matcher, metric?.unit ?? ''),
    }),
    finding,
    needs: subjects.length > 0 ? lacking(needsOf(claim, platform), evidence.plan) : [],
    apart: apart(platform),
    location: claim.location ?? null,
  })
  const names = subjects.length > 0 ? subjects : [describeSelector(claim.on)]
  if (!metric || points.length === 0) return names.map((name) => single(name, null, undecidable('not-measured')))
  if (subjects.length === 0) return [single(describeSelector(claim.on), null, undecidable('platform-unknown'))]
  return points.flatMap((point) =>
    names.map((name) => single(name, point, judgeOne(claim, name, point, metric, evidence))),
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

function needsOf({ matcher }: Claim, platform: string): string[] {
  if (matcher.kind === 'ranked') return [...matcher.platforms]
  if (matcher.kind === 'withinNative') return [platform, 'native']
  return 'platform' in matcher ? [platform, matcher.platform] : [platform]
}

function judgeOne(claim: Claim, name: string, point: Point, metric: Metric, evidence: Evidence): Judged {
  const { matcher } = claim
  const series = (platform: string) => evidence.samples.series(point.id, platform, claim.metric)
  const against: Against = (platform, reference, rule) => {
    const why = absent(platform, evidence.plan) ?? absent(reference, evidence.plan)
    if (why) return undecidable(why)
    const [a, b] = [series(platform), series(reference)]
    const rounds = roundsOf(a, b, metric)
    if (!Array.isArray(rounds)) return undecidable(failedOn(rounds, [platform, reference], series))
    const id = [point.id, claim.metric, platform, reference].join('\0')
    const visited = Math.min(a.visited, b.visited)
    return atLooks({ id, rounds, visited, rule, of: `×${reference}` }, evidence, (interval) =>
      asRatio(interval, metric),
    )
  }
  switch (matcher.kind) {
    case 'withinNative':
      return against(name, 'native', notWorse(marginOf(matcher.percent, metric)))
    case 'equivalentTo':
      return against(name, matcher.platform, equivalent(marginOf(matcher.percent, metric)))
    case 'fasterThan':
      return against(name, matcher.platform, better(matcher.by))
    case 'slowerThan':
      return against(name, matcher.platform, worse(matcher.by))
    case 'ranked':
      return judgeRanking(matcher.platforms, against)
    case 'atMost':
    case 'atLeast':
      return absolute(claim, matcher, name, series(name), metric, point, evidence)
  }
}

function failedOn({ reason }: NoData, platforms: readonly string[], series: (platform: string) => Series): string {
  if (reason !== 'sample-errors') return reason
  return `${reason}:${platforms.filter((platform) => series(platform).errors.length > 0).join(',')}`
}

type Against = (platform: string, reference: string, rule: Rule) => Judged

interface Question {
  readonly id: string
  readonly rounds: readonly Difference[]
  readonly visited: number
  readonly rule: Rule
  readonly of: string
}

/** The first look that decides is the verdict, as it was when the run stopped there; else the last. */
function atLooks(
  { id, rounds, visited, rule, of }: Question,
  { plan }: Evidence,
  measured: (interval: Interval) => Estimate,
): Judged {
  const all = intervalsAt(rounds, visited, plan.looks).map((interval) => ({ interval, outcome: rule.judge(interval) }))
  const { interval, outcome } = all.find((look) => look.outcome.verdict !== 'inconclusive') ?? all.at(-1)!
  return {
    ...outcome,
    measured: measured(interval),
    of,
    interval,
    margin: rule.margin ?? null,
    moreRounds: moreRounds(
      interval,
      rule.against.map(({ threshold }) => threshold),
    ),
    tests: rule.against.map((side) =>
      testOf(`${id}\0${side.direction}\0${side.threshold}`, side, rounds, visited, plan.looks),
    ),
  }
}

/** Each better than the next: one pair that is contradicted is enough against it, all are needed for it. */
function judgeRanking(order: readonly string[], against: Against): Judged {
  const pairs = order.slice(1).map((next, at) => against(order[at]!, next, better(1)))
  const worst = (['contradicted', 'undecidable', 'inconclusive', 'holds'] as const).find((verdict) =>
    pairs.some((pair) => pair.verdict === verdict),
  )
  const told = pairs.find((pair) => pair.verdict === worst)!
  return { ...told, tests: pairs.flatMap(({ tests }) => tests) }
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
  if (series.rounds.size === 0) {
    return undecidable(
      failedOn({ reason: series.errors.length > 0 ? 'sample-errors' : 'too-few-rounds' }, [name], () => series),
    )
  }
  const sign = signOf(metric)
  const rounds = [...series.rounds].map(([round, value]) => ({ round, d: sign * (value - matcher.value) }))
  // Below the limit is better where less is better: `atMost` then wants better, and `atLeast` worse.
  const wantsBetter = (matcher.kind === 'atMost') === (sign === 1)
  const rule = wantsBetter ? better(1) : worse(1)
  const id = [point.id, metricName, name, String(matcher.value)].join('\0')
  return atLooks({ id, rounds, visited: series.visited, rule, of: metric.unit }, evidence, (interval) =>
    asValue(interval, metric, matcher.value),
  )
}
