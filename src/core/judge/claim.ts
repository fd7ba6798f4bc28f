import { type Claim, describeMatcher } from '../../dsl/claim.ts'
import type { CpuMode } from '../../dsl/platform.ts'
import { describeSelector, matchesSelector } from '../../dsl/platform.ts'
import { sentence } from '../../reporters/format.ts'
import { type BenchCase, canRun, casesOf, isMeasuredOn, type PlannedPlatform } from '../model/plan.ts'
import type { ClaimVerdict } from '../model/verdict.ts'
import { judgeOnAtLeast } from './aggregate.ts'
import { judgeOnPlatform } from './comparison.ts'
import { cpuModeOf, mixesCpuModes, unavailable, unavailableReason } from './samples.ts'
import { type ComparisonResult, type JudgeInput, notEvaluated } from './tests.ts'

/** Whom a claim is about, and whose samples that takes. */

/** The names of those that a claim is about. What it compares them with is not among them. */
export function claimedPlatforms({ matcher, on }: Claim, platforms: readonly PlannedPlatform[]): string[] {
  if (matcher.kind === 'ranked') return [matcher.platforms.join(' > ')]
  if (matcher.kind === 'noStableOrder') return [matcher.platforms.join(', ')]
  const reference = matcher.kind === 'withinNative' ? 'native' : 'platform' in matcher ? matcher.platform : undefined
  const chosen = platforms
    .filter((platform) => matchesSelector(on, platform) && platform.name !== reference)
    .map(({ name }) => name)
  const unknown =
    on.by === 'name' ? on.names.filter((name) => !platforms.some((platform) => platform.name === name)) : []
  return [...chosen, ...unknown]
}

/** The platforms whose samples a claim about `names` rests on, those first. */
export function comparedPlatforms({ matcher }: Claim, names: readonly string[]): string[] {
  if ('platforms' in matcher) return [...matcher.platforms]
  if (matcher.kind === 'withinNative') return [...names, 'native']
  if (!('platform' in matcher)) return [...names]
  return [...new Set([...names, ...(matcher.medianOf ?? [matcher.platform])])]
}

/** Those of them without which it cannot be judged: of a median's members, any two will do. */
export function requiredPlatforms(
  claim: Claim,
  names: readonly string[],
  measured: (name: string) => boolean,
): string[] {
  const { matcher } = claim
  const medianOf = 'platform' in matcher ? matcher.medianOf : undefined
  if (!medianOf || medianOf.filter(measured).length < 2) return comparedPlatforms(claim, names)
  return [...names]
}

/** One claim on one point and platform, judged by itself: the run's other claims may yet change it. */
export interface JudgedClaim {
  readonly claim: Claim
  readonly finding: number | null
  /** The points that it is about: one, or those of a series; none where its bench was not measured. */
  readonly cases: readonly string[]
  readonly platform: string
  /** Those that its samples are of. */
  readonly needs: readonly string[]
  /** Its guests were not on hardware; of a bench's own expectation, only where that mixes two kinds. */
  readonly cpuMode: Exclude<CpuMode, 'hardware'> | null
  readonly judged: ComparisonResult
  verdict(judged: ComparisonResult): ClaimVerdict
}

/** A claim as it is judged: one verdict for each point and platform that it is about, and at least one. */
export function judgeClaim(claim: Claim, finding: number | null, given: JudgeInput): JudgedClaim[] {
  const bench = given.plan.benches.find(({ id }) => id === claim.bench)
  const evidence = bench ? { ...given, plan: planForClaim(given.plan, bench, claim) } : given
  const metric = bench?.metrics[claim.metric]
  const points = bench
    ? casesOf(bench)
        .filter(({ params }) => Object.entries(claim.where).every(([name, value]) => params[name] === value))
        .filter(({ id }) => evidence.plan.cases.some((point) => point.id === id))
    : []
  const subjects = claimedPlatforms(claim, evidence.plan.platforms)
  const single = (names: readonly string[], cell: Cell | null, judged: ComparisonResult): JudgedClaim => {
    const needs = comparedPlatforms(claim, names)
    const own = requiredPlatforms(claim, names, (name) => unavailableReason(name, evidence.plan) === undefined)
    const apart = finding !== null || mixesCpuModes(own, evidence.plan) ? cpuModeOf(own, evidence.plan) : null
    const about = { platform: names.join(', '), params: cell?.params ?? claim.where, needs, own, cpuMode: apart }
    return {
      claim,
      finding,
      cases: cell?.cases.map(({ id }) => id) ?? [],
      platform: about.platform,
      needs,
      cpuMode: apart,
      judged,
      verdict: (final) => verdict(about, final),
    }
  }
  const matcher =
    describeMatcher(claim.matcher, metric?.unit ?? '') +
    (claim.onAtLeast === undefined ? '' : `, on at least ${claim.onAtLeast} of them`)
  const verdict = (
    { platform, params, needs, own, cpuMode: apart }: About,
    judged: ComparisonResult,
  ): ClaimVerdict => ({
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
    extraRoundsNeeded: judged.verdict === 'inconclusive' ? judged.extraRoundsNeeded : null,
    text: sentence({
      ...judged,
      platform,
      metric: claim.metric,
      claim: matcher,
    }),
    finding,
    missingPlatforms: subjects.length > 0 && judged.verdict === 'not-evaluated' ? unavailable(own, evidence.plan) : [],
    cpuMode: apart,
    location: claim.location ?? null,
  })
  const names = subjects.length > 0 ? subjects : [describeSelector(claim.on)]
  const together = claim.onAtLeast === undefined ? names.map((name) => [name]) : [names]
  if (!metric || points.length === 0)
    return together.map((those) => single(those, null, notEvaluated(unmeasured(claim, evidence))))
  if (subjects.length === 0) return [single(names, null, notEvaluated('platform-unknown'))]
  return cellsOf(claim, points).flatMap((cell) =>
    together.map((those) => {
      const parts = those.map((name) => judgeOnPlatform(claim, name, cell.cases, metric, evidence))
      return single(those, cell, claim.onAtLeast === undefined ? parts[0]! : judgeOnAtLeast(parts, claim.onAtLeast))
    }),
  )
}

/**
 * The plan as a claim about this bench sees it: a platform that cannot run such a workload was not measured; and is not meant,
 * unless the claim names it or its kind. One that runs it where it can run nothing else was measured.
 */
function planForClaim<P extends JudgeInput['plan']>(plan: P, bench: P['benches'][number], { on }: Claim): P {
  const platforms = plan.platforms
    .filter((one) => on.by !== 'all' || canRun(one, bench))
    .map((one) => ({ ...one, available: isMeasuredOn(one, bench), ...(!canRun(one, bench) && { unable: true }) }))
  return { ...plan, platforms }
}

/** What gets a verdict of its own. */
interface Cell {
  /** Those that its points have in common, as far as the claim does not range over them. */
  readonly params: BenchCase['params']
  readonly cases: readonly [BenchCase, ...BenchCase[]]
}

/** Each point by itself; of a claim over a parameter, the points together that differ in nothing else. */
function cellsOf({ matcher }: Claim, points: readonly BenchCase[]): Cell[] {
  if (!('over' in matcher)) return points.map((point) => ({ params: point.params, cases: [point] }))
  const cells = new Map<string, Cell>()
  for (const point of points) {
    const params = Object.fromEntries(Object.entries(point.params).filter(([name]) => name !== matcher.over))
    const key = JSON.stringify(params)
    cells.set(key, { params, cases: [...(cells.get(key)?.cases ?? []), point] as [BenchCase, ...BenchCase[]] })
  }
  return [...cells.values()]
}

/** Why nothing of a bench was measured. */
function unmeasured({ bench }: Claim, { plan }: JudgeInput): string {
  const left = plan.excluded.find((one) => one.bench === bench)
  return left?.reason === 'tracer-unavailable' ? `tracer-unavailable:${left.detail ?? ''}` : 'not-measured'
}

interface About {
  readonly platform: string
  readonly params: BenchCase['params']
  readonly needs: readonly string[]
  /** Those without which it cannot be judged. */
  readonly own: readonly string[]
  readonly cpuMode: Exclude<CpuMode, 'hardware'> | null
}
