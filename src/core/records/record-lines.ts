import { closeSync, openSync, readSync } from 'node:fs'
import { IsobenchError, messageOf } from '../../util/errors.ts'
import { readablePath } from '../../util/inputs.ts'
import { isUtf16, utf16Fix, withoutBom } from '../../util/text.ts'
import { lineSchema, type RecordLine } from '../model/record.ts'
import { planContradiction, type StartLine, sequenceChecker } from './consistency.ts'

/** The lines of a run record, one after the other, so that a record of any size needs little memory. */

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

/** A line of a text. The last one may lack its line feed. */
interface TextLine {
  readonly text: string
  readonly isWhole: boolean
}

/** Bytes that are read at once. A merge reads thousands of files, and each has a buffer of this size. */
const chunkBytes = 2 ** 16

/** The most bytes of a line. The plan, which is the longest one, has a few megabytes. */
const longestLine = 2 ** 28

/**
 * The lines of a file.
 * @throws {InputError} if it is a device, or a pipe that does not end
 * @throws {RecordError} if a line is too long for a record
 */
export function* linesOfFile(file: string): Generator<TextLine> {
  const descriptor = openSync(readablePath(file), 'r')
  let number = 0
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes)
    let rest: Buffer[] = []
    let restBytes = 0
    for (;;) {
      const length = readSync(descriptor, chunk)
      if (length === 0) break
      let from = 0
      for (let end = chunk.indexOf(10); end >= 0 && end < length; end = chunk.indexOf(10, from)) {
        const part = chunk.subarray(from, end)
        yield { text: (rest.length > 0 ? Buffer.concat([...rest, part]) : part).toString('utf8'), isWhole: true }
        number++
        rest = []
        restBytes = 0
        from = end + 1
      }
      if (from < length) rest.push(Buffer.from(chunk.subarray(from, length)))
      restBytes += length - from
      if (restBytes > longestLine)
        throw new RecordError(
          `${file}:${number + 1} is no line of a run record: it has more than ${longestLine} bytes`,
          'records are in .isobench/runs',
        )
    }
    if (rest.length > 0) yield { text: Buffer.concat(rest).toString('utf8'), isWhole: false }
  } finally {
    closeSync(descriptor)
  }
}

/** The lines of a text. */
export function* linesOfText(content: string): Generator<TextLine> {
  let from = 0
  for (let end = content.indexOf('\n'); end >= 0; end = content.indexOf('\n', from)) {
    yield { text: content.slice(from, end), isWhole: true }
    from = end + 1
  }
  if (from < content.length) yield { text: content.slice(from), isWhole: false }
}

/**
 * Checks the lines of a record and yields those that can be read, first the start line. A last line that a kill cut
 * short is left out.
 * @param file for messages
 * @param onUnreadable receives every other line that is left out, because a disk or a program has damaged it
 * @throws {RecordError} if the record has no start, or contradicts itself
 */
export function* recordLines(
  lines: Iterable<TextLine>,
  file: string,
  onUnreadable: (line: UnreadableLine) => void = () => {},
): Generator<RecordLine> {
  let number = 0
  let check: ReturnType<typeof sequenceChecker> | undefined
  const noRecord = (why: string) => new RecordError(`${file} is no run record: ${why}`, 'records are in .isobench/runs')
  for (const { text, isWhole } of lines) {
    number++
    if (number === 1 && isUtf16(text)) throw new RecordError(`${file} is not UTF-8`, utf16Fix)
    if (!isWhole) {
      if (number === 1) throw noRecord('its first line is cut short')
      break
    }
    if (text === '') continue
    const line = parseLine(number === 1 ? withoutBom(text) : text)
    if ('why' in line) {
      if (number === 1) throw new RecordError(`${file}:1 ${line.why}`, line.fix)
      onUnreadable({ number, why: line.why })
      continue
    }
    if (!check && line.type !== 'start') break
    const contradiction = check ? check(line) : planContradiction(line)
    if (contradiction !== undefined)
      throw new RecordError(
        `${file}:${number} contradicts the record: ${contradiction}`,
        'records are not meant to be edited; measure again, or put runs together with isobench merge',
      )
    check ??= sequenceChecker(line as StartLine)
    yield line
  }
  if (!check) throw noRecord(number === 0 ? 'it is empty' : 'its first line does not start a run')
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
