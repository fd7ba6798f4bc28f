import { type CasesToMeasure, casesOf } from '../model/plan.ts'
import type { Report } from '../model/report.ts'
import type { BenchData } from '../model/suite.ts'

/** Filters are views: they choose what is shown and what is measured next, and they discard nothing. Pure functions. */

/** Regular expressions or parts of the names of platforms and benches. An empty string matches all. */
export interface NameFilter {
  readonly platform: string
  readonly bench: string
}

export const noFilter: NameFilter = { platform: '', bench: '' }

/** Whether a name contains the text, or matches it as a regular expression. Ignores case. */
export function matchesName(pattern: string, name: string): boolean {
  if (name.toLowerCase().includes(pattern.toLowerCase())) return true
  try {
    return new RegExp(pattern, 'i').test(name)
  } catch {
    // Names such as "c++" are no regular expressions.
    return false
  }
}

/** The platforms that a filter selects of some, with native for the ratios. Empty if the filter selects none. */
function selectPlatforms(names: Iterable<string>, pattern: string): Set<string> {
  const all = [...names]
  const found = all.filter((name) => matchesName(pattern, name))
  return new Set(all.filter((name) => found.includes(name) || (name === 'native' && found.length > 0)))
}

/** The cases and platforms that the filter selects. */
export function selectCases(cases: CasesToMeasure, only: NameFilter, benches: readonly BenchData[]): CasesToMeasure {
  const matching = benches.filter(({ name }) => matchesName(only.bench, name))
  const ids = new Set(matching.flatMap(casesOf).map(({ id }) => id))
  const selected = [...cases]
    .filter(([id]) => ids.has(id))
    .map(([id, platforms]) => [id, selectPlatforms(platforms, only.platform)] as const)
  return new Map(selected.filter(([, platforms]) => platforms.size > 0))
}

/** What a filter selects of a report. The verdicts are those of the whole report. */
export interface ReportView {
  readonly cases: Report['cases']
  readonly claims: Report['claims']
  /** The findings with a claim in view. Their indices are those of the whole report. */
  readonly findings: Report['findings']
}

export function filterReport(report: Report, only: NameFilter): ReportView {
  if (only.platform === '' && only.bench === '') return report
  const platforms = selectPlatforms(
    report.platforms.map(({ name }) => name),
    only.platform,
  )
  const cases = report.cases
    .filter(({ bench }) => matchesName(only.bench, bench.name))
    .map((one) => ({ ...one, results: one.results.filter(({ platform }) => platforms.has(platform)) }))
    .filter(({ results }) => results.length > 0)
  const isShown = ({ bench, platforms: about }: Report['claims'][number]) =>
    matchesName(only.bench, bench.name) &&
    (only.platform === '' || about.some((name) => matchesName(only.platform, name)))
  const shown = new Set(report.claims.filter(isShown))
  return {
    cases,
    claims: [...shown],
    findings: report.findings.filter(({ claims }) => claims.some((index) => shown.has(report.claims[index]!))),
  }
}

/** A filter that selects nothing, and the names that it could select. */
export interface EmptyFilter {
  readonly what: 'bench' | 'platform'
  readonly pattern: string
  readonly names: readonly string[]
}

/** Why a filter selects nothing; undefined if it selects something. */
export function emptyFilter(
  only: NameFilter,
  all: { readonly benches: readonly string[]; readonly platforms: readonly string[] },
): EmptyFilter | undefined {
  for (const [what, names] of [
    ['bench', all.benches],
    ['platform', all.platforms],
  ] as const) {
    const pattern = only[what]
    if (pattern !== '' && !names.some((name) => matchesName(pattern, name)))
      return { what, pattern, names: [...new Set(names)] }
  }
  return undefined
}
