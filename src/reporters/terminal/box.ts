/** Box plots in a line of characters each, on a scale that they share. */
import { quantile } from '../../core/stats/index.ts'

/** Farther apart than this, a linear scale would hide what is small. */
const needsLogScale = 10

export const boxLegend =
  '─ lowest to highest sample, ━ the middle half, ┃ median, ┊ native’s median; a scale of its own for each metric'

/**
 * `──━━┃━───` for each series: its samples from the lowest to the highest, the middle half of them, and their median.
 * @param series samples, in any order; an empty one gives an empty text
 * @param mark a value that every line shows where nothing else is
 * @param columns of each text, 3 at least
 */
export function boxes(series: readonly (readonly number[])[], mark: number | undefined, columns: number): string[] {
  const sorted = series.map((values) => [...values].sort((a, b) => a - b))
  const ends = sorted.flatMap((values) => (values.length > 0 ? [values[0]!, values.at(-1)!] : []))
  const [low, high] = [Math.min(...ends), Math.max(...ends)]
  const log = low > 0 && high / low > needsLogScale
  const share = (value: number) =>
    high === low ? 0.5 : log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low)
  const at = (value: number) => Math.round(share(value) * (columns - 1))
  return sorted.map((values) => {
    if (values.length === 0) return ''
    const line = Array.from({ length: columns }, () => ' ')
    if (mark !== undefined) line[at(mark)] = '┊'
    line.fill('─', at(values[0]!), at(values.at(-1)!) + 1)
    line.fill('━', at(quantile(values, 0.25)), at(quantile(values, 0.75)) + 1)
    line[at(quantile(values, 0.5))] = '┃'
    return line.join('').trimEnd()
  })
}
