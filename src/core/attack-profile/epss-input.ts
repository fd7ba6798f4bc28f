import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { IsobenchError, messageOf, UsageError } from '../../util/errors.ts'
import { readablePath } from '../../util/inputs.ts'
import { sanitize } from '../../util/text.ts'

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

/**
 * Reads a text file, plain or gzipped.
 * @throws {UsageError} if there is no such file
 * @throws {EpssError} if it cannot be unpacked
 */
export function readText(file: string): Text {
  if (!existsSync(file) || statSync(file).isDirectory()) throw new UsageError(`there is no file ${file}`)
  const bytes = readFileSync(readablePath(file))
  try {
    const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
    return { file, text, digest: createHash('sha256').update(bytes).digest('hex') }
  } catch (error) {
    throw new EpssError(`${file} cannot be unpacked: ${messageOf(error)}`, 'download it again: it may be incomplete')
  }
}

/** A row of a CSV file, with the place of its line. */
interface Row {
  readonly at: string
  readonly fields: ReadonlyMap<string, string>
}

/** Yields the rows below a header with at least the `needed` columns. Quotes are refused, because none is needed. */
function* rowsOf({ file, text }: Text, needed: readonly string[]): Generator<Row> {
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
 * Parses FIRST's daily file: `#model_version:v…,score_date:…`, then `cve,epss,percentile`.
 * @throws {EpssError} that names the line
 */
export function parseScores(text: Text): EpssScores {
  if (text.text !== '' && !text.text.endsWith('\n'))
    throw new EpssError(`${text.file} ends in the middle of a line`, 'download it again: it may be incomplete')
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
  return {
    model: /model_version:([^,\s]+)/.exec(comment)?.[1] ?? null,
    date: /score_date:(\d{4}-\d{2}-\d{2}[^,\s]*)/.exec(comment)?.[1] ?? null,
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
    const [name, file] = [row.fields.get('function'), row.fields.get('file')]
    if (!name && !file)
      throw new EpssError(`${row.at} has neither a function nor a file`, 'the columns are cve,function,file')
    if (name && file)
      throw new EpssError(`${row.at} has a function and a file`, 'keep the function: it is the more precise place')
    return { at: row.at, cve: cveOf(row), ...(name ? { function: name } : { file: file! }) }
  })
}

/** A line of `nm --line-numbers vmlinux`: address, type, name, and the file and line of the definition. */
const nmLine = /^[0-9a-f]+ [a-z] (\S+)\t([^\t]+):(?:\d+|\?)\s*$/i
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
    for (const [index, line] of lines.entries()) {
      const [, name, file] = nmLine.exec(line) ?? []
      if (name !== undefined) add(file!, name)
      else if (line.trim() !== '' && !nmLineWithoutFile.test(line))
        throw new EpssError(`${text.file}:${index + 1} is no line of nm: ${sanitize(line, 80)}`)
    }
    return functions
  }
  for (const { at, fields } of rowsOf(text, ['function', 'file'])) {
    const [name, file] = [fields.get('function')!, fields.get('file')!]
    if (name === '' || file === '') throw new EpssError(`${at} needs a function and a file`)
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
