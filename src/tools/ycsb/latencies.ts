/** The times of one kind of operation. All are kept, four bytes each, so percentiles are exact. */
export class Latencies {
  #times = new Float32Array(1 << 16)
  #count = 0
  readonly returns: Record<string, number> = {}

  add(microseconds: number, returned: string): void {
    if (this.#count === this.#times.length) {
      const more = new Float32Array(this.#count * 2)
      more.set(this.#times)
      this.#times = more
    }
    this.#times[this.#count++] = microseconds
    this.returns[returned] = (this.returns[returned] ?? 0) + 1
  }

  get count(): number {
    return this.#count
  }

  /** Mean, least, most and percentiles (nearest rank) in µs. @throws RangeError without a time */
  summary(percentiles: readonly number[]): { mean: number; least: number; most: number; at: number[] } {
    if (this.#count === 0) throw new RangeError('there is no operation to sum up')
    const sorted = this.#times.slice(0, this.#count).sort()
    const at = percentiles.map((percent) => sorted[Math.max(0, Math.ceil((percent / 100) * this.#count) - 1)]!)
    const mean = sorted.reduce((sum, time) => sum + time, 0) / this.#count
    return { mean, least: sorted[0]!, most: sorted.at(-1)!, at }
  }
}
