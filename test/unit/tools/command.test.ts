import { describe, expect, it } from 'vitest'
import { command, requireCount } from '../../../src/tools/command.ts'
import * as tools from '../../../src/tools/index.ts'

describe('command', () => {
  it('keeps every argument as it is, and writes numbers in decimal', () => {
    expect(command('a b', '', '$HOME', "'x'", '*', 2, 0.5)).toEqual({
      argv: ['a b', '', '$HOME', "'x'", '*', '2', '0.5'],
    })
  })

  it('refuses an empty program', () => {
    expect(() => command('')).toThrow(TypeError)
    expect(() => command(undefined as unknown as string)).toThrow(TypeError)
  })

  it('refuses a NUL byte anywhere', () => {
    expect(() => command('a\0b')).toThrow(TypeError)
    expect(() => command('a', 'b\0')).toThrow(/NUL/)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, null, {}])('refuses the argument %s', (arg) => {
    expect(() => command('a', arg as number)).toThrow(TypeError)
  })
})

describe('count', () => {
  it('passes whole numbers', () => {
    expect(requireCount('threads', 4)).toBe(4)
    expect(requireCount('ramp', 0, 0)).toBe(0)
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('refuses %s', (value) => {
    expect(() => requireCount('threads', value)).toThrow('threads must be a whole number of at least 1')
  })
})

describe('an option that a tool does not have', () => {
  const { ffmpeg, fio, iperf3, mariadb, memcached, netperf, periodic, sysbench, tinymembench, ycsb } = tools
  const server = { host: '10.0.0.2', port: 1, threads: 1, seconds: 1 }
  const load = { host: '10.0.0.2', connections: 1, records: 1 }
  const job = { name: 'a', file: '/data/a', rw: 'read', blockSize: '4k', size: '1m', depth: 1, seconds: 1 } as const
  const database = { dataDir: '/data/a', socket: '/run/a', bufferPool: 64 }
  const clip = { output: '/data/a', width: 2, height: 2, seconds: 1 }
  const calls: [string, (given: never) => unknown, object][] = [
    ['ffmpeg.makeClip', (given) => ffmpeg.makeClip(given), clip],
    ['ffmpeg.encode', (given) => ffmpeg.encode(given), { input: '/data/a', threads: 1 }],
    ['fio.layout', (given) => fio.layout(given), { file: '/data/a', size: '1m' }],
    ['fio.job', (given) => fio.job(given), job],
    ['iperf3.server', (given) => iperf3.server(given), {}],
    ['iperf3.client', (given) => iperf3.client(given), { host: '10.0.0.2', seconds: 1 }],
    ['mariadb.server', (given) => mariadb.server(given), database],
    ['memcached.server', (given) => memcached.server(given), { memory: 64, threads: 1 }],
    ['memcached.ready', (given) => memcached.ready(given), { host: '10.0.0.2' }],
    ['memcached.client', (given) => memcached.client(given), { ...server, concurrency: 1, valueSize: 1 }],
    ['netperf.server', (given) => netperf.server(given), {}],
    ['netperf.rr', (given) => netperf.rr(given), { protocol: 'tcp', host: '10.0.0.2', seconds: 1 }],
    ['periodic.command', (given) => periodic.command(given), { seconds: 1 }],
    [
      'sysbench.memory',
      (given) => sysbench.memory(given),
      { threads: 1, blockSize: '1K', operation: 'read', seconds: 1 },
    ],
    ['tinymembench.run', (given) => tinymembench.run(given), {}],
    ['ycsb.load', (given) => ycsb.load(given), load],
    ['ycsb.run', (given) => ycsb.run(given), { ...load, seconds: 1 }],
  ]
  it.each(calls)('is refused by %s()', (name, call, options) => {
    expect(() => call(options as never)).not.toThrow()
    expect(() => call({ ...options, evry: 5 } as never)).toThrow(`${name}(): there is no option "evry".`)
  })
})
