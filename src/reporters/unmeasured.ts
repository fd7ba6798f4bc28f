import { describeParams } from '../core/model/plan.ts'
import type { CaseResult, Report } from '../core/model/report.ts'
import { groupBy } from '../util/group-by.ts'
import { listText } from '../util/text.ts'

/** Why platforms that a run needs count as not measured, for its headline and the text of its exit code. */

/** A platform of `exit.unmeasured`. */
export interface Unmeasured {
  readonly platform: string
  /** Whether it has no sample, or none that succeeded, in the whole run or for a claim. */
  readonly why: keyof typeof texts | 'unable' | 'unsupported'
  /** What the workload that it cannot run measures, if it is `unable`. */
  readonly kind?: CaseResult['kind']
  /** Why it supports none of the work, with the fix, if it is `unsupported`. */
  readonly reason?: string
  /** The cases with claims that lack its samples; empty if all cases lack them. */
  readonly cases: readonly string[]
}

const texts = {
  absent: 'not measured',
  failed: 'all samples failed',
  'claim-failed': 'all samples of a claim failed',
  'claim-absent': 'all samples of a claim are absent',
} as const

const unableTexts: Readonly<Partial<Record<CaseResult['kind'], string>>> = {
  snapshot: 'has no snapshots',
  'vmm-start': 'has no VMM that starts without a guest',
}

/**
 * The platforms that the run was asked for or that claims need, and that were not measured. All that have samples, if
 * none of them counts.
 */
export const unmeasuredPlatforms = (report: Pick<Report, 'exit' | 'cases' | 'claims'>): Unmeasured[] =>
  (report.exit.unmeasured ?? platformsWithoutValues(report)).map((platform) => unmeasuredPlatform(report, platform))

function platformsWithoutValues({ cases }: Pick<Report, 'cases'>): string[] {
  const tried = cases.flatMap(({ results }) => results).filter(({ samples }) => samples.length > 0)
  const isMeasured = tried.some(({ samples }) => samples.some(({ judged }) => judged))
  return isMeasured ? [] : [...new Set(tried.map(({ platform }) => platform))]
}

function unmeasuredPlatform({ cases, claims }: Pick<Report, 'cases' | 'claims'>, platform: string): Unmeasured {
  const resultsOf = ({ results }: CaseResult) => results.filter((one) => one.platform === platform)
  const samplesOf = (one: CaseResult) => resultsOf(one).flatMap(({ samples }) => samples)
  const samples = cases.flatMap(samplesOf)
  const reasons = claims.filter(({ reason }) => reason && 'platforms' in reason && reason.platforms.includes(platform))
  const needing = claims.filter(
    (one) =>
      one.platforms.includes(platform) ||
      one.comparedWith.includes(platform) ||
      reasons.includes(one) ||
      (platform === 'native' && one.reason?.code === 'no-native'),
  )
  const benches = new Set(needing.map(({ bench }) => bench.id))
  const lacking = cases.filter((one) => benches.has(one.bench.id) && !samplesOf(one).some(({ judged }) => judged))
  const named = lacking.length === cases.length ? [] : lacking
  const names = named.map(({ bench, params }) => [bench.name, describeParams(params)].filter(Boolean).join(' '))
  const found = (why: Unmeasured['why']): Unmeasured => ({ platform, why, cases: names })
  if (samples.some(({ judged }) => judged))
    return found(reasons.some(({ reason }) => reason?.code === 'sample-errors') ? 'claim-failed' : 'claim-absent')
  const tried = cases.flatMap(resultsOf).filter((result) => result.samples.length > 0)
  const refusals = tried.flatMap(({ unsupported }) => unsupported ?? [])
  if (refusals.length > 0 && refusals.length === tried.length)
    return { ...found('unsupported'), reason: [...new Set(refusals)].join('; ') }
  if (samples.length > 0) return found('failed')
  const unable = reasons.find(({ reason }) => reason?.code === 'workload-unsupported')
  const kind = cases.find(({ bench }) => bench.id === unable?.bench.id)?.kind
  return kind === undefined ? found('absent') : { ...found('unable'), kind }
}

/** How many cases of a platform a text names. */
const shownCases = 3

/** Why they count as not measured: `all samples failed: runc (disk block=4k)`. */
export function unmeasuredTexts(unmeasured: readonly Unmeasured[]): string[] {
  const unable = unmeasured.flatMap(({ platform, why, kind }) =>
    why === 'unable' ? [`${platform} ${(kind && unableTexts[kind]) ?? 'cannot run such a workload'}`] : [],
  )
  const refused = groupBy(
    unmeasured.filter(({ why }) => why === 'unsupported'),
    ({ reason }) => reason,
  )
  const unsupported = [...refused].map(([reason, some]) => `not supported on ${namesOf(some)}: ${reason}`)
  const others = Object.entries(texts).flatMap(([why, text]) => {
    const some = unmeasured.filter((one) => one.why === why)
    return some.length > 0 ? [`${text}: ${namesOf(some)}`] : []
  })
  return [...unable, ...unsupported, ...others]
}

/** The platforms with their cases. */
const namesOf = (unmeasured: readonly Unmeasured[]): string =>
  listText(
    unmeasured.map(({ platform, cases }) =>
      cases.length > 0 ? `${platform} (${listText(cases, shownCases)})` : platform,
    ),
  )
