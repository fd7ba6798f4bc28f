import { describe, expect, test } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { benchLines } from '../../../../src/reporters/terminal/benches.ts'
import { createColors } from '../../../../src/reporters/terminal/table.ts'
import { widthOf } from '../../../../src/util/text.ts'
import { scaled } from '../../core/judge/builders.ts'
import { makeRecord } from '../fixture.ts'

/** A run in which runc is faster than native by half, and three of its samples are disturbed. */
const record = makeRecord(false)
const hasShortName = ({ name }: { readonly name: string }) => name.length < 20
const report = buildReport(
  {
    ...record,
    plan: { ...record.plan, platforms: record.plan.platforms.filter(hasShortName) },
    samples: record.samples.map((one) =>
      one.platform === 'runc' && one.case.includes('prime')
        ? { ...scaled(one, 1.5), ...(one.round >= 1 && one.round <= 3 && { disturbed: true }) }
        : one,
    ),
  },
  { strict: false },
)

const tableAt = (width: number): string[] => {
  const lines = benchLines(report, { width, ink: createColors({ color: false }), root: '/' })
  const start = lines.findIndex((line) => line.includes('prime verification'))
  return lines.slice(start + 3, start + 10)
}

describe('the notes of a result', () => {
  test.each([60, 80, 100, 120])('are whole at %i columns', (width) => {
    const lines = tableAt(width)
    expect(lines.filter((line) => widthOf(line) > width)).toEqual([])
    expect(lines.join('\n')).toMatch(/runc .*\s+3 disturbed, suspiciously-fast\n/)
  })

  test('stand below their row at 80 columns, where a table with them would be too wide', () => {
    expect(tableAt(80).slice(1, 4)).toEqual([
      '       native     1,233                                8      ┃',
      '    ✓  runc       1,844    1.493  [1.486, 1.504]       8      ┊               ━┃',
      '         3 disturbed, suspiciously-fast',
    ])
  })

  test('leave a narrow box plot at 100 columns', () => {
    expect(tableAt(100).slice(1, 3)).toEqual([
      '       native     1,233                                8    ┃',
      '    ✓  runc       1,844    1.493  [1.486, 1.504]       8    ┊      ┃  3 disturbed, suspiciously-fast',
    ])
  })

  test('take the place of the box plot at 90 columns', () => {
    expect(tableAt(90).slice(1, 3)).toEqual([
      '       native     1,233                                8',
      '    ✓  runc       1,844    1.493  [1.486, 1.504]       8  3 disturbed, suspiciously-fast',
    ])
  })
})
