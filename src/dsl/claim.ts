import type { Location } from './errors.ts'
import type { Selector } from './platform.ts'
import type { ParamValue } from './workload.ts'

/** What a claim asserts of each platform that it selects, or of several together. Plain data. */
export type Matcher =
  /** Not worse than native by more than `percent`. */
  | { readonly kind: 'withinNative'; readonly percent: number }
  /** Neither worse nor better than the reference by more than `percent`. */
  | (Reference & { readonly kind: 'equivalentTo'; readonly percent: number })
  /** Better than the reference by at least the factor `by`. */
  | (Reference & { readonly kind: 'betterThan'; readonly by: number })
  /** Worse than the reference by at least the factor `by`. */
  | (Reference & { readonly kind: 'worseThan'; readonly by: number })
  /** The metric's own value, in its unit. */
  | { readonly kind: 'atMost'; readonly value: number }
  | { readonly kind: 'atLeast'; readonly value: number }
  /** Best first: each is better than the next. */
  | { readonly kind: 'ranked'; readonly platforms: readonly string[] }
  /** Their order changes from round to round: the mean rank correlation of two rounds is below 0.5. */
  | { readonly kind: 'noStableOrder'; readonly platforms: readonly string[] }
  /** Over the values of a parameter, best at one from `from` to `to`, both included. */
  | { readonly kind: 'peaksAt'; readonly over: string; readonly from: number; readonly to: number }
  /** Over the values of a parameter, no two differ by more than `percent`. */
  | { readonly kind: 'constant'; readonly over: string; readonly percent: number }

/** What a platform is compared with: another platform, or the median of several, round by round. */
export interface Reference {
  /** The name, or `the median of a, b, c`. */
  readonly platform: string
  /** Those that the median is over, as far as they are measured; two are the least. */
  readonly medianOf?: readonly string[]
}

/** `fail` gates the run; `warn` is judged and shown but never changes the exit code. */
export type Severity = 'fail' | 'warn'

/** An assertion over one metric of one bench, as plain data. */
export interface Claim {
  /** The bench's id; see `BenchData`. */
  readonly bench: string
  readonly metric: string
  readonly matcher: Matcher
  /** The platforms that it is about; for `ranked`, the matcher names them. */
  readonly on: Selector
  /** The cells that it is about: those whose parameters have these values. */
  readonly where: Readonly<Record<string, ParamValue>>
  readonly severity: Severity
  /** It is about the selected platforms together: that it is so on at least this many of them. */
  readonly onAtLeast?: number
  /** It stands in for the finding's other claims where none of those could be measured; the verdict is marked with this. */
  readonly fallbackLabel?: string
  readonly location?: Location
}

function factor(by: number): string {
  return by === 1 ? '' : ` by ${by}×`
}

/** The matcher as an author would write it, such as `within 5 % of native`. */
export function describeMatcher(matcher: Matcher, unit: string): string {
  switch (matcher.kind) {
    case 'withinNative':
      return `within ${matcher.percent} % of native`
    case 'equivalentTo':
      return `equivalent to ${matcher.platform} within ±${matcher.percent} %`
    case 'betterThan':
      return `better than ${matcher.platform}${factor(matcher.by)}`
    case 'worseThan':
      return `worse than ${matcher.platform}${factor(matcher.by)}`
    case 'atMost':
      return `at most ${matcher.value} ${unit}`
    case 'atLeast':
      return `at least ${matcher.value} ${unit}`
    case 'ranked':
      return `ranked ${matcher.platforms.join(' > ')}`
    case 'noStableOrder':
      return `in no stable order: ${matcher.platforms.join(', ')}`
    case 'peaksAt':
      return `best at ${matcher.over} ${matcher.from === matcher.to ? matcher.from : `${matcher.from} to ${matcher.to}`}`
    case 'constant':
      return `flat within ${matcher.percent} % over ${matcher.over}`
  }
}
