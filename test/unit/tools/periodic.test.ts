import { describe, expect, it } from 'vitest'
import { periodic } from '../../../src/tools/periodic.ts'
import { expectNoTruncatedFigure, expectRefusals } from './fixtures.ts'

const output = '5.120\n23.751\n4.998\njobs: 3 of 3\n'

describe('periodic', () => {
  it('is asked for what it takes', () => {
    expect(periodic.command({ seconds: 2 }).argv.slice(-3)).toEqual(['100', '0.02', '400000'])
    expect(periodic.command({ seconds: 0.5, every: 5, additions: 7 }).argv.slice(-3)).toEqual(['100', '0.005', '7'])
    // 0.29 s / 10 ms is 28.999999999999996, and 0.3 s / 100 ms is 2.9999999999999996.
    expect(periodic.command({ seconds: 0.29, every: 10 }).argv.at(-3)).toBe('29')
    expect(periodic.command({ seconds: 0.3, every: 100 }).argv.at(-3)).toBe('3')
    expect(() => periodic.command({ seconds: 0.019 })).toThrow('every (20 ms) must be at most seconds (0.019 s)')
    expect(() => periodic.command({ seconds: 0 })).toThrow(TypeError)
    expect(() => periodic.command({ seconds: 1, every: 0 })).toThrow(TypeError)
    expect(() => periodic.command({ seconds: Number.NaN })).toThrow(TypeError)
  })

  it('is read', () => {
    expect(periodic.parse(output)).toEqual({ latencies: [5.12, 23.751, 4.998] })
  })

  it('is refused if jobs were never started, because those would have had the longest latencies', () => {
    // A guest with a twentieth of a CPU, after three times the duration.
    expect(() => periodic.parse('5.120\n23.751\njobs: 2 of 3\n')).toThrow('only 2 of 3 jobs were started')
    expect(() => periodic.parse('jobs: 0 of 100\n')).toThrow('only 0 of 100 jobs were started')
    expect(() => periodic.parse('5.120\n0.000\njobs: 2 of 2\n')).toThrow('job 2 is 0')
    // An output without the number of planned jobs says nothing about those that were not started.
    expect(() => periodic.parse('5.120\njobs: 1\n')).toThrow('no complete report')
  })

  it('is never read from a part, and from nothing else', () => {
    expectNoTruncatedFigure(output, periodic.parse)
    expectRefusals(output, '23.751', periodic.parse)
    for (const hostile of [
      'jobs: 0 of 0\n',
      'jobs: -1 of -1\n',
      '5.1\njobs: 1e0 of 1e0\n',
      '5.1\njobs: 99999999999999999999 of 99999999999999999999\n',
      '5.1\njobs: 2 of 2\n',
      '5.1\njobs: 1 of 1\nmore\n',
      '5.1 ms\njobs: 1 of 1\n',
      '\x1b[2Jjobs: 1 of 1\n',
    ])
      expect(() => periodic.parse(hostile), JSON.stringify(hostile)).toThrow(/^periodic: /)
  })
})
