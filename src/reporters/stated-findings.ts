import type { BenchData, FindingData } from '../core/model/suite.ts'
import type { Claim } from '../dsl/claim.ts'
import { compareFindingIds } from '../dsl/finding-id.ts'
import { describeSelector } from '../dsl/platform.ts'
import { pad, plural, sanitize, wrap } from '../util/text.ts'
import type { FindingsView } from './findings.ts'
import { formatMatcher } from './format.ts'
import { sourceText } from './headline/words.ts'

/** The findings as they are stated, without any run: the words, where they are, and how they became claims. */

const gates: Record<FindingData['failOn'], string> = {
  worse: 'fails a run if it is worse than stated',
  any: 'fails a run whichever way it moves',
  never: 'never fails a run',
}

/** Columns of the labels. */
const labels = 9

export function statedFindings(
  findings: readonly FindingData[],
  benches: readonly Pick<BenchData, 'id' | 'name' | 'metrics'>[],
  { width, ink }: FindingsView,
): string[] {
  const row = (label: string, text: string, paint = (line: string) => line) =>
    wrap(sanitize(text), width - labels - 4).map(
      (line, at) => `    ${ink.dim(pad(at === 0 ? label : '', labels))}${paint(line)}`,
    )
  const sorted = [...findings].sort((a, b) => compareFindingIds(a.id, b.id))
  return [
    ...sourcesOf(sorted).flatMap((text) => wrap(text, width).map(ink.strong)),
    '',
    ...sorted.flatMap((finding) => [
      ...wrap(`${finding.id}  ${sanitize(finding.title)}`, width - 4).map((line, at) =>
        ink.strong(at === 0 ? line : `    ${line}`),
      ),
      ...(finding.source ? row('source', sourceText(finding.source)) : []),
      ...finding.parts.flatMap(({ title, quote, margins, claims, unmeasurable }) => [
        ...row('part', title),
        ...(quote === undefined ? [] : row('words', `“${quote}”`, ink.dim)),
        ...(margins === undefined ? [] : row('margins', margins)),
        ...[...new Set(claims.map((claim) => claimText(claim, benches)))].flatMap((text, at) =>
          row(at === 0 ? 'claims' : '', text),
        ),
        ...(unmeasurable === undefined ? [] : row('open', `no bench measures it: ${unmeasurable}`)),
      ]),
      ...row('gate', gates[finding.failOn]),
      '',
    ]),
  ]
}

/** Each publication once, with its DOI, and how many findings are of it. */
function sourcesOf(findings: readonly FindingData[]): string[] {
  const counts = new Map<string, number>()
  for (const { source } of findings) {
    const address = source?.doi ? `https://doi.org/${source.doi}` : source?.url
    const text = source ? `of ${source.title}${address ? `, ${address}` : ''}` : 'of this project'
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return [...counts].map(([text, count]) => sanitize(`${plural(count, 'finding')} ${text}`))
}

/** `p90 of gvisor: worse than the median of native, docker by 2.4× (round trip)`. */
function claimText(
  { bench: id, metric, matcher, on, severity }: Claim,
  benches: readonly Pick<BenchData, 'id' | 'name' | 'metrics'>[],
): string {
  const bench = benches.find((one) => one.id === id)
  const asserted = formatMatcher(matcher, bench?.metrics[metric]?.unit ?? null).trim()
  const shown = severity === 'warn' ? ', only shown' : ''
  return `${metric} of ${describeSelector(on)}: ${asserted} (${bench?.name ?? id}${shown})`
}
