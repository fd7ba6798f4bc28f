import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { closestMatch } from '../../util/closest-match.ts'
import { UsageError } from '../../util/errors.ts'
import { isRegularFile, isThere, writeFileAtomic } from '../../util/files.ts'
import { readablePath } from '../../util/inputs.ts'
import { isStream } from '../../util/outputs.ts'
import type { Report } from '../model/report.ts'
import { type Comparison, isFailing } from './compare.ts'
import { RecordError, readRecord } from './record-file.ts'

/** Files of baselines: copies of run records under a name. */

const folderOf = (root: string) => join(root, '.isobench', 'baselines')

/** The most characters of a baseline's name. */
const longestName = 100

/** @throws {UsageError} for a name that could be a path or an option, or that is too long */
function checkBaselineName(name: string): string {
  if (!/^\w[\w.+-]*$/.test(name))
    throw new UsageError(
      `"${name}" cannot name a baseline`,
      'use letters, digits, ".", "_", "+" and "-", starting with a letter or digit',
    )
  if (name.length <= longestName) return name
  throw new UsageError(
    `"${name.slice(0, 20)}…" cannot name a baseline: it has ${name.length} characters`,
    `use at most ${longestName} characters`,
  )
}

/**
 * The path of a baseline that need not exist.
 * @throws {UsageError} for a wrong name
 */
export const baselinePath = (root: string, name: string): string =>
  join(folderOf(root), `${checkBaselineName(name)}.jsonl`)

/** Why a run does not become a baseline. */
export type NotSaved = 'interrupted' | 'problems' | 'failed' | 'regressed' | 'overloaded' | 'blind' | 'unclear'

/** Why a run is not saved, as the end of a sentence. */
export const notSavedReasons: Record<NotSaved, string> = {
  interrupted: 'the run was interrupted',
  problems: 'some benches or files could not be used',
  failed: 'all samples failed, so a later run would have nothing to compare with',
  regressed: 'the run regressed against its baseline, and a later run would be compared with it',
  overloaded: 'other processes had most of the CPUs, so a regression could be hidden, in this run and in later ones',
  blind: 'no regression against its baseline could have been found',
  unclear: 'a result may have regressed against its baseline, and a later run would be compared with it',
}

/**
 * Why a run must not become a baseline, or undefined. A later run would otherwise be compared with one that regressed,
 * that lacks results, or that may have regressed, and pass. If other processes had most of the CPUs, no later run could
 * show a regression against it.
 */
export function whyNotSaved(
  { status, problems, cases }: Pick<Report, 'status' | 'problems' | 'cases'>,
  comparison: Comparison | undefined,
): NotSaved | undefined {
  if (status === 'interrupted' || status === 'killed') return 'interrupted'
  if (problems.length > 0) return 'problems'
  const samples = cases.flatMap(({ results }) => results.flatMap((result) => result.samples))
  if (samples.length > 0 && samples.every(({ warmup, error }) => warmup || error !== undefined)) return 'failed'
  if (!comparison) return undefined
  if (isFailing(comparison)) return 'regressed'
  const own = comparison.rows.filter(({ failsRun }) => failsRun)
  if (own.some(({ overloaded }) => overloaded === 'current')) return 'overloaded'
  if (!comparison.canTell) return 'blind'
  return own.some(({ change, looksWorse }) => change === 'unclear' && looksWorse) ? 'unclear' : undefined
}

/**
 * Keeps a copy of a record under a name; one of that name is replaced, whole or not at all.
 * @throws {RecordError} if the record cannot be read, or has damaged lines. The former baseline stays.
 */
export function saveBaseline(root: string, name: string, record: string): string {
  const file = baselinePath(root, name)
  readRecord(record, ({ number, why }) => {
    throw new RecordError(`${record}:${number} ${why}`, 'measure again: a damaged record is no baseline')
  })
  writeFileAtomic(file, readFileSync(readablePath(record)))
  return file
}

export function baselineNames(root: string): string[] {
  const folder = folderOf(root)
  if (!isThere(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl') && isRegularFile(join(folder, name)))
    .map((name) => name.slice(0, -'.jsonl'.length))
    .sort()
}

/** Returns whether there is a baseline of this name. */
export const hasBaseline = (root: string, name: string): boolean => isRegularFile(baselinePath(root, name))

/**
 * The file of a baseline.
 * @throws UsageError when there is none of that name.
 */
export function baselineFile(root: string, name: string): string {
  const file = baselinePath(root, name)
  if (isRegularFile(file)) return file
  const known = baselineNames(root)
  const close = closestMatch(name, known)
  const fix = close ? `did you mean "${close}"?` : known.length > 0 ? `there are: ${known.join(', ')}` : undefined
  throw new UsageError(`there is no baseline "${name}"`, fix ?? `keep one with: isobench run --save-baseline ${name}`)
}

/** A record or an import by its path, or a record by the name of a baseline. */
export function recordFile(root: string, cwd: string, given: string): string {
  const path = resolve(cwd, given)
  if (isThere(path) && (/\.jsonl?$/.test(path) || isStream(path))) return path
  if (/[\\/]|\.jsonl?$/.test(given))
    throw new UsageError(`there is no run record at ${given}`, 'records are in .isobench/runs')
  return baselineFile(root, given)
}
