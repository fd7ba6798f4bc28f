import type { Location } from './location.ts'
import type { Selector } from './platform.ts'
import type { ParamValue } from './workload.ts'

/** What a claim asserts of each platform that it selects, or of several together. Plain data. */
export type Matcher =
  /** Not worse than native by more than `percent`. */
  | { readonly kind: 'withinNative'; readonly percent: number }
  /** Neither worse nor better than `platform` by more than `percent`. */
  | { readonly kind: 'equivalentTo'; readonly platform: string; readonly percent: number }
  /** Better than `platform` by at least the factor `by`. */
  | { readonly kind: 'fasterThan'; readonly platform: string; readonly by: number }
  /** Worse than `platform` by at least the factor `by`. */
  | { readonly kind: 'slowerThan'; readonly platform: string; readonly by: number }
  /** The metric's own value, in its unit. */
  | { readonly kind: 'atMost'; readonly value: number }
  | { readonly kind: 'atLeast'; readonly value: number }
  /** Best first: each is better than the next. */
  | { readonly kind: 'ranked'; readonly platforms: readonly string[] }

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
    case 'fasterThan':
      return `better than ${matcher.platform}${factor(matcher.by)}`
    case 'slowerThan':
      return `worse than ${matcher.platform}${factor(matcher.by)}`
    case 'atMost':
      return `at most ${matcher.value} ${unit}`
    case 'atLeast':
      return `at least ${matcher.value} ${unit}`
    case 'ranked':
      return `ranked ${matcher.platforms.join(' > ')}`
  }
}
