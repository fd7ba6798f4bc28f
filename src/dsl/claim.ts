import { DefinitionError, type Location } from './errors.ts'
import type { Selector } from './platform.ts'
import type { ParamValue } from './workload.ts'

/** What a claim asserts about each selected platform, or about several together. Plain data. */
export type Matcher =
  /** Not worse than native by more than `percent`. */
  | { readonly kind: 'withinNative'; readonly percent: number }
  /** Neither worse nor better than the reference by more than `percent`. */
  | (Reference & { readonly kind: 'equivalentTo'; readonly percent: number })
  /** Not worse than the reference by more than `percent`. */
  | (Reference & { readonly kind: 'notWorseThan'; readonly percent: number })
  /** Better than the reference by at least the factor `by`. */
  | (Reference & { readonly kind: 'betterThan'; readonly by: number })
  /** Worse than the reference by at least the factor `by`. */
  | (Reference & { readonly kind: 'worseThan'; readonly by: number })
  /** The value of the metric, in its unit. */
  | { readonly kind: 'atMost'; readonly value: number }
  | { readonly kind: 'atLeast'; readonly value: number }
  /** Best first: each is better than the next. */
  | { readonly kind: 'ranked'; readonly platforms: readonly string[] }
  /** The order changes from round to round: the mean rank correlation of two rounds is below 0.5. */
  | { readonly kind: 'noStableOrder'; readonly platforms: readonly string[] }
  /** Over the values of a parameter, the best value is at one from `from` to `to`, inclusive. */
  | { readonly kind: 'peaksAt'; readonly over: string; readonly from: number; readonly to: number }
  /** Over the values of a parameter, no two differ by more than `percent`. */
  | { readonly kind: 'constant'; readonly over: string; readonly percent: number }
  /** The best value over a parameter is not worse than the reference's best value by more than `percent`. */
  | (Reference & { readonly kind: 'peakWithin'; readonly over: string; readonly percent: number })
  /** From one value of a parameter to another, it becomes worse by at most the factor `by`. */
  | {
      readonly kind: 'worsensAtMost'
      readonly over: string
      readonly from: ParamValue
      readonly to: ParamValue
      readonly by: number
    }

/** What a platform is compared with: another platform, or the median of several platforms in each round. */
export interface Reference {
  /** The name of a platform, or `the median of a, b, c`. */
  readonly platform: string
  /** The platforms of the median. Those that were measured count, at least two. */
  readonly medianOf?: readonly string[]
}

/** `fail`: a violated claim fails the run. `warn`: it is reported, but does not change the exit code. */
export type Severity = 'fail' | 'warn'

/** An assertion about one metric of one bench. Plain data. */
export interface Claim {
  /** Id of the bench, see `BenchData`. */
  readonly bench: string
  readonly metric: string
  readonly matcher: Matcher
  /** The platforms that the claim is about. For `ranked`, the matcher names them. */
  readonly on: Selector
  /** The claim is about the cases that have these values of parameters. */
  readonly where: Readonly<Record<string, ParamValue>>
  readonly severity: Severity
  /** Minimum number of selected platforms on which the claim must hold. Omit it if it must hold on all. */
  readonly onAtLeast?: number
  /**
   * Label of a claim that is used only if none of the finding's other claims can be measured. The verdict shows the
   * label.
   */
  readonly fallbackLabel?: string
  /**
   * The reading of the words that the claim tests, if the source allows several. A part with several readings is
   * decided only if they agree.
   */
  readonly reading?: string
  readonly location?: Location
}

/** The platforms that a matcher compares others with. */
function referencesOf(matcher: Matcher): readonly string[] {
  if (matcher.kind === 'withinNative') return ['native']
  return 'platform' in matcher ? (matcher.medianOf ?? [matcher.platform]) : []
}

/** @throws {DefinitionError} if a claim compares the only platform that it is about with itself */
export function checkReference(matcher: Matcher, on: Selector, location: Location | undefined): void {
  if (on.by !== 'name' || on.names.length === 0) return
  const references = referencesOf(matcher)
  if (references.length === 0 || new Set([...on.names, ...references]).size > 1) return
  throw new DefinitionError(
    `the claim compares "${on.names[0]}" with itself.`,
    'name two different platforms, one in on() and one in the matcher',
    location,
  )
}
