/** Guards that every entry point of this module shares: statistics of nothing, or of NaN, are errors, never numbers. */

/**
 * @throws RangeError when `values` is empty or holds a NaN or an infinity; `what` names the argument in the message.
 */
export function requireFinite(values: readonly number[], what: string): void {
  if (values.length === 0) throw new RangeError(`${what}: at least one value is needed, got none`)
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]))
      throw new RangeError(`${what}: value ${i} is ${values[i]}, expected a finite number`)
  }
}

/**
 * @throws RangeError unless 0 < alpha ≤ 0.5: one-sided error rates above a half would put the low bound over the high.
 */
export function requireAlpha(alpha: number): void {
  if (!(alpha > 0 && alpha <= 0.5)) throw new RangeError(`alpha: expected 0 < alpha ≤ 0.5, got ${alpha}`)
}

/** @throws RangeError unless `value` is an integer ≥ `least`. */
export function requireCount(value: number, least: number, what: string): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${what}: expected an integer ≥ ${least}, got ${value}`)
  }
}
