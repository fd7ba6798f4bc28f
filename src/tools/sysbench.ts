import { type Command, ceilSeconds, command, refuseOthers, requireCount } from './command.ts'
import { above0, labelledNumber, type NamedPattern, onlyMatch, refuseErrorLine, ToolOutputError } from './parse.ts'

/**
 * sysbench 1.0: CPU, memory, file I/O and OLTP tests. Debian package `sysbench` (1.0.20).
 * Formats: `cpu_report_cumulative` (src/tests/cpu/sb_cpu.c), `memory_report_cumulative` (src/tests/memory/sb_memory.c),
 * `file_report_cumulative` (src/tests/fileio/sb_fileio.c), `db_report_cumulative` (src/db_driver.c), and the totals of
 * all tests in src/sysbench.c. All tests run for a fixed time and not for a number of events, so that they take as long
 * on slow platforms.
 */

export interface SysbenchCpu {
  threads: number
  /** Primes up to this number are verified in each event. */
  maxPrime: number
  seconds: number
}

/** Reads or writes of memory. */
export interface SysbenchMemory {
  threads: number
  /** Size of an operation, with sysbench's suffix: `1K`, `1M`. */
  blockSize: string
  operation: 'read' | 'write'
  /** Order of the accesses within a block. Default: sequential. */
  access?: 'seq' | 'rnd'
  seconds: number
}

/**
 * How sysbench connects to the database, and its tables. Set either `socket`, or `host` and optionally `port` (3306).
 */
export interface SysbenchDatabase {
  socket?: string
  host?: string
  port?: number
  user: string
  /** Visible in the process list, so use it only for a database that lives as long as its bench. */
  password?: string
  database: string
  /** Number of tables. */
  tables: number
  /** Number of rows per table. */
  tableSize: number
}

/** Transactions on a database. */
export interface SysbenchOltp extends SysbenchDatabase {
  threads: number
  seconds: number
}

/** Reads or writes of files. */
export interface SysbenchFileio {
  threads: number
  /** Directory of the test files. */
  directory: string
  /** Total size of the files, with sysbench's suffix: `64M`. */
  totalSize: string
  /** Number of files. */
  files: number
  /** Sequential or random, read or write or both: `rndrw`. */
  mode: 'seqwr' | 'seqrewr' | 'seqrd' | 'rndrd' | 'rndwr' | 'rndrw'
  seconds: number
}

/** What `sysbench cpu` reports. */
export interface SysbenchCpuResult {
  eventsPerSecond: number
  /** Number of events. */
  events: number
  /** Duration of the test by the guest's clock. */
  seconds: number
}

/** What `sysbench memory` reports. */
export interface SysbenchMemoryResult {
  /** 1 MiB = 1048576 bytes. */
  mebibytesPerSecond: number
  operationsPerSecond: number
  /** Number of operations. */
  operations: number
  seconds: number
}

/** What `sysbench fileio` reports. */
export interface SysbenchFileioResult {
  /** Reads, writes and fsyncs. */
  operationsPerSecond: number
  /** Number of operations. */
  operations: number
  seconds: number
}

/** What the OLTP scripts of sysbench report. */
export interface SysbenchOltpResult {
  transactionsPerSecond: number
  queriesPerSecond: number
  /** Number of transactions. */
  transactions: number
  /**
   * Mean and 95th percentile of the time of a transaction. Closed loop: each transaction waits for the previous one.
   */
  meanMs: number
  p95Ms: number
  /**
   * Share of the attempts in percent that were rolled back and repeated because of deadlocks and lock timeouts.
   * sysbench calls them ignored errors, and its rates do not count them.
   */
  repeatedPercent: number
  seconds: number
}

const TOOL = 'sysbench'

/** The commands of sysbench, and the parsers of their output. */
export const sysbench = {
  /** Verifies primes by trial division. */
  cpu({ threads, maxPrime, seconds }: SysbenchCpu): Command {
    const prime = `--cpu-max-prime=${requireCount('maxPrime', maxPrime, 3)}`
    return command(TOOL, 'cpu', ...load(threads, seconds), prime, 'run')
  },

  /** @throws {ToolOutputError} unless the report is complete */
  parseCpu(stdout: string): SysbenchCpuResult {
    return { eventsPerSecond: rate(stdout, 'events per second'), ...totals(stdout) }
  },

  /** Reads or writes one block of memory repeatedly. The total size is unreachable, so the test ends after its time. */
  memory({ threads, blockSize, operation, access = 'seq', seconds, ...others }: SysbenchMemory): Command {
    refuseOthers('sysbench.memory()', others)
    const block = [`--memory-block-size=${blockSize}`, '--memory-total-size=100T']
    const kind = [`--memory-oper=${operation}`, `--memory-access-mode=${access}`]
    return command(TOOL, 'memory', ...load(threads, seconds), ...block, ...kind, 'run')
  },

  /** @throws {ToolOutputError} unless the report is complete */
  parseMemory(stdout: string): SysbenchMemoryResult {
    const { events, seconds } = totals(stdout)
    return {
      mebibytesPerSecond: rate(stdout, named(/\d+\.\d+ MiB transferred \(/, 'MiB transferred'), 'MiB/sec)'),
      operationsPerSecond: rate(
        stdout,
        named(/Total operations: \d+ \(/, 'the rate of Total operations'),
        'per second)',
      ),
      operations: events,
      seconds,
    }
  },

  /** Creates the files of {@link sysbench.fileio}. */
  fileioPrepare({ directory, totalSize, files }: Pick<SysbenchFileio, 'directory' | 'totalSize' | 'files'>): Command {
    return { ...command(TOOL, 'fileio', ...fileSet(totalSize, files), 'prepare'), cwd: directory }
  },

  /** Reads and writes blocks of 16 KiB in existing files, with an fsync after every hundred requests. */
  fileio({ threads, directory, totalSize, files, mode, seconds }: SysbenchFileio): Command {
    const test = [...fileSet(totalSize, files), `--file-test-mode=${mode}`]
    return { ...command(TOOL, 'fileio', ...load(threads, seconds), ...test, 'run'), cwd: directory }
  },

  /** @throws {ToolOutputError} unless the report is complete */
  parseFileio(stdout: string): SysbenchFileioResult {
    const { events, seconds } = totals(stdout)
    const perSecond = ['reads/s:', 'writes/s:', 'fsyncs/s:'].map((name) => labelledNumber(TOOL, stdout, name))
    const sum = perSecond.reduce((total, one) => total + one, 0)
    return { operationsPerSecond: above0(TOOL, stdout, 'the rate', sum), operations: events, seconds }
  },

  /** Creates and fills the tables of {@link sysbench.oltp}. Run it once per database. */
  oltpPrepare(database: SysbenchDatabase): Command {
    return command(TOOL, 'oltp_read_write', ...connection(database), 'prepare')
  },

  /** `oltp_read_write`: 10 point and 4 range selects, 2 updates, a delete and an insert per transaction. */
  oltp({ threads, seconds, ...database }: SysbenchOltp): Command {
    return command(TOOL, 'oltp_read_write', ...connection(database), ...load(threads, seconds), 'run')
  },

  /** Drops the tables. */
  oltpCleanup(database: SysbenchDatabase): Command {
    return command(TOOL, 'oltp_read_write', ...connection(database), 'cleanup')
  },

  /** @throws {ToolOutputError} unless the report is complete and no connection to the database was lost */
  parseOltp(stdout: string): SysbenchOltpResult {
    const { events, seconds } = totals(stdout)
    const counter = (label: string) => labelledNumber(TOOL, stdout, label, /\(\d+\.\d+ +per sec\.\)/)
    const reconnects = counter('reconnects:')
    if (reconnects > 0) {
      throw new ToolOutputError(TOOL, `the database closed connections: ${reconnects} reconnects`, stdout)
    }
    const errors = counter('ignored errors:')
    return {
      transactionsPerSecond: rate(stdout, named(/transactions: +\d+ +\(/, 'the rate of transactions'), 'per sec.)'),
      queriesPerSecond: rate(stdout, named(/queries: +\d+ +\(/, 'the rate of queries'), 'per sec.)'),
      transactions: events,
      meanMs: rate(stdout, 'avg:'),
      p95Ms: rate(stdout, '95th percentile:'),
      repeatedPercent: (100 * errors) / (events + errors),
      seconds,
    }
  },
}

function load(threads: number, seconds: number): string[] {
  return [`--threads=${requireCount('threads', threads)}`, `--time=${ceilSeconds(seconds)}`]
}

const fileSet = (totalSize: string, files: number): string[] => [
  `--file-total-size=${totalSize}`,
  `--file-num=${requireCount('files', files)}`,
]

function connection({ socket, host, port = 3306, user, password, database, tables, tableSize }: SysbenchDatabase) {
  if ((socket === undefined) === (host === undefined)) throw new TypeError('A database has either a socket or a host.')
  const where = socket === undefined ? [`--mysql-host=${host}`, `--mysql-port=${port}`] : [`--mysql-socket=${socket}`]
  const who = [`--mysql-user=${user}`, ...(password === undefined ? [] : [`--mysql-password=${password}`])]
  const size = [`--tables=${requireCount('tables', tables)}`, `--table-size=${requireCount('tableSize', tableSize)}`]
  return ['--db-driver=mysql', ...where, ...who, `--mysql-db=${database}`, ...size]
}

/** A figure that cannot be 0. */
const rate = (stdout: string, label: string | NamedPattern, unit = '') =>
  above0(TOOL, stdout, typeof label === 'string' ? label : label.name, labelledNumber(TOOL, stdout, label, unit))

const named = (pattern: RegExp, name: string): NamedPattern => ({ pattern, name })

/**
 * What sysbench prints if a thread or a query failed (`log_text` in sb_logger.c), and the errors of MySQL and of Lua.
 * `Error in my_thread_global_end()` is no such line: MySQL's client prints it at its end.
 */
const errorLine = /^(?:FATAL|ALERT|CRITICAL|PANIC): |^Error:? +\d+\b/im

/** The last figures of any test (`report_cumulative` in sysbench.c). */
const lastLine = /^ +execution time \(avg\/stddev\): +\d+\.\d+\/\d+\.\d+\n/gm

/** The totals of any test. A thread that failed leaves a line, while the report is about the others. */
function totals(stdout: string): { events: number; seconds: number } {
  refuseErrorLine(TOOL, stdout, errorLine)
  const events = labelledNumber(TOOL, stdout, 'total number of events')
  if (events === 0) throw new ToolOutputError(TOOL, 'no event took place', stdout)
  onlyMatch(TOOL, stdout, lastLine, 'line with "execution time", which ends a report')
  return { events, seconds: rate(stdout, 'total time', 's') }
}
