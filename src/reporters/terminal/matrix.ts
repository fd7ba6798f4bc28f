import type { Report } from '../../core/model/report.ts'
import { pad, plural, sanitize, truncate, truncateMiddle, widthOf, wrap } from '../../util/text.ts'
import { cellText, legendText, nativeText } from '../headline/cells.ts'
import { type Matrix, type MatrixCell, type MatrixColumn, type MatrixRow, matrixOf } from '../headline/matrix.ts'
import type { RenderOptions } from './claims.ts'
import { type Colorize, gap } from './table.ts'

/** The matrix of platforms and benches as lines of text. */

/** The most and the fewest rows of the matrix. */
const rowLimits = { most: 18, least: 8 }

export interface DrawnMatrix {
  readonly lines: readonly string[]
  /** Whether it has all benches. */
  readonly isWhole: boolean
}

/** The matrix in about so many lines. */
export function matrixWithin(room: number, matrixOfRows: (rows: number) => DrawnMatrix): DrawnMatrix {
  let drawn = matrixOfRows(rowLimits.most)
  for (let rows = rowLimits.most - 1; drawn.lines.length > room && rows >= rowLimits.least; rows--)
    drawn = matrixOfRows(rows)
  return drawn
}

/** The matrix with as many columns as fit. */
export function widestMatrix(report: Report, { width, ink }: RenderOptions, rows: number): DrawnMatrix {
  const names = Math.min(24, Math.max(14, Math.floor(width / 5)))
  let drawn: DrawnMatrix = { lines: [], isWhole: true }
  for (let columns = Math.max(1, Math.floor((width - names) / 7)); columns > 0; columns--) {
    const matrix = matrixOf(report, { columns, rows })
    if (!matrix) return drawn
    const isWhole = matrix.omitted.length === 0
    for (const isCompact of [false, true]) {
      drawn = { lines: drawMatrix(matrix, { width, ink, names, isCompact }), isWhole }
      if (drawn.lines.every((line) => widthOf(line) <= width)) return drawn
    }
  }
  return drawn
}

function drawMatrix(
  matrix: Matrix,
  { width, ink, names, isCompact }: Pick<RenderOptions, 'width' | 'ink'> & { names: number; isCompact: boolean },
): string[] {
  const { columns, omitted } = matrix
  const rows = [nativeRow, ...matrix.rows]
  const texts = rows.map((row) =>
    columns.map((column, at) =>
      row === nativeRow ? nativeText(column) : cellText(row.cells[at]!, isCompact ? column.better : undefined),
    ),
  )
  const available = Math.floor((width - names - 2) / columns.length) - gap
  const widths = columns.map(({ label, detail }, at) => {
    const cells = Math.max(...texts.map((row) => widthOf(row[at]!)))
    return Math.max(
      cells,
      Math.min(Math.max(widthOf(sanitize(label)), widthOf(sanitize(detail))), Math.max(available, 6)),
    )
  })
  const space = ' '.repeat(gap)
  const line = (name: string, cells: readonly string[], paint: (at: number) => Colorize) => {
    const drawn = cells.map((cell, at) => {
      const text = truncate(cell, widths[at]!)
      const painted = text === '' ? '' : paint(at)(text)
      return space + painted + ' '.repeat(Math.max(0, widths[at]! - widthOf(text)))
    })
    return (pad(name, names) + drawn.join('')).trimEnd()
  }
  const dim = () => ink.dim
  const headings = cutHeadings(columns, widths)
  const drawn = rows.flatMap((row, at) => {
    const [first, ...others] = nameLines(row, names)
    const paint = (cell: number): Colorize => (row === nativeRow ? ink.dim : colorOf(row.cells[cell]!, ink))
    return [line(first!, texts[at]!, paint), ...others]
  })
  const worst = isCompact ? '; a row of several shows its extreme' : ''
  const legend =
    legendText(matrix) +
    worst +
    (omitted.length > 0 ? `; not shown: ${plural(omitted.length, 'bench', 'benches')}` : '')
  return [
    '',
    ...(['label', 'detail'] as const).map((part) =>
      line(
        '',
        headings.map((one) => one[part]),
        dim,
      ),
    ),
    ...drawn,
    ...wrap(legend, width - 2).map((text) => ink.dim(`  ${text}`)),
  ]
}

/** A heading: the bench, and the case or the metric beneath it. */
type Heading = Pick<MatrixColumn, 'label' | 'detail'>

const sameHeading = (a: Heading, b: Heading): boolean => a.label === b.label && a.detail === b.detail

/** The headings cut to the widths of their columns. Those that differ never read alike: then they get numbers. */
export function cutHeadings(columns: readonly Heading[], widths: readonly number[]): Heading[] {
  const whole = columns.map(({ label, detail }) => ({ label: sanitize(label, 60), detail: sanitize(detail, 60) }))
  const cutBy = (cut: (text: string, width: number) => string) =>
    whole.map(({ label, detail }, at) => ({ label: cut(label, widths[at]!), detail: cut(detail, widths[at]!) }))
  const [atEnd, inMiddle] = [cutBy(truncate), cutBy(truncateMiddle)]
  const isClear = (all: readonly Heading[], at: number) =>
    all.every((one, other) => !sameHeading(one, all[at]!) || sameHeading(whole[other]!, whole[at]!))
  const chosen = atEnd.map((heading, at) => (isClear(atEnd, at) ? heading : inMiddle[at]!))
  return chosen.map((heading, at) => {
    if (isClear(chosen, at)) return heading
    const number = String(chosen.slice(0, at + 1).filter((one) => sameHeading(one, heading)).length)
    return { ...heading, label: truncate(whole[at]!.label, widths[at]! - number.length) + number }
  })
}

const nativeRow: MatrixRow = { platforms: ['native'], cells: [] }

/** The most lines with names that a row has. */
const nameLimit = 2

/** The names of a row, wrapped into its column. */
function nameLines({ platforms }: MatrixRow, columns: number): string[] {
  const room = columns - 2
  const names = platforms.map((name) => truncate(sanitize(name, 60), room)).join(' ')
  const lines = wrap(names, room)
  if (lines.length <= nameLimit) return lines.map((text) => `  ${text}`)
  const shown = lines.slice(0, nameLimit).join(' ').split(' ')
  const more = () => `+${platforms.length - shown.length} more`
  while (wrap([...shown, more()].join(' '), room).length > nameLimit) shown.pop()
  return wrap([...shown, more()].join(' '), room).map((text) => `  ${text}`)
}

function colorOf({ state, fails, isSuspicious }: MatrixCell, ink: RenderOptions['ink']): Colorize {
  if (fails || state === 'failed') return ink.bad
  if (state === 'better') return isSuspicious ? ink.doubt : ink.good
  return state === 'same' || state === 'none' ? ink.dim : (text) => text
}
