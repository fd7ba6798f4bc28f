import { midRanks } from './dependence.ts'
import { benjaminiHochberg } from './multiplicity.ts'
import { normalCdf, normalQuantile } from './normal.ts'
import { median } from './quantile.ts'
import { mannWhitneyCdf } from './signed-rank.ts'

/**
 * Where series of runs change their level: maximally selected Mann-Whitney statistics and binary segmentation, after
 * prewhitening. docs/explanation/history.md has the reasons and the measured rates.
 */

/** The fewest values on each side of a change point. */
export const minSegment = 5

/** A chance of a false alarm, shared by all series that are searched together. */
export const changePointRate = 0.05

/** A place where the level of a series changes. */
export interface ChangePoint {
  /** Index of the first value of the new level. */
  readonly at: number
  /** Of the split, over all places where it could be. */
  readonly pValue: number
  /** Adjusted for all series of the search: at most `changePointRate`. */
  readonly adjustedP: number
}

/**
 * Finds the change points of all series of a host. Each first split counts as one test of a family (Benjamini and
 * Hochberg). A part of a series that was split is searched with half of the level at which it was split.
 * @param all values in the order of the runs. Series with fewer than ten values have no change point
 */
export function changePoints(all: readonly (readonly number[])[]): ChangePoint[][] {
  const tested = all.filter(({ length }) => length >= 2 * minSegment)
  const correlations = autocorrelations(tested)
  const first = tested.map((values, at) => strongestSplit(values, correlations[at]!))
  const adjusted = benjaminiHochberg(first.map(({ pValue }) => pValue))
  const found = adjusted.filter((p) => p <= changePointRate).length
  const result = new Map<readonly number[], ChangePoint[]>()
  tested.forEach((values, index) => {
    // As in Benjamini and Hochberg: the rate times the share of marked series. A part is searched with half of it.
    const search = { correlation: correlations[index]!, factor: (2 * tested.length) / found }
    const root = { ...first[index]!, adjustedP: adjusted[index]! }
    result.set(values, root.adjustedP <= changePointRate ? withParts(values, root, search) : [])
  })
  return all.map((values) => result.get(values) ?? [])
}

interface Search {
  readonly correlation: number
  /** What p-values of parts are multiplied with. */
  readonly factor: number
}

function withParts(values: readonly number[], root: ChangePoint, search: Search): ChangePoint[] {
  const searchPart = (part: readonly number[], from: number): ChangePoint[] => {
    if (part.length < 2 * minSegment) return []
    const { at, pValue } = strongestSplit(part, search.correlation)
    const adjustedP = Math.max(root.adjustedP, Math.min(1, pValue * search.factor))
    if (adjustedP > changePointRate) return []
    const inner = withParts(part, { at, pValue, adjustedP }, { ...search, factor: 2 * search.factor })
    return inner.map((point) => ({ ...point, at: point.at + from }))
  }
  return [...searchPart(values.slice(0, root.at), 0), root, ...searchPart(values.slice(root.at), root.at)]
}

/**
 * The split with the smallest Mann-Whitney p-value. Its p-value over all splits is the smaller of Bonferroni's bound
 * and the improved one for neighboring splits, which depend on each other.
 * Sources: R. Miller and D. Siegmund, Biometrics 38 (1982) 1011-1016; B. Lausen and M. Schumacher, Biometrics 48 (1992)
 * 73-85, and for the improved bound B. Lausen, W. Sauerbrei and M. Schumacher (1994): formula Lau94 of R's maxstat.
 * @param correlation of neighboring values, which is removed first: x(t) - correlation * x(t - 1)
 */
function strongestSplit(values: readonly number[], correlation: number): Omit<ChangePoint, 'adjustedP'> {
  const isWhitened = correlation > 0
  const series = isWhitened ? values.slice(1).map((value, at) => value - correlation * values[at]!) : values
  const offset = isWhitened ? 1 : 0
  const n = series.length
  const ranks = midRanks(series)
  const splits = Array.from({ length: values.length - 2 * minSegment + 1 }, (_, at) => at + minSegment - offset)
  let sum = 0
  let best = { before: splits[0]!, p: 1 }
  for (let before = 1; before <= splits.at(-1)!; before++) {
    sum += ranks[before - 1]!
    if (before < splits[0]!) continue
    const p = twoSided(before, n - before, Math.abs(2 * sum - before * (n + 1)))
    if (p < best.p) best = { before, p }
  }
  return { at: best.before + offset, pValue: Math.min(1, best.p * splits.length, improvedBound(best.p, splits, n)) }
}

/** Below this p-value, b is not known well enough. Bonferroni's bound is then small too. */
const leastForImprovedBound = 1e-13

/** P(any split is beyond b) <= P(the first is) + the sum of P(a split is, and its predecessor is not). */
function improvedBound(p: number, splits: readonly number[], n: number): number {
  if (p >= 1 || p < leastForImprovedBound) return 1
  const b = -normalQuantile(p / 2)
  return splits.slice(1).reduce((sum, split, at) => {
    const former = splits[at]!
    const t = Math.sqrt(1 - (former * (n - split)) / ((n - former) * split))
    return sum + (Math.exp(-(b ** 2) / 2) / Math.PI) * (t - ((b ** 2 / 4 - 1) * t ** 3) / 6)
  }, p)
}

/** Up to this many pairs the distribution is exact. The normal approximation loses too much power for small parts. */
const exactPairs = 2500

/** P(|2U - mn| >= distance) for two samples of m and n values. */
function twoSided(m: number, n: number, distance: number): number {
  if (m * n <= exactPairs) {
    // Equal values have half ranks. Rounding up counts against a change.
    const u = Math.ceil((m * n - distance) / 2 - 1e-9)
    return Math.min(1, 2 * mannWhitneyCdf(m, n)[u]!)
  }
  return Math.min(1, 2 * normalCdf(-(distance - 1) / 2 / Math.sqrt((m * n * (m + n + 1)) / 12)))
}

/** With a higher correlation, a step looks like a walk. */
const mostCorrelation = 0.8

/** Removing a lower correlation costs more power than it saves false alarms. */
const leastCorrelation = 0.1

/** The fewest series that show together how neighboring runs of a host depend on each other. */
const minPool = 10

/**
 * The correlation of neighboring values of each series, 0 or 0.1 to 0.8, without its level changes. Each estimate is
 * shrunk towards the median of all (empirical Bayes), but a high one by at most a standard deviation, because a few
 * series among many may depend on each other more. Source: B. Efron and C. Morris, JASA 67 (1972) 130-139.
 */
function autocorrelations(all: readonly (readonly number[])[]): number[] {
  const own = all.map(autocorrelation)
  const clamp = (value: number) => (value < leastCorrelation ? 0 : Math.min(mostCorrelation, value))
  if (all.length < minPool) return own.map(({ estimate }) => clamp(estimate))
  const center = median(own.map(({ estimate }) => estimate))
  const spread = own.reduce((sum, { estimate }) => sum + (estimate - center) ** 2, 0) / (own.length - 1)
  const chance = own.reduce((sum, { variance }) => sum + variance, 0) / own.length
  const between = Math.max(0, spread - chance)
  return own.map(({ estimate, variance }) => {
    const shrunken = center + (estimate - center) * (between === 0 ? 0 : between / (between + variance))
    return clamp(Math.max(shrunken, estimate - Math.sqrt(variance)))
  })
}

/** The mean of two estimates. Both are about right, also if there are steps, and err in different ways. */
function autocorrelation(values: readonly number[]): { readonly estimate: number; readonly variance: number } {
  const estimate = (correlationAroundLevels(values) + correlationByDifferences(values)) / 2
  // As simulated for 15 to 60 values.
  return { estimate, variance: 1.5 / values.length }
}

/**
 * From the ranks around their levels, corrected for its bias. In simulation the plain estimate was about
 * r - (3 + 9 r) / n for the two levels of the best split, because the split follows the noise. For one level, see
 * F. H. C. Marriott and J. A. Pope, Biometrika 41 (1954) 390-402.
 */
function correlationAroundLevels(values: readonly number[]): number {
  const n = values.length
  const ranks = midRanks(values)
  const { at } = strongestSplit(values, 0)
  const ends = [...clearSteps(values.slice(0, at)), at, ...clearSteps(values.slice(at)).map((one) => one + at), n]
  let [square, products] = [0, 0]
  for (const [nth, end] of ends.entries()) {
    const level = ranks.slice(ends[nth - 1] ?? 0, end)
    const mean = level.reduce((sum, rank) => sum + rank, 0) / level.length
    const rest = level.map((rank) => rank - mean)
    square += rest.reduce((sum, value) => sum + value ** 2, 0)
    products += rest.slice(1).reduce((sum, value, i) => sum + value * rest[i]!, 0)
  }
  return square === 0 ? 0 : (products / square + 3 / n) / Math.max(0.4, 1 - 9 / n)
}

/** A second step would look like correlation. Correlated values rarely look this much like a step. */
const clearStep = 0.01

/** Where a part of a series has clear steps, if its values were independent. */
function clearSteps(part: readonly number[]): number[] {
  if (part.length < 2 * minSegment) return []
  const { at, pValue } = strongestSplit(part, 0)
  if (pValue > clearStep) return []
  return [...clearSteps(part.slice(0, at)), at, ...clearSteps(part.slice(at)).map((one) => one + at)]
}

/**
 * From neighboring differences, which have a correlation of -(1 - r) / 2. A step is in one difference only, and is
 * limited to three standard deviations. The estimate varies more than the other one.
 */
function correlationByDifferences(values: readonly number[]): number {
  const differences = values.slice(1).map((value, at) => value - values[at]!)
  const limit = 3 * 1.4826 * median(differences.map(Math.abs))
  const limited = differences.map((value) => Math.max(-limit, Math.min(limit, value)))
  const square = limited.reduce((sum, value) => sum + value ** 2, 0)
  const products = limited.slice(1).reduce((sum, value, at) => sum + value * limited[at]!, 0)
  return square === 0 ? 0 : 1 + (2 * products) / square
}
