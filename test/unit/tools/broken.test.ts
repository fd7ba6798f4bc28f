/** What spoils a real output must be refused, or change nothing: of every parser alike. */

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
  nodeTests,
  pip,
  pythonTests,
  sqlite,
  sysbench,
  tinymembench,
  ycsb,
} from '../../../src/tools/index.ts'
import { ToolOutputError } from '../../../src/tools/parse.ts'
import { fixture } from './fixtures.ts'

const outputs: [string, (output: string) => unknown][] = [
  ['ffmpeg-5.1.9-encode.txt', ffmpeg.parse],
  ['ffmpeg-7.1.5-encode.txt', ffmpeg.parse],
  ['ffmpeg-7.1.5-levels.txt', ffmpeg.parse],
  ['ffmpeg-9.0.2-encode.txt', ffmpeg.parse],
  ['fio-3.33-read.json', (output) => fio.parse(output).read],
  ['fio-3.39-write.json', (output) => fio.parse(output).write],
  ['fio-3.41-randread.json', (output) => fio.parse(output).read],
  ['iperf3-3.12-tcp.json', iperf3.parse],
  ['iperf3-3.18-tcp.json', iperf3.parse],
  ['iperf3-3.22-tcp.json', iperf3.parse],
  ['isobench-calls.txt', (output) => calls.parse(output, ['getpid', 'contextSwitch'])],
  ['isobench-memory-copy.txt', memory.parseCopy],
  ['isobench-memory-stream.txt', memory.parseStream],
  ['mbw-1.2.2-all.txt', (output) => mbw.parse(output, 'memcpy')],
  ['memcaslap-1.1.4-load.txt', memcached.parse],
  ['netperf-2.7.1-tcp-rr.txt', netperf.parse],
  ['netperf-2.7.1-udp-rr.txt', netperf.parse],
  ['node-20.19.2-test.txt', nodeTests.parse],
  ['pip-25.1.1-install.txt', pip.parse],
  ['python-3.13.5-unittest.txt', pythonTests.parse],
  ['sqlite-3.46.1-inserts.txt', sqlite.parse],
  ['sysbench-1.0.20-cpu.txt', sysbench.parseCpu],
  ['sysbench-1.0.20-fileio.txt', sysbench.parseFileio],
  ['sysbench-1.0.20-memory.txt', sysbench.parseMemory],
  ['sysbench-1.0.20-oltp.txt', sysbench.parseOltp],
  ['tinymembench-0.4.9-full.txt', (output) => tinymembench.parseCopy(output, 'standard memcpy')],
  ['ycsb-embedded-load.txt', ycsb.parseLoad],
  ['ycsb-embedded-run.txt', ycsb.parse],
]

describe.each(outputs)('%s', (name, parse) => {
  it('is read as ever after notes of something else', () => {
    const output = fixture(name)
    const notes = 'note: both iodepth >= 1 and a synchronous engine are selected\nWARNING: clock 2.5 is slow\n'
    expect(parse(notes + output)).toEqual(parse(output))
  })

  it('is refused where a locale writes decimal commas, and the error says which figure or line it is', () => {
    const local = fixture(name).replace(/(\d)\.(\d)/g, '$1,$2')
    let read: unknown
    try {
      read = parse(local)
    } catch (error) {
      expect(error).toBeInstanceOf(ToolOutputError)
      expect((error as ToolOutputError).message).toMatch(
        /is "\d+,\d+"|is malformed|no(?:t one)? complete|did not finish/,
      )
      return
    }
    // Whole numbers have no comma to write.
    expect(read).toEqual(parse(fixture(name)))
  })

  it('is refused where an error stands in place of the result', () => {
    for (const error of [
      'Killed\n',
      'error while loading shared libraries: libaio.so.1: cannot open shared object file\n',
    ])
      expect(() => parse(error)).toThrow(ToolOutputError)
  })
})
