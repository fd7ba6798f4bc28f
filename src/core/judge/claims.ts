import { type Claim, describeMatcher } from '../../dsl/claim.ts'
import { describeSelector } from '../../dsl/platform.ts'
import { type Apart, canRun, type Point, pointsOf, runsHere } from '../plan/plan.ts'
import { absent, apartOf, isMixed, lacking } from './absent.ts'
import { type Evidence, type Judged, undecidable } from './evidence.ts'
import type { ClaimVerdict } from './judgement.ts'
import { judgeSome } from './many.ts'
import { judgeOne } from './one.ts'
import { needsOf, requiredOf, subjectsOf } from './subjects.ts'
import { sentence } from './words.ts'

/** One claim on one point and platform, judged by itself: the run's other claims may yet change it. */
export interface Single {
  readonly claim: Claim
  readonly finding: number | null
  /** The points that it is about: one, or those of a series; none where its bench was not measured. */
  readonly points: readonly string[]
  readonly platform: string
  /** Those that its samples are of. */
  readonly needs: readonly string[]
  /** Its guests were not on hardware; of a bench's own expectation, only where that mixes two kinds. */
  readonly apart: Apart | null
  readonly judged: Judged
  verdict(judged: Judged): ClaimVerdict
}

/** A claim as it is judged: one verdict for each point and platform that it is about, and at least one. */
export function judgeClaim(claim: Claim, finding: number | null, given: Evidence): Single[] {
  const bench = given.plan.benches.find(({ id }) => id === claim.bench)
  const evidence = bench ? { ...given, plan: seenBy(given.plan, bench, claim) } : given
  const metric = bench?.metrics[claim.metric]
  const points = bench
    ? pointsOf(bench)
        .filter(({ params }) => Object.entries(claim.where).every(([name, value]) => params[name] === value))
        .filter(({ id }) => evidence.plan.points.some((point) => point.id === id))
    : []
  const subjects = subjectsOf(claim, evidence.plan.platforms)
  const single = (names: readonly string[], cell: Cell | null, judged: Judged): Single => {
    const needs = needsOf(claim, names)
    const own = requiredOf(claim, names, (name) => absent(name, evidence.plan) === undefined)
    const apart = finding !== null || isMixed(own, evidence.plan) ? apartOf(own, evidence.plan) : null
    const about = { platform: names.join(', '), params: cell?.params ?? claim.where, needs, own, apart }
    return {
      claim,
      finding,
      points: cell?.points.map(({ id }) => id) ?? [],
      platform: about.platform,
      needs,
      apart,
      judged,
      verdict: (final) => verdict(about, final),
    }
  }
  const matcher =
    describeMatcher(claim.matcher, metric?.unit ?? '') +
    (claim.some === undefined ? '' : `, on at least ${claim.some} of them`)
  const verdict = ({ platform, params, needs, own, apart }: About, judged: Judged): ClaimVerdict => ({
    bench: claim.bench,
    metric: claim.metric,
    platform,
    params,
    matcher,
    severity: claim.severity,
    verdict: judged.verdict,
    direction: judged.direction,
    reason: judged.reason,
    measured: judged.measured,
    of: judged.measured ? judged.of : '',
    platforms: [...needs],
    moreRounds: judged.verdict === 'inconclusive' ? judged.moreRounds : null,
    text: sentence({
      ...judged,
      platform,
      metric: claim.metric,
      claim: matcher,
    }),
    finding,
    needs: subjects.length > 0 && judged.verdict === 'undecidable' ? lacking(own, evidence.plan) : [],
    apart,
    location: claim.location ?? null,
  })
  const names = subjects.length > 0 ? subjects : [describeSelector(claim.on)]
  const together = claim.some === undefined ? names.map((name) => [name]) : [names]
  if (!metric || points.length === 0)
    return together.map((those) => single(those, null, undecidable(unmeasured(claim, evidence))))
  if (subjects.length === 0) return [single(names, null, undecidable('platform-unknown'))]
  return cellsOf(claim, points).flatMap((cell) =>
    together.map((those) => {
      const parts = those.map((name) => judgeOne(claim, name, cell.points, metric, evidence))
      return single(those, cell, claim.some === undefined ? parts[0]! : judgeSome(parts, claim.some))
    }),
  )
}

/**
 * The plan as a claim about this bench sees it: a platform that cannot run such a workload was not measured; and is not meant,
 * unless the claim names it or its kind. One that runs it where it can run nothing else was measured.
 */
function seenBy<P extends Evidence['plan']>(plan: P, bench: P['benches'][number], { on }: Claim): P {
  const platforms = plan.platforms
    .filter((one) => on.by !== 'all' || canRun(one, bench))
    .map((one) => ({ ...one, available: runsHere(one, bench), ...(!canRun(one, bench) && { unable: true }) }))
  return { ...plan, platforms }
}

/** What gets a verdict of its own. */
interface Cell {
  /** Those that its points have in common, as far as the claim does not range over them. */
  readonly params: Point['params']
  readonly points: readonly [Point, ...Point[]]
}

/** Each point by itself; of a claim over a parameter, the points together that differ in nothing else. */
function cellsOf({ matcher }: Claim, points: readonly Point[]): Cell[] {
  if (!('over' in matcher)) return points.map((point) => ({ params: point.params, points: [point] }))
  const cells = new Map<string, Cell>()
  for (const point of points) {
    const params = Object.fromEntries(Object.entries(point.params).filter(([name]) => name !== matcher.over))
    const key = JSON.stringify(params)
    cells.set(key, { params, points: [...(cells.get(key)?.points ?? []), point] as [Point, ...Point[]] })
  }
  return [...cells.values()]
}

/** Why nothing of a bench was measured. */
function unmeasured({ bench }: Claim, { plan }: Evidence): string {
  const left = plan.left.find((one) => one.bench === bench)
  return left?.why === 'instrument' ? `instrument-absent:${left.reason ?? ''}` : 'not-measured'
}

interface About {
  readonly platform: string
  readonly params: Point['params']
  readonly needs: readonly string[]
  /** Those without which it cannot be judged. */
  readonly own: readonly string[]
  readonly apart: Apart | null
}
