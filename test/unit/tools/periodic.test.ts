import { describe, expect, it } from 'vitest'
import { periodic } from '../../../src/tools/periodic.ts'
import { expectNoTruncatedFigure, expectRefusals } from './fixtures.ts'

const output = '5.120\n23.751\n4.998\njobs: 3\n'

describe('periodic', () => {
  it('is asked for what it takes', () => {
    expect(periodic.command({ seconds: 2 }).argv.slice(-3)).toEqual(['2', '0.02', '400000'])
    expect(periodic.command({ seconds: 0.5, every: 5, additions: 7 }).argv.slice(-3)).toEqual(['0.5', '0.005', '7'])
    expect(() => periodic.command({ seconds: 0 })).toThrow(TypeError)
    expect(() => periodic.command({ seconds: 1, every: 0 })).toThrow(TypeError)
    expect(() => periodic.command({ seconds: Number.NaN })).toThrow(TypeError)
  })

  it('is read', () => {
    expect(periodic.parse(output)).toEqual({ latencies: [5.12, 23.751, 4.998] })
  })

  it('is never read from a part, and from nothing else', () => {
    expectNoTruncatedFigure(output, periodic.parse)
    expectRefusals(output, '23.751', periodic.parse)
    for (const hostile of [
      'jobs: 0\n',
      'jobs: -1\n',
      '5.1\njobs: 1e0\n',
      '5.1\njobs: 99999999999999999999\n',
      '5.1\njobs: 2\n',
      '5.1\njobs: 1\nmore\n',
      '5.1 ms\njobs: 1\n',
      '\x1b[2Jjobs: 1\n',
    ])
      expect(() => periodic.parse(hostile), JSON.stringify(hostile)).toThrow(/^periodic: /)
  })
})
