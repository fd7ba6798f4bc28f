import { describe, expect, it } from 'vitest'
import { memory } from '../../../src/tools/memory.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from './fixtures.ts'

const stream = fixture('isobench-memory-stream.txt')
const copy = fixture('isobench-memory-copy.txt')
const latency = fixture('isobench-memory-latency.txt')

describe('isobench-memory', () => {
  it('is asked for what it takes', () => {
    expect(memory.stream({ mebibytes: 128, times: 10 }).argv).toEqual(['isobench-memory', 'stream', '128', '10'])
    expect(memory.copy({ seconds: 0.5 }).argv).toEqual(['isobench-memory', 'copy', '0.5'])
    expect(memory.latency({ log2bytes: 20, seconds: 1 }).argv).toEqual(['isobench-memory', 'latency', '20', '1'])
    expect(() => memory.stream({ mebibytes: 128, times: 201 })).toThrow(/at most 200/)
    expect(() => memory.latency({ log2bytes: 40, seconds: 1 })).toThrow(/at most 32/)
    expect(() => memory.copy({ seconds: 0 })).toThrow(TypeError)
  })

  it('is read', () => {
    expect(memory.parseStream(stream)).toEqual({ copyMBs: 11471.1 })
    expect(memory.parseCopy(copy)).toEqual({ plainMBs: 11214.4, sse2MBs: 12595 })
    expect(memory.parseLatency(latency, 20)).toEqual({ extraNs: 7.52 })
    expect(() => memory.parseLatency(latency, 21)).toThrow(/2097152/)
  })

  it('counts no copy with wrong arrays', () => {
    const failed = stream.replace(/^Solution Validates.*$/m, 'Failed Validation: a relative deviation of 1.2e-3')
    expect(() => memory.parseStream(failed)).toThrow('it printed an error: Failed Validation')
    expect(() => memory.parseStream(`${stream}Failed Validation: x\n`)).toThrow('it printed an error')
    expect(() => memory.parseStream(stream.replace(/^Solution.*$/m, ''))).toThrow(/no "Solution Validates"/)
  })

  it('has no latency of 0 beyond the L1 cache, and no rate of 0', () => {
    // What the program prints if its hits in the L1 cache took longer than the reads.
    const none = latency.replace('7.52', '0.00')
    expect(() => memory.parseLatency(none, 20)).toThrow('the latency of 1048576 bytes is 0')
    expect(memory.parseLatency(none.replace('1048576', '  65536'), 16)).toEqual({ extraNs: 0 })
    expect(() => memory.parseCopy(copy.replace('12595.0', '    0.0'))).toThrow('SSE2 copy is 0')
  })

  it('is never read from a part, and from nothing else', () => {
    expectNoTruncatedFigure(stream, memory.parseStream)
    expectNoTruncatedFigure(copy, memory.parseCopy)
    expectNoTruncatedFigure(latency, (output) => memory.parseLatency(output, 20))
    expectRefusals(stream, '11471.1', memory.parseStream)
    expectRefusals(copy, '12595.0', memory.parseCopy)
    expectRefusals(latency, '7.52', (output) => memory.parseLatency(output, 20))
  })
})
