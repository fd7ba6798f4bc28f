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

  it('wraps a name only if every way to cut it gives what another name is cut to', () => {
    const named = (texts: readonly string[], width: number) =>
      table(
        [{ title: 'name', names: true, least: 4 }, { title: 'n' }],
        texts.map((text) => [{ text }, { text: '1' }]),
        width,
        ink,
      )
    expect(named(['latency-p50', 'throughput'], 11)).toEqual(['name      n', 'latency…  1', 'through…  1'])
    expect(named(['latency-p50', 'latency-p99'], 11)).toEqual(['name      n', 'late…p50  1', 'late…p99  1'])
    expect(named(['latency-a-read', 'latency-b-read'], 11)).toEqual([
      'name      n',
      'latency-  1',
      'a-read',
      'latency-  1',
      'b-read',
    ])
    expect(named(['latency-p50', 'latency-p50'], 11)).toEqual(['name      n', 'latency…  1', 'latency…  1'])
  })

  it('leaves another column out before it cuts a name to fewer columns than it should have', () => {
    const wide: readonly Column[] = [
      { title: 'name', names: true, roomy: 12, least: 4 },
      { title: 'why', drop: 1 },
    ]
    const cells = [[{ text: 'latency of reads' }, { text: 'of the values' }]]
    expect(table(wide, cells, 27, ink)[1]).toBe('latency of…   of the values')
    expect(table(wide, cells, 26, ink)[1]).toBe('latency of reads')
    expect(table([{ ...wide[0]!, most: 10 }], cells, 80, ink)[1]).toBe('latency o…')
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
