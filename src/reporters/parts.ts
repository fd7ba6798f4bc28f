import type { Report } from '../core/model/report.ts'
import type { Combination, PartVerdict } from '../core/model/verdict.ts'
import { groupBy } from '../util/group-by.ts'
import { plural, sanitize } from '../util/text.ts'
import { comparative } from './format.ts'
import { doReadingsDiffer } from './headline/findings.ts'
import { outcomeName, verdictSymbols } from './summary.ts'

/** The parts of findings, and the readings of their words. */

/** `holds`, or `contradicted, fewer`. */
function formatOutcome({ claims }: Report, { outcome, direction, decisiveClaim }: Combination): string {
  if (direction === null) return outcomeName(outcome)
  const decisive = decisiveClaim === null ? { unit: null } : claims[decisiveClaim]!
  return `${outcomeName(outcome)}, ${comparative({ ...decisive, direction })}`
}

/** The readings of a part with the same verdict. */
export interface ReadingGroup {
  readonly outcome: PartVerdict['outcome']
  readonly direction: PartVerdict['direction']
  /** `holds: calls, guest's calls`. */
  readonly text: string
}

/** Groups the readings of a part's words by their verdict. Returns none if all have the same verdict. */
export function readingGroups(report: Report, { readings = [] }: PartVerdict): ReadingGroup[] {
  const groups = groupBy(readings, (one) => formatOutcome(report, one))
  if (groups.size < 2) return []
  return [...groups].map(([verdict, own]) => ({
    outcome: own[0]!.outcome,
    direction: own[0]!.direction,
    text: `${verdict}: ${own.map(({ reading }) => sanitize(reading, 120)).join(', ')}`,
  }))
}

/** The outcome of a part with its count: `holds where measured, 2 of 3 comparisons`. */
export function formatPartOutcome(report: Report, part: PartVerdict): string {
  const { agreeing, outcome, readings } = part
  const agrees = readings && outcome !== 'not-evaluated' && readingGroups(report, part).length === 0
  return [
    formatOutcome(report, part),
    ...(doReadingsDiffer(part) ? ['the readings differ'] : []),
    ...(agreeing.of > 0 ? [`${agreeing.holds} of ${plural(agreeing.of, 'comparison')}`] : []),
    ...(agrees ? [`under each of ${readings.length} readings`] : []),
  ].join(', ')
}

/** `✓ holds: calls, guest's calls`, a line for each verdict. */
export const readingLines = (report: Report, part: PartVerdict): string[] =>
  readingGroups(report, part).map(({ outcome, text }) => `${verdictSymbols[outcome]} ${text}`)
