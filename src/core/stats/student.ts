import { regularizedBeta } from './beta.ts'
import { bisect } from './normal.ts'

/** Student's t distribution. */

/** P(T > t) with `df` degrees of freedom. Source: Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.1. */
export function studentTail(t: number, df: number): number {
  const tail = 0.5 * regularizedBeta(df / (df + t * t), df / 2, 0.5)
  return t >= 0 ? tail : 1 - tail
}

/**
 * The t that P(T > t) = `alpha` is true for, by bisection of {@link studentTail}; relative error below 1e-9.
 * @param alpha 1e-6 to 0.5
 * @param df degrees of freedom, at least 1
 * @throws RangeError outside of these ranges
 */
export function studentQuantile(alpha: number, df: number): number {
  if (!(alpha >= 1e-6 && alpha <= 0.5)) throw new RangeError(`studentQuantile: expected 1e-6 to 0.5, got ${alpha}`)
  if (!(df >= 1)) throw new RangeError(`studentQuantile: expected at least 1 degree of freedom, got ${df}`)
  // With one degree of freedom, t is 318,310 at 1e-6. More degrees give a smaller one.
  return bisect((t) => studentTail(t, df) > alpha, 0, 400_000)
}
