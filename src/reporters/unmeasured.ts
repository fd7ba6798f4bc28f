import { describeParams } from '../core/model/plan.ts'
import type { CaseResult, Report } from '../core/model/report.ts'
import { listText } from '../util/text.ts'

/** Why platforms that a run needs count as not measured, for its headline and the text of its exit code. */

/** A platform of `exit.unmeasured`. */
export interface Unmeasured {
  readonly platform: string
  /** Whether it has no sample, or none that succeeded, in the whole run or for a claim. */
  readonly why: keyof typeof texts | 'unable'
  /** What the workload that it cannot run measures, if it is `unable`. */
  readonly kind?: CaseResult['kind']
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

/** The platforms that the run was asked for or that claims need, and that were not measured. */
export const unmeasuredPlatforms = (report: Pick<Report, 'exit' | 'cases' | 'claims'>): Unmeasured[] =>
  (report.exit.unmeasured ?? []).map((platform) => unmeasuredPlatform(report, platform))

function unmeasuredPlatform({ cases, claims }: Pick<Report, 'cases' | 'claims'>, platform: string): Unmeasured {
  const samplesOf = ({ results }: CaseResult) =>
    results.filter((one) => one.platform === platform).flatMap(({ samples }) => samples)
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
  const others = Object.entries(texts).flatMap(([why, text]) => {
    const some = unmeasured.filter((one) => one.why === why)
    const names = some.map(({ platform, cases }) =>
      cases.length > 0 ? `${platform} (${listText(cases, shownCases)})` : platform,
    )
    return names.length > 0 ? [`${text}: ${listText(names)}`] : []
  })
  return [...unable, ...others]
}
