import { describe, expect, it } from 'vitest'
import { pageFaults, pageFaultsIn, parsePss, proportionalBytes, sharedBytes } from '../../../src/host/guest-memory.ts'

describe('the proportional size of a process', () => {
  it('is read from smaps_rollup, in bytes', () => {
    const text =
      '5581a000-7ffd5000 ---p 00000000 00:00 0    [rollup]\nRss:     2204 kB\nPss:      612 kB\nPss_Anon: 9 kB\n'
    expect(parsePss(text)).toBe(612 * 1024)
  })

  it.each(['', 'Pss: many kB', 'Pss: -1 kB', 'SwapPss: 4 kB', 'Pss: 99999999999999999 kB'])(
    'is unknown, never 0, in %j',
    (text) => expect(parsePss(text)).toBeUndefined(),
  )

  it('is unknown for a cgroup without processes', () => {
    expect(proportionalBytes('isobench-unit-no-such-group')).toBeUndefined()
  })
})

const fields = (object: Record<string, number>) => new Map(Object.entries(object))

describe('page faults', () => {
  it('include child cgroups with either version', () => {
    expect(pageFaultsIn(fields({ anon: 5, pgfault: 120, pgmajfault: 3 }))).toBe(120)
    expect(pageFaultsIn(fields({ pgfault: 1, pgmajfault: 0, total_pgfault: 77, total_pgmajfault: 2 }))).toBe(77)
  })

  it.each([{}, { pgmajfault: 3 }, { pgfault: Number.NaN }, { pgfault: 1, total_pgfault: 2 ** 60 }])(
    'are unknown, never 0, in %o',
    (object) => expect(pageFaultsIn(fields(object))).toBeUndefined(),
  )

  it('are unknown in a cgroup that does not exist', () => {
    expect(pageFaults('isobench-unit-no-such-group')).toBeUndefined()
  })
})

describe('memory that clones share', () => {
  it('is what k proportional sizes lack to k times the size of one', () => {
    // Each has 10 alone, and 90 together with the other three: 4 * 10 + 90.
    expect(sharedBytes(100, 130, 4)).toBe(90)
    expect(sharedBytes(100, 400, 4)).toBe(0)
  })

  it('is unknown, rather than 0, if the clones are larger than the first one was', () => {
    expect(sharedBytes(100, 420, 4)).toBeNull()
  })
})
