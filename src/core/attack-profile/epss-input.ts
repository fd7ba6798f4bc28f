import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { IsobenchError, messageOf, UsageError } from '../../util/errors.ts'
import { readablePath } from '../../util/inputs.ts'
import { encodingProblem, isDay, sanitize, withoutBom } from '../../util/text.ts'

/** The files that EPSS data are made of: scores, locations of CVEs, and source files of functions. */

/** A file of scores or of locations is not what it should be. */
export class EpssError extends IsobenchError {
  readonly code = 'ISOBENCH_EPSS'
}

/** A text file with the SHA-256 of its bytes. */
export interface Text {
  readonly file: string
  readonly text: string
  readonly digest: string
}

/** The most bytes of a text. The scores of a day have 10 MB, and the output of nm for a kernel has 20 MB. */
const longestText = 2 ** 28

/**
 * Reads a text file, plain or gzipped.
 * @throws {UsageError} if there is no such file
 * @param longest the most bytes, unpacked
 * @throws {EpssError} if it cannot be unpacked, is too long, or is not UTF-8
 */
export function readText(file: string, longest = longestText): Text {
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`)
  if (statSync(file).isDirectory()) throw new UsageError(`${file} is a folder`, 'name a file in it')
  const path = readablePath(file)
  if (statSync(path).size > longest) throw tooLong(file, longest)
  const bytes = readFileSync(path)
  const content = unpacked(file, bytes, longest)
  const problem = encodingProblem(file, content)
  if (problem) throw new EpssError(`${problem.at} is not UTF-8`, problem.fix)
  return { file, text: withoutBom(content.toString('utf8')), digest: createHash('sha256').update(bytes).digest('hex') }
}

function unpacked(file: string, bytes: Buffer, longest: number): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: longest })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLong(file, longest)
    throw new EpssError(`${file} cannot be unpacked: ${messageOf(error)}`, 'download it again: it may be incomplete')
  }
}

const tooLong = (file: string, longest: number) =>
  new EpssError(
    `${file} has more than ${longest.toLocaleString('en-US')} bytes`,
    'name the scores of one day, or the output of nm for one kernel',
  )

/** @throws {EpssError} if the last line has no end, because a part of it may be missing */
function checkEnd({ file, text }: Pick<Text, 'file' | 'text'>): void {
  if (text !== '' && !text.endsWith('\n'))
    throw new EpssError(
      `${file} ends in the middle of a line`,
      'download it again: it may be incomplete; end a file of your own with a new line',
    )
}

/** A row of a CSV file, with the place of its line. */
interface Row {
  readonly at: string
  readonly fields: ReadonlyMap<string, string>
}

/** Yields the rows below a header with at least the `needed` columns. Quotes are refused, because none is needed. */
function* rowsOf({ file, text }: Text, needed: readonly string[]): Generator<Row> {
  checkEnd({ file, text })
  let header: string[] | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const at = `${file}:${index + 1}`
    if (line.includes('"')) throw new EpssError(`${at} has a quote`, 'write plain values between commas')
    const fields = line.split(',').map((field) => field.trim())
    if (!header) {
      header = fields.map((field) => field.toLowerCase())
      const missing = needed.find((name) => !header!.includes(name))
      if (missing !== undefined)
        throw new EpssError(
          `${at}: the header has no column "${missing}": ${sanitize(line, 80)}`,
          `begin the file with the line ${needed.join(',')}`,
        )
      const twice = header.find((name, column) => header!.indexOf(name) !== column)
      if (twice !== undefined) throw new EpssError(`${at}: the header has the column "${sanitize(twice, 40)}" twice`)
      continue
    }
    if (fields.length !== header.length)
      throw new EpssError(`${at} has ${fields.length} fields, and the header has ${header.length}`)
    yield { at, fields: new Map(header.map((name, column) => [name, fields[column]!])) }
  }
  if (!header) throw new EpssError(`${file} is empty`)
}

const cveName = /^CVE-\d{4}-\d{4,}$/

/** A name of a function, also with the suffix of a copy by the compiler: `vfs_read.isra.0`. */
const functionName = /^[a-z_][\w.]*$/i

function functionOf({ at, fields }: Row): string | undefined {
  const name = fields.get('function')
  if (name && !functionName.test(name)) throw new EpssError(`${at}: "${sanitize(name, 40)}" is no function`)
  return name
}

function cveOf({ at, fields }: Row): string {
  const cve = fields.get('cve')!.toUpperCase()
  if (!cveName.test(cve)) throw new EpssError(`${at}: "${sanitize(cve, 40)}" is no CVE`, 'write it as CVE-2024-1086')
  return cve
}

/** EPSS scores of one day. A score is the probability that the CVE is exploited in the next 30 days. */
export interface EpssScores {
  readonly model: string | null
  readonly date: string | null
  readonly byCve: ReadonlyMap<string, number>
}

/** A decimal number as FIRST writes it. `Number` alone also accepts hexadecimal digits and signs. */
const decimal = /^\d+(?:\.\d+)?(?:e-?\d+)?$/i

/**
 * Parses FIRST's daily file: `#model_version:v…,score_date:…`, then `cve,epss,percentile`. The comment may be missing,
 * but a date that is there must be one: otherwise the file is damaged.
 * @throws {EpssError} that names the line
 */
export function parseScores(text: Text): EpssScores {
  const byCve = new Map<string, number>()
  for (const row of rowsOf(text, ['cve', 'epss'])) {
    const written = row.fields.get('epss')!
    const score = decimal.test(written) ? Number(written) : Number.NaN
    if (!(score >= 0 && score <= 1)) throw new EpssError(`${row.at}: "${sanitize(written, 40)}" is no probability`)
    const cve = cveOf(row)
    if (byCve.has(cve)) throw new EpssError(`${row.at}: ${cve} has a second score`, 'keep one row for each CVE')
    byCve.set(cve, score)
  }
  if (byCve.size === 0) throw new EpssError(`${text.file} has no scores`, 'download the file of one day from FIRST')
  const comment = /^#.*$/m.exec(text.text)?.[0] ?? ''
  const date = /score_date:([^,\s]+)/.exec(comment)?.[1] ?? null
  if (date !== null && !(/^\d{4}-\d\d-\d\d(T|$)/.test(date) && isDay(date.slice(0, 10)) && Date.parse(date) > 0))
    throw new EpssError(
      `${text.file}: score_date is "${sanitize(date, 40)}", which is no date`,
      'download the file again, or correct it, for example: score_date:2026-01-31',
    )
  return {
    model: /model_version:([^,\s]+)/.exec(comment)?.[1] ?? null,
    date,
    byCve,
  }
}

/** A place of a CVE in the kernel: a function, or a whole source file. `at` is the place of the row, for messages. */
export interface CveLocation {
  readonly at: string
  readonly cve: string
  readonly function?: string
  readonly file?: string
}

/**
 * Parses the locations of CVEs: a column `cve`, and a column `function` or `file` or both. Each row has one of the two.
 * @throws {EpssError} that names the line
 */
export function parseCveLocations(text: Text): CveLocation[] {
  return [...rowsOf(text, ['cve'])].map((row) => {
    const [name, file] = [functionOf(row), row.fields.get('file')]
    if (!name && !file)
      throw new EpssError(`${row.at} has neither a function nor a file`, 'the columns are cve,function,file')
    if (name && file)
      throw new EpssError(`${row.at} has a function and a file`, 'keep the function: it is the more precise place')
    return { at: row.at, cve: cveOf(row), ...(name ? { function: name } : { file: file! }) }
  })
}

/** A line of `nm --line-numbers vmlinux`: address, type, name, and the file and line of the definition. */
const nmLine = /^[0-9a-f]+ ([a-z]) (\S+)\t([^\t]+):(?:\d+|\?)\s*$/i
/** Types of symbols that are functions. */
const codeTypes = /^[tw]$/i
const nmLineWithoutFile = /^(?:[0-9a-f]+| +) [a-z] \S+\s*$/i

/**
 * Parses the source file of each function: a CSV file with the columns `function,file`, or the output of
 * `nm --line-numbers vmlinux`. Returns functions by file. A static function's name can be in several files.
 * @throws {EpssError} that names the line
 */
export function parseSources(text: Text): Map<string, string[]> {
  const functions = new Map<string, string[]>()
  const add = (file: string, name: string) => {
    const known = functions.get(file)
    if (known) known.push(name)
    else functions.set(file, [name])
  }
  const lines = text.text.split('\n')
  if (lines.some((line) => nmLine.test(line))) {
    checkEnd(text)
    for (const [index, line] of lines.entries()) {
      const [, type, name, file] = nmLine.exec(line) ?? []
      if (name === undefined) {
        if (line.trim() !== '' && !nmLineWithoutFile.test(line))
          throw new EpssError(`${text.file}:${index + 1} is no line of nm: ${sanitize(line, 80)}`)
      } else if (codeTypes.test(type!)) add(file!, name)
    }
    return functions
  }
  if (nmLineWithoutFile.test(lines[0]!))
    throw new EpssError(`${text.file} has no source files`, 'run nm --line-numbers on a vmlinux with debug information')
  for (const row of rowsOf(text, ['function', 'file'])) {
    const [name, file] = [functionOf(row), row.fields.get('file')!]
    if (!name || file === '') throw new EpssError(`${row.at} needs a function and a file`)
    add(file, name)
  }
  return functions
}

/**
 * Returns the functions of a source file. CVEs name files from the top of the kernel's sources, `fs/pipe.c`, and
 * debug information names them by the path at build time, `/build/linux-6.12/fs/pipe.c`.
 */
export function functionsInFile(sources: ReadonlyMap<string, readonly string[]>): (file: string) => readonly string[] {
  const byLastPart = new Map<string, string[]>()
  for (const path of sources.keys()) {
    const last = path.slice(path.lastIndexOf('/') + 1)
    byLastPart.set(last, [...(byLastPart.get(last) ?? []), path])
  }
  return (file) => {
    const relative = file.replace(/^(?:\.?\/)+/, '')
    const matches = (byLastPart.get(relative.slice(relative.lastIndexOf('/') + 1)) ?? []).filter(
      (path) => path === relative || path.endsWith(`/${relative}`),
    )
    // All files have the same path at build time before them, so a longer one is a file in a subfolder.
    const shortest = Math.min(...matches.map(({ length }) => length))
    return matches.filter(({ length }) => length === shortest).flatMap((path) => sources.get(path)!)
  }
}
