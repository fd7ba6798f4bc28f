import type { BenchInfo } from '../core/model/claim.ts'
import type { CaseResult, SampleError } from '../core/model/report.ts'
import type { Location } from '../dsl/errors.ts'
import { plural } from '../util/text.ts'
import { inProject } from './summary.ts'

/** Where the code of failed samples is. */

/** Failed samples of one bench. */
export interface Failures {
  readonly bench: Pick<BenchInfo, 'name' | 'file'>
  /** Where the bench is written. */
  readonly location?: Location
  readonly errors: readonly SampleError[]
}

/** The most places that a text names. */
const mostPlaces = 3

/** Where the first sample failed. If its error has no place: where the bench is. Without a line if that is unknown. */
export function failurePosition({ errors: [first], bench, location }: Failures, root: string) {
  const known = first?.location ?? location
  return known ? { file: inProject(known.file, root), line: known.line } : { file: bench.file }
}

/** `at benches/a.bench.ts:7`, or `bench at benches/a.bench.ts:3` if the first error has no place. */
export function failurePlaces(failures: Failures, root: string): string {
  const text = ({ file, line }: Location) => `${inProject(file, root)}:${line}`
  const { file, line } = failurePosition(failures, root)
  const first = line === undefined ? file : `${file}:${line}`
  const all = failures.errors.flatMap((error) => (error.location ? text(error.location) : []))
  const others = [...new Set(all)].filter((place) => place !== first)
  const named = others.slice(0, mostPlaces).join(', ')
  const more = others.length > mostPlaces ? ` and ${others.length - mostPlaces} more` : ''
  return `${failures.errors[0]?.location ? 'at' : 'bench at'} ${first}${named && `; others at ${named}${more}`}`
}

/** Why the platforms have no values in one case, or fewer: they do not support the work, or samples failed. */
export const missingValues = ({ results, ...bench }: CaseResult, root: string): string[] =>
  results.flatMap(({ platform, errors, unsupported }) => [
    ...(unsupported === undefined ? [] : [`${platform}: not supported: ${unsupported}`]),
    ...(errors[0] ? [`${platform}: ${failedText({ ...bench, errors }, root)}`] : []),
  ])

/** `8 samples failed, the first: no such device (at benches/a.bench.ts:7)`. */
export const failedText = (failures: Failures, root: string): string =>
  `${plural(failures.errors.length, 'sample')} failed, the first: ${failures.errors[0]?.message} ` +
  `(${failurePlaces(failures, root)})`

/** The same for several platforms: `8 samples failed: boot · runc · at benches/a.bench.ts:7: no such device`. */
export function failedOn(failures: Failures, platforms: readonly string[], root: string): string {
  const where = platforms.length > 2 ? plural(platforms.length, 'platform') : platforms.join(', ')
  const subject = [failures.bench.name, where, failurePlaces(failures, root)].join(' · ')
  return `${plural(failures.errors.length, 'sample')} failed: ${subject}: ${failures.errors[0]?.message}`
}
