import { describe, expect, it } from 'vitest'
import {
  type CallCounts,
  jaccard,
  mergeCounts,
  scaleCounts,
  subtractBackground,
  totalCalls,
} from '../../../src/tracing/call-counts.ts'

describe('what lies beyond the controls', () => {
  const idle = (mean: CallCounts, deviation: CallCounts = {}) => ({
    idling: { mean, deviation },
    seconds: 1,
    barrier: {},
  })
  const none = idle({})

  it('is every name that they do not have, from one call on', () => {
    expect(subtractBackground({ read: 1, write: 400 }, none)).toEqual({ read: 1, write: 400 })
  })

  it('is what is more than three standard deviations above twice the calls of idling in the same time', () => {
    const control = idle({ futex: 50 })
    expect(subtractBackground({ futex: 130 }, control)).toEqual({})
    expect(subtractBackground({ futex: 131 }, control)).toEqual({ futex: 81 })
  })

  it('is what is more than the barriers alone', () => {
    const control = { ...none, barrier: { read: 4, clone: 1 } }
    expect(subtractBackground({ read: 5, clone: 1, mmap: 2 }, control)).toEqual({ read: 1, mmap: 2 })
    expect(subtractBackground({ futex: 132 }, { ...idle({ futex: 50 }), barrier: { futex: 2 } })).toEqual({})
  })

  it('leaves nothing of work that only idles', () => {
    expect(subtractBackground({ epoll_wait: 5 }, idle({ epoll_wait: 5, futex: 9 }))).toEqual({})
  })

  it('is scaled to another duration than that of the background trace', () => {
    const control = { ...idle({ futex: 25 }), seconds: 2 }
    expect(subtractBackground({ futex: 130 }, control)).toEqual({})
    expect(subtractBackground({ futex: 131 }, control)).toEqual({ futex: 81 })
    expect(scaleCounts({ futex: 50, constructor: 2 }, 1.5)).toEqual({ futex: 75, constructor: 3 })
  })

  it('is what exceeds the bursts of idling, which grow with the root of the time', () => {
    const bursts = idle({ write: 1 }, { write: 10 })
    expect(subtractBackground({ write: 32 }, bursts)).toEqual({})
    expect(subtractBackground({ write: 33 }, bursts)).toEqual({ write: 32 })
    expect(subtractBackground({ write: 68 }, { ...bursts, seconds: 4 })).toEqual({})
    expect(subtractBackground({ write: 69 }, { ...bursts, seconds: 4 })).toEqual({ write: 65 })
  })

  it('is a call that the work makes each time, though idling makes it once in a long while', () => {
    expect(subtractBackground({ tgkill: 1 }, idle({ tgkill: 0.04 }, { tgkill: 0.2 }))).toEqual({ tgkill: 1 })
  })
})

it('sets are as alike as what they share is of both', () => {
  expect(jaccard(['a', 'b', 'c'], ['b', 'c', 'd'])).toBe(0.5)
  expect(jaccard([], [])).toBe(1)
  expect(jaccard(['a'], [])).toBe(0)
})

it('profiles add up name by name, whatever the names are', () => {
  const all = mergeCounts([{ a: 1, constructor: 2 }, { a: 3 }])
  expect(all).toEqual({ a: 4, constructor: 2 })
  expect(totalCalls(all)).toBe(6)
})
