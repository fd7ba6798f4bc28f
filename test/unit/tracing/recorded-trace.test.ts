/**
 * A function trace that a real kernel recorded, read from its pages: `npm run test:vm -- trace-pages` records such a
 * one.
 */

import { readFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { functionName } from '../../../src/tracing/sources.ts'
import { type RecordedTrace, tallyOfPages, tallyOfText } from './recorded-trace.ts'

const packed = new URL('../../fixtures/records/function-trace.json.br', import.meta.url)
const trace = JSON.parse(brotliDecompressSync(readFileSync(packed)).toString()) as RecordedTrace

describe(`pages of Linux ${trace.kernel}`, () => {
  const tally = tallyOfPages(trace)
  const inInterrupts = (name: string) => name.endsWith(' in an interrupt')

  it('have each function as often as the kernel’s own text has it, in interrupts and out of them', () => {
    expect(tally).toEqual(tallyOfText(trace))
    expect(Object.values(tally).reduce((sum, count) => sum + count)).toBeGreaterThan(1000)
  })

  it('have what a shell does that starts a program, and what an interrupt does at the same time', () => {
    for (const name of ['x64_sys_call', '__x64_sys_rt_sigprocmask', 'handle_mm_fault'])
      expect(tally, name).toHaveProperty(name)
    expect(Object.keys(tally).filter(inInterrupts)).toContain('tick_nohz_handler in an interrupt')
  })

  it('count the way into an interrupt as nobody’s, which lies before the flag', () => {
    const ways = Object.keys(tally).filter((name) => !inInterrupts(name) && functionName(name) === undefined)
    expect(ways).toContain('irq_enter_rcu')
    expect(ways.length).toBeLessThan(30)
  })
})
