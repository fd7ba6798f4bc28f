import pc from 'picocolors'
import type { ClaimVerdict, FindingVerdict } from '../../core/model/verdict.ts'
import { groupBy } from '../../util/group-by.ts'
import { pad, truncate, truncateMiddle, widthOf, wrap } from '../../util/text.ts'
import type { ReporterContext } from '../reporter.ts'

export type Colorize = (text: string) => string

/** Colours by what they mean. */
export interface Colors {
  /** Regressed. */
  readonly bad: Colorize
  /** Holds. */
  readonly good: Colorize
  /** In doubt, or otherwise than claimed without harm. */
  readonly doubt: Colorize
  readonly dim: Colorize
  readonly strong: Colorize
  /** Text without a meaning. */
  readonly plain: Colorize
}

/** Colours where they are wanted; otherwise text as it is. */
export function createColors({ color }: Pick<ReporterContext, 'color'>): Colors {
  const { red, green, yellow, dim, bold } = pc.createColors(color)
  return { bad: red, good: green, doubt: yellow, dim, strong: bold, plain: (text) => text }
}

/** The same meanings, all dimmed. */
export const dimmed = ({ dim }: Colors): Colors => ({ bad: dim, good: dim, doubt: dim, dim, strong: dim, plain: dim })

/** The colour of a verdict. */
export function verdictColor(
  { outcome, direction }: Pick<ClaimVerdict | FindingVerdict, 'outcome' | 'direction'>,
  ink: Colors,
): Colorize {
  if (outcome === 'holds') return ink.good
  if (outcome === 'not-evaluated') return ink.dim
  if (outcome === 'holds-in-part') return ink.plain
  return outcome === 'contradicted' && direction === 'worse' ? ink.bad : ink.doubt
}

export interface Column {
  readonly title: string
  readonly align?: 'right'
  /** Shown also when it is empty, so that tables beneath each other line up. */
  readonly keep?: true
  /** Cut where the table is too wide, down to this many columns. */
  readonly least?: number
  /** Other columns are left out before it is cut to fewer than this. Default: `least`. */
  readonly roomy?: number
  /** At most so wide, although the table has more room. */
  readonly most?: number
  /** Whether it names the row. A text is wrapped if each way to cut it gives what another text is cut to. */
  readonly names?: true
  /** What is cut: its end, or its middle if texts differ at their ends. */
  readonly cut?: 'middle'
  /** Left out if the table is still too wide, those with the lowest number first. */
  readonly drop?: number
}

export interface TableCell {
  readonly text: string
  readonly paint?: Colorize
}

/** Spaces between two columns. */
export const gap = 2

const widthOfColumn = (
  { title, most = Number.POSITIVE_INFINITY }: Column,
  at: number,
  rows: readonly (readonly TableCell[])[],
): number => Math.min(most, Math.max(1, widthOf(title), ...rows.map((row) => widthOf(row[at]!.text))))

const isUsed = ({ keep }: Column, at: number, rows: readonly (readonly TableCell[])[]): boolean =>
  keep === true || rows.some((row) => row[at]!.text !== '')

/** How wide a table would be if it had all the room, with the gap to a column after it. */
export const widthOfTable = (columns: readonly Column[], rows: readonly (readonly TableCell[])[]): number =>
  columns.reduce((sum, one, at) => sum + (isUsed(one, at, rows) ? widthOfColumn(one, at, rows) + gap : 0), 0)

/** The columns that fit, by their index, with their widths. */
function fittingColumns(
  columns: readonly Column[],
  rows: readonly (readonly TableCell[])[],
  width: number,
): Map<number, number> {
  const used = columns.map((_, at) => at).filter((at) => isUsed(columns[at]!, at, rows))
  const widths = new Map(used.map((at) => [at, widthOfColumn(columns[at]!, at, rows)]))
  const over = () => [...widths.values()].reduce((sum, one) => sum + one, gap * (widths.size - 1)) - width
  const savings = () =>
    [...widths].reduce((sum, [at, one]) => {
      const { least = one, roomy = least } = columns[at]!
      return sum + Math.max(0, one - roomy)
    }, 0)
  const droppable = used
    .filter((at) => columns[at]!.drop !== undefined)
    .sort((a, b) => columns[a]!.drop! - columns[b]!.drop!)
  while (over() > savings() && droppable.length > 0) widths.delete(droppable.shift()!)
  // The widest first, so that each keeps as much as the others.
  const spare = ([at, own]: readonly [number, number]) => own > (columns[at]!.least ?? own)
  while (over() > 0 && [...widths].some(spare)) {
    const [at, own] = [...widths].filter(spare).reduce((a, b) => (b[1] > a[1] ? b : a))
    widths.set(at, own - 1)
  }
  return widths
}

/** Returns a function that gives the lines of a text in a column: one, unless the column names rows. */
function cutsOf(
  { cut, names }: Column,
  at: number,
  rows: readonly (readonly TableCell[])[],
  width: number,
): (text: string) => string[] {
  const ways = cut === 'middle' ? [truncateMiddle, truncate] : [truncate, truncateMiddle]
  if (!names) return (text) => [ways[0]!(text, width)]
  const texts = new Set(rows.map((row) => row[at]!.text))
  // To cut a text is slow, so each is cut once, and in the second way only if the first one is ambiguous.
  const lines = new Map<string, string[]>()
  for (const way of ways) {
    if (lines.size === texts.size) break
    for (const [cutText, [text, ...others]] of groupBy(texts, (one) => way(one, width)))
      if (others.length === 0 && !lines.has(text!)) lines.set(text!, [cutText])
  }
  // The title of the column is none of the texts.
  return (text) => lines.get(text) ?? (texts.has(text) ? wrap(text, width) : [ways[0]!(text, width)])
}

/**
 * The lines of each row of a table of aligned columns, the titles first, at most `width` wide. Columns without any text
 * are left out, but for those to keep.
 */
export function tableRows(
  columns: readonly Column[],
  rows: readonly (readonly TableCell[])[],
  width: number,
  ink: Colors,
): string[][] {
  const widths = fittingColumns(columns, rows, width)
  const used = [...widths.keys()]
  const cuts = new Map(used.map((at) => [at, cutsOf(columns[at]!, at, rows, widths.get(at)!)]))
  const line = (cells: readonly TableCell[], texts: ReadonlyMap<number, string>) => {
    const filled = used.slice(0, used.findLastIndex((at) => texts.get(at) !== '') + 1)
    const parts = filled.map((at, nth) => {
      const last = nth === filled.length - 1 && columns[at]!.align !== 'right'
      const padded = last ? texts.get(at)! : pad(texts.get(at)!, widths.get(at)!, columns[at]!.align)
      return cells[at]!.paint?.(padded) ?? padded
    })
    return parts.join(' '.repeat(gap))
  }
  const linesOf = (cells: readonly TableCell[]) => {
    const lines = new Map(used.map((at) => [at, cuts.get(at)!(cells[at]!.text)]))
    const height = Math.max(1, ...[...lines.values()].map(({ length }) => length))
    return Array.from({ length: height }, (_, nth) =>
      line(cells, new Map([...lines].map(([at, texts]) => [at, texts[nth] ?? '']))),
    )
  }
  return [columns.map(({ title }) => ({ text: title, paint: ink.dim })), ...rows].map(linesOf)
}

/** The lines of `tableRows`. */
export const table = (...given: Parameters<typeof tableRows>): string[] => tableRows(...given).flat()

/** A table without colors, as wide as its texts. */
export const plainTable = (columns: readonly Column[], rows: readonly (readonly string[])[]): string[] =>
  table(
    columns,
    rows.map((texts) => texts.map((text) => ({ text }))),
    Number.POSITIVE_INFINITY,
    createColors({ color: false }),
  )
