import { describe, expect, it } from 'vitest'
import { oomKillsV1 } from '../../../src/host/cgroup.ts'

describe('kills because memory ran out, with version 1 of cgroups', () => {
  const gone = { counted: 0, limitHits: 9, onHost: 1, hasEnded: true }

  it.each([
    ['are those that the cgroups count', { ...gone, counted: 2, onHost: 5 }, 2],
    ['are those on the host if the guest has ended at a limit and the count is gone', gone, 1],
    ['are none if no limit was reached', { ...gone, limitHits: 0 }, 0],
    ['are none if the guest still runs, so that its cgroup has the count', { ...gone, hasEnded: false }, 0],
    ['are none without one on the host', { ...gone, onHost: 0 }, 0],
  ])('%s', (_, kills, expected) => {
    expect(oomKillsV1(kills)).toBe(expected)
  })
})
