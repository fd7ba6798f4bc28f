/** The numbers of findings: those of the paper, a project's, and those of a series. */

/** The number of a finding, or the name of its series and its number in it: `2026-3`. */
export type FindingId = number | string

/** A series is a year, so that its ids look like no number and no label of a title. */
const inSeries = /^(\d{4})-([1-9]\d{0,3})$/

/** Whether a value can identify a finding. */
export const isFindingId = (id: unknown): id is FindingId =>
  typeof id === 'number' ? Number.isSafeInteger(id) && id >= 1 : typeof id === 'string' && inSeries.test(id)

/** The series of a finding: `2026`. Undefined for a plain number. */
export const seriesOf = (id: FindingId): string | undefined =>
  typeof id === 'number' ? undefined : inSeries.exec(id)?.[1]

const sortKey = (id: FindingId): readonly [series: number, number: number] => {
  if (typeof id === 'number') return [0, id]
  const [, series, number] = inSeries.exec(id) ?? []
  return [Number(series), Number(number)]
}

/** Orders findings: plain numbers, then each series. For `sort`. */
export function compareFindingIds(a: FindingId, b: FindingId): number {
  const [[series, number], [otherSeries, otherNumber]] = [sortKey(a), sortKey(b)]
  return series - otherSeries || number - otherNumber
}
