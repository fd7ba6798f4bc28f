import { describe, expect, it } from 'vitest'
import { compareFindingIds, isFindingId, seriesOf } from '../../../src/dsl/finding-id.ts'

describe('the number of a finding', () => {
  it.each([1, 28, 101, '2026-1', '2026-12', '1999-9999'])('may be %j', (id) => expect(isFindingId(id)).toBe(true))

  it.each([
    0,
    -1,
    1.5,
    1e21,
    Number.NaN,
    '',
    '1',
    '2026',
    '2026-0',
    '2026-01',
    '26-1',
    '2026-1 ',
    '2026-1\n',
    null,
    {},
  ])('is not %j', (id) => expect(isFindingId(id)).toBe(false))

  it('names its series, if it has one', () => {
    expect([seriesOf(28), seriesOf('2026-3')]).toEqual([undefined, '2026'])
  })

  it('sorts by value, plain numbers before series', () => {
    const ids = ['2026-10', 101, '2026-2', 3, '2025-7', 28]
    expect(ids.sort(compareFindingIds)).toEqual([3, 28, 101, '2025-7', '2026-2', '2026-10'])
  })
})
