import type { FormerSamples } from '../measure/run-loop.ts'
import type { CasesToMeasure, Plan } from '../model/plan.ts'
import { causeOf, type Sample } from '../model/record.ts'

/**
 * The samples that watch mode keeps from one change to the next, by case.
 *
 * Every job measures new rounds. Samples are paired by round, so a platform that was measured again is never compared
 * with former samples of native.
 */
export class SampleStore implements FormerSamples {
  readonly #cases = new Map<string, Sample[]>()
  #orders = 0

  get samples(): Sample[] {
    return [...this.#cases.values()].flat()
  }

  /** The samples of the cases and platforms of a plan. A job that began before a change may have added others. */
  of({ cases, platforms }: Pick<Plan, 'cases' | 'platforms'>): Sample[] {
    const names = new Set(platforms.map(({ name }) => name))
    return cases.flatMap(({ id }) => (this.#cases.get(id) ?? []).filter(({ platform }) => names.has(platform)))
  }

  /** Keeps a sample. A warm-up sample is kept only if it shows that its step cannot succeed. */
  add(sample: Sample): void {
    if (sample.warmup && causeOf(sample) === undefined) return
    const samples = this.#cases.get(sample.case)
    if (samples) samples.push(sample)
    else this.#cases.set(sample.case, [sample])
  }

  nextRound(caseId: string): number {
    return (this.#cases.get(caseId) ?? []).reduce((next, { round }) => Math.max(next, round + 1), 0)
  }

  nextOrder(): number {
    return this.#orders++
  }

  /** How many rounds a platform has of a case. */
  rounds(caseId: string, platform: string): number {
    const samples = (this.#cases.get(caseId) ?? []).filter((sample) => sample.platform === platform && !sample.warmup)
    return new Set(samples.map(({ round }) => round)).size
  }

  /** How many rounds a platform has of a case together with native. Only such a round has a ratio. */
  pairedRounds(caseId: string, platform: string): number {
    const samples = (this.#cases.get(caseId) ?? []).filter(({ warmup }) => !warmup)
    const native = new Set(samples.flatMap((sample) => (sample.platform === 'native' ? sample.round : [])))
    const own = samples.filter((sample) => sample.platform === platform && native.has(sample.round))
    return new Set(own.map(({ round }) => round)).size
  }

  /** Removes samples that will be measured again, and rounds of native that have no partner then. */
  forget(cases: CasesToMeasure): void {
    for (const [id, platforms] of cases) {
      // Former rounds of native belong to the platforms that are not measured again.
      const others = (this.#cases.get(id) ?? []).filter(
        ({ platform }) => platform === 'native' || !platforms.has(platform),
      )
      const paired = new Set(others.filter(({ platform }) => platform !== 'native').map(({ round }) => round))
      const left = others.filter(
        ({ platform, round }) => platform !== 'native' || paired.has(round) || !platforms.has('native'),
      )
      this.#replace(id, left)
    }
  }

  /** Removes the samples of cases and platforms that no longer exist. */
  keepOnly(cases: ReadonlySet<string>, platforms: ReadonlySet<string>): void {
    for (const [id, samples] of this.#cases)
      this.#replace(id, cases.has(id) ? samples.filter(({ platform }) => platforms.has(platform)) : [])
  }

  #replace(caseId: string, samples: Sample[]): void {
    if (samples.length > 0) this.#cases.set(caseId, samples)
    else this.#cases.delete(caseId)
  }
}
