/**
 * E-divisive with Student's t-test, as in Hunter and Otava, to compare with.
 * Sources: D. Matteson and N. James, JASA 109 (2014) 334-345; M. Fleming et al., "Hunter: Using Change Point Detection
 * to Hunt for Performance Regressions", ICPE 2023; the formulas and defaults of apache/otava, MATH.md and
 * otava/analysis.py (window 50, p < 0.001, weak points p < 0.01). The divergence is that of [from, at) and [at, to),
 * over all ends `to`.
 */

import { regularizedBeta } from '../../src/core/stats/beta.ts'

const windowLength = 50
const maxP = 0.001
const weakP = 10 * maxP

interface Candidate {
  readonly at: number
  readonly divergence: number
}

/** The place with the largest divergence between its left and right part, for every end of the right part. */
function candidateIn(values: readonly number[], from: number, to: number): Candidate {
  let best: Candidate = { at: from + 1, divergence: Number.NEGATIVE_INFINITY }
  const distance = (i: number, j: number) => Math.abs(values[i]! - values[j]!)
  // Sums of distances: inside [from, at), and per end inside [at, end) and between both.
  let left = 0
  for (let at = from + 1; at < to; at++) {
    for (let i = from; i < at - 1; i++) left += distance(i, at - 1)
    const n = at - from
    let [right, between] = [0, 0]
    for (let end = at + 1; end <= to; end++) {
      const m = end - at
      for (let j = at; j < end - 1; j++) right += distance(j, end - 1)
      for (let i = from; i < at; i++) between += distance(i, end - 1)
      const within = (n > 1 ? (2 * m * left) / (n - 1) : 0) + (m > 1 ? (2 * n * right) / (m - 1) : 0)
      const divergence = (2 * between - within) / (m + n)
      if (divergence > best.divergence) best = { at, divergence }
    }
  }
  return best
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Otava's t-test: pooled, with the standard deviation of the population (numpy's `std`). */
function tTest(left: readonly number[], right: readonly number[]): number {
  const [m, n] = [left.length, right.length]
  const degrees = m + n - 2
  if (degrees < 1) return 1
  const [a, b] = [mean(left), mean(right)]
  const variance = (values: readonly number[], center: number) =>
    values.reduce((sum, value) => sum + (value - center) ** 2, 0) / values.length
  const pooled = ((m - 1) * variance(left, a) + (n - 1) * variance(right, b)) / degrees
  if (pooled === 0) return a === b ? 1 : 0
  const t = (a - b) / Math.sqrt(pooled * (1 / m + 1 / n))
  return regularizedBeta(degrees / (degrees + t ** 2), degrees / 2, 0.5)
}

/** P-value of the place between its neighbors. */
function pValueAt(values: readonly number[], points: readonly number[], at: number, from = 0, to = values.length) {
  const before = points.filter((point) => point < at && point > from).at(-1) ?? from
  const after = points.find((point) => point > at) ?? to
  return tTest(values.slice(before, at), values.slice(at, after))
}

function pointsInWindow(values: readonly number[], from: number, to: number): number[] {
  const found: number[] = []
  for (;;) {
    const ends = [from, ...found, to]
    const parts = ends.slice(1).flatMap((end, i) => (end - ends[i]! > 1 ? [candidateIn(values, ends[i]!, end)] : []))
    const best = parts.sort((a, b) => b.divergence - a.divergence)[0]
    if (!best || pValueAt(values, found, best.at, from, to) > weakP) return found
    found.push(best.at)
    found.sort((a, b) => a - b)
  }
}

/**
 * Change points of one series: weak ones in overlapping windows, then without those that are not strong. Of 120 series,
 * 117 had the points of Otava's own code. After a removal, Otava updates only the p-values of later points, this all.
 */
export function eDivisive(values: readonly number[]): number[] {
  let points: number[] = []
  for (let from = 0; from < values.length; ) {
    const found = pointsInWindow(values, from, Math.min(from + windowLength, values.length))
    from = Math.max(found.at(-1) ?? 0, from + windowLength / 2)
    points = [...new Set([...points, ...found])].sort((a, b) => a - b)
  }
  for (;;) {
    const ranked = points.map((at) => ({ at, p: pValueAt(values, points, at) })).sort((a, b) => b.p - a.p)
    const [weakest] = ranked
    if (!weakest || weakest.p < maxP) return points
    points = points.filter((at) => at !== weakest.at)
  }
}
