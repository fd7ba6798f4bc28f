/**
 * Seeded randomness: the same seed gives the same run on every machine.
 *
 * Generator: sfc32 ("small fast counting", C. Doty-Humphrey, from PractRand; its counter makes the period ≥ 2^32).
 * Seeding: FNV-1a (Fowler, Noll & Vo; 32 bits) over the seed's text fills the state together with a constant, and
 * twelve outputs are thrown away to mix it. Not for cryptography.
 */

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  return hash >>> 0
}

/**
 * A generator of uniform numbers in [0, 1), in steps of 2^-32.
 * @param seed a number is taken by its decimal text: `seeded(7)` and `seeded('7')` are the same sequence
 * @throws RangeError when a numeric seed is NaN or infinite
 */
export function seeded(seed: number | string): () => number {
  if (typeof seed === 'number' && !Number.isFinite(seed)) {
    throw new RangeError(`seed: expected a finite number, got ${seed}`)
  }
  const text = String(seed)
  let a = fnv1a(text)
  let b = fnv1a(`${text}/b`)
  let c = 0x9e3779b9
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4294967296
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

/**
 * A uniformly random permutation of `items`, which stay as they were.
 * Source: Fisher–Yates, as R. Durstenfeld, CACM 7 (1964) 420.
 */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const kept = result[i] as T
    result[i] = result[j] as T
    result[j] = kept
  }
  return result
}
