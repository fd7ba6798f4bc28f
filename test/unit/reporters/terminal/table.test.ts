import { describe, expect, it } from 'vitest'
import { type Column, createColors, dimmed, table } from '../../../../src/reporters/terminal/table.ts'
import { widthOf } from '../../../../src/util/text.ts'

const ink = createColors({ color: false })
const columns: readonly Column[] = [
  { title: 'platform', least: 6 },
  { title: 'figures', align: 'right', drop: 1 },
  { title: 'ratio', align: 'right', drop: 2 },
  { title: 'change' },
]
const rows = [['cloud-hypervisor', '227 → 238 ms', '52.7', '4 % slower']].map((texts) =>
  texts.map((text) => ({ text })),
)
const at = (width: number) => table(columns, rows, width, ink)

describe('a table', () => {
  it.each<[number, string[]]>([
    [60, ['platform               figures  ratio  change', 'cloud-hypervisor  227 → 238 ms   52.7  4 % slower']],
    [45, ['platform           figures  ratio  change', 'cloud-hyper…  227 → 238 ms   52.7  4 % slower']],
    [30, ['platform     ratio  change', 'cloud-hype…   52.7  4 % slower']],
    [22, ['platform    change', 'cloud-hyp…  4 % slower']],
    [18, ['platf…  change', 'cloud…  4 % slower']],
  ])('narrows columns and then drops the least important ones: %i', (width, expected) => {
    expect(at(width)).toEqual(expected)
  })

  it('cuts the middle of texts that differ at their ends', () => {
    const cases = ['random reads rw=randread', 'random reads rw=randwrite'].map((text) => [{ text }])
    const lines = table([{ title: 'case', least: 8, cut: 'middle' }], cases, 14, ink)
    expect(lines).toEqual(['case', 'random …ndread', 'random …dwrite'])
  })

  it('keeps every row in one line, whatever the width', () => {
    for (let width = 18; width < 70; width++) {
      const lines = at(width)
      expect(lines).toHaveLength(2)
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width)
      expect(lines[1]).toContain('4 % slower')
    }
  })
})

it('dimmed colors have no other meaning', () => {
  const { bad, good, plain, dim } = dimmed(createColors({ color: true }))
  expect([bad('x'), good('x'), plain('x')]).toEqual([dim('x'), dim('x'), dim('x')])
})
