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
export declare function gaussian(random: () => number): number
/**
 * Rounds of two platforms around a native value of 100 (any unit; lower is better).
 * Log-normal with a given CV: the standard deviation of the log is √ln(1 + cv²).
 * @throws RangeError when rounds isn't an integer ≥ 1, or ratio isn't > 0
 */
export declare function pairedRounds(options: RoundsOptions, random: () => number): Rounds
