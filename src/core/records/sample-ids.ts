import { createHash } from 'node:crypto'
import type { Sample } from '../model/record.ts'

/** Which samples a record has, so that a merge counts each once. */

/** What records need to be compared by their samples. It has 8 bytes for each sample. */
export interface SampleIds {
  /** Without warm-up, and without samples of an unknown time. */
  readonly ids: BigUint64Array
  /** How many samples are not in `ids` although they are no warm-up. */
  readonly unknown: number
  /** By case, the first and the last time of its samples, in milliseconds. */
  readonly times: ReadonlyMap<string, readonly [number, number]>
}

/** Collects the `SampleIds` of the samples of a record. */
export class SampleIdCollector {
  readonly #ids: bigint[] = []
  readonly #times = new Map<string, readonly [number, number]>()
  #unknown = 0

  add(sample: Sample): void {
    // A merge renumbers the rounds and changes nothing else.
    const { round: _, warmup, ...content } = sample
    if (warmup) return
    const at = Date.parse(sample.startedAt ?? '')
    if (Number.isNaN(at)) {
      this.#unknown++
      return
    }
    this.#ids.push(createHash('sha256').update(JSON.stringify(content)).digest().readBigUInt64BE(0))
    const [first, last] = this.#times.get(sample.case) ?? [at, at]
    this.#times.set(sample.case, [Math.min(first, at), Math.max(last, at)])
  }

  result(): SampleIds {
    return { ids: BigUint64Array.from(this.#ids), unknown: this.#unknown, times: this.#times }
  }
}
