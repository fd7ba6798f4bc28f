import { beyond, type Interval, requireAlpha, requireCount, requireFinite } from './interval.ts'
import { bisect, normalCdf, normalDensity } from './normal.ts'
import { signedRankInterval } from './signed-rank.ts'

/**
 * Repeated looks at growing data without inflating the error: an error rate alpha is *spent* over the looks.
 *
 * Rule: linear spending. When a share t of the information is in, at most alpha·t has been spent (G. K. Lan & D. L.
 * DeMets, Biometrika 70 (1983) 659–663; the family alpha·t^power is K. Kim & D. L. DeMets, Biometrika 74 (1987)
 * 149–154). The nominal alpha of each look follows from the joint normal limit of the signed-rank statistics by
 * recursive integration (P. Armitage, C. McPherson & B. Rowe, JRSS A 132 (1969) 235–244), so nothing is simulated when
 * it runs. The limit isn't a finite-sample proof; but under the null the joint law of successive signed-rank statistics
 * is the same for *every* continuous symmetric noise, so one simulation settles it: see test/calibration for the
 * measured error, and for the powers that were compared.
 */

export interface SequentialPlan {
  /** Rounds after which to look, ascending. */
  readonly looks: readonly number[]
  /** The nominal one-sided alpha of the test at each look; a single look has all of it. */
  readonly alphas: readonly number[]
}

export interface SequentialOptions {
  /** Rounds at the first look. */
  readonly first: number
  /** Rounds at the last look, which is always made. */
  readonly last: number
  /** Rounds between looks; default 2. */
  readonly step?: number
  /** One-sided error rate over all looks together; default 0.05. */
  readonly alpha?: number
  /** Exponent of the spending function alpha·t^power; 1 is linear (default), 3 is close to O'Brien–Fleming. */
  readonly power?: number
}

/**
 * Share of alpha that the normal limit is asked for: ranks of few rounds are not quite normal, and without it the
 * measured error reached 1.04 · alpha for some plans (600 000 null runs each; test/calibration holds the plans to alpha
 * with it).
 */
const CAUTION = 0.96

/**
 * The looks, and what each may spend.
 * @throws RangeError on counts that aren't integers ≥ 1, last < first, alpha outside (0, 0.5], or power ≤ 0
 */
export function planLooks({ first, last, step = 2, alpha = 0.05, power = 1 }: SequentialOptions): SequentialPlan {
  requireCount(first, 1, 'planLooks: first')
  requireCount(last, first, 'planLooks: last')
  requireCount(step, 1, 'planLooks: step')
  requireAlpha(alpha)
  if (!(power > 0 && power < Infinity)) throw new RangeError(`planLooks: expected a power > 0, got ${power}`)
  const looks: number[] = []
  for (let n = first; n < last; n += step) looks.push(n)
  looks.push(last)
  return { looks, alphas: spendAlpha(looks, alpha, power) }
}

const known = new Map<string, readonly number[]>()

/**
 * What each of some looks may spend of a rate, as {@link planLooks}. The same looks are asked for by every claim of a
 * run, so what was once worked out is kept.
 * @throws RangeError on alpha outside (0, 0.5]
 */
export function spendAlpha(looks: readonly number[], alpha: number, power = 1): readonly number[] {
  requireAlpha(alpha)
  if (looks.length === 1) return [alpha] // exact: no limit is involved
  const key = [alpha, power, ...looks].join(' ')
  const times = looks.map((n) => information(n) / information(looks.at(-1)!))
  const spent = known.get(key) ?? nominalAlphas(times, (t) => CAUTION * alpha * t ** power)
  known.set(key, spent)
  return spent
}

/**
 * The clock on which successive signed-rank statistics are a Brownian path: under the null their exact correlation
 * after m and n ≥ m differences is √(information(m) / information(n)). It follows from cov(Wₘ, Wₙ) = m(2m+1)(n+1)/24,
 * as m of the signs are shared and E[rank among n | rank r among m] = r(n+1)/(m+1). Close to proportional to n, which
 * is its limit.
 */
function information(n: number): number {
  return (n * (2 * n + 1)) / (n + 1)
}

/** Nominal alphas for looks at information times t (the last is 1), given the cumulative spending function of t. */
function nominalAlphas(times: readonly number[], upTo: (t: number) => number): number[] {
  // a Brownian path S(t), absorbed above the bound of each look; `paths` is its density below the latest bound
  let paths: Grid = { at: Float64Array.of(0), mass: Float64Array.of(1) }
  let previous = 0
  let used = 0
  return times.map((t) => {
    const scale = Math.sqrt(t - previous)
    const target = upTo(t) - used
    const crossing = (bound: number) => weigh(paths, (s) => 1 - normalCdf((bound - s) / scale))
    const bound = bisect((x) => crossing(x) > target, -8, 8)
    const from = paths
    paths = grid(-7 * Math.sqrt(t), bound, scale, (x) => weigh(from, (s) => normalDensity((x - s) / scale) / scale))
    previous = t
    used += target
    return 1 - normalCdf(bound / Math.sqrt(t))
  })
}

/** Points and their share of the integral (density times Simpson weight). */
interface Grid {
  readonly at: Float64Array
  readonly mass: Float64Array
}

function weigh({ at, mass }: Grid, value: (s: number) => number): number {
  let sum = 0
  for (let i = 0; i < at.length; i++) sum += mass[i]! * value(at[i]!)
  return sum
}

/** Simpson's rule, eight points to a standard deviation of the next step. */
function grid(low: number, high: number, scale: number, density: (x: number) => number): Grid {
  const halves = Math.ceil((4 * (high - low)) / scale)
  const width = (high - low) / (2 * halves)
  const at = Float64Array.from({ length: 2 * halves + 1 }, (_, i) => low + i * width)
  const mass = at.map((x, i) => {
    const weight = i === 0 || i === 2 * halves ? 1 : i % 2 === 1 ? 4 : 2
    return (density(x) * weight * width) / 3
  })
  return { at, mass }
}

function nominalAt(plan: SequentialPlan, lookIndex: number): number {
  const alpha = plan.alphas[lookIndex]
  if (alpha === undefined) throw new RangeError(`look ${lookIndex}: the plan has looks 0 … ${plan.looks.length - 1}`)
  return alpha
}

/**
 * The signed-rank interval at a look. Its bounds hold over all looks together, each with probability ≥ 1 − alpha: a
 * repeated confidence interval (C. Jennison & B. W. Turnbull, JRSS B 51 (1989) 305–361). Stopping for any other reason
 * is allowed too.
 * @param d all differences up to this look. Failed rounds may make it shorter than the look says; never pass a
 * selection.
 */
export function intervalAtLook(d: readonly number[], plan: SequentialPlan, lookIndex: number): Interval {
  return signedRankInterval(d, { alpha: nominalAt(plan, lookIndex) })
}

/**
 * Where the centre of `d` lies relative to the margin: `inside` (below), `outside` (above) or `across` (can't say yet).
 * Each of the first two is wrong with probability ≤ alpha over all looks together, even when the centre is exactly the
 * margin.
 * @param margin in the unit of `d`: ln(1.05) for five per cent
 * @throws RangeError on empty or non-finite input, or a look that isn't in the plan
 */
export function decideAtInterimLook(
  d: readonly number[],
  margin: number,
  plan: SequentialPlan,
  lookIndex: number,
): 'inside' | 'outside' | 'across' {
  requireFinite([margin], 'decideAtInterimLook: margin')
  const { low, high } = intervalAtLook(d, plan, lookIndex)
  return beyond(margin, high) ? 'inside' : beyond(low, margin) ? 'outside' : 'across'
}

/** The data at one look, and what part of any error rate it may spend. */
export interface InterimData {
  /** All differences up to this look. */
  readonly d: readonly number[]
  readonly share: number
}

/** The share of an error rate that linear spending gives look k: (nₖ − nₖ₋₁) / n_last. The shares sum to 1. */
export const alphaShare = ({ looks }: Pick<SequentialPlan, 'looks'>, k: number): number =>
  (looks[k]! - (looks[k - 1] ?? 0)) / looks.at(-1)!

/**
 * A p-value that stays valid over all looks that were taken, for any test: the least pₖ/wₖ, where wₖ is the share of
 * look k, at most 1. By the union bound it errs at most at every rate at once, which no boundary solved for one alpha
 * does; the price is a little power near alpha.
 * @param looks those that were reached; their shares sum to at most 1
 * @param p the test of one look's data
 */
export const pValueOverLooks = <Look extends InterimData>(looks: readonly Look[], p: (look: Look) => number): number =>
  Math.min(1, ...looks.map((look) => p(look) / look.share))
