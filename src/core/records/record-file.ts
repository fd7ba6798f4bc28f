import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { messageOf, UsageError } from '../../util/errors.ts'
import { explainWrites, isRegularFile, isThere, LineWriter, makeFolder } from '../../util/files.ts'
import { createFile } from '../../util/folder-owner.ts'
import { readablePath } from '../../util/inputs.ts'
import { withoutBom } from '../../util/text.ts'
import { withUsersUmask } from '../../util/umask.ts'
import type { ExcludedBench, Plan } from '../model/plan.ts'
import { type Environment, type RecordLine, type RunRecord, recordVersion, type Sample } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import { type Problem, ProjectError } from '../model/suite.ts'
import type { StartLine } from './consistency.ts'
import { linesOfFile, linesOfText, RecordError, recordLines, type UnreadableLine } from './record-lines.ts'

export { RecordError, type UnreadableLine } from './record-lines.ts'

/**
 * Reads a run record. A last line that a kill cut short is left out.
 * @param onUnreadable receives every other line that is left out, because a disk or a program has damaged it
 * @throws RecordError if the record has no start, or contradicts itself
 */
export function readRecord(file: string, onUnreadable?: (line: UnreadableLine) => void): RunRecord {
  const damaged: UnreadableLine[] = []
  const lines = linesOfRecord(file, (line) => {
    damaged.push(line)
    onUnreadable?.(line)
  })
  const record = collect(lines, file)
  if (damaged.length === 0) return record
  const damagedLines = (record.plan.damagedLines ?? 0) + damaged.length
  return { ...record, plan: { ...record.plan, damagedLines } }
}

/**
 * The lines of a record's file, each checked; see `recordLines`. The file is read while they are taken, because a
 * merged record may be larger than the largest string.
 * @throws {UsageError} if there is no such file
 * @throws {RecordError} if it is no record
 */
export function linesOfRecord(file: string, onUnreadable?: (line: UnreadableLine) => void): Iterable<RecordLine> {
  if (!isThere(file)) throw new UsageError(`there is no run record at ${file}`, 'records are in .isobench/runs')
  refuseFolder(file)
  const path = readablePath(file)
  if (!startsLikeRecord(path) && statSync(path).size <= longestImport) refuseImport(readFileSync(path, 'utf8'), file)
  return recordLines(linesOfFile(file), file, onUnreadable)
}

const recordStart = '{"type":'

/** The most bytes of a file that may be an import. */
const longestImport = 2 ** 28

function startsLikeRecord(file: string): boolean {
  const descriptor = openSync(file, 'r')
  try {
    const head = Buffer.alloc(recordStart.length)
    readSync(descriptor, head)
    return head.toString('latin1') === recordStart
  } finally {
    closeSync(descriptor)
  }
}

/** @throws {UsageError} if the path of a record is that of a folder */
function refuseFolder(path: string): void {
  if (!statSync(path).isDirectory()) return
  const latest = [path, folderOf(path)].flatMap((folder) => recordsByTime(folder)).at(-1)
  throw new UsageError(
    `${path} is a folder, not a run record`,
    latest === undefined ? 'name a file: records are in .isobench/runs' : `name a file, for example ${latest}`,
  )
}

/**
 * Reads only the first line of a run record: the environment and the plan.
 * @throws {RecordError} if the file is no run record
 */
export function readRecordStart(file: string): Pick<RunRecord, 'environment' | 'plan'> {
  const [start] = recordLines(linesOfFile(file), file)
  const { environment, plan } = start as StartLine
  return { environment, plan: plan as unknown as Plan }
}

/**
 * Parses the text of a run record. See `readRecord`.
 * @throws RecordError if the record has no start, or contradicts itself
 */
export function parseRecord(
  content: string,
  file: string,
  onUnreadable: (line: UnreadableLine) => void = () => {},
): RunRecord {
  refuseImport(content, file)
  return collect(recordLines(linesOfText(content), file, onUnreadable), file)
}

/** A record from its lines. */
function collect(lines: Iterable<RecordLine>, file: string): RunRecord {
  let start: StartLine | undefined
  let end: Extract<RecordLine, { type: 'end' }> | undefined
  const samples: Sample[] = []
  const late: Problem[] = []
  for (const line of lines) {
    if (line.type === 'start') start = line
    else if (line.type === 'problem') late.push(line.problem as Problem)
    else if (line.type === 'sample') samples.push(line.sample)
    else if (line.type === 'end') end = line
  }
  const { environment, problems, plan: planned } = start!
  const notMeasured = (end?.notMeasured ?? []) as ExcludedBench[]
  const plan = withoutBenches(planned as unknown as Plan, notMeasured)
  const cases = new Set(plan.cases.map(({ id }) => id))
  return {
    file,
    environment,
    plan,
    problems: [...(problems as Problem[]), ...late],
    // A bench that did not fit may have warm-up samples.
    samples: notMeasured.length > 0 ? samples.filter((sample) => cases.has(sample.case)) : samples,
    status: end?.status ?? 'killed',
    ...(end?.error !== undefined && { error: end.error }),
  }
}

/** A plan without the benches that the run has not measured. */
export function withoutBenches(plan: Plan, notMeasured: readonly ExcludedBench[]): Plan {
  if (notMeasured.length === 0) return plan
  const isMeasured = (id: string) => !notMeasured.some(({ bench }) => bench === id)
  return {
    ...plan,
    benches: plan.benches.filter(({ id }) => isMeasured(id)),
    cases: plan.cases.filter(({ bench }) => isMeasured(bench)),
    excluded: [...plan.excluded, ...notMeasured],
  }
}

/** @throws {RecordError} if the content of a file is an import */
function refuseImport(content: string, file: string): void {
  if (!isImport(content)) return
  throw new RecordError(
    `${file} holds imported results, not a run record`,
    'isobench judge, findings, report and compare read imports, from files that end in .json',
  )
}

/** Whether a text is one JSON object that says that it is an import. A run record has an object on each line. */
function isImport(content: string): boolean {
  if (!content.includes('"import"') || content.startsWith(recordStart)) return false
  try {
    return (JSON.parse(withoutBom(content)) as { isobench?: unknown } | null)?.isobench === 'import'
  } catch {
    return false
  }
}

/** A record that was passed over, and why. */
export interface SkippedRecord {
  readonly file: string
  readonly why: string
}

/**
 * The latest record of a project that can be read.
 * @param onSkipped receives each later record that cannot, such as that of a run on a full disk
 * @throws {UsageError} if there is none
 */
export function latestRecord(root: string, onSkipped: (record: SkippedRecord) => void = () => {}): RunRecord {
  const folder = folderOf(root)
  const files = recordsByTime(folder)
  for (const file of files.reverse()) {
    try {
      return readRecord(file)
    } catch (error) {
      onSkipped({ file, why: messageOf(error) })
    }
  }
  throw new UsageError(
    files.length === 0 ? 'there is no run record yet' : `no run record in ${folder} can be read`,
    'make one with: isobench run',
  )
}

/** Whether the project has a run record with a whole first line. A full disk may leave one without. */
export const hasRecord = (root: string): boolean =>
  recordNames(folderOf(root)).some((name) => {
    const [first] = linesOfFile(join(folderOf(root), name))
    return first?.isWhole === true
  })

/** The folder with the run records of a project. */
export const folderOf = (root: string): string => join(root, '.isobench', 'runs')

/** Only regular files, also through links: another kind of file, such as a FIFO, might never end. */
const recordNames = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder).filter((name) => name.endsWith('.jsonl') && isRegularFile(join(folder, name)))
    : []

/**
 * The paths of the records in a folder, those of earlier runs first. The time is that in the record, because a record
 * may have been renamed, merged or copied.
 * @param before only records of runs that started before this time, in milliseconds since the epoch
 */
export function recordsByTime(folder: string, before = Number.POSITIVE_INFINITY): string[] {
  return recordNames(folder)
    .map((name) => ({ file: join(folder, name), time: startTime(join(folder, name)) }))
    .filter(({ time }) => time < before)
    .sort((a, b) => a.time - b.time || (a.file < b.file ? -1 : 1))
    .map(({ file }) => file)
}

/** Bytes at the start of a record that have the time of its run. The line with the plan is much longer. */
const headBytes = 16_384

/**
 * When the run of a record started, in milliseconds; for a damaged record, when the file was written. 0 for a file that
 * cannot be read.
 */
function startTime(file: string): number {
  try {
    return readStartTime(file)
  } catch {
    return 0
  }
}

function readStartTime(file: string): number {
  const head = Buffer.alloc(headBytes)
  const descriptor = openSync(file, 'r')
  try {
    const text = head.toString('utf8', 0, readSync(descriptor, head, 0, headBytes, 0))
    const started = Date.parse(/"startedAt":"([^"]+)"/.exec(text)?.[1] ?? '')
    return Number.isNaN(started) ? fstatSync(descriptor).mtimeMs : started
  } finally {
    closeSync(descriptor)
  }
}

/** Appends to a run record; each line is with the kernel before the call returns. */
export class RecordWriter {
  readonly #lines: LineWriter

  private constructor(readonly file: string) {
    this.#lines = new LineWriter(file)
  }

  /**
   * Starts `<folder>/<time>-<id>.jsonl` with the environment and the plan.
   * @throws {Error} if the file exists, or cannot be written
   */
  static start(
    folder: string,
    id: string,
    environment: Environment,
    plan: Plan,
    problems: readonly Problem[],
  ): RecordWriter {
    explainWrites(folder, () => withUsersUmask(() => makeFolder(folder)))
    const time = environment.startedAt.replace(/[:.]/g, '-')
    const writer = new RecordWriter(join(folder, `${time}-${id}.jsonl`))
    // The lines of two runs in one file would be no record.
    explainWrites(writer.file, () => withUsersUmask(() => closeSync(createFile(writer.file))))
    try {
      writer.#append({ type: 'start', recordVersion, environment, plan, problems })
    } catch (error) {
      // Without its start line, the file is no record.
      rmSync(writer.file, { force: true })
      throw error
    }
    return writer
  }

  sample(sample: Sample): void {
    this.#append({ type: 'sample', sample })
  }

  /** Adds an error that no code handled to the problems of the start line. */
  problem(problem: Problem): void {
    this.#append({ type: 'problem', problem })
  }

  /** @param notMeasured benches of the plan that did not fit into the time */
  end(how: 'finished' | 'interrupted' | 'stopped', notMeasured: readonly ExcludedBench[] = []): void {
    this.#end({ status: how, ...(notMeasured.length > 0 && { notMeasured }) })
  }

  /** Ends the record of a run that an error stopped, so that reports state it. A full disk may leave it without end. */
  endWith(error: unknown): void {
    try {
      if (error instanceof ProjectError) {
        for (const problem of error.problems) this.problem(problem)
        this.end('stopped')
      } else this.#end({ status: 'stopped', error: messageOf(error) })
    } catch {
      // The error that stopped the run is the one to report.
    }
  }

  #end(how: object): void {
    this.#append({ type: 'end', ...how, at: new Date().toISOString() })
  }

  verdicts(verdicts: Pick<Report, 'claims' | 'findings' | 'exit'>): void {
    this.#append({ type: 'verdicts', verdicts })
  }

  #append(line: object): void {
    this.#lines.append(JSON.stringify(line))
  }
}
