import { describe, expect, it } from 'vitest'
import { sysbench } from '../../../src/tools/sysbench.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from './fixtures.ts'

const database = { user: 'bench', database: 'sbtest', tables: 3, tableSize: 1000 }
const cpu = fixture('sysbench-1.0.20-cpu.txt')
const memory = fixture('sysbench-1.0.20-memory.txt')
const oltp = fixture('sysbench-1.0.20-oltp.txt')
const fileio = fixture('sysbench-1.0.20-fileio.txt')

describe('sysbench commands', () => {
  it('cpu', () => {
    expect(sysbench.cpu({ threads: 2, maxPrime: 10_000, seconds: 3 }).argv.join(' ')).toBe(
      'sysbench cpu --threads=2 --time=3 --cpu-max-prime=10000 run',
    )
    expect(() => sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds: 0 })).toThrow(TypeError)
  })

  it('memory', () => {
    expect(sysbench.memory({ threads: 1, blockSize: '1M', operation: 'write', seconds: 2 }).argv.join(' ')).toBe(
      'sysbench memory --threads=1 --time=2 --memory-block-size=1M --memory-total-size=100T ' +
        '--memory-oper=write --memory-access-mode=seq run',
    )
  })

  it('fileio in its directory', () => {
    const set = { directory: '/data', totalSize: '64M', files: 16 }
    const prepare = sysbench.fileioPrepare(set)
    expect(prepare.argv.join(' ')).toBe('sysbench fileio --file-total-size=64M --file-num=16 prepare')
    const run = sysbench.fileio({ ...set, threads: 1, mode: 'rndrw', seconds: 1.5 })
    expect(run.argv.join(' ')).toBe(
      'sysbench fileio --threads=1 --time=2 --file-total-size=64M --file-num=16 --file-test-mode=rndrw run',
    )
    expect([prepare.cwd, run.cwd]).toEqual(['/data', '/data'])
  })

  it('oltp over a socket', () => {
    const common =
      '--db-driver=mysql --mysql-socket=/s --mysql-user=bench --mysql-db=sbtest --tables=3 --table-size=1000'
    const on = { ...database, socket: '/s' }
    expect(sysbench.oltpPrepare(on).argv.join(' ')).toBe(`sysbench oltp_read_write ${common} prepare`)
    expect(sysbench.oltp({ ...on, threads: 4, seconds: 5 }).argv.join(' ')).toBe(
      `sysbench oltp_read_write ${common} --threads=4 --time=5 run`,
    )
    expect(sysbench.oltpCleanup(on).argv.join(' ')).toBe(`sysbench oltp_read_write ${common} cleanup`)
  })

  it('oltp over the network', () => {
    const { argv } = sysbench.oltpPrepare({ ...database, host: '10.0.0.2', password: 'p' })
    expect(argv.slice(2, 7)).toEqual([
      '--db-driver=mysql',
      '--mysql-host=10.0.0.2',
      '--mysql-port=3306',
      '--mysql-user=bench',
      '--mysql-password=p',
    ])
  })

  it('oltp needs one way to the database', () => {
    expect(() => sysbench.oltpPrepare(database)).toThrow(TypeError)
    expect(() => sysbench.oltpPrepare({ ...database, host: 'a', socket: '/s' })).toThrow(TypeError)
  })
})

describe('sysbench reports', () => {
  it('cpu', () => {
    expect(sysbench.parseCpu(cpu)).toEqual({ eventsPerSecond: 3002.93, events: 3008, seconds: 1.0004 })
  })

  it('memory', () => {
    expect(sysbench.parseMemory(memory)).toEqual({
      mebibytesPerSecond: 36962.39,
      operationsPerSecond: 36962.39,
      operations: 37013,
      seconds: 1.0001,
    })
    expect(sysbench.parseMemory(fixture('sysbench-1.0.20-memory-random.txt'))).toEqual({
      mebibytesPerSecond: 3370.28,
      operationsPerSecond: 3451166.52,
      operations: 3455834,
      seconds: 1.0001,
    })
  })

  it('oltp', () => {
    expect(sysbench.parseOltp(oltp)).toEqual({
      transactionsPerSecond: 769.64,
      queriesPerSecond: 16683.75,
      transactions: 772,
      meanMs: 2.59,
      p95Ms: 5.99,
      repeatedPercent: (100 * 80) / 852,
      seconds: 1.0019,
    })
  })

  it('fileio', () => {
    expect(sysbench.parseFileio(fileio)).toEqual({
      operationsPerSecond: 2344.43 + 1562.96 + 157.27,
      operations: 4157,
      seconds: 1.0232,
    })
  })

  it('of a database without tables is an error that says so', () => {
    expect(() => sysbench.parseOltp(fixture('sysbench-1.0.20-oltp-no-tables.txt'))).toThrow(/FATAL: Thread init/)
  })

  it('are never read from a part', () => {
    expectNoTruncatedFigure(cpu, sysbench.parseCpu)
    expectNoTruncatedFigure(memory, sysbench.parseMemory)
    expectNoTruncatedFigure(oltp, sysbench.parseOltp)
    expectNoTruncatedFigure(fileio, sysbench.parseFileio)
  })

  it.each([
    ['cpu', cpu, sysbench.parseCpu],
    ['memory', memory, sysbench.parseMemory],
    ['fileio', fileio, sysbench.parseFileio],
    ['oltp', oltp, sysbench.parseOltp],
  ])('of %s are refused if their end is missing', (_, report, parse) => {
    for (const end of ['Latency (ms)', 'Threads fairness', '    execution time'])
      expect(() => parse(report.slice(0, report.indexOf(end)))).toThrow('no complete line with "execution time"')
    expect(() => parse(report.trimEnd())).toThrow(/no complete/)
  })

  it('are refused when they are none', () => {
    expectRefusals(cpu, '3002.93', sysbench.parseCpu)
    expectRefusals(fileio, '2344.43', sysbench.parseFileio)
    expectRefusals(memory, '36962.39 MiB', sysbench.parseMemory)
    expectRefusals(oltp, '(769.64', sysbench.parseOltp)
    expectRefusals(oltp, '5.99', sysbench.parseOltp)
    expect(() => sysbench.parseCpu(memory)).toThrow(/events per second/)
  })
})
