import { expect, it } from 'vitest'
import { codeFrame } from '../../../src/reporters/code-frame.ts'

it('shows the part of a long line that has the column, and cuts the others', () => {
  const text = `${'a'.repeat(99_990)}throw x()${'b'.repeat(5_000_000)}`
  const [first, second, mark] = codeFrame({ lines: ['c'.repeat(5_000_000), text], line: 7, column: 99_997 }, 60, 'x')
  expect(first).toMatch(/^ {4}6 │ …?c+…$/)
  expect(second).toMatch(/^ {2}→ 7 │ …a+throw x\(\)b+…$/)
  expect([first, second].map((line) => line!.length)).toEqual([60, 60])
  expect(second![mark!.indexOf('~')]).toBe('x')
})

it('underlines the word of a short line', () => {
  expect(codeFrame({ lines: ['', 'const a = 1', '  bench()'], line: 3, column: 3 }, 60, 'bench')).toEqual([
    '    2 │ const a = 1',
    '  → 3 │   bench()',
    '      │   ~~~~~',
  ])
})
