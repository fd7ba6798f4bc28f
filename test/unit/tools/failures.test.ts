/** Failures that a tool counts elsewhere than in the figure that is read: a real output, altered in one place. */

import { describe, expect, it } from 'vitest'
import {
  calls,
  ffmpeg,
  fio,
  iperf3,
  mbw,
  memcached,
  memory,
  netperf,
  sysbench,
  tinymembench,
  ycsb,
} from '../../../src/tools/index.ts'
import { ToolOutputError } from '../../../src/tools/parse.ts'
import { fixture } from './fixtures.ts'

function altered(name: string, from: string | RegExp, to: string): string {
  const output = fixture(name)
  expect(output).toMatch(from)
  return output.replace(from, to)
}

// biome-ignore lint/suspicious/noExplicitAny: each tool has its own format
type Report = any

/** Alters a JSON report. */
function edited(name: string, edit: (report: Report) => void): string {
  const report = JSON.parse(fixture(name))
  edit(report)
  return JSON.stringify(report)
}

function expectRefused(parse: () => unknown, message: RegExp): void {
  expect(parse).toThrow(message)
  expect(parse).toThrow(ToolOutputError)
}

describe('fio', () => {
  const read = (edit: (job: Report, report: Report) => void) => () =>
    fio.parse(edited('fio-3.39-read.json', (report) => edit(report.jobs[0], report))).read

  it('refuses errors that continue_on_error ignored, and requests that were shortened or dropped', () => {
    expectRefused(
      read((job) => Object.assign(job, { total_err: 3, first_error: 5 })),
      /3 requests failed/,
    )
    expectRefused(
      read((job) => (job.read.short_ios = 2)),
      /2 read requests transferred fewer bytes/,
    )
    expectRefused(
      read((job) => (job.read.drop_ios = 1)),
      /1 read requests were dropped/,
    )
    expect(read((job) => Object.assign(job, { total_err: 0, first_error: 0 }))().iops).toBe(17480.519481)
  })

  it('refuses a job that ended before its time', () => {
    expectRefused(
      read((job) => (job['job options'].runtime = '3')),
      /ended after 1.001 of 3 s/,
    )
    // What fio 3.39 printed after SIGTERM, with "error" : 0 and a complete report.
    const stopped = `\nfio: terminating on signal 15\n${fixture('fio-3.39-read.json')}`
    expectRefused(() => fio.parse(stopped), /terminating on signal 15/)
  })

  it('reads the runtime with its unit, and from the options before the name of the job', () => {
    const withRuntime = (runtime: string) => read((job) => (job['job options'].runtime = runtime))
    for (const same of ['1000ms', '1000msec', '1000000usec']) expect(withRuntime(same)().iops).toBe(17480.519481)
    expectRefused(withRuntime('1M'), /ended after 1.001 of 60 s/)
    expectRefused(withRuntime('1:30'), /the runtime "1:30" is not a number with a unit/)
    const global = read((job, report) => {
      report['global options'] = { time_based: '', runtime: '5' }
      job['job options'] = { name: 'x' }
    })
    expectRefused(global, /ended after 1.001 of 5 s/)
    const byData = read((job) => (job['job options'] = { name: 'x', runtime: '5' }))
    expect(byData().iops).toBe(17480.519481)
  })

  it('refuses a job of which the kernel killed a process, although fio reports no error and exits with 0', () => {
    expectRefused(
      () => fio.parse(fixture('fio-3.39-process-killed.json')).read,
      /its 2 processes ran for [\d.]+ s together, not 2 x 2 s: one was killed or stuck/,
    )
    expect(fio.parse(fixture('fio-3.39-randread-notes.json')).read.iops).toBe(43552.447552)
  })

  it.each(['iops', 'bw_bytes'])('refuses %s of 0, as of a job that was killed', (name) => {
    expectRefused(
      read((job) => (job.read[name] = 0)),
      new RegExp(`read.${name} is 0`),
    )
  })

  // The lines are from reports of users; the error of the job remains 0 if fio ignores them.
  it.each([
    'fio: io_u error on file /data/x: Input/output error: read offset=0, buflen=4096',
    'fio: pid=12, err=28/file:io_u.c:1880, func=io_u error, error=No space left on device',
    'fio: pid=4321, got signal=9',
    'fio: first I/O failed. If /dev/sda is a zoned block device, consider --zonemode=zbd',
    "fio: job 'j' (state=5) hasn't exited in 60 seconds, it appears to be stuck. Doing forceful exit of this job.",
    'verify: bad header rand_seed 1, wanted 2 at file /data/x offset 0, length 4096 (requested block: offset=0)',
    'fio: terminating on signal 15',
  ])('refuses a report beside %s', (line) => {
    const report = fixture('fio-3.39-read.json')
    const start = new RegExp(`^fio: it printed an error: ${line.slice(0, 12)}`)
    expectRefused(() => fio.parse(`${line}\n${report}`), start)
    expectRefused(() => fio.parse(`${report}\n${line}\n`), start)
  })

  it('reads a report beside warnings', () => {
    const notes =
      'fio: this platform does not support process shared mutexes, forcing use of threads.\n' +
      'fio: posix_fallocate fails: Not supported\nhint: hipri needs O_DIRECT\n'
    expect(fio.parse(notes + fixture('fio-3.39-read.json')).read.iops).toBe(17480.519481)
  })

  it('refuses rates over no time', () => {
    expectRefused(
      read((job) => (job.read.runtime = 0)),
      /read.runtime is 0/,
    )
  })

  it('refuses latencies of 0, as without their measurement', () => {
    expectRefused(
      read((job) => (job.read.lat_ns.mean = 0)),
      /read.lat_ns.mean is 0/,
    )
    expectRefused(
      read((job) => (job.read.clat_ns.percentile['99.000000'] = 0)),
      /99.000000 is 0/,
    )
  })
})

describe('iperf3', () => {
  const parse = (edit: (report: Report) => void) => () => iperf3.parse(edited('iperf3-3.18-tcp.json', edit))

  it('refuses a test that ended before its time', () => {
    expectRefused(
      parse((report) => (report.start.test_start.duration = 10)),
      /ended after 2.000664 of 10 s/,
    )
  })

  it('refuses one stalled connection among others', () => {
    const stall = parse((report) => report.intervals[1].streams.push({ ...report.intervals[1].streams[0], bytes: 0 }))
    expectRefused(stall, /nothing moved in 1.0 s/)
  })

  it('refuses a test of UDP, where lost packets are another figure', () => {
    const udp = parse((report) => {
      report.start.test_start.protocol = 'UDP'
      report.end.sum_received.lost_packets = 7
    })
    expectRefused(udp, /a test of UDP, not of TCP/)
    expectRefused(
      parse((report) => delete report.start.test_start),
      /the report names no protocol/,
    )
  })

  it.each([
    'iperf3: error - unable to read from stream socket: Connection reset by peer',
    'iperf3: interrupt - the client has terminated',
  ])('refuses a report beside %s', (line) => {
    expectRefused(() => iperf3.parse(`${fixture('iperf3-3.18-tcp.json')}${line}\n`), /it printed an error: iperf3: /)
  })

  it('refuses a test in both directions, and one without intervals, which would show a stall', () => {
    expectRefused(
      parse((report) => (report.start.test_start.bidir = 1)),
      /in both directions/,
    )
    for (const intervals of [[], undefined])
      expectRefused(
        parse((report) => (report.intervals = intervals)),
        /the intervals, which would show a stall, are not of the whole test/,
      )
  })

  it.each([
    // The server, and then the client, of a test of 2 s stood still for 3 s.
    ['sum_received', 4.611713],
    ['sum_sent', 5.012879],
    ['sum_received', 2.3],
  ])('refuses a stall at the end, after which %s took %d s', (side, seconds) => {
    const late = parse((report) => (report.end[side].seconds = seconds))
    expectRefused(late, new RegExp(`the connection stalled: a test of 2 s took ${seconds} s`))
  })

  it('reads a test that ended a moment late, as on a host under load', () => {
    expect(parse((report) => (report.end.sum_received.seconds = 2.1))()).toMatchObject({ seconds: 2.1 })
  })

  /** A report of 20 intervals of 0.1 s, edited. */
  const short = (edit: (intervals: Report[]) => void) =>
    parse((report) => {
      const { sum, streams } = report.intervals[1]
      report.intervals = Array.from({ length: 20 }, () => ({
        sum: { ...sum, seconds: 0.1 },
        streams: structuredClone(streams),
      }))
      edit(report.intervals)
    })
  const pause = (length: number) =>
    short((intervals) => {
      for (const { streams } of intervals.slice(7, 7 + length)) streams[0].bytes = 0
    })

  it('refuses a stall within a test, but not a pause as long as a retransmission timeout', () => {
    expectRefused(pause(5), /the connection stalled: nothing moved in 0.[45] s/)
    expect(pause(3)()).toHaveProperty('bitsPerSecond')
  })

  it('refuses a client that stood still within a test', () => {
    const still = short((intervals) => {
      intervals.splice(7, 8)
      intervals[7].sum.seconds = 0.9
    })
    expectRefused(still, /the client stalled: an interval took 0.9 s/)
  })
})

describe('netperf', () => {
  const tcp = 'netperf-2.7.1-tcp-rr.txt'

  it('refuses a test that ended before its time, as after the other side closed the connection', () => {
    const ended = altered(tcp, /^ELAPSED_TIME=.*$/m, 'ELAPSED_TIME=0.41')
    expectRefused(() => netperf.parse(ended), /the test ended after 0.41 of 2 s/)
    expectRefused(() => netperf.parse(altered(tcp, /^ELAPSED_TIME=.*\n/m, '')), /no complete line with "ELAPSED_TIME/)
    expectRefused(() => netperf.parse(altered(tcp, / -l 2 /, ' ')), /no complete line with COMMAND_LINE/)
  })

  it.each(['P50', 'P90', 'P99'])('refuses %s of 0, as after a single exchange', (name) => {
    const zero = altered(tcp, new RegExp(`^${name}_LATENCY=.*$`, 'm'), `${name}_LATENCY=0`)
    expectRefused(() => netperf.parse(zero), new RegExp(`${name}_LATENCY is 0`))
  })

  it.each([
    'netperf: send_omni: connect_data_socket failed: Connection refused',
    'send_omni: recv_data failed: Connection reset by peer',
    'remote error 111',
  ])('refuses a report beside %s', (line) => {
    expectRefused(() => netperf.parse(`${line}\n${fixture(tcp)}`), /^netperf: it printed an error: /)
  })

  it('refuses exchanges that ended before the test, as after a lost datagram', () => {
    // 2 s of a test of 10 s: the latencies are unchanged, the rate is a fifth.
    const stalled = altered('netperf-2.7.1-udp-rr.txt', '36449.405', '7289.881')
    expectRefused(() => netperf.parse(stalled), /stalled: exchanges took 20 % of the time/)
  })

  it('accepts exchanges that took 80 % of the time, and no less', () => {
    const rate = (perSecond: string) => altered('netperf-2.7.1-udp-rr.txt', '36449.405', perSecond)
    expect(netperf.parse(rate('29300'))).toMatchObject({ transactionsPerSecond: 29_300 })
    expectRefused(() => netperf.parse(rate('29000')), /stalled: exchanges took 79 % of the time/)
  })
})

describe('sysbench', () => {
  const oltp = 'sysbench-1.0.20-oltp.txt'

  it('refuses lost connections to the database', () => {
    const lost = altered(oltp, /reconnects: +0 +\(0\.00/, 'reconnects:                          2      (1.99')
    expectRefused(() => sysbench.parseOltp(lost), /2 reconnects/)
  })

  it('reports repeated transactions as a share', () => {
    expect(sysbench.parseOltp(fixture(oltp)).repeatedPercent).toBeCloseTo((100 * 80) / (772 + 80), 10)
  })

  it.each([
    'FATAL: mysql_drv_query() returned error 2013 (Lost connection to MySQL server during query)',
    'ALERT: x',
    'Error: 1062',
    'ERROR 1062 (23000): Duplicate entry',
    'PANIC: unprotected error in call to Lua API (not enough memory)',
  ])('refuses a report beside %s', (line) => {
    const failed = altered(oltp, 'Threads started!\n', `Threads started!\n${line}\n`)
    expectRefused(() => sysbench.parseOltp(`${line}\n${fixture(oltp)}`), /it printed an error/)
    expectRefused(() => sysbench.parseOltp(failed), /it printed an error: (FATAL|ALERT|Error|ERROR|PANIC)/)
  })

  it('reads a report beside what MySQL prints at its end, and beside a warning', () => {
    const note =
      "Error in my_thread_global_end(): 1 threads didn't exit\nWARNING: Both event and time limits are disabled\n"
    expect(sysbench.parseOltp(note + fixture(oltp))).toEqual(sysbench.parseOltp(fixture(oltp)))
  })

  it('names the missing line in words', () => {
    const none = altered('sysbench-1.0.20-memory.txt', /^.*MiB transferred.*\n/m, '')
    expectRefused(() => sysbench.parseMemory(none), /^sysbench: no complete line with MiB transferred\. /)
    const zero = altered(oltp, /(transactions: +\d+ +\()[\d.]+/, '$10.00')
    expectRefused(() => sysbench.parseOltp(zero), /^sysbench: the rate of transactions is 0\. /)
  })

  it('refuses tests without an event', () => {
    for (const [name, parse] of [
      ['sysbench-1.0.20-cpu.txt', sysbench.parseCpu],
      ['sysbench-1.0.20-memory.txt', sysbench.parseMemory],
      ['sysbench-1.0.20-fileio.txt', sysbench.parseFileio],
      [oltp, sysbench.parseOltp],
    ] as const) {
      const none = altered(name, /(total number of events: +)\d+/, '$10')
      expectRefused(() => parse(none), /no event took place/)
    }
  })

  it('refuses a rate or time of 0', () => {
    const zero = (name: string, from: RegExp) => altered(name, from, '$10.00')
    expectRefused(() => sysbench.parseCpu(zero('sysbench-1.0.20-cpu.txt', /(events per second: +)[\d.]+/)), /is 0/)
    expectRefused(() => sysbench.parseOltp(zero(oltp, /(95th percentile: +)[\d.]+/)), /95th percentile: is 0/)
    expectRefused(() => sysbench.parseOltp(zero(oltp, /(transactions: +\d+ +\()[\d.]+/)), /is 0/)
    const memory = zero('sysbench-1.0.20-memory.txt', /(MiB transferred \()[\d.]+/)
    expectRefused(() => sysbench.parseMemory(memory), /is 0/)
  })
})

describe('memcaslap', () => {
  const load = 'memcaslap-1.1.4-load.txt'

  it('refuses gets that found nothing', () => {
    expectRefused(() => memcached.parse(altered(load, 'get_misses: 0', 'get_misses: 12')), /get_misses is 12/)
  })

  it.each(['verify_misses', 'verify_failed', 'unexpired_unget', 'packet_drop', 'udp_timeout'])('refuses %s', (name) => {
    const failed = (count: number) => altered(load, 'get_misses: 0\n', `get_misses: 0\n${name}: ${count}\n`)
    expectRefused(() => memcached.parse(failed(3)), new RegExp(`${name} is 3`))
    expect(memcached.parse(failed(0)).operations).toBe(115_180)
  })

  // What ms_conn.c prints for the response of a server that has no memory left, or that does not know the command.
  it.each([
    'SERVER_ERROR out of memory storing object',
    'CLIENT_ERROR bad data chunk',
    'ERROR',
    'NOT_STORED',
    'EXISTS',
  ])('refuses %s', (line) => {
    expectRefused(() => memcached.parse(`<12 ${line}\r\n${fixture(load)}`), /it printed an error: <12/)
  })

  it('refuses operations without a response', () => {
    const lost = altered(load, 'Total Statistics (115176 events)', 'Total Statistics (115124 events)')
    expectRefused(() => memcached.parse(lost), /56 operations have no response/)
  })

  it('refuses a run in which connections ended: memcaslap goes on with the others, and exits with 0', () => {
    expectRefused(() => memcached.parse(fixture('memcaslap-1.1.4-server-ended.txt')), /a connection ended before/)
    expectRefused(
      () => memcached.parse(altered(load, 'run time: 2s', 'run time: 10s')),
      /all connections ended after 2 of 10 s/,
    )
  })
})

describe('mbw', () => {
  const all = 'mbw-1.2.2-all.txt'

  it('refuses an average of runs of which one seemed to take no or less time, as after a step of the clock', () => {
    const run = (elapsed: string, rate: string) =>
      altered(
        all,
        '1\tMethod: MEMCPY\tElapsed: 0.01312\tMiB: 64.00000\tCopy: 4877.677',
        `1\tMethod: MEMCPY\tElapsed: ${elapsed}\tMiB: 64.00000\tCopy: ${rate}`,
      )
    expectRefused(() => mbw.parse(run('-0.00213', '-30046.948'), 'memcpy'), /a run has no duration: 1/)
    expectRefused(() => mbw.parse(run('0.00000', 'inf'), 'memcpy'), /a run has no duration/)
    expect(mbw.parse(run('-0.00213', '-30046.948'), 'dumb').mebibytesPerSecond).toBe(6019.847)
    expectRefused(() => mbw.parse(altered(all, '4765.096', '0.000'), 'memcpy'), /the average is 0/)
  })
})

describe('a call without what to read', () => {
  const missing = undefined as never

  it('says which argument is missing', () => {
    expect(() => mbw.parse('', missing)).toThrow('needs the method as its second argument: memcpy, dumb, mcblock')
    expect(() => calls.parse('{}', missing)).toThrow('needs the names of operations as its second argument')
    expect(() => memory.parseLatency('', missing)).toThrow(TypeError)
    expect(() => tinymembench.parseCopy('', missing)).toThrow(TypeError)
    expect(() => tinymembench.parseLatency('', missing)).toThrow(TypeError)
  })
})

describe('tinymembench', () => {
  const full = 'tinymembench-0.4.9-full.txt'

  it('refuses a rate of 0, and a latency of 0 beyond the L1 cache', () => {
    expectRefused(() => tinymembench.parse(altered(full, ' 6612.9 MB', '    0.0 MB')), /C copy is 0/)
    expectRefused(() => tinymembench.parse(altered(full, '169.8 ns', '  0.0 ns')), /the latency of 67108864 bytes is 0/)
  })
})

describe('ffmpeg', () => {
  const encode = 'ffmpeg-7.1.5-encode.txt'
  const frame = 'frame=   24'

  it('refuses dropped and duplicated frames', () => {
    const counted = (counts: string) => altered(encode, ' speed=5.59x', ` ${counts} speed=5.59x`)
    expectRefused(() => ffmpeg.parse(counted('dup=0 drop=3')), /drop=3/)
    expectRefused(() => ffmpeg.parse(counted('dup=12 drop=0')), /dup=12/)
    expect(ffmpeg.parse(counted('dup=0 drop=0')).frames).toBe(24)
  })

  it.each([
    '[h264 @ 0x5581] error while decoding MB 12 3, bytestream -7',
    '[h264 @ 0x5581] concealing 220 DC, 220 AC, 220 MV errors in P frame',
    '[dec:h264 @ 0x55] Error submitting packet to decoder: Invalid data found when processing input',
    'Error while decoding stream #0:0: Invalid data found when processing input',
    '[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55] Packet corrupt (stream = 0, dts = 6144).',
    'Exiting normally, received signal 15.',
    '[h264 @ 0x5581] Invalid NAL unit size (4711 > 12).',
    '[h264 @ 0x5581] no frame!',
    '[h264 @ 0x5581] left block unavailable for requested intra mode',
    '[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55] stream 0, offset 0x30: partial file',
    'x265 [error]: malloc of size 4096 failed',
    '[vost#0:0/libx265 @ 0x55] Terminating thread with return code -12 (Cannot allocate memory)',
    '[vist#0:0/h264 @ 0x55] [dec:h264 @ 0x56] Decoding error: Cannot allocate memory',
    '[dec:h264 @ 0x56] Error processing packet in decoder: Cannot allocate memory',
    '[dec:h264 @ 0x56] Decode error rate 0.8 exceeds maximum 0.666667',
    // With the level, which isobench asks for, whatever the text is.
    '[vist#0:0/h264 @ 0x55] [dec:h264 @ 0x56] [error] Any text of any version',
    '[fatal] Out of everything',
  ])('refuses a run with %s', (line) => {
    expectRefused(() => ffmpeg.parse(altered(encode, frame, `${line}\n${frame}`)), /ffmpeg: /)
  })
})

describe("x265's threads without NUMA", () => {
  // bubblewrap and nspawn refuse set_mempolicy, and bubblewrap has no /sys. Every frame is encoded.
  it.each([
    'x265 [error]: unable to set thread affinity for NUMA node mask',
    'x265 [error]: Failed to genrate CPU mask',
  ])('are no failure: %s', (line) => {
    const output = altered('ffmpeg-7.1.5-levels.txt', '[info] Output #0', `${line}\n[info] Output #0`)
    expect(ffmpeg.parse(output).frames).toBe(48)
    expectRefused(() => ffmpeg.parse(output.replace(line, 'x265 [error]: malloc of size 4096 failed')), /malloc/)
  })
})

describe('YCSB', () => {
  const run = 'ycsb-embedded-run.txt'
  const ok = '[READ], Return=OK, 1945\n'
  const add = (lines: string) => () => ycsb.parse(altered(run, ok, `${ok}${lines}`))

  // The format of YCSB 0.17 (site.ycsb.DBWrapper): failures are not among the operations of READ.
  it('refuses operations that failed, in whichever section they are', () => {
    const missing = '[READ], Return=NOT_FOUND, 5000\n'
    const section = '[READ-FAILED], Operations, 5000\n[READ-FAILED], AverageLatency(us), 12.5\n'
    expectRefused(add(missing + section), /5000 of kind READ returned NOT_FOUND, 5000 of kind READ-FAILED/)
    expectRefused(add(missing), /5000 of kind READ returned NOT_FOUND/)
    expectRefused(add(section), /5000 of kind READ-FAILED/)
    expectRefused(add('[READ-ERROR], Operations, 4\n'), /4 of kind READ-ERROR/)
    expectRefused(add('[INSERT], Return=SERVICE_UNAVAILABLE, 1\n'), /1 of kind INSERT returned SERVICE_UNAVAILABLE/)
    // With the property reportlatencyforeacherror, the section has the status.
    expectRefused(add('[READ-NOT_FOUND], Operations, 7\n'), /7 of kind READ-NOT_FOUND/)
    expectRefused(add('[UPDATE-SERVICE_UNAVAILABLE], Operations, 1\n'), /1 of kind UPDATE-SERVICE_UNAVAILABLE/)
    expectRefused(add('[VERIFY], Return=UNEXPECTED_STATE, 2\n'), /2 of kind VERIFY returned UNEXPECTED_STATE/)
    expect(add('[READ-FAILED], Operations, 0\n')().read.operations).toBe(1945)
    expect(add('[READ-MODIFY-WRITE], Operations, 3\n')().read.operations).toBe(1945)
  })

  // What a thread prints that cannot connect (site.ycsb.ClientThread): the others go on, and YCSB exits with 0.
  it('refuses a run in which a thread never started', () => {
    const text =
      'site.ycsb.DBException: java.net.ConnectException: Connection refused\n' +
      '\tat site.ycsb.db.MemcachedClient.init(MemcachedClient.java:120)\n' +
      '\tat site.ycsb.DBWrapper.init(DBWrapper.java:86)\n' +
      '\tat site.ycsb.ClientThread.run(ClientThread.java:90)\n'
    expectRefused(() => ycsb.parse(text + fixture(run)), /it printed an error: site.ycsb.DBException: java.net/)
    expectRefused(() => ycsb.parseLoad(text + fixture('ycsb-embedded-load.txt')), /it printed an error/)
    expectRefused(() => ycsb.parse(`java.lang.OutOfMemoryError\n${fixture(run)}`), /java.lang.OutOfMemoryError/)
  })

  it.each([
    'Exception in thread "Thread-3" java.lang.OutOfMemoryError: Java heap space',
    'java.util.concurrent.ExecutionException: net.spy.memcached.OperationTimeoutException',
    '\tCaused by: net.spy.memcached.internal.CheckedOperationTimeoutException: Timed out',
    'Error inserting, not retrying any more. number of attempts: 1Insertion Retry Limit: 0',
  ])('refuses a run beside %s', (line) => {
    expectRefused(() => ycsb.parse(`${line}\n${fixture(run)}`), /^ycsb: it printed an error: /)
  })

  it('reads a run beside the warnings of Java', () => {
    const notes =
      'SLF4J: Failed to load class "org.slf4j.impl.StaticLoggerBinder".\n' +
      'WARNING: An illegal reflective access operation has occurred\n' +
      '2026-11-30 12:00:00.1 INFO net.spy.memcached.MemcachedConnection:  Added {QA sa=/10.0.0.1:11211}\n'
    expect(ycsb.parse(notes + fixture(run))).toEqual(ycsb.parse(fixture(run)))
  })

  it('refuses records that were not stored', () => {
    const failed = altered('ycsb-embedded-load.txt', /$/, '[INSERT-FAILED], Operations, 3\n[INSERT], Return=ERROR, 3\n')
    expectRefused(() => ycsb.parseLoad(failed), /3 of kind INSERT returned ERROR/)
  })
})
