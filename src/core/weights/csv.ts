/** The CSV files that weights are made of. None of them needs quotes, and a quote is refused rather than misread. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { IsobenchError, messageOf, sanitizeLine, UsageError } from '../../errors.ts'
import type { CveLocation } from './weigh.ts'

/** A file of scores or of places is not what it should be. */
export class WeightsError extends IsobenchError {
  readonly code = 'ISOBENCH_WEIGHTS'
}

export interface Text {
  readonly file: string
  readonly text: string
  /** SHA-256 of the file as it is. */
  readonly digest: string
}

/** A text file, plain or gzipped, with its digest. */
export function readText(file: string): Text {
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`)
  const bytes = readFileSync(file)
  try {
    const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
    return { file, text, digest: createHash('sha256').update(bytes).digest('hex') }
  } catch (error) {
    throw new WeightsError(`${file} cannot be unpacked: ${messageOf(error)}`, 'fetch it again: it may be cut short')
  }
}

/** The rows below a header that has at least the `needed` columns, each with its line's number. */
function* rowsOf({ file, text }: Text, needed: readonly string[]): Generator<{ at: string; row: Map<string, string> }> {
  let header: string[] | undefined
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const at = `${file}:${index + 1}`
    if (line.includes('"')) throw new WeightsError(`${at} has a quote`, 'write plain values between commas')
    const fields = line.split(',').map((field) => field.trim())
    if (!header) {
      header = fields.map((field) => field.toLowerCase())
      const lacking = needed.find((name) => !header!.includes(name))
      if (lacking)
        throw new WeightsError(
          `${at}: the header has no column "${lacking}": ${sanitizeLine(line, 80)}`,
          `it has to begin with a line such as: ${needed.join(',')}`,
        )
      continue
    }
    if (fields.length !== header.length)
      throw new WeightsError(`${at} has ${fields.length} fields, and the header ${header.length}`)
    yield { at, row: new Map(header.map((name, column) => [name, fields[column]!])) }
  }
  if (!header) throw new WeightsError(`${file} is empty`)
}

const cveName = /^CVE-\d{4}-\d{4,}$/

function cveOf(row: Map<string, string>, at: string): string {
  const cve = row.get('cve')!.toUpperCase()
  if (!cveName.test(cve))
    throw new WeightsError(`${at}: "${sanitizeLine(cve, 40)}" is no CVE`, 'write it as CVE-2024-1086')
  return cve
}

export interface EpssScores {
  readonly model: string | null
  readonly date: string | null
  readonly byCve: ReadonlyMap<string, number>
}

/**
 * FIRST's daily EPSS file: `#model_version:v…,score_date:…`, then `cve,epss,percentile`.
 * @throws WeightsError that names the line.
 */
export function parseScores(text: Text): EpssScores {
  const byCve = new Map<string, number>()
  for (const { at, row } of rowsOf(text, ['cve', 'epss'])) {
    const score = Number(row.get('epss') || Number.NaN)
    if (!(score >= 0 && score <= 1))
      throw new WeightsError(`${at}: "${sanitizeLine(row.get('epss')!, 40)}" is no probability`)
    byCve.set(cveOf(row, at), score)
  }
  const comment = /^#.*$/m.exec(text.text)?.[0] ?? ''
  return {
    model: /model_version:([^,\s]+)/.exec(comment)?.[1] ?? null,
    date: /score_date:([^,\s]+)/.exec(comment)?.[1] ?? null,
    byCve,
  }
}

/** Where CVEs are: a `cve` column, and a `function` or a `file` column, or both with one of them filled in each row. */
export function parseCveLocations(text: Text): CveLocation[] {
  const places: CveLocation[] = []
  for (const { at, row } of rowsOf(text, ['cve'])) {
    const [name, file] = [row.get('function'), row.get('file')]
    if (!name && !file)
      throw new WeightsError(`${at} names neither a function nor a file`, 'the columns are cve,function,file')
    places.push({ cve: cveOf(row, at), ...(name ? { function: name } : { file: file! }) })
  }
  return places
}

/** Functions by the source file that they are in: columns `function,file`. */
export function parseSources(text: Text): Map<string, string[]> {
  const functions = new Map<string, string[]>()
  for (const { row } of rowsOf(text, ['function', 'file'])) {
    const file = row.get('file')!
    functions.set(file, [...(functions.get(file) ?? []), row.get('function')!])
  }
  return functions
}
