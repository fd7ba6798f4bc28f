import { describe, expect, it } from 'vitest'
import { cpuSetsOf } from '../../../src/host/cpus.ts'
import { memoryForGuests, parseMemory, readMemory } from '../../../src/host/memory-info.ts'

const gibibyte = 1024 ** 3

describe('the memory that guests may have together', () => {
  it('is read from /proc/meminfo', () => {
    expect(parseMemory('MemTotal:       24689664 kB\nMemFree: 1 kB\nMemAvailable:   23000000 kB\n')).toEqual({
      total: 24_689_664 * 1024,
      available: 23_000_000 * 1024,
    })
    expect(readMemory().available).toBeGreaterThan(0)
    expect(readMemory().available).toBeLessThanOrEqual(readMemory().total)
  })

  it.each(['', 'MemTotal: x kB', 'MemTotal: -5 kB', 'MemTotal: 5 MB', 'XMemTotal: 5 kB'])(
    'is 0 without lines: %j',
    (text) => {
      expect(parseMemory(text)).toEqual({ total: 0, available: 0 })
      expect(memoryForGuests(parseMemory(text))).toBe(0)
    },
  )

  it('leaves the host a gibibyte, or a tenth if that is more', () => {
    expect(memoryForGuests({ total: 4 * gibibyte, available: 3 * gibibyte })).toBe(2 * gibibyte)
    expect(memoryForGuests({ total: 40 * gibibyte, available: 30 * gibibyte })).toBe(26 * gibibyte)
    expect(memoryForGuests({ total: 4 * gibibyte, available: gibibyte / 2 })).toBe(0)
  })
})

describe('sets of CPUs', () => {
  it('have as many CPUs as a guest, and leave out the rest', () => {
    expect(cpuSetsOf([3, 0, 1, 2], 1)).toEqual([[3], [0], [1], [2]])
    expect(cpuSetsOf([3, 0, 1, 2], 3)).toEqual([[3, 0, 1]])
  })
})
