import { requireCount } from '../../src/core/stats/interval.ts'

/** Synthetic paired rounds with a known truth: what the tests of this module measure its promises on. */

export interface RoundsOptions {
  /** How many rounds, ≥ 1. */
  readonly rounds: number
  /** True platform / native; default 1. */
  readonly ratio?: number
  /** Coefficient of variation of one round's value on one platform, log-normal; 0.05 (default) is 5 %. */
  readonly cv?: number
  /**
   * Height of the drift that both platforms share, as a share of the value; default 0. One slow sine wave over the run
   * with a random phase, read at each visit: the pair cancels it but for what changes between the two visits of a
   * round, which come in random order.
   */
  readonly drift?: number
  /** Chance that a visit is disturbed, which only ever makes it worse; default 0. */
  readonly tailChance?: number
  /** The same for the platform alone, for noise that is *not* symmetric in the pair; default: as tailChance. */
  readonly platformTailChance?: number
  /** Mean size of a disturbance, exponential, as a share of the value; default 0.3. */
  readonly tailSize?: number
}

export interface Rounds {
  readonly native: number[]
  readonly platform: number[]
  /** ln(platform / native) per round; lower is better, so positive is worse. */
  readonly d: number[]
}

/** A standard normal number. Source: G. Box & M. Muller, Ann. Math. Stat. 29 (1958) 610–611. */
export function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/**
 * Rounds of two platforms around a native value of 100 (any unit; lower is better).
 * Log-normal with a given CV: the standard deviation of the log is √ln(1 + cv²).
 * @throws RangeError when rounds isn't an integer ≥ 1, or ratio isn't > 0
 */
export function pairedRounds(options: RoundsOptions, random: () => number): Rounds {
  const { rounds, ratio = 1, cv = 0.05, drift = 0, tailChance = 0, tailSize = 0.3 } = options
  const platformTailChance = options.platformTailChance ?? tailChance
  requireCount(rounds, 1, 'pairedRounds: rounds')
  if (!(ratio > 0)) throw new RangeError(`pairedRounds: expected a ratio > 0, got ${ratio}`)
  const spread = Math.sqrt(Math.log1p(cv * cv))
  const phase = random()
  const visit = (place: number, chance: number): number => {
    const shared = 1 + drift * Math.sin(2 * Math.PI * (phase + place / (2 * rounds)))
    const disturbed = random() < chance ? 1 - tailSize * Math.log(1 - random()) : 1
    return 100 * shared * disturbed * Math.exp(spread * gaussian(random))
  }
  const native: number[] = []
  const platform: number[] = []
  for (let round = 0; round < rounds; round++) {
    const nativeFirst = random() < 0.5 ? 0 : 1
    native.push(visit(2 * round + nativeFirst, tailChance))
    platform.push(ratio * visit(2 * round + 1 - nativeFirst, platformTailChance))
  }
  return { native, platform, d: native.map((value, i) => Math.log(platform[i]! / value)) }
}
