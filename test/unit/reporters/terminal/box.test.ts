import { expect, test } from 'vitest'
import { boxes } from '../../../../src/reporters/terminal/benches.ts'

test('a box plot reaches from the lowest to the highest sample, with middle half and median in place', () => {
  expect(boxes([[0, 2, 4, 6, 8]], undefined, 9)).toEqual(['──━━┃━━──'])
  expect(boxes([[8, 4, 0, 6, 2], [4]], 8, 9)).toEqual(['──━━┃━━──', '    ┃   ┊'])
})

test('what is far apart is on a logarithmic scale, equal samples are in the middle, and none make no plot', () => {
  expect(boxes([[1], [10], [100]], undefined, 5)).toEqual(['┃', '  ┃', '    ┃'])
  expect(boxes([[7, 7, 7]], 7, 5)).toEqual(['  ┃'])
  expect(boxes([[], [1, 3]], undefined, 3)).toEqual(['', '─┃━'])
})
