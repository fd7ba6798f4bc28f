import { type Command, ceilSeconds, command, refuseOthers, requireCount } from './command.ts'
import { at, jsonNumber, parseJson, ToolOutputError } from './parse.ts'

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
  /** Requests in flight. Synchronous engines such as `psync` limit it to 1. */
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
      '--time_based',
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
   * @throws {ToolOutputError} if the report is incomplete, has no or several jobs, or contains an error of the job, if
   * requests were dropped or shortened, or if the job ended before its time, as after a signal
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
    const signal = /^fio: terminating on signal \d+/m.exec(stdout)?.[0]
    if (signal !== undefined) throw new ToolOutputError(TOOL, signal, stdout)
    const ios = (side: 'read' | 'write') => jsonNumber(TOOL, stdout, jobs[0], side, 'total_ios')
    if (ios('read') + ios('write') === 0) throw new ToolOutputError(TOOL, 'the job did no I/O', stdout)
    return {
      get read() {
        return sideOf(stdout, jobs[0], 'read')
      },
      get write() {
        return sideOf(stdout, jobs[0], 'write')
      },
    }
  },
}

/** Minimum part of its runtime that a complete job takes. */
const shortest = 0.9

/** fio splits a file name at colons, so they are escaped. */
function escaped(file: string): string {
  return file.replaceAll(':', '\\:')
}

function sideOf(stdout: string, job: unknown, side: 'read' | 'write'): FioSide {
  const figure = (...path: string[]) => jsonNumber(TOOL, stdout, job, side, ...path)
  if (figure('total_ios') === 0) throw new ToolOutputError(TOOL, `the job did no ${side}`, stdout)
  for (const [key, what] of [
    ['short_ios', 'transferred fewer bytes than requested'],
    ['drop_ios', 'were dropped'],
  ] as const) {
    if (figure(key) > 0) throw new ToolOutputError(TOOL, `${figure(key)} ${side} requests ${what}`, stdout)
  }
  const options = at(job, 'job options')
  const runtime = Number(at(options, 'runtime'))
  // fio 3.33 does not list options without a value.
  if (at(options, 'time_based') !== undefined && figure('runtime') < shortest * 1000 * runtime) {
    throw new ToolOutputError(TOOL, `the job ended after ${figure('runtime') / 1000} of ${runtime} s`, stdout)
  }
  return {
    // `bw` would be in KiB/s.
    bytesPerSecond: figure('bw_bytes'),
    iops: figure('iops'),
    latencyMeanUs: figure('lat_ns', 'mean') / 1000,
    p50Us: figure('clat_ns', 'percentile', '50.000000') / 1000,
    p99Us: figure('clat_ns', 'percentile', '99.000000') / 1000,
  }
}
