import type { Claim, Matcher } from '../../dsl/claim.ts'
import type { FindingId } from '../../dsl/finding-id.ts'
import { type CpuMode, matchesSelector } from '../../dsl/platform.ts'
import { type BenchCase, canRun, casesOf, isMeasuredOn, type PlannedPlatform } from '../model/plan.ts'
import { benchById, benchInfo } from '../model/suite.ts'
import type { Reason, Verdicts } from '../model/verdict.ts'
import { judgeOnAtLeast } from './aggregate.ts'
import { judgeOnPlatform } from './comparison.ts'
import { cpuModeOf, mixesCpuModes, unavailable, unavailableReason } from './samples.ts'
import { type ComparisonResult, type JudgeInput, notEvaluated } from './tests.ts'

const referenceOf = (matcher: Matcher): string | undefined =>
  matcher.kind === 'withinNative' ? 'native' : 'platform' in matcher ? matcher.platform : undefined

/**
 * The platforms that a claim is about, in groups that get one verdict each. The platforms that it compares them with
 * are not among them.
 */
export function claimedPlatforms(claim: Claim, platforms: readonly PlannedPlatform[]): string[][] {
  const { matcher, on } = claim
  if ('platforms' in matcher) return [[...matcher.platforms]]
  const reference = referenceOf(matcher)
  const selected = platforms
    .filter((platform) => matchesSelector(on, platform) && platform.name !== reference)
    .map(({ name }) => name)
  const unknown =
    on.by === 'name' ? on.names.filter((name) => !platforms.some((platform) => platform.name === name)) : []
  const names = [...selected, ...unknown]
  if (names.length === 0) return []
  return claim.onAtLeast === undefined ? names.map((name) => [name]) : [names]
}

/** The platforms that a claim compares `names` with. */
export function comparedPlatforms({ matcher }: Claim, names: readonly string[]): string[] {
  if (matcher.kind === 'withinNative') return ['native']
  if (!('platform' in matcher)) return []
  return [...new Set(matcher.medianOf ?? [matcher.platform])].filter((name) => !names.includes(name))
}

/** The platforms without which a claim cannot be judged: any two members of a median are enough. */
export function requiredPlatforms(
  claim: Claim,
  names: readonly string[],
  isMeasured: (name: string) => boolean,
): string[] {
  const { matcher } = claim
  const medianOf = 'platform' in matcher ? matcher.medianOf : undefined
  if (medianOf && medianOf.filter(isMeasured).length >= 2) return [...names]
  return [...names, ...comparedPlatforms(claim, names)]
}

/** The members of a claim's median that were not measured. A member that cannot run the workload is not missing. */
function missingMembers({ matcher }: Claim, names: readonly string[], { plan }: JudgeInput): string[] {
  const medianOf = ('platform' in matcher && matcher.medianOf) || []
  return medianOf.filter((name) => {
    const code = names.includes(name) ? undefined : unavailableReason(name, plan)?.code
    return code !== undefined && code !== 'workload-unsupported'
  })
}

/** One claim about one case and one group of platforms, judged without the run's other claims. */
export interface JudgedClaim {
  readonly claim: Claim
  readonly finding: FindingId | null
  /** Ids of the cases that it is about: one, or those of a series; none if its bench was not measured. */
  readonly cases: readonly string[]
  /** The platforms that it needs samples of. */
  readonly needs: readonly string[]
  /** How the guests ran if the claim is judged separately from hardware; otherwise null. */
  readonly cpuMode: Exclude<CpuMode, 'hardware'> | null
  readonly judged: ComparisonResult
  /** The verdict, with `judged` or with what became of it among the other claims. */
  verdict(judged: ComparisonResult): Verdicts['claims'][number]
}

/** Judges a claim: one verdict for each case and group of platforms, and at least one. */
export function judgeClaim(claim: Claim, finding: FindingId | null, given: JudgeInput): JudgedClaim[] {
  const bench = benchById(given.plan.benches, claim.bench)
  const input = bench ? { ...given, plan: planForClaim(given.plan, bench, claim) } : given
  const metric = bench?.metrics[claim.metric]
  const cases = bench
    ? casesOf(bench)
        .filter(({ params }) => Object.entries(claim.where).every(([name, value]) => params[name] === value))
        .filter(({ id }) => given.caseIds.has(id))
        .filter(({ params }) => isCompared(claim.matcher, params))
    : []
  const groups = claimedPlatforms(claim, input.plan.platforms)
  const about = benchInfo(claim.bench, given.plan.benches)
  const single = (names: readonly string[], series: CaseSeries | null, judged: ComparisonResult): JudgedClaim => {
    const comparedWith = comparedPlatforms(claim, names)
    const required = requiredPlatforms(claim, names, (name) => unavailableReason(name, input.plan) === undefined)
    // A bench's own expectation is judged separately only if it compares hardware with something else.
    const isSeparate = finding !== null || mixesCpuModes(required, input.plan)
    const cpuMode = isSeparate ? cpuModeOf(required, input.plan) : null
    const ids = series?.cases.map(({ id }) => id) ?? []
    return {
      claim,
      finding,
      cases: ids,
      needs: [...names, ...comparedWith],
      cpuMode,
      judged,
      verdict: (final) => ({
        claim,
        finding,
        bench: about,
        unit: metric?.unit ?? null,
        case: ids.length === 1 && !('over' in claim.matcher) ? ids[0]! : null,
        params: series?.params ?? claim.where,
        platforms: [...names],
        comparedWith,
        outcome: final.outcome,
        direction: final.direction,
        ...(metric && { better: metric.better }),
        reason: final.reason,
        estimate: final.estimate,
        ...(final.published && { published: true }),
        extraRoundsNeeded: final.outcome === 'inconclusive' ? final.extraRoundsNeeded : null,
        missingMembers: missingMembers(claim, names, input),
        missingPlatforms:
          names.length > 0 && final.outcome === 'not-evaluated' ? unavailable(required, input.plan) : [],
        cpuMode,
      }),
    }
  }
  if (!metric || cases.length === 0)
    return (groups.length > 0 ? groups : [[]]).map((names) =>
      single(names, null, notEvaluated(unmeasured(claim, input))),
    )
  if (groups.length === 0) return [single([], null, notEvaluated(withoutPlatforms(claim, given)))]
  return seriesOf(claim, cases).flatMap((series) =>
    groups.map((names) => {
      // A ranking is about all its platforms at once, so any of them can be passed.
      const each = 'platforms' in claim.matcher ? names.slice(0, 1) : names
      const parts = each.map((name) => judgeOnPlatform(claim, name, series.cases, metric, input))
      return single(names, series, claim.onAtLeast === undefined ? parts[0]! : judgeOnAtLeast(parts, claim.onAtLeast))
    }),
  )
}

/**
 * The plan for a claim about this bench. A platform that cannot run such a workload was not measured. A claim about all
 * platforms does not include it, and is not judged if it compares with it. A platform that can run only such a workload
 * was measured.
 */
function planForClaim<P extends JudgeInput['plan']>(plan: P, bench: P['benches'][number], { on, matcher }: Claim): P {
  const isExcluded = ({ name }: PlannedPlatform) => on.by !== 'name' && plan.onlyNamed?.includes(name) === true
  const platforms = plan.platforms
    .filter((platform) => {
      if (!canRun(platform, bench)) return on.by !== 'all' || platform.name === referenceOf(matcher)
      return on.by !== 'all' || !isExcluded(platform)
    })
    .map((platform) => ({
      ...platform,
      available: isMeasuredOn(platform, bench) && !isExcluded(platform),
      ...(!canRun(platform, bench) && { unable: true }),
      ...(isExcluded(platform) && { excluded: true }),
    }))
  return { ...plan, platforms: [...platforms, ...(on.by === 'all' ? [] : excludedPlatforms(plan))] }
}

/**
 * The platforms that the run excluded because of their tags. A claim about a name, a family or a tag includes them and
 * is not evaluated for them. A claim about all platforms is about those of the run.
 */
const excludedPlatforms = ({ excludedPlatforms = [] }: JudgeInput['plan']) =>
  excludedPlatforms.map((platform) => ({
    ...platform,
    kind: platform.name,
    available: false,
    excluded: true,
    version: '',
    cpuMode: 'hardware' as const,
  }))

/** The cases behind one verdict. */
interface CaseSeries {
  /** The parameters that the cases share, without the one that the claim ranges over. */
  readonly params: BenchCase['params']
  readonly cases: readonly [BenchCase, ...BenchCase[]]
}

/** Whether a matcher looks at cases with these parameters: one that compares two values, only at those with them. */
const isCompared = (matcher: Matcher, params: BenchCase['params']): boolean =>
  matcher.kind !== 'worsensAtMost' || [matcher.from, matcher.to].includes(params[matcher.over]!)

/** Each case alone; for a claim over a parameter, the cases together that differ in nothing else. */
function seriesOf({ matcher }: Claim, cases: readonly BenchCase[]): CaseSeries[] {
  if (!('over' in matcher)) return cases.map((benchCase) => ({ params: benchCase.params, cases: [benchCase] }))
  const series = new Map<string, CaseSeries>()
  for (const benchCase of cases) {
    const params = Object.fromEntries(Object.entries(benchCase.params).filter(([name]) => name !== matcher.over))
    const key = JSON.stringify(params)
    series.set(key, { params, cases: [...(series.get(key)?.cases ?? []), benchCase] as [BenchCase, ...BenchCase[]] })
  }
  return [...series.values()]
}

/** Why a claim is about no platform of the run: those that it has cannot run the bench, or it selects none of them. */
function withoutPlatforms(claim: Claim, { plan }: JudgeInput): Reason {
  const bench = benchById(plan.benches, claim.bench)
  const unable = plan.platforms.filter((one) => bench && claim.on.by === 'all' && !canRun(one, bench))
  const platforms = unable.flatMap(({ name }) => (name === referenceOf(claim.matcher) ? [] : [name]))
  return { code: platforms.length > 0 ? 'workload-unsupported' : 'platform-unknown', platforms }
}

/** Why nothing of a bench was measured. */
function unmeasured({ bench }: Claim, { plan }: JudgeInput): Reason {
  const excluded = plan.excluded.find((one) => one.bench === bench)
  if (excluded?.reason === 'tracer-unavailable') return { code: 'tracer-unavailable', message: excluded.detail ?? '' }
  if (excluded?.reason === 'shard-missing') return { code: 'shard-missing', shard: excluded.detail ?? '' }
  return { code: excluded?.reason === 'time-budget' ? 'time-budget' : 'not-measured' }
}
