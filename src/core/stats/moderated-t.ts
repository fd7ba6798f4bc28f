import { requireFinite, roundingTolerance } from './interval.ts'
import { studentTail } from './student.ts'

/**
 * The moderated t test: the parametric stand-in for ranks, which cannot reach a small p-value in few rounds.
 *
 * A variance of five differences can be small by chance, and then an ordinary t is huge. That happens often if the
 * values have two modes. The moderated t shrinks each variance towards the variance of comparable cases.
 * Source: G. K. Smyth, Stat. Appl. Genet. Mol. Biol. 3(1) (2004), article 3.
 */

/** What comparable cases say about the variance of a comparison. */
export interface VariancePrior {
  /** Their mean variance, in the squared unit of the differences. */
  readonly variance: number
}

/**
 * The degrees of freedom that the comparable cases count as. Smyth estimates them. A fixed number does not depend on
 * the log of tiny variances, which quantized values and values with two modes have. test/calibration has the choice.
 */
const priorDegrees = 4

/** The variance with n - 1 in the denominator; 0 for fewer than two values. */
export function sampleVariance(values: readonly number[]): number {
  if (values.length < 2) return 0
  const mean = meanOf(values)
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0)

/**
 * A comparison that is noisier than its pool keeps its own variance and degrees: shrinking must never make a noisy
 * platform look quiet. That is the extreme case of the robust estimate of B. Phipson et al., Ann. Appl. Stat. 10 (2016)
 * 946-963. Below, the p-value is never smaller than Smyth's.
 */
export function shrinkVariance(own: number, degrees: number, prior: VariancePrior | undefined) {
  if (!prior || own >= prior.variance) return { variance: own, degrees }
  const total = degrees + priorDegrees
  return { variance: (priorDegrees * prior.variance + degrees * own) / total, degrees: total }
}

function tail(distance: number, own: number, degrees: number, scale: number, prior: VariancePrior | undefined): number {
  const { variance, degrees: all } = shrinkVariance(own, degrees, prior)
  if (Math.abs(distance) <= roundingTolerance) return variance <= roundingTolerance ** 2 ? 1 : 0.5
  if (variance <= roundingTolerance ** 2) return distance > 0 ? 0 : 1
  return studentTail(distance / Math.sqrt(variance * scale), all)
}

/**
 * One-sided p-value of the mean of `d` against `shift`; 1 for fewer than two values. Without a prior it is Student's t
 * (Biometrika 6 (1908) 1-25). Differences without any spread, and without a prior that has some, give 0 or 1.
 * @throws RangeError on empty or non-finite input
 */
export function moderatedPValue(
  d: readonly number[],
  shift: number,
  side: 'greater' | 'less',
  prior?: VariancePrior,
): number {
  requireFinite(d, 'moderatedPValue')
  requireFinite([shift], 'moderatedPValue: shift')
  if (d.length < 2) return 1
  const distance = side === 'greater' ? meanOf(d) - shift : shift - meanOf(d)
  return tail(distance, sampleVariance(d), d.length - 1, 1 / d.length, prior)
}

/**
 * One-sided p-value of the mean of `a` minus the mean of `b` against `shift`, for two independent samples with the same
 * variance; 1 if one has fewer than two values.
 * @param prior of the variance of a single value
 * @throws RangeError on empty or non-finite input
 */
export function moderatedShiftPValue(
  a: readonly number[],
  b: readonly number[],
  shift: number,
  side: 'greater' | 'less',
  prior?: VariancePrior,
): number {
  requireFinite(a, 'moderatedShiftPValue: first sample')
  requireFinite(b, 'moderatedShiftPValue: second sample')
  requireFinite([shift], 'moderatedShiftPValue: shift')
  if (a.length < 2 || b.length < 2) return 1
  const difference = meanOf(a) - meanOf(b)
  const distance = side === 'greater' ? difference - shift : shift - difference
  return tail(distance, pooledVariance(a, b), a.length + b.length - 2, 1 / a.length + 1 / b.length, prior)
}

/** The variance that two samples have in common; 0 for one value each. */
export function pooledVariance(a: readonly number[], b: readonly number[]): number {
  const degrees = a.length + b.length - 2
  if (degrees < 1) return 0
  return ((a.length - 1) * sampleVariance(a) + (b.length - 1) * sampleVariance(b)) / degrees
}

/** The variance of a case, and its degrees of freedom. */
interface KnownVariance {
  readonly variance: number
  readonly degrees: number
}

/**
 * The mean variance of comparable cases, weighted by their degrees of freedom; undefined if there are none.
 * @param isOwn the comparison itself. It must not count: its own variance would hide how unusual it is.
 */
export function poolVariances<T extends KnownVariance>(
  all: readonly T[],
  isOwn: (one: T) => boolean = () => false,
): VariancePrior | undefined {
  let [degrees, sum] = [0, 0]
  // Each comparison of a bench reads those of all its cases, so this makes no copy of them.
  for (const one of all) {
    if (one.degrees < 1 || isOwn(one)) continue
    degrees += one.degrees
    sum += one.degrees * one.variance
  }
  return degrees > 0 ? { variance: sum / degrees } : undefined
}
