/** How exploitable what a profile reaches is: EPSS scores of CVEs, by the functions that they are in. Pure. */
import type { TraceSource } from '../../dsl/traced.ts'
import type { CallCounts } from '../../guest/trace/profile.ts'
import type { WeightsSource } from './source.ts'

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
 * The weight of each function: 1 − ∏(1 − epss) over the CVEs in it, the probability that at least one of them is exploited
 * if they were independent. `filesOf`: functions by source file, for CVEs that are placed by file.
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

/** The sum of the weights of a profile's distinct names, and how many of them have data. A system call is its function. */
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
