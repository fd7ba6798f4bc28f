import { describeParams } from '../core/model/plan.ts'
import type { Report } from '../core/model/report.ts'
import type { ClaimVerdict, FindingVerdict } from '../core/model/verdict.ts'
import { seriesOf } from '../dsl/finding-id.ts'
import { pad, plural, sanitize, wrap } from '../util/text.ts'
import { benchElsewhere, claimLocation, formatPlace } from './claim-place.ts'
import { escapeMarkdown as md } from './document.ts'
import { describeExit } from './exit-text.ts'
import {
  comparative,
  figure,
  formatAssertion,
  formatClaim,
  formatCombination,
  formatEstimateUnit,
  formatExtraRounds,
  formatFinding,
  formatFindingTitle,
  formatPlatforms,
  formatReason,
  interval,
} from './format.ts'
import { findingSentences } from './headline/finding-words.ts'
import { doReadingsDiffer, type FindingNote, findingNote, isSuspicious, saysSomething } from './headline/findings.ts'
import { sourceText } from './headline/words.ts'
import { markdownTable } from './markdown-table.ts'
import { formatPartOutcome, readingLines } from './parts.ts'
import {
  benchName,
  bySeries,
  count,
  failsWords,
  flagMeanings,
  outcomeName,
  shownPath,
  verdictSymbols,
} from './summary.ts'
import { type Colors, table, verdictColor } from './terminal/table.ts'

/** The findings as a table, as an explanation, and as Markdown. */

/** The claim that decides, or that represents the others. */
export const decisiveClaim = (report: Report, { decisiveClaim: index }: FindingVerdict): ClaimVerdict | undefined =>
  index === null ? undefined : report.claims[index]

/** `gvisor 0.823 ×native [0.817, 0.826], events`, or nothing if nothing was measured. */
export function formatDecisiveValue(verdict: ClaimVerdict | undefined): string {
  if (!verdict?.estimate) return ''
  const value = `${interval(verdict.estimate)} ${formatEstimateUnit(verdict)}`
  return sanitize(`${formatPlatforms(verdict)} ${value}, ${verdict.claim.metric}`)
}

/** Which way a finding moved away from what is stated: nothing if it has not. */
export const formatDirection = (report: Report, finding: FindingVerdict): string =>
  finding.outcome === 'contradicted'
    ? comparative(decisiveClaim(report, finding) ?? { unit: null, direction: finding.direction })
    : ''

/** What else there is to know of a finding, each with its label. */
export function notesOf(report: Report, finding: FindingVerdict): [string, string][] {
  const { outdatedPremise, misprint, offHardware, failOn, outcome, direction } = finding
  const notes: [string, string][] = []
  const decisive = decisiveClaim(report, finding)
  if (direction === 'better' && decisive && isSuspicious(report, decisive))
    notes.push(['suspect', flagMeanings['suspiciously-fast']])
  if (offHardware) {
    const moved = offHardware.direction ? `, ${offHardware.direction}` : ''
    const where = `on ${offHardware.cpuModes.join(' and ')} guests, which say nothing of hardware`
    const text = formatCombination(offHardware, report)
    notes.push(['apart', `${where}: ${outcomeName(offHardware.outcome)}${moved}; ${text}`])
  }
  if (outdatedPremise) notes.push(['premise', outdatedPremise])
  if (misprint) {
    const text = formatCombination(misprint, report)
    notes.push(['printed', `${misprint.why}; as printed: ${outcomeName(misprint.outcome)}: ${text}`])
  }
  if (failOn === 'never' && outcome === 'contradicted')
    notes.push(['gate', 'a ranking or a trade-off: shown, never fails a run'])
  return notes.map(([label, text]) => [label, sanitize(text, 600)])
}

/** `3 hold · 1 contradicted (1 better) · …; series 2026: 2 hold`. */
export const formatTally = (findings: readonly FindingVerdict[]): string =>
  bySeries(findings)
    .map(({ series, findings: own }) => (series === undefined ? '' : `series ${series}: `) + formatCounts(own))
    .join('; ')

function formatCounts(findings: readonly FindingVerdict[]): string {
  const counts = count(findings)
  const better = findings.filter(
    ({ outcome, direction }) => outcome === 'contradicted' && direction === 'better',
  ).length
  const qualitative = findings.filter((finding) => finding.qualitative !== null).length
  const parts: readonly [number, string][] = [
    [counts.holds, 'hold'],
    [counts['holds-in-part'], 'hold where measured'],
    [counts.contradicted, `contradicted${better > 0 ? ` (${better} better)` : ''}`],
    [counts.inconclusive, 'inconclusive'],
    [counts['not-evaluated'] - qualitative, 'not evaluated'],
    [qualitative, 'qualitative'],
  ]
  return parts.flatMap(([number, text]) => (number > 0 ? [`${number} ${text}`] : [])).join(' · ')
}

/** A round's figures as one line: `1: 12.1, 2: 11.9`. */
export const rounds = (samples: readonly { readonly round: number; readonly value: number }[]): string =>
  samples.map(({ round, value }) => `${round + 1}: ${figure(value)}`).join(', ')

/** One finding in words: its claims, their samples, and how they lead to the verdict. */

const gates: Record<FindingVerdict['failOn'], string> = {
  worse: 'fails a run if it is worse than stated; a better value passes as an improvement',
  any: 'fails a run whichever way it moved',
  never: 'a ranking, a trade-off or an argument: shown, never fails a run',
}

export function explain(report: Report, finding: FindingVerdict, { width, ink, root }: FindingsView): string[] {
  const labelled = (label: string, text: string, indent = 2): string[] =>
    wrap(text, width - indent - 10).map(
      (line, at) => `${' '.repeat(indent)}${ink.dim(pad(at === 0 ? label : '', 10))}${line}`,
    )
  const claims = (indices: readonly number[]) => indices.map((index) => report.claims[index]!)
  const claimLines = (verdict: ClaimVerdict): string[] => {
    const { claim, outcome, estimate } = verdict
    const params = describeParams(verdict.params)
    const subject = [
      benchName(verdict.bench) + (params && ` ${sanitize(params)}`),
      sanitize(formatPlatforms(verdict), 120),
      sanitize(claim.metric, 60),
      ...(claim.reading === undefined ? [] : [`read as ${sanitize(claim.reading, 120)}`]),
    ]
    const elsewhere = benchElsewhere(report, verdict, root)
    const place = formatPlace(claimLocation(verdict, root))
    const context = claim.severity === 'warn' ? ' (shown, does not count)' : ''
    const head = `${verdictSymbols[outcome]} ${outcomeName(outcome)}${context}: ${subject.join(' · ')}`
    return [
      ...wrap(head, width - 2).map((text, at) => `${at === 0 ? '  ' : '    '}${verdictColor(verdict, ink)(text)}`),
      ...labelled('claimed', sanitize(formatAssertion(verdict), 600), 4),
      ...(estimate
        ? labelled(
            'measured',
            `${interval(estimate)} ${sanitize(formatEstimateUnit(verdict))}, ` +
              (estimate.rounds > 0 ? plural(estimate.rounds, 'round') : 'without samples'),
            4,
          )
        : []),
      ...[...verdict.platforms, ...verdict.comparedWith]
        .flatMap((name) => {
          const samples = samplesOf(report, verdict, name)
          return samples ? [`${sanitize(name, 60)}  ${samples}`] : []
        })
        .flatMap((text, at) => labelled(at === 0 ? 'samples' : '', text, 4)),
      ...labelled('so', sanitize(reasoning(verdict), 600), 4),
      ...labelled('where', sanitize(elsewhere ? `${place} (${elsewhere})` : place), 4),
      '',
    ]
  }
  return [
    ...wrap(`Finding ${finding.id}: ${sanitize(formatFindingTitle(finding))}`, width).map(ink.strong),
    '',
    ...labelled(
      'verdict',
      `${verdictSymbols[finding.outcome]} ${outcomeName(finding.outcome)}` +
        `${finding.direction ? `, ${finding.direction}` : ''}: ${sanitize(formatFinding(finding, report), 600)}`,
    ),
    ...labelled('because', rule(finding)),
    ...labelled('gate', gates[finding.failOn]),
    ...notesOf(report, finding).flatMap(([label, text]) => (label === 'gate' ? [] : labelled(label, text))),
    '',
    ...finding.parts.flatMap((part) => [
      ...wrap(`${verdictSymbols[part.outcome]} ${sanitize(part.title)}: ${formatPartOutcome(report, part)}`, width).map(
        ink.strong,
      ),
      ...(part.quote === null ? [] : labelled('words', `“${sanitize(part.quote, 600)}”`)),
      ...(part.margins === null ? [] : labelled('margins', sanitize(part.margins, 600))),
      ...readingLines(report, part).flatMap((text, at) => labelled(at === 0 ? 'readings' : '', text)),
      ...(part.claims.length === 0 ? labelled('so', sanitize(formatCombination(part, report), 600)) : []),
      '',
      ...claims(part.claims).flatMap(claimLines),
    ]),
    ...(finding.misprint
      ? [
          ink.strong('As printed: judged beside it, decides nothing'),
          '',
          ...claims(finding.misprint.claims).flatMap(claimLines),
        ]
      : []),
  ]
}

/** The rule behind the outcome, as docs/explanation/findings.md states it. */
function rule(finding: FindingVerdict): string {
  const { outcome, qualitative } = finding
  if (qualitative) return 'it is an argument: its example is judged, but never makes it hold'
  if (doReadingsDiffer(finding)) return 'its words do not say which reading is meant, and some hold and others do not'
  switch (outcome) {
    case 'contradicted':
      return 'one comparison that is contradicted decides against its part, and so against the finding'
    case 'inconclusive':
      return 'nothing is contradicted, and one comparison is inconclusive'
    case 'not-evaluated':
      return 'not one comparison could be made'
    case 'holds-in-part':
      return 'nothing is contradicted or inconclusive, but some comparisons could not be made'
    case 'holds':
      return 'every comparison of every part was made, and holds'
  }
}

function reasoning(verdict: ClaimVerdict): string {
  const { outcome, direction, reason, estimate, extraRoundsNeeded, cpuMode } = verdict
  const away = direction === 'better' || verdict.unit === 'count' ? `is ${comparative(verdict)} than claimed` : 'hurts'
  const note = cpuMode ? ` It is of ${cpuMode} guests, and judged apart.` : ''
  const isUnbounded = estimate !== null && (estimate.low === null || estimate.high === null)
  const all = isUnbounded ? 'The value' : 'The whole interval'
  switch (outcome) {
    case 'holds':
      return `${all} lies where the claim is true.${note}`
    case 'contradicted':
      return `${all} lies where the claim is false, on the side that ${away}.${note}`
    case 'inconclusive': {
      const rounds = formatExtraRounds(extraRoundsNeeded)
      const more = rounds ? ` ${rounds[0]!.toUpperCase()}${rounds.slice(1)}.` : ''
      return `${reason ? formatReason(reason) : ''}.${more}${note}`
    }
    case 'not-evaluated':
      return `${formatClaim(verdict)}.`
  }
}

/** The values of one platform, round by round, in the metric's unit; undefined where it has none. */
function samplesOf(report: Report, { case: id, claim }: ClaimVerdict, platform: string): string | undefined {
  const benchCase = report.cases.find((one) => one.case === id)
  const result = benchCase?.results.find((one) => one.platform === platform)?.metrics[claim.metric]
  return result && result.samples.length > 0 ? `${rounds(result.samples)} ${sanitize(result.unit)}` : undefined
}

/** The table of findings for a README: what is decided, and what is not beneath it, to be opened. */

const numberColumn = { title: '#', align: 'right' } as const

/** How a report was made, without what an import leaves unknown. */
function madeBy({ profile, environment: { isobench, startedAt, cpu, virtualization } }: Report): string {
  const parts = [
    profile.name === 'imported' ? isobench : `Profile ${profile.name}`,
    ...(profile.rounds > 0 ? [plural(profile.rounds, 'round')] : []),
    ...(startedAt ? [startedAt.slice(0, 10)] : []),
    cpu.model,
    ...(cpu.count > 0 ? [plural(cpu.count, 'CPU')] : []),
    ...(virtualization ? [`itself a guest (${virtualization})`] : []),
  ]
  return `${parts.join(', ')}.`
}

export function findingsMarkdown(report: Report): string {
  const groups = bySeries(report.findings).flatMap(({ series, title, findings }) => [
    ...(series === undefined ? [] : [`**${title}**`, '']),
    ...groupMarkdown(report, findings),
  ])
  return [md(madeBy(report)), '', ...groups].join('\n')
}

function groupMarkdown(report: Report, findings: readonly FindingVerdict[]): string[] {
  const isPaper = findings.some(({ id, source }) => source && seriesOf(id) === undefined)
  const said = isPaper ? 'the paper says' : 'statement'
  const decided = findings.filter(({ outcome }) => outcome !== 'not-evaluated')
  const others = findings.filter(({ outcome }) => outcome === 'not-evaluated')
  return [
    ...markdownTable(
      [numberColumn, said, 'verdict', 'measured here, with its 90 % interval', 'moved'],
      decided.map((finding) => [
        ...statement(finding),
        md(measured(report, finding)),
        formatDirection(report, finding),
      ]),
    ),
    '',
    `${formatTally(findings)}.`,
    '',
    ...(others.length === 0
      ? []
      : [
          `<details><summary>${plural(others.length, 'finding')} that are not decided here, ` +
            'and what is missing</summary>',
          '',
          ...markdownTable(
            [numberColumn, said, 'verdict', 'why'],
            others.map((finding) => [...statement(finding), md(measured(report, finding))]),
          ),
          '',
          '</details>',
          '',
        ]),
  ]
}

const outcomeWord = ({ outcome, qualitative }: FindingVerdict): string =>
  qualitative ? 'qualitative' : outcomeName(outcome)

const statement = (finding: FindingVerdict): string[] => [
  String(finding.id),
  md(formatFindingTitle(finding)),
  `${verdictSymbols[finding.outcome]} ${outcomeWord(finding)}`,
]

/** The decisive value if one contradicts or leaves in doubt; otherwise the reason; then the notes. */
function measured(report: Report, finding: FindingVerdict): string {
  const { outcome } = finding
  const hasValue = (outcome === 'contradicted' || outcome === 'inconclusive') && !doReadingsDiffer(finding)
  const decisive = hasValue ? formatDecisiveValue(decisiveClaim(report, finding)) : ''
  return [
    decisive || formatFinding(finding, report),
    ...notesOf(report, finding).map(([label, note]) => `${label}: ${note}`),
  ].join('; ')
}

/** Findings in a few lines each: what is stated, what was measured, and which way it moved. */

export interface FindingsView {
  readonly width: number
  readonly ink: Colors
  readonly root: string
}

const labels = 9

/**
 * The findings that say something of this run: they moved, or are in doubt. What moved comes first.
 * @param all also those that hold or cannot be judged, by number
 * @param command the command that prints this table
 */
export function findingsTable(
  report: Report,
  { width, ink, root }: FindingsView,
  { all, command }: { readonly all: boolean; readonly command: string },
): string[] {
  const notes = report.findings.map((finding) => findingNote(report, finding))
  const speaking = noteOrder.flatMap((kind) => notes.filter((note) => note.kind === kind))
  const shown = all ? notes : speaking
  const rows = shown.map((note) => findingRow(report, note, ink))
  const columns = [
    { title: '#', align: 'right' as const },
    { title: 'verdict', keep: true as const },
    { title: 'measured, with its 90 % interval', least: 20 },
    { title: 'moved' },
  ]
  const [head, ...lines] = table(columns, rows, width, ink)
  const rest = notes.length - shown.length
  return [
    ...wrap(headline(report, root), width).map((line) => ink.strong(line)),
    '',
    ...(shown.length > 0 ? [head!] : []),
    ...shown.flatMap((note, at) => [lines[at]!, ...beneath(report, note, width, ink), '']),
    ...wrap(formatTally(report.findings), width).map((line) => ink.strong(line)),
    ...(rest > 0 ? wrap(`${plural(rest, 'finding')} not shown here: ${command} --all`, width).map(ink.dim) : []),
    ...wrap(sanitize(`exit code ${report.exit.code}: ${describeExit(report)}`), width),
  ]
}

/** Findings that say something, in this order. */
const noteOrder = ['lost', 'improved', 'doubtful'] as const

/** Which run, how much of it, and on what. */
function headline({ record, profile, environment }: Report, root: string): string {
  const where = environment.virtualization ? `, itself a guest (${environment.virtualization})` : ''
  if (profile.name === 'imported') {
    return sanitize(`${shownPath(record, root)}: ${environment.isobench}, ${environment.cpu.model}`, 600)
  }
  const profiled = `profile ${profile.name}, ${plural(profile.rounds, 'round')} of ${profile.seconds} s`
  const when = environment.startedAt.slice(0, 16).replace('T', ' ')
  return sanitize(`${shownPath(record, root)}: ${profiled}, ${when}, ${environment.cpu.model}${where}`, 600)
}

function findingRow(report: Report, { findings: [finding], worst }: FindingNote, ink: Colors) {
  const paint = verdictColor(finding!, ink)
  return [
    { text: String(finding!.id), paint },
    { text: `${verdictSymbols[finding!.outcome]} ${outcomeWord(finding!)}`, paint },
    { text: formatDecisiveValue(worst ?? undefined) },
    { text: formatDirection(report, finding!), paint },
  ]
}

function beneath(report: Report, note: FindingNote, width: number, ink: Colors): string[] {
  const finding = note.findings[0]!
  const fails = finding.failsRun ? `${failsWords(report)}: ` : ''
  const isListed = finding.parts.length > 1
  const sentences = saysSomething(note) ? findingSentences(note) : [formatFinding(finding, report)]
  const rows: [label: string, text: string, indent?: number][] = [
    ['stated', sanitize(formatFindingTitle(finding))],
    ...(finding.source ? [['source', sanitize(sourceText(finding.source))] as [string, string]] : []),
    ...sentences.map((text, at): [string, string] => [
      at === 0 ? 'here' : '',
      (at === 0 ? fails : '') + sanitize(text, 600),
    ]),
    ...finding.parts.flatMap((part, at): [string, string, number?][] => {
      const readings = readingLines(report, part)
      if (!isListed) return readings.map((text, line) => [line === 0 ? 'readings' : '', text])
      const title = `${verdictSymbols[part.outcome]} ${sanitize(part.title)}: ${formatPartOutcome(report, part)}`
      return [[at === 0 ? 'parts' : '', title], ...readings.map((text): [string, string, number] => ['', text, 2])]
    }),
    ...notesOf(report, finding),
  ]
  return rows.flatMap(([label, text, indent = 0]) =>
    wrap(text, width - labels - 5 - indent).map((line, at) => {
      const shown = ' '.repeat(indent) + line
      return `     ${ink.dim(pad(at === 0 ? label : '', labels))}${label === 'stated' ? ink.dim(shown) : shown}`
    }),
  )
}
