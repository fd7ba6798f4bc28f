import type { Report } from '../core/model/report.ts'
import type { ClaimVerdict } from '../core/model/verdict.ts'
import type { Location } from '../dsl/errors.ts'
import { inProject, type UniqueClaim } from './summary.ts'

/** Where claims are written, and where the benches that they are about are. Benches may share a claim. */

/** A place in a source file, relative to the project. Without a line if that is unknown. */
export interface Place {
  readonly file: string
  readonly line?: number
}

/** What a place needs of a report. */
type Cases = Pick<Report, 'cases'>

/** Where a claim is written. */
export function claimLocation({ claim, bench }: Pick<ClaimVerdict, 'claim' | 'bench'>, root: string): Place {
  return claim.location ? placeOf(claim.location, root) : { file: bench.file }
}

const placeOf = ({ file, line }: Location, root: string): Place => ({ file: inProject(file, root), line })

/** `benches/a.bench.ts:7`, or the file alone. */
export const formatPlace = ({ file, line }: Place): string => (line === undefined ? file : `${file}:${line}`)

const indexed = new WeakMap<Report['cases'], ReadonlyMap<string, Location>>()

/** Where the benches of a report are, by id. Indexed once, because reporters ask for every claim. */
function benchLocations({ cases }: Cases): ReadonlyMap<string, Location> {
  const known = indexed.get(cases)
  if (known) return known
  const index = new Map(cases.flatMap(({ bench, location }) => (location ? [[bench.id, location] as const] : [])))
  indexed.set(cases, index)
  return index
}

/** Where a bench is. */
export function benchPlace(report: Cases, { id, file }: ClaimVerdict['bench'], root: string): Place {
  const location = benchLocations(report).get(id)
  return location ? placeOf(location, root) : { file }
}

/** Whether a claim is written within its bench: after its first line, and before that of the next bench of the file. */
function isWithin(report: Cases, claim: Location, bench: Location, root: string): boolean {
  // An import or another checkout may name the same file in another way.
  const isSameFile = ({ file }: Location) => inProject(file, root) === inProject(bench.file, root)
  if (!isSameFile(claim) || claim.line < bench.line) return false
  return [...benchLocations(report).values()].every(
    (other) => other.line <= bench.line || other.line > claim.line || !isSameFile(other),
  )
}

/** `bench at benches/a.bench.ts:8` for a claim that is written elsewhere; undefined within the bench, or if unknown. */
export function benchElsewhere(
  report: Cases,
  { claim, bench }: Pick<ClaimVerdict, 'claim' | 'bench'>,
  root: string,
): string | undefined {
  const location = benchLocations(report).get(bench.id)
  if (!location || !claim.location || isWithin(report, claim.location, location, root)) return undefined
  return `bench at ${formatPlace(placeOf(location, root))}`
}

/** `benches/a.bench.ts:9 (finding 2, the bench)`, or `lib/limits.ts:3 (bench at benches/a.bench.ts:8)`. */
export function claimSource(report: Cases, { verdict, findings, isOwn }: UniqueClaim, root: string): string {
  const elsewhere = benchElsewhere(report, verdict, root)
  const sources = [...findings.map((id) => `finding ${id}`), ...(elsewhere ? [elsewhere] : isOwn ? ['the bench'] : [])]
  return `${formatPlace(claimLocation(verdict, root))} (${sources.join(', ')})`
}
