import { describe, expect, it } from 'vitest'
import { summarizeSkips } from '../../e2e/support/skip-reporter.ts'

describe('the summary of skipped end-to-end tests', () => {
  it('groups them by reason, with the detail of each', () => {
    const { lines, failure } = summarizeSkips(
      [
        { name: 'kata boots', note: 'platform-unavailable: no KVM' },
        { name: 'a quota', note: 'busy-host: others used 60 %\nof the CPU' },
        { name: 'osv boots', note: 'platform-unavailable: no KVM' },
      ],
      3,
    )
    expect(lines).toEqual([
      '2 skipped, platform-unavailable: a platform does not work on this host',
      '  kata boots: no KVM',
      '  osv boots: no KVM',
      '1 skipped, busy-host: other processes used the CPUs, so the truth is unknown',
      '  a quota: others used 60 %',
    ])
    expect(failure).toBeUndefined()
  })

  it('fails above the limit', () => {
    const tests = [1, 2].map((n) => ({ name: `${n}`, note: 'busy-host: load' }))
    expect(summarizeSkips(tests, 2).failure).toBeUndefined()
    expect(summarizeSkips(tests, 1).failure).toContain('2 end-to-end tests were skipped, and at most 1 may be')
  })

  it.each([undefined, 'it is late', 'lazy: it is late'])('fails on a test with the note %s', (note) => {
    const { lines, failure } = summarizeSkips([{ name: 'a', note }], 10)
    expect(lines[0]).toBe('1 skipped, unknown reason')
    expect(failure).toContain('1 end-to-end tests were skipped without a known reason')
  })

  it('is empty if nothing was skipped', () => {
    expect(summarizeSkips([], 0)).toEqual({ lines: [], failure: undefined })
  })
})
