import { describe, expect, it } from 'vitest'
import { ycsb } from '../../../../src/tools/ycsb/index.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from '../fixtures.ts'

const load = fixture('ycsb-embedded-load.txt')
const run = fixture('ycsb-embedded-run.txt')
const figure = (what: string) => Number(new RegExp(`^\\[${what}, (\\S+)$`, 'm').exec(run)![1])

describe('the commands of YCSB', () => {
  const given = { host: '198.18.0.2', connections: 16, records: 10_000 }

  it('are the same for the embedded client and for a ycsb', () => {
    const own = ycsb.run({ ...given, seconds: 2 }).argv
    const other = ycsb.run({ ...given, seconds: 2, program: 'ycsb' }).argv
    expect(own.slice(0, 2)).toEqual(['node', '/data/ycsb.mjs'])
    expect(other[0]).toBe('ycsb')
    expect(own.slice(2)).toEqual(other.slice(1))
    expect(own).toEqual(expect.arrayContaining(['run', 'memcached', '-threads', '16', 'requestdistribution=zipfian']))
  })

  it('are open at a target, timed from the intended start, and closed without', () => {
    const open = ycsb.run({ ...given, seconds: 2, target: 500 }).argv
    expect(open).toEqual(expect.arrayContaining(['-target', '500', 'measurement.interval=intended']))
    expect(ycsb.run({ ...given, seconds: 2 }).argv).not.toContain('-target')
    expect(ycsb.load(given).argv).toEqual(expect.arrayContaining(['load', 'recordcount=10000', 'fieldlength=100']))
    expect(() => ycsb.run({ ...given, seconds: 0 })).toThrow(TypeError)
  })
})

describe('the report of YCSB', () => {
  it('is read', () => {
    const result = ycsb.parse(run)
    expect(result.operationsPerSecond).toBe(figure('OVERALL\\], Throughput\\(ops/sec\\)'))
    expect(result.read.p95Us).toBe(figure('READ\\], 95thPercentileLatency\\(us\\)'))
    expect(result.update.p99Us).toBe(figure('UPDATE\\], 99thPercentileLatency\\(us\\)'))
    expect(result.read.operations + result.update.operations).toBeCloseTo(
      result.operationsPerSecond * result.seconds,
      0,
    )
    expect(ycsb.parseLoad(load)).toEqual({ records: 1000 })
  })

  it('of operations that found no record is no measurement, however fast they were', () => {
    expect(() => ycsb.parse(fixture('ycsb-embedded-empty-server.txt'))).toThrow(/438 of kind READ returned NOT_FOUND/)
    const some = run.replace(/^\[READ\], Return=OK, \d+$/m, '[READ], Return=OK, 1\n[READ], Return=NOT_FOUND, 9')
    expect(() => ycsb.parse(some)).toThrow(/9 of kind READ returned NOT_FOUND/)
  })

  it('is never read from a part, and from nothing else', () => {
    expectNoTruncatedFigure(run, ycsb.parse)
    expectNoTruncatedFigure(load, ycsb.parseLoad)
    expectRefusals(run, String(figure('READ\\], 95thPercentileLatency\\(us\\)')), ycsb.parse)
  })
})
