import { expect, it } from 'vitest'
import { jaccard, mergeCounts, mergeRoles, totalCalls } from '../../../src/tracing/call-counts.ts'

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

it('profiles add up role by role', () => {
  expect(mergeRoles([{ client: { read: 1 } }, { guest: { read: 2 } }, { guest: { read: 1, write: 1 } }, {}])).toEqual({
    guest: { read: 3, write: 1 },
    client: { read: 1 },
  })
})
