import type { CasesToMeasure } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'

/** The samples that watch mode keeps from one change to the next. */

/**
 * Samples by point. Every measuring takes rounds of its own, after those that are there: what is compared is paired by
 * round, so a platform that was measured again is never compared with native as it was before.
 */
export class SampleStore {
  readonly #points = new Map<string, Sample[]>()

  get samples(): Sample[] {
    return [...this.#points.values()].flat()
  }

  add(sample: Sample): void {
    if (sample.warmup) return
    const samples = this.#points.get(sample.case)
    if (samples) samples.push(sample)
    else this.#points.set(sample.case, [sample])
  }

  /** The first round that is free. */
  next(point: string): number {
    return (this.#points.get(point) ?? []).reduce((most, { round }) => Math.max(most, round + 1), 0)
  }

  /** Rounds that a platform has at a point. */
  rounds(point: string, platform: string): number {
    return new Set((this.#points.get(point) ?? []).filter((one) => one.platform === platform).map(({ round }) => round))
      .size
  }

  /** Forgets what is to be measured again, and rounds of native that nothing is left to compare with. */
  forget(cells: CasesToMeasure): void {
    for (const [point, platforms] of cells) {
      // native's former rounds belong to the platforms that stay.
      const stays = (this.#points.get(point) ?? []).filter(
        ({ platform }) => platform === 'native' || !platforms.has(platform),
      )
      const paired = new Set(stays.filter(({ platform }) => platform !== 'native').map(({ round }) => round))
      const left = stays.filter(
        ({ platform, round }) => platform !== 'native' || paired.has(round) || !platforms.has('native'),
      )
      if (left.length > 0) this.#points.set(point, left)
      else this.#points.delete(point)
    }
  }

  /** Forgets points and platforms that there are no more. */
  keepOnly(points: ReadonlySet<string>, platforms: ReadonlySet<string>): void {
    for (const [point, samples] of this.#points) {
      const left = points.has(point) ? samples.filter(({ platform }) => platforms.has(platform)) : []
      if (left.length > 0) this.#points.set(point, left)
      else this.#points.delete(point)
    }
  }
}
