import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as z from 'zod'
import type { TraceSource } from '../../dsl/traced.ts'
import type { CallCounts } from '../../tracing/call-counts.ts'
import { IsobenchError, messageOf, UsageError } from '../../util/errors.ts'
import { writeFileAtomic } from '../../util/files.ts'
import { sanitize } from '../../util/text.ts'
import type { Plan } from '../model/plan.ts'
import { type WeightsSource, weightsSourceSchema } from '../model/plan-schema.ts'

/** The CSV files that weights are made of. None of them needs quotes, and a quote is refused rather than misread. */

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
          `${at}: the header has no column "${lacking}": ${sanitize(line, 80)}`,
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
  if (!cveName.test(cve)) throw new WeightsError(`${at}: "${sanitize(cve, 40)}" is no CVE`, 'write it as CVE-2024-1086')
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
      throw new WeightsError(`${at}: "${sanitize(row.get('epss')!, 40)}" is no probability`)
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

/** The weights that a project has imported: `.isobench/weights.json`, made of files that isobench does not ship. */

const schema = z.object({
  version: z.literal(1),
  source: weightsSourceSchema,
  weights: z.record(z.string(), z.number().min(0).max(1)),
})

const fileOf = (root: string) => join(root, '.isobench', 'weights.json')

/** Keeps the weights in the place of former ones, and returns where. */
export function saveWeights(root: string, { source, byFunction }: Weights): string {
  const file = fileOf(root)
  const weights = Object.fromEntries([...byFunction].sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileAtomic(file, `${JSON.stringify({ version: 1, source, weights })}\n`)
  return file
}

/** The project's weights, or undefined when none were imported. @throws WeightsError when the file cannot be used. */
export function readWeights(root: string): Weights | undefined {
  const file = fileOf(root)
  if (!existsSync(file)) return undefined
  try {
    const { source, weights } = schema.parse(JSON.parse(readFileSync(file, 'utf8')))
    return { source, byFunction: new Map(Object.entries(weights)) }
  } catch {
    throw new WeightsError(`${file} is damaged`, 'remove it, or create it again: isobench epss import')
  }
}

/** The project's weights if a bench of the plan is traced, which alone uses them. */
export const weightsForPlan = ({ benches }: Pick<Plan, 'benches'>, root: string): Weights | undefined =>
  benches.some(({ workload }) => workload.traced) ? readWeights(root) : undefined

/** How exploitable what a profile reaches is: EPSS scores of CVEs, by the functions that they are in. Pure. */

export interface Weights {
  readonly source: WeightsSource
  /** By the function's name as `canonical` gives it, from 0 to 1. */
  readonly byFunction: ReadonlyMap<string, number>
}

/** A CVE and where in the kernel it is: a function, or a whole source file. */
export interface CveLocation {
  readonly cve: string
  readonly function?: string
  readonly file?: string
}

/** The name that a system call's function has in the sources, whatever the architecture's wrapper is called. */
export const canonicalFunctionName = (name: string): string =>
  name.replace(/^__(?:x64|ia32|arm64|s390x|riscv|do|se)_(?=(?:compat_)?sys_)/, '').replace(/\..*$/, '')

/**
 * The weight of each function: 1 − ∏(1 − epss) over the CVEs in it, the probability that at least one of them is
 * exploited if they were independent. `filesOf`: functions by source file, for CVEs that are placed by file.
 */
export function functionWeights(
  scores: ReadonlyMap<string, number>,
  locations: readonly CveLocation[],
  filesOf: ReadonlyMap<string, readonly string[]>,
): Map<string, number> {
  const cves = new Map<string, Set<string>>()
  for (const { cve, function: name, file } of locations) {
    if (!scores.has(cve)) continue
    const names = name === undefined ? (filesOf.get(file ?? '') ?? []) : [name]
    for (const one of names.map(canonicalFunctionName)) cves.set(one, (cves.get(one) ?? new Set()).add(cve))
  }
  const safe = (of: ReadonlySet<string>) => [...of].reduce((product, cve) => product * (1 - scores.get(cve)!), 1)
  return new Map([...cves].map(([name, of]) => [name, 1 - safe(of)]))
}

/**
 * The sum of the weights of a profile's distinct names, and how many of them have data. A system call is its function.
 */
export function weightedScore(
  calls: CallCounts,
  { source, byFunction }: Weights,
  by: TraceSource,
): { score: number; known: number; total: number } {
  const names = Object.keys(calls).map((name) => (by === 'syscalls' ? `sys_${name}` : canonicalFunctionName(name)))
  const known = names.flatMap((name) => byFunction.get(name) ?? [])
  const unknown = names.length - known.length
  const score = known.reduce((sum, weight) => sum + weight, 0) + unknown * source.fallback
  return { score, known: known.length, total: names.length }
}
