import type { Report } from '../../core/model/report.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'

/** How much other processes disturbed a run, and which claims. */

/** How many samples other processes disturbed, and when most of them were. */
export interface Disturbance {
  readonly disturbed: number
  readonly of: number
  /** The time in which most disturbed samples began, ISO 8601 in UTC; null if they are spread or have no time. */
  readonly most: { readonly from: string; readonly to: string; readonly count: number } | null
}

/** A quarter of the time of the run with more than half of its disturbed samples is worth a look into logs. */
const shortShare = 0.25
const mostShare = 0.5

export function disturbanceOf({ cases: benches }: Pick<Report, 'cases'>): Disturbance | null {
  const samples = benches.flatMap(({ results }) => results.flatMap((one) => one.samples))
  const disturbed = samples.filter((one) => one.disturbed)
  if (disturbed.length === 0) return null
  const times = (all: typeof samples) => all.flatMap(({ startedAt }) => startedAt ?? []).sort()
  return { disturbed: disturbed.length, of: samples.length, most: window(times(disturbed), times(samples)) }
}

/** The shortest window with more than half of the disturbed samples, if it is a small part of the run. */
function window(disturbed: readonly string[], all: readonly string[]): Disturbance['most'] {
  const count = Math.floor(disturbed.length * mostShare) + 1
  if (disturbed.length < 2 || disturbed.length < count) return null
  const length = (from: string, to: string) => Date.parse(to) - Date.parse(from)
  const windows = disturbed.slice(count - 1).map((to, at) => ({ from: disturbed[at]!, to, count }))
  const best = windows.reduce((a, b) => (length(b.from, b.to) < length(a.from, a.to) ? b : a))
  const whole = length(all[0]!, all.at(-1)!)
  return whole > 0 && length(best.from, best.to) <= shortShare * whole ? best : null
}

/** Whether other processes disturbed most samples that a claim compares. */
export function isMostlyDisturbed(
  { cases: benches }: Pick<Report, 'cases'>,
  { case: id, bench, platforms, comparedWith }: ClaimVerdict,
): boolean {
  const samples = benches
    .filter((one) => (id === null ? one.bench.id === bench.id : one.case === id))
    .flatMap(({ results }) => results)
    .filter(({ platform }) => platforms.includes(platform) || comparedWith.includes(platform))
    .flatMap((one) => one.samples.filter(({ judged }) => judged))
  return samples.filter(({ disturbed }) => disturbed).length > mostShare * samples.length
}
