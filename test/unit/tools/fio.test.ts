import { describe, expect, it } from 'vitest'
import { fio } from '../../../src/tools/fio.ts'
import { ToolOutputError } from '../../../src/tools/parse.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from './fixtures.ts'

const read = fixture('fio-3.39-read.json')
const job = { name: 'j', file: '/data/f', rw: 'read', blockSize: '128k', size: '256m', depth: 16, seconds: 3 } as const

describe('fio commands', () => {
  it('a read job', () => {
    expect(fio.job(job).argv.join(' ')).toBe(
      'fio --name=j --filename=/data/f --rw=read --bs=128k --size=256m --ioengine=libaio --iodepth=16 --direct=1 ' +
        '--numjobs=1 --time_based=1 --runtime=3 --randrepeat=0 --allow_file_create=0 ' +
        '--group_reporting --output-format=json --eta=never',
    )
  })

  it('a write job', () => {
    const all = { ...job, rw: 'randwrite', ramp: 1, engine: 'psync', direct: false, numjobs: 2 } as const
    expect(fio.job(all).argv.join(' ')).toBe(
      'fio --name=j --filename=/data/f --rw=randwrite --bs=128k --size=256m --ioengine=psync --iodepth=16 --direct=0 ' +
        '--numjobs=2 --time_based=1 --runtime=3 --ramp_time=1 --randrepeat=0 --refill_buffers --fallocate=none ' +
        '--group_reporting --output-format=json --eta=never',
    )
  })

  it('the layout of a file with random data', () => {
    expect(fio.layout({ file: '/data/a:b', size: '1g' }).argv.join(' ')).toBe(
      'fio --name=layout --filename=/data/a\\:b --rw=write --bs=1m --size=1g --ioengine=psync --direct=1 ' +
        '--fallocate=none --refill_buffers --randrepeat=0 --end_fsync=1 ' +
        '--group_reporting --output-format=json --eta=never',
    )
  })

  it('refuses counts that fio would read in another way', () => {
    expect(() => fio.job({ ...job, depth: 0 })).toThrow(TypeError)
    expect(() => fio.job({ ...job, seconds: 0 })).toThrow(TypeError)
    expect(fio.job({ ...job, seconds: 0.5 }).argv).toContain('--runtime=1')
    expect(() => fio.job({ ...job, ramp: -1 })).toThrow(TypeError)
  })
})

describe('fio reports', () => {
  it.each([
    ['fio-3.39-read.json', 'read', 2291206649, 17480.519481, 914249.484684, 1417216, 905216],
    ['fio-3.39-write.json', 'write', 2367414345, 18045.954046, 860411.757343, 1171456, 831488],
    ['fio-3.39-randread-notes.json', 'read', 178390825, 43552.447552, 45385.455523, 152576, 45312],
    ['fio-3.33-read.json', 'read', 3029452339, 23112.887113, 691099.240837, 946176, 667648],
    ['fio-3.33-write.json', 'write', 2586740619, 19719.280719, 782199.773464, 1466368, 643072],
    ['fio-3.41-randread.json', 'read', 44830832, 10945.027486, 90970.351582, 659456, 27264],
    ['fio-3.41-write.json', 'write', 1054075524, 8041.958042, 1929199.661491, 17694720, 692224],
  ] as const)('%s', (name, side, bytesPerSecond, iops, latencyNs, p99Ns, p50Ns) => {
    const result = fio.parse(fixture(name))
    expect(result[side]).toEqual({
      bytesPerSecond,
      iops,
      latencyMeanUs: latencyNs / 1000,
      p50Us: p50Ns / 1000,
      p99Us: p99Ns / 1000,
    })
    expect(() => result[side === 'read' ? 'write' : 'read']).toThrow(ToolOutputError)
  })

  it('has notes before one of them', () => {
    expect(fixture('fio-3.39-randread-notes.json')).toMatch(/^note: both iodepth >= 1/)
  })

  it('of a failed job are errors', () => {
    expect(() => fio.parse(fixture('fio-3.39-open-error.json'))).toThrow('the job failed with error number 13')
    // Here fio itself says "error" : 0, and exits with 1.
    expect(() => fio.parse(fixture('fio-3.39-missing-file.json'))).toThrow('the job did no I/O')
    expect(() => fio.parse(fixture('fio-3.41-missing-file.json'))).toThrow('the job did no I/O')
  })

  it('of several jobs are errors', () => {
    const report = JSON.parse(read)
    report.jobs.push(report.jobs[0])
    expect(() => fio.parse(JSON.stringify(report))).toThrow('not the report of one job')
  })

  it('without latencies are errors', () => {
    const report = JSON.parse(read)
    delete report.jobs[0].read.clat_ns.percentile
    expect(() => fio.parse(JSON.stringify(report)).read).toThrow('read.clat_ns.percentile.50.000000 is missing')
  })

  it('are never read from a part', () => {
    expectNoTruncatedFigure(read, (output) => fio.parse(output).read)
    expectNoTruncatedFigure(fixture('fio-3.39-randread-notes.json'), (output) => fio.parse(output).read)
  })

  it('are refused when they are none', () => {
    expectRefusals(read, '2291206649', (output) => fio.parse(output).read)
    expectRefusals(read, '914249.484684', (output) => fio.parse(output).read)
  })
})
