import { describe, expect, it } from 'vitest'
import { beyond, jaccard, sum, totalOf } from '../../../src/guest/trace/profile.ts'

describe('what lies beyond idling', () => {
  it('is every name that idling does not have, from one call on', () => {
    expect(beyond({ read: 1, write: 400 }, {}, 1)).toEqual({ read: 1, write: 400 })
  })

  it('is what is more than three standard deviations above twice the calls of idling in the same time', () => {
    const idle = { futex: 50 }
    expect(beyond({ futex: 130 }, idle, 1)).toEqual({})
    expect(beyond({ futex: 131 }, idle, 1)).toEqual({ futex: 81 })
    // Twice the time: twice 100 calls, give or take 42.
    expect(beyond({ futex: 242 }, idle, 2)).toEqual({})
    expect(beyond({ futex: 243 }, idle, 2)).toEqual({ futex: 143 })
  })

  it('leaves nothing of work that only idles', () => {
    expect(beyond({ epoll_wait: 5 }, { epoll_wait: 5, futex: 9 }, 1)).toEqual({})
  })
})

it('sets are as alike as what they share is of both', () => {
  expect(jaccard(['a', 'b', 'c'], ['b', 'c', 'd'])).toBe(0.5)
  expect(jaccard([], [])).toBe(1)
  expect(jaccard(['a'], [])).toBe(0)
})

it('profiles add up name by name, whatever the names are', () => {
  const all = sum([{ a: 1, constructor: 2 }, { a: 3 }])
  expect(all).toEqual({ a: 4, constructor: 2 })
  expect(totalOf(all)).toBe(6)
})
