import { roundingTolerance } from './interval.ts'

/** Ratios that are added up at once. */
const ratiosPerBlock = 256

/** One comparison of the platform. */
interface Comparison {
  readonly cases: readonly string[]
  /** The position of its ratio; undefined if its pool has no spread. */
  readonly at: number | undefined
}

/**
 * How much noisier a platform is than the pools of its comparisons, as a factor of the variance, at least 1: the mean
 * ratio of its variance to that of the pool in other cases. A platform with two modes in several benches is noisy in
 * some of them, although five rounds of one bench may all be of one mode. The mean, because a median does not notice a
 * third of the benches. Source of variances that are a product of a factor of the case and one of the column:
 * M. E. Ritchie et al., BMC Bioinformatics 7 (2006) 261.
 *
 * Every comparison of a run asks for the factor without its own ratio. The sums of blocks spare it from reading all.
 */
export class PlatformNoise {
  readonly #ratios: number[] = []
  /** Of each block of `#ratios`. */
  readonly #sums: number[] = []
  readonly #byCase = new Map<string, Comparison[]>()
  #comparisons = 0

  /**
   * Adds a comparison.
   * @param cases the ids of the cases that it is about
   * @param own its variance
   * @param pool the variance of its pool
   */
  add(cases: readonly string[], own: number, pool: number): void {
    this.#comparisons++
    const one = { cases, at: pool > roundingTolerance ** 2 ? this.#push(own / pool) : undefined }
    for (const id of cases) {
      const known = this.#byCase.get(id)
      if (known) known.push(one)
      else this.#byCase.set(id, [one])
    }
  }

  /**
   * The factor without the comparisons that are about all of these cases.
   * @param least undefined if there are fewer others
   */
  factorWithout(cases: readonly [string, ...string[]], least: number): number | undefined {
    const own = (this.#byCase.get(cases[0]) ?? []).filter((one) => cases.every((id) => one.cases.includes(id)))
    return this.#comparisons - own.length < least ? undefined : this.#factor(own.flatMap(({ at }) => at ?? []))
  }

  #push(ratio: number): number {
    const at = this.#ratios.length
    const block = Math.floor(at / ratiosPerBlock)
    this.#ratios.push(ratio)
    this.#sums[block] = (this.#sums[block] ?? 0) + ratio
    return at
  }

  #factor(without: readonly number[]): number {
    const count = this.#ratios.length - without.length
    if (count === 0) return 1
    const split = new Set(without.map((at) => Math.floor(at / ratiosPerBlock)))
    let sum = 0
    for (let block = 0; block < this.#sums.length; block++)
      sum += split.has(block) ? this.#sumOf(block, without) : this.#sums[block]!
    return Math.max(1, sum / count)
  }

  /** A difference of sums would be inexact if the ratio that does not count is large. */
  #sumOf(block: number, without: readonly number[]): number {
    const first = block * ratiosPerBlock
    const last = Math.min(first + ratiosPerBlock, this.#ratios.length)
    let sum = 0
    for (let at = first; at < last; at++) if (!without.includes(at)) sum += this.#ratios[at]!
    return sum
  }
}
