import { type Command, ceilSeconds, command, requireCount } from './command.ts'
import { at, jsonNumber, parseJson, ToolOutputError } from './parse.ts'

/**
 * fio 3: block and file I/O. Debian package `fio` (3.33, 3.39, 3.41).
 * Format: `--output-format=json`, written by `show_thread_status_json` (stat.c); fio's notes may stand before it.
 */

export interface FioJob {
  name: string
  /** The file under test. Lay it out first with {@link fio.layout}. */
  file: string
  rw: 'read' | 'write' | 'randread' | 'randwrite'
  /** Size of one request, with fio's suffix: `4k`, `128k` (1k = 1024 bytes). */
  blockSize: string
  /** The part of the file that is used: `256m`. */
  size: string
  /** Requests in flight. Engines that wait for each request, such as `psync`, cap it at 1. */
  depth: number
  seconds: number
  /** Seconds that are run but not counted; none by default. */
  ramp?: number
  /** `libaio` by default. */
  engine?: string
  /** O_DIRECT, true by default. It bypasses the guest's cache, not the caches of the layers below it. */
  direct?: boolean
  /** Processes that do the same at the same time; the result is their sum. 1 by default. */
  numjobs?: number
  /** Remove the file after the job; false by default. */
  unlink?: boolean
}

export interface FioSide {
  bytesPerSecond: number
  /** Requests per second. */
  iops: number
  /** Mean time from submission to completion (fio's `lat`). */
  latencyMeanUs: number
  /** Median of the same time as `p99Us`. */
  p50Us: number
  /** 99th percentile of the time from the end of submission to completion (fio's `clat`). */
  p99Us: number
}

export interface FioResult {
  /** @throws ToolOutputError if the job read nothing */
  readonly read: FioSide
  /** @throws ToolOutputError if the job wrote nothing */
  readonly write: FioSide
}

const TOOL = 'fio'
const REPORT = ['--group_reporting', '--output-format=json', '--eta=never']

export const fio = {
  /**
   * Writes the file that a job reads, whole and with random data, and waits for the disk. A file made by `truncate` or
   * `fallocate` has extents that were never written: they read as zeros from no disk at all (31 GB/s was seen).
   */
  layout({ file, size, direct = true }: { file: string; size: string; direct?: boolean }): Command {
    const how = ['--rw=write', '--bs=1m', `--size=${size}`, '--ioengine=psync', `--direct=${direct ? 1 : 0}`]
    const data = ['--fallocate=none', '--refill_buffers', '--randrepeat=0', '--end_fsync=1']
    return command(TOOL, '--name=layout', `--filename=${escaped(file)}`, ...how, ...data, ...REPORT)
  },

  /**
   * One job bounded by time. A read job does no I/O and fails where the file is missing or shorter than `size`, rather
   * than laying out its own; fio deletes the short one.
   */
  job({ engine = 'libaio', direct = true, numjobs = 1, ramp = 0, unlink = false, ...job }: FioJob): Command {
    const reads = job.rw.endsWith('read')
    return command(
      TOOL,
      `--name=${job.name}`,
      `--filename=${escaped(job.file)}`,
      `--rw=${job.rw}`,
      `--bs=${job.blockSize}`,
      `--size=${job.size}`,
      `--ioengine=${engine}`,
      `--iodepth=${requireCount('depth', job.depth)}`,
      `--direct=${direct ? 1 : 0}`,
      `--numjobs=${requireCount('numjobs', numjobs)}`,
      '--time_based',
      `--runtime=${ceilSeconds(job.seconds)}`,
      ...(requireCount('ramp', ramp, 0) === 0 ? [] : [`--ramp_time=${ramp}`]),
      // Another seed in each run; for writes, data that no layer can compress, deduplicate or drop as zeros.
      '--randrepeat=0',
      ...(reads ? ['--allow_file_create=0'] : ['--refill_buffers', '--fallocate=none']),
      ...(unlink ? ['--unlink=1'] : []),
      ...REPORT,
    )
  },

  /**
   * Reads the report of one job. The side that did no I/O has no figures, and asking for it is an error: 0 would pass
   * for a measurement.
   *
   * @throws ToolOutputError if the report is not whole, holds no or several jobs, or fio reports an error of the job
   */
  parse(stdout: string): FioResult {
    const json = parseJson(TOOL, stdout)
    const jobs = at(json, 'jobs')
    if (!Array.isArray(jobs) || jobs.length !== 1) throw new ToolOutputError(TOOL, 'not the report of one job', stdout)
    const errno = jsonNumber(TOOL, stdout, jobs[0], 'error')
    if (errno !== 0) throw new ToolOutputError(TOOL, `the job failed with error number ${errno}`, stdout)
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

/** fio splits a file name at colons into several files. */
function escaped(file: string): string {
  return file.replaceAll(':', '\\:')
}

function sideOf(stdout: string, job: unknown, side: 'read' | 'write'): FioSide {
  const figure = (...path: string[]) => jsonNumber(TOOL, stdout, job, side, ...path)
  if (figure('total_ios') === 0) throw new ToolOutputError(TOOL, `the job did no ${side}`, stdout)
  return {
    // `bw` would be in KiB/s.
    bytesPerSecond: figure('bw_bytes'),
    iops: figure('iops'),
    latencyMeanUs: figure('lat_ns', 'mean') / 1000,
    p50Us: figure('clat_ns', 'percentile', '50.000000') / 1000,
    p99Us: figure('clat_ns', 'percentile', '99.000000') / 1000,
  }
}
