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
import { IsobenchError, messageOf, UsageError } from '../../util/errors.ts'
import { LineWriter, makeFolder } from '../../util/files.ts'
import type { ExcludedBench, Plan } from '../model/plan.ts'
import {
  type Environment,
  lineSchema,
  type RecordLine,
  type RunRecord,
  recordVersion,
  type Sample,
} from '../model/record.ts'
import type { Report } from '../model/report.ts'
import type { Problem } from '../model/suite.ts'
import { findContradiction, type NumberedLine } from './consistency.ts'

/** A file is no run record, or one of another version. */
export class RecordError extends IsobenchError {
  readonly code = 'ISOBENCH_RECORD'
}

/** A line of a record that cannot be read, and why. The record is read without it. */
export interface UnreadableLine {
  /** From 1. */
  readonly number: number
  readonly why: string
}

/**
 * Reads a run record. A last line that a kill cut short is left out.
 * @param onUnreadable receives every other line that is left out, because a disk or a program has damaged it
 * @throws RecordError if the record has no start, or contradicts itself
 */
export function readRecord(file: string, onUnreadable?: (line: UnreadableLine) => void): RunRecord {
  if (!existsSync(file)) throw new UsageError(`there is no run record at ${file}`, 'records are in .isobench/runs')
  refuseFolder(file)
  return parseRecord(readFileSync(file, 'utf8'), file, onUnreadable)
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

/** Bytes that are read at once of the first line, which has the plan. */
const chunkBytes = 2 ** 16

/**
 * Reads only the first line of a run record: the environment and the plan.
 * @throws {RecordError} if the file is no run record
 */
export const readRecordStart = (file: string): Pick<RunRecord, 'environment' | 'plan'> =>
  parseRecord(firstLine(file), file)

/** The first line of a file, with its line feed if the line is whole. */
function firstLine(file: string): string {
  const descriptor = openSync(file, 'r')
  const chunks: Buffer[] = []
  try {
    for (let end = -1; end < 0; ) {
      const chunk = Buffer.alloc(chunkBytes)
      const length = readSync(descriptor, chunk)
      if (length === 0) break
      end = chunk.subarray(0, length).indexOf('\n')
      chunks.push(chunk.subarray(0, end < 0 ? length : end + 1))
    }
  } finally {
    closeSync(descriptor)
  }
  return Buffer.concat(chunks).toString('utf8')
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
  if (content === '') throw new RecordError(`${file} is no run record: it is empty`, 'records are in .isobench/runs')
  if (isImport(content))
    throw new RecordError(
      `${file} holds imported results, not a run record`,
      'isobench judge, findings, report and compare read imports, from files that end in .json',
    )
  const texts = content.split('\n')
  const cutOff = texts.pop() ?? ''
  const lines = texts.flatMap((text, at): NumberedLine[] => {
    if (text === '') return []
    const line = parseLine(text)
    if ('why' in line && at === 0) throw new RecordError(`${file}:1 ${line.why}`, line.fix)
    if (!('why' in line)) return [{ number: at + 1, line }]
    onUnreadable({ number: at + 1, why: line.why })
    return []
  })
  const [first, ...rest] = lines.map(({ line }) => line)
  if (first?.type !== 'start') {
    const why =
      cutOff !== '' && texts.length === 0 ? 'its first line is cut short' : 'its first line does not start a run'
    throw new RecordError(`${file} is no run record: ${why}`, 'records are in .isobench/runs')
  }
  const contradiction = findContradiction(lines)
  if (contradiction)
    throw new RecordError(
      `${file}:${contradiction.number} contradicts the record: ${contradiction.message}`,
      'records are not meant to be edited; measure again, or put runs together with isobench merge',
    )
  const samples = rest.flatMap((line) => (line.type === 'sample' ? [line.sample] : []))
  const end = rest.find((line) => line.type === 'end')
  const notMeasured = (end?.notMeasured ?? []) as ExcludedBench[]
  const plan = withoutBenches(first.plan as unknown as Plan, notMeasured)
  const cases = new Set(plan.cases.map(({ id }) => id))
  return {
    file,
    environment: first.environment,
    plan,
    problems: first.problems as Problem[],
    // A bench that did not fit may have warm-up samples.
    samples: notMeasured.length > 0 ? samples.filter((sample) => cases.has(sample.case)) : samples,
    status: end?.status ?? 'killed',
  }
}

/** A plan without the benches that the run has not measured. */
function withoutBenches(plan: Plan, notMeasured: readonly ExcludedBench[]): Plan {
  if (notMeasured.length === 0) return plan
  const isMeasured = (id: string) => !notMeasured.some(({ bench }) => bench === id)
  return {
    ...plan,
    benches: plan.benches.filter(({ id }) => isMeasured(id)),
    cases: plan.cases.filter(({ bench }) => isMeasured(bench)),
    excluded: [...plan.excluded, ...notMeasured],
  }
}

/** Whether a text is one JSON object that says that it is an import. A run record has an object on each line. */
function isImport(content: string): boolean {
  if (!content.includes('"import"') || content.startsWith('{"type":')) return false
  try {
    return (JSON.parse(content) as { isobench?: unknown } | null)?.isobench === 'import'
  } catch {
    return false
  }
}

function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('no field has this name')
  return value
}

/** A line, or why it cannot be read. */
function parseLine(text: string): RecordLine | { readonly why: string; readonly fix: string } {
  let value: unknown
  try {
    // zod leaves this key out without an error.
    value = text.includes('"__proto__"') ? JSON.parse(text, refusePrototype) : JSON.parse(text)
  } catch (error) {
    return { why: `is not JSON: ${messageOf(error)}`, fix: 'a record is one JSON object a line' }
  }
  const parsed = lineSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  return {
    why: `is not of a run record: ${issue.path.join('.') || 'the line'}: ${issue.message}`,
    fix: 'was it written by another version of isobench?',
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
  recordNames(folderOf(root)).some((name) => firstLine(join(folderOf(root), name)).endsWith('\n'))

/** The folder with the run records of a project. */
export const folderOf = (root: string): string => join(root, '.isobench', 'runs')

const recordNames = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl')) : []

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

  /** Starts `.isobench/runs/<time>-<id>.jsonl` with the environment and the plan. */
  static start(
    root: string,
    id: string,
    environment: Environment,
    plan: Plan,
    problems: readonly Problem[],
  ): RecordWriter {
    const folder = folderOf(root)
    makeFolder(folder)
    const time = environment.startedAt.replace(/[:.]/g, '-')
    const writer = new RecordWriter(join(folder, `${time}-${id}.jsonl`))
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

  /** @param notMeasured benches of the plan that did not fit into the time */
  end(how: 'finished' | 'interrupted', notMeasured: readonly ExcludedBench[] = []): void {
    const at = new Date().toISOString()
    this.#append({ type: 'end', status: how, at, ...(notMeasured.length > 0 && { notMeasured }) })
  }

  verdicts(verdicts: Pick<Report, 'claims' | 'findings' | 'exit'>): void {
    this.#append({ type: 'verdicts', verdicts })
  }

  #append(line: object): void {
    this.#lines.append(JSON.stringify(line))
  }
}
