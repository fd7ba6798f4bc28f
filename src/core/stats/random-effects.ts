import { type IntervalOptions, requireAlpha, requireFinite } from './interval.ts'
import { bisect } from './normal.ts'
import { studentQuantile } from './student.ts'

/**
 * The random-effects model of meta-analysis: each host has its own true effect, and these effects are a sample of those
 * of all hosts. Effects are on a scale where differences mean the same everywhere, such as logarithms of ratios.
 */

/** The effect that was measured on one host. */
export interface Effect {
  readonly estimate: number
  /** The square of its standard error: what measuring on this host once more would change. */
  readonly variance: number
}

/** What effects have in common, and how much they differ. */
export interface RandomEffects {
  /** The mean of the true effects. */
  readonly estimate: number
  /** Lower one-sided (1 - alpha) bound of the mean. */
  readonly low: number
  /** Upper one-sided (1 - alpha) bound of the mean. */
  readonly high: number
  /** Where the true effect of one more host lies, with probability 1 - 2 alpha. */
  readonly prediction: { readonly low: number; readonly high: number }
  /** The variance of the true effects. */
  readonly betweenVariance: number
  /** The share of the variation of the estimates that the hosts cause rather than the measuring, 0 to 1. */
  readonly inconsistency: number
  /** The number of effects. */
  readonly n: number
}

/** With fewer effects, nothing is known about how much hosts differ. */
export const minEffects = 3

/** A variance of 0 has no weight. This one is below that of any measured logarithm. */
const leastVariance = 1e-18

/** The weighted mean for a variance between hosts, and the sum of the weighted squares around it. */
function weighted(effects: readonly Effect[], between: number) {
  const weights = effects.map(({ variance }) => 1 / (Math.max(variance, leastVariance) + between))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const mean = effects.reduce((sum, { estimate }, at) => sum + (weights[at]! / total) * estimate, 0)
  const q = effects.reduce((sum, { estimate }, at) => sum + weights[at]! * (estimate - mean) ** 2, 0)
  return { mean, q, variance: 1 / total }
}

/**
 * Paule and Mandel's estimate of the variance between hosts: with it, the weighted squares have their expected sum.
 * Source: R. C. Paule & J. Mandel, J. Res. Natl. Bur. Stand. 87 (1982) 377-385; recommended by A. A. Veroniki et al.,
 * Res. Synth. Methods 7 (2016) 55-79.
 */
function varianceBetween(effects: readonly Effect[]): number {
  const expected = effects.length - 1
  if (weighted(effects, 0).q <= expected) return 0
  const mean = effects.reduce((sum, { estimate }) => sum + estimate / effects.length, 0)
  const sample = effects.reduce((sum, { estimate }) => sum + (estimate - mean) ** 2, 0) / expected
  // The variance of the estimates is an upper limit, because it has that of the measuring too.
  return bisect((between) => weighted(effects, between).q > expected, 0, sample)
}

/**
 * Summarizes the effects of several hosts.
 *
 * The interval is that of Hartung, Knapp, Sidik and Jonkman with n - 1 degrees of freedom. Its factor
 * max(1, Q / (n - 1)) is 1 for Paule and Mandel's variance: Q is n - 1 then, or less if that variance is 0. Sources:
 * J. Hartung & G. Knapp, Stat. Med. 20 (2001) 3875-3889; K. Sidik & J. N. Jonkman, Stat. Med. 21 (2002) 3153-3159; the
 * factor of at least 1: C. Roever, G. Knapp & T. Friede, BMC Med. Res. Methodol. 15 (2015) 99.
 *
 * The prediction interval has n - 2 degrees of freedom. Source: J. P. T. Higgins, S. G. Thompson & D. J. Spiegelhalter,
 * J. R. Stat. Soc. A 172 (2009) 137-159. The inconsistency is I^2 of J. P. T. Higgins & S. G. Thompson, Stat. Med. 21
 * (2002) 1539-1558.
 * @throws RangeError with fewer than `minEffects` effects, values that are not finite, or a negative variance
 */
export function randomEffects(effects: readonly Effect[], { alpha = 0.05 }: IntervalOptions = {}): RandomEffects {
  requireAlpha(alpha)
  const n = effects.length
  if (n < minEffects) throw new RangeError(`randomEffects: expected at least ${minEffects} effects, got ${n}`)
  requireFinite(
    effects.flatMap(({ estimate, variance }) => [estimate, variance]),
    'randomEffects',
  )
  if (effects.some(({ variance }) => variance < 0)) throw new RangeError('randomEffects: a variance is negative')
  const betweenVariance = varianceBetween(effects)
  const { mean, variance } = weighted(effects, betweenVariance)
  const { q } = weighted(effects, 0)
  const around = (half: number) => ({ low: mean - half, high: mean + half })
  return {
    estimate: mean,
    ...around(studentQuantile(alpha, n - 1) * Math.sqrt(variance)),
    prediction: around(studentQuantile(alpha, n - 2) * Math.sqrt(betweenVariance + variance)),
    betweenVariance,
    inconsistency: q > 0 ? Math.max(0, (q - (n - 1)) / q) : 0,
    n,
  }
}
