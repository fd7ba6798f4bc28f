/**
 * Where a series changed its level. Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28
 * (1979): the split whose parts differ most in rank, with his approximate p-value; then each part again (binary
 * segmentation). Advisory: with many series some will be marked by chance.
 */
const alpha = 0.05

/** Indices at which a new level begins, ascending. Below eleven values the test cannot reach its level. */
export function changePoints(values: readonly number[]): number[] {
  const at = pettitt(values)
  if (at === undefined) return []
  const before = changePoints(values.slice(0, at))
  return [...before, at, ...changePoints(values.slice(at)).map((one) => at + one)]
}

/** The index of the first value of the new level, where p is below 5 %. */
function pettitt(values: readonly number[]): number | undefined {
  const n = values.length
  const ranks = midranks(values)
  let sum = 0
  let most = { k: 0, at: 0 }
  for (let t = 1; t < n; t++) {
    sum += ranks[t - 1]!
    const k = Math.abs(2 * sum - t * (n + 1))
    if (k > most.k) most = { k, at: t }
  }
  const p = 2 * Math.exp((-6 * most.k ** 2) / (n ** 3 + n ** 2))
  return p < alpha ? most.at : undefined
}

/** Ranks from 1; equal values share the mean of theirs. */
function midranks(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b)
  const first = new Map<number, number>()
  const last = new Map<number, number>()
  sorted.forEach((value, at) => {
    if (!first.has(value)) first.set(value, at + 1)
    last.set(value, at + 1)
  })
  return values.map((value) => (first.get(value)! + last.get(value)!) / 2)
}
