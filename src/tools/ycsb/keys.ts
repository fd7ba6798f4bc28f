/**
 * YCSB's key choosers, which select the record of an operation. A new implementation of `ZipfianGenerator`,
 * `ScrambledZipfianGenerator` and `Utils.fnvhash64` of YCSB 0.17 (site.ycsb.generator, Apache 2.0). The Zipfian
 * algorithm is from Gray et al., "Quickly Generating Billion-Record Synthetic Databases" (SIGMOD 1994).
 */

/** A source of random numbers, uniform in [0, 1). */
export type Random = () => number

/** A 64-bit number as two unsigned halves. JavaScript's numbers are exact up to 2^53, and BigInt is too slow. */
export interface Uint64 {
  readonly high: number
  readonly low: number
}

const two32 = 2 ** 32

/** YCSB's hash: FNV-1a of the eight bytes of an integer, lowest byte first, without the sign. 0 <= value < 2^53. */
export function fnvhash64(value: number): Uint64 {
  let low = 0x84222325
  let high = 0xcbf29ce4
  const words = [value >>> 0, Math.floor(value / two32)]
  for (const word of words) {
    for (let shift = 0; shift < 32; shift += 8) {
      low = (low ^ ((word >>> shift) & 0xff)) >>> 0
      // Times the prime 2^40 + 435: every sum below stays under 2^53.
      const product = low * 435
      high = (high * 435 + Math.floor(product / two32) + low * 256) % two32
      low = product % two32
    }
  }
  if (high < 2 ** 31) return { high, low }
  // Java's Math.abs of a negative number.
  return low === 0 ? { high: two32 - high, low } : { high: two32 - 1 - high, low: two32 - low }
}

/** The remainder of a 64-bit number. 1 <= divisor <= 2^26, so that no product exceeds 2^53. */
export const remainder = ({ high, low }: Uint64, divisor: number): number =>
  ((high % divisor) * (two32 % divisor) + (low % divisor)) % divisor

/** Sum of i^-theta for i = 1 ... n. */
function zeta(n: number, theta: number): number {
  let sum = 0
  for (let i = 1; i <= n; i++) sum += i ** -theta
  return sum
}

export const theta = 0.99

/** YCSB scrambles ranks among 10^10 items, whatever the number of records, with zeta as a constant. */
const items = 1e10
const zetan = 26.46902820178302

/**
 * Ranks 0, 1, 2, ...: lower ranks are more likely. Rank k has the share (k+1)^-theta / zeta. Rank 0 has 1/26.469 = 3.78
 * %.
 */
export function zipfianRank(random: Random): number {
  const u = random()
  const uz = u * zetan
  if (uz < 1) return 0
  if (uz < 1 + 0.5 ** theta) return 1
  return Math.floor(items * (eta * u - eta + 1) ** alpha)
}

const alpha = 1 / (1 - theta)
const eta = (1 - (2 / items) ** (1 - theta)) / (1 - zeta(2, theta) / zetan)

/** Maximum number of records of the choosers. */
export const maxRecords = 2 ** 26

/** Selects a record of 0 ... count-1. A few are popular, and the hash distributes the popular ones over all records. */
export const scrambledZipfian =
  (count: number, random: Random): (() => number) =>
  () =>
    remainder(fnvhash64(zipfianRank(random)), count)

/** Selects a record of 0 ... count-1, all with the same probability. */
export const uniform =
  (count: number, random: Random): (() => number) =>
  () =>
    Math.floor(random() * count)

/** A small seeded generator: Marsaglia's xorshift32, times 2^-32. */
export function seeded(seed: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x6a09e667) >>> 0 || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
  // 53 bits from two calls, because ranks among 10^10 need more than 32 bits.
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53
}

/** The records of YCSB's core workload, as its memcached binding stores them. */

/** Returns the key of a record: `usertable-user` and its hash, like YCSB with `insertorder=hashed`, the default. */
export function keyOf(record: number): string {
  const { high, low } = fnvhash64(record)
  return `usertable-user${(BigInt(high) << 32n) | BigInt(low)}`
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Returns a value: JSON with `count` fields of `length` characters each, which need no escaping. */
export function recordOf(random: Random, { count, length }: { count: number; length: number }): string {
  const field = () => Array.from({ length }, () => letters[Math.floor(random() * letters.length)]).join('')
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`field${at}`, field()])))
}
