import { type Command, ceilSeconds, command, refuseOthers, requireCount } from './command.ts'
import { above0, at, jsonNumber, parseJson, refuseErrorLine, ToolOutputError } from './parse.ts'

/**
 * fio 3: block and file I/O. Debian package `fio` (3.33, 3.39, 3.41).
 * Format: `--output-format=json`, written by `show_thread_status_json` (stat.c). fio may print notes before it.
 */

export interface FioJob {
  name: string
  /** The file under test. Create it first with {@link fio.layout}. */
  file: string
  rw: 'read' | 'write' | 'randread' | 'randwrite'
  /** Size of a request, with fio's suffix: `4k`, `128k` (1k = 1024 bytes). */
  blockSize: string
  /** Size of the part of the file to use: `256m`. */
  size: string
  /** Number of requests in flight. Synchronous engines such as `psync` limit it to 1. */
  depth: number
  seconds: number
  /** Warm-up seconds, which do not count. Default: 0. */
  ramp?: number
  /** Default: `libaio`. */
  engine?: string
  /** O_DIRECT, which bypasses the guest's page cache, but not caches of layers below it. Default: true. */
  direct?: boolean
  /** Number of processes that do the same concurrently. The result is their sum. Default: 1. */
  numjobs?: number
  /** Whether to remove the file after the job. Default: false. */
  unlink?: boolean
}

/** The reads or the writes of a job. */
export interface FioSide {
  bytesPerSecond: number
  /** Requests per second. */
  iops: number
  /** Mean time from submission to completion in microseconds (fio's `lat`). */
  latencyMeanUs: number
  /** Median of the same time as `p99Us`. */
  p50Us: number
  /** 99th percentile of the time from the end of submission to completion (fio's `clat`). */
  p99Us: number
}

/** The reads and the writes of a job. */
export interface FioResult {
  /** @throws {ToolOutputError} if the job did not read */
  readonly read: FioSide
  /** @throws {ToolOutputError} if the job did not write */
  readonly write: FioSide
}

const TOOL = 'fio'
const REPORT = ['--group_reporting', '--output-format=json', '--eta=never']

/** The commands of fio, and the parser of its output. */
export const fio = {
  /**
   * Creates the file that a job reads, completely and with random data, and waits for the disk. Unwritten extents, as
   * `truncate` or `fallocate` create them, would be read as zeros without reaching the disk (31 GB/s measured).
   */
  layout({ file, size, direct = true, ...others }: { file: string; size: string; direct?: boolean }): Command {
    refuseOthers('fio.layout()', others)
    const how = ['--rw=write', '--bs=1m', `--size=${size}`, '--ioengine=psync', `--direct=${direct ? 1 : 0}`]
    const data = ['--fallocate=none', '--refill_buffers', '--randrepeat=0', '--end_fsync=1']
    return command(TOOL, '--name=layout', `--filename=${escaped(file)}`, ...how, ...data, ...REPORT)
  },

  /**
   * Runs a job for a fixed time. A read job fails if the file is missing or shorter than `size`, instead of creating
   * the file itself; fio deletes a file that is too short.
   */
  job(job: FioJob): Command {
    const { name, file, rw, blockSize, size, depth, seconds, ...more } = job
    const { engine = 'libaio', direct = true, numjobs = 1, ramp = 0, unlink = false, ...others } = more
    refuseOthers('fio.job()', others)
    const reads = rw.endsWith('read')
    return command(
      TOOL,
      `--name=${name}`,
      `--filename=${escaped(file)}`,
      `--rw=${rw}`,
      `--bs=${blockSize}`,
      `--size=${size}`,
      `--ioengine=${engine}`,
      `--iodepth=${requireCount('depth', depth)}`,
      `--direct=${direct ? 1 : 0}`,
      `--numjobs=${requireCount('numjobs', numjobs)}`,
      // With a value, because fio 3.33 does not report options without one.
      '--time_based=1',
      `--runtime=${ceilSeconds(seconds)}`,
      ...(requireCount('ramp', ramp, 0) === 0 ? [] : [`--ramp_time=${ramp}`]),
      // Different random offsets in every run. For writes, data that no layer can compress, deduplicate or drop as
      // zeros.
      '--randrepeat=0',
      ...(reads ? ['--allow_file_create=0'] : ['--refill_buffers', '--fallocate=none']),
      ...(unlink ? ['--unlink=1'] : []),
      ...REPORT,
    )
  },

  /**
   * Parses the report of one job. Reading the results of the direction that did no I/O throws, because 0 would look
   * like a measurement.
   *
   * @throws {ToolOutputError} if the report is incomplete, has no or several jobs, or has an error of the job, if fio
   * printed an error beside it, if requests were dropped or shortened, or if the job or one of its processes ended
   * before its time. If the kernel kills a process of fio, `error` remains 0, fio exits with 0, and the report counts
   * the requests of the others.
   */
  parse(stdout: string): FioResult {
    const json = parseJson(TOOL, stdout)
    const jobs = at(json, 'jobs')
    if (!Array.isArray(jobs) || jobs.length !== 1) throw new ToolOutputError(TOOL, 'not the report of one job', stdout)
    const errno = jsonNumber(TOOL, stdout, jobs[0], 'error')
    if (errno !== 0) throw new ToolOutputError(TOOL, `the job failed with error number ${errno}`, stdout)
    // Only with continue_on_error, with which `error` remains 0.
    const errors = at(jobs[0], 'total_err') === undefined ? 0 : jsonNumber(TOOL, stdout, jobs[0], 'total_err')
    if (errors !== 0) throw new ToolOutputError(TOOL, `${errors} requests failed`, stdout)
    refuseErrorLine(TOOL, stdout, errorLine)
    const ios = (side: 'read' | 'write') => jsonNumber(TOOL, stdout, jobs[0], side, 'total_ios')
    if (ios('read') + ios('write') === 0) throw new ToolOutputError(TOOL, 'the job did no I/O', stdout)
    return {
      get read() {
        return sideOf(stdout, json, 'read')
      },
      get write() {
        return sideOf(stdout, json, 'write')
      },
    }
  },
}

/**
 * What fio prints beside the report about a request that failed (io_u.c, verify.c), and about a job that failed, was
 * killed, is stuck or was stopped (backend.c). Other lines with `fio: ` are notes, such as the one about mutexes.
 */
const errorLine =
  /^(?:verify: bad |fio: (?:io_u error|first I\/O |pid=\d+, (?:err=|got signal)|terminating on |job .* hasn't exited))/m

/** Minimum part of its runtime that a complete job takes. */
const shortest = 0.9

/** Seconds by unit of a time (`get_mult_time` in parse.c). */
const units: Readonly<Record<string, number>> = {
  us: 1e-6,
  usec: 1e-6,
  ms: 1e-3,
  msec: 1e-3,
  '': 1,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
}

/** Parses a time as fio does: `10`, `500ms`, `1m`. */
function secondsOf(stdout: string, text: string): number {
  const [, amount, unit] = /^(\d+)([a-z]*)$/i.exec(text) ?? []
  const seconds = Number(amount) * (units[unit?.toLowerCase() ?? ''] ?? Number.NaN)
  if (seconds > 0) return seconds
  throw new ToolOutputError(TOOL, `the runtime ${JSON.stringify(text)} is not a number with a unit such as s`, stdout)
}

/** fio splits a file name at colons, so they are escaped. */
function escaped(file: string): string {
  return file.replaceAll(':', '\\:')
}

function sideOf(stdout: string, report: unknown, side: 'read' | 'write'): FioSide {
  const job = at(report, 'jobs', 0)
  const figure = (...path: string[]) => jsonNumber(TOOL, stdout, job, side, ...path)
  if (figure('total_ios') === 0) throw new ToolOutputError(TOOL, `the job did no ${side}`, stdout)
  for (const [key, what] of [
    ['short_ios', 'transferred fewer bytes than requested'],
    ['drop_ios', 'were dropped'],
  ] as const) {
    if (figure(key) > 0) throw new ToolOutputError(TOOL, `${figure(key)} ${side} requests ${what}`, stdout)
  }
  const rate = (...path: string[]) => above0(TOOL, stdout, [side, ...path].join('.'), figure(...path))
  requireWholeRuntime(stdout, report, rate('runtime') / 1000)
  return {
    // `bw` would be in KiB/s.
    bytesPerSecond: rate('bw_bytes'),
    iops: rate('iops'),
    latencyMeanUs: rate('lat_ns', 'mean') / 1000,
    p50Us: rate('clat_ns', 'percentile', '50.000000') / 1000,
    p99Us: rate('clat_ns', 'percentile', '99.000000') / 1000,
  }
}

/**
 * Throws if the job, or one of its processes, ended before its time.
 * @param took seconds of the process that ran longest
 */
function requireWholeRuntime(stdout: string, report: unknown, took: number): void {
  // Options before the name of the job are global.
  const option = (name: string) => at(report, 'jobs', 0, 'job options', name) ?? at(report, 'global options', name)
  if (option('time_based') === undefined || option('time_based') === '0') return
  const runtime = secondsOf(stdout, String(option('runtime')))
  if (took < shortest * runtime) throw new ToolOutputError(TOOL, `the job ended after ${took} of ${runtime} s`, stdout)
  const processes = Number(option('numjobs') ?? 1)
  // The sum over all processes. A process that was killed counts as 0, while its requests count.
  const sum = jsonNumber(TOOL, stdout, at(report, 'jobs', 0), 'job_runtime') / 1000
  if (sum >= shortest * processes * runtime) return
  throw new ToolOutputError(
    TOOL,
    `its ${processes} processes ran for ${sum} s together, not ${processes} x ${runtime} s: one was killed or stuck`,
    stdout,
  )
}
