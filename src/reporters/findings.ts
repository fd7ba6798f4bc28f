import { describeParams } from '../core/model/plan.ts'
import type { Report } from '../core/model/report.ts'
import type { ClaimVerdict, FindingVerdict } from '../core/model/verdict.ts'
import { pad, plural, sanitize, wrap } from '../util/text.ts'
import { escapeMarkdown as md } from './document.ts'
import { figure, interval, reasonText } from './format.ts'
import { benchName, claimLocation, exitMeaning, flagMeanings, shownPath, verdictSymbols } from './summary.ts'
import { type Colors, table, verdictColor } from './terminal/table.ts'

/** What is told of a finding, found once for the table, the explanation and Markdown. */

/** The claim that the verdict rests on, or stands for the others. */
export const decisiveClaim = (report: Report, { decisiveClaim: decisive }: FindingVerdict): ClaimVerdict | undefined =>
  decisive === null ? undefined : report.claims[decisive]

/** `gvisor 0.823 ×native [0.817, 0.826], events`, or nothing where nothing was measured. */
export function formatDecisiveValue(claim: ClaimVerdict | undefined): string {
  if (!claim?.measured) return ''
  return sanitize(`${claim.platform} ${interval(claim.measured)} ${claim.of}, ${claim.metric}`)
}

/** Which way a finding moved away from what is stated: nothing where it has not. */
export const formatDirection = ({ verdict, direction }: FindingVerdict): string =>
  verdict === 'contradicted' ? (direction === 'better' ? 'better' : 'worse') : ''

/** Whether a claim's figure is of a cell that is flagged: what is that much better than native is more often a cache. */
const isSuspect = (report: Report, claim: ClaimVerdict | undefined): boolean =>
  report.cases
    .filter(({ id, params }) => id === claim?.bench && describeParams(params) === describeParams(claim.params))
    .some(({ results: cells }) =>
      cells.some(({ platform, flags }) => platform === claim?.platform && flags.includes('suspiciously-fast')),
    )

/** What else there is to know of a finding, each with its label. */
export function notesOf(report: Report, finding: FindingVerdict): [string, string][] {
  const {
    outdatedPremise: premise,
    misprint: asPrinted,
    offHardware: apart,
    failOn: gate,
    verdict,
    direction,
  } = finding
  const notes: [string, string][] = []
  if (direction === 'better' && isSuspect(report, decisiveClaim(report, finding)))
    notes.push(['suspect', flagMeanings['suspiciously-fast']])
  if (apart) {
    const moved = apart.direction ? `, ${apart.direction}` : ''
    notes.push([
      'apart',
      `on ${apart.cpuModes.join(' and ')} guests, which say nothing of hardware: ${apart.verdict}${moved}; ${apart.text}`,
    ])
  }
  if (premise) notes.push(['premise', premise])
  if (asPrinted) notes.push(['printed', `${asPrinted.why}; as printed: ${asPrinted.verdict}: ${asPrinted.text}`])
  if (gate === 'never' && verdict === 'contradicted')
    notes.push(['gate', 'a ranking or a trade-off: shown, never fails a run'])
  return notes.map(([label, text]) => [label, sanitize(text, 600)])
}

/** `28 findings: 3 hold · 1 contradicted (1 better) · …`. */
export function formatTally(findings: readonly FindingVerdict[]): string {
  const of = (verdict: FindingVerdict['verdict']) => findings.filter((one) => one.verdict === verdict)
  const better = of('contradicted').filter(({ direction }) => direction === 'better').length
  const qualitative = findings.filter(({ reason }) => reason === 'qualitative').length
  return [
    `${of('holds').length} hold`,
    `${of('contradicted').length} contradicted${better > 0 ? ` (${better} for the better)` : ''}`,
    `${of('inconclusive').length} in doubt`,
    `${of('not-evaluated').length - qualitative} not evaluated`,
    ...(qualitative > 0 ? [`${qualitative} qualitative`] : []),
  ].join(' · ')
}

/** A round's figures as one line: `1: 12.1, 2: 11.9`. */
export const rounds = (samples: readonly { readonly round: number; readonly value: number }[]): string =>
  samples.map(({ round, value }) => `${round + 1}: ${figure(value)}`).join(', ')

/** One finding in words: its claims, their samples, and how they lead to the verdict. */

const gates: Record<FindingVerdict['failOn'], string> = {
  worse: 'fails a run where it is worse than stated; what is better has improved past the paper',
  any: 'fails a run whichever way it moved',
  never: 'a ranking, a trade-off or an argument: shown, never fails a run',
}

export function explain(report: Report, finding: FindingVerdict, { width, ink, root }: FindingsView): string[] {
  const labelled = (label: string, text: string, indent = 2): string[] =>
    wrap(text, width - indent - 10).map(
      (line, at) => `${' '.repeat(indent)}${ink.dim(pad(at === 0 ? label : '', 10))}${line}`,
    )
  const claims = (indices: readonly number[]) => indices.map((index) => report.claims[index]!)
  const one = (claim: ClaimVerdict): string[] => {
    const params = describeParams(claim.params)
    const subject = [
      benchName(claim.bench) + (params && ` ${sanitize(params)}`),
      sanitize(claim.platform, 120),
      sanitize(claim.metric, 60),
    ]
    const { file, line } = claimLocation(claim, root)
    const context = claim.severity === 'warn' ? ' (context, does not decide)' : ''
    return [
      ...wrap(`${verdictSymbols[claim.verdict]} ${claim.verdict}${context}: ${subject.join(' · ')}`, width - 2).map(
        (text, at) => `${at === 0 ? '  ' : '    '}${verdictColor(claim, ink)(text)}`,
      ),
      ...labelled('claimed', sanitize(claim.matcher, 600), 4),
      ...(claim.measured
        ? labelled(
            'measured',
            `${interval(claim.measured)} ${sanitize(claim.of)}, ${claim.measured.rounds > 0 ? plural(claim.measured.rounds, 'round') : 'without samples'}`,
            4,
          )
        : []),
      ...claim.platforms.flatMap((name, at) => {
        const samples = samplesOf(report, claim, name)
        return samples ? labelled(at === 0 ? 'samples' : '', `${sanitize(name, 60)}  ${samples}`, 4) : []
      }),
      ...labelled('so', sanitize(reasoning(claim), 600), 4),
      ...labelled('where', sanitize(`${file}${line === undefined ? '' : `:${line}`}`), 4),
      '',
    ]
  }
  return [
    ...wrap(`Finding ${finding.id}: ${sanitize(finding.title)}`, width).map(ink.strong),
    '',
    ...labelled(
      'verdict',
      `${verdictSymbols[finding.verdict]} ${finding.verdict}${finding.direction ? `, ${finding.direction}` : ''}: ${sanitize(finding.text, 600)}`,
    ),
    ...labelled('because', rule(finding)),
    ...labelled('gate', gates[finding.failOn]),
    ...notesOf(report, finding).flatMap(([label, text]) => (label === 'gate' ? [] : labelled(label, text))),
    '',
    ink.strong(plural(finding.claims.length, 'comparison')),
    '',
    ...claims(finding.claims).flatMap(one),
    ...(finding.misprint
      ? [
          ink.strong('As printed: judged beside it, decides nothing'),
          '',
          ...claims(finding.misprint.claims).flatMap(one),
        ]
      : []),
  ]
}

/** The rule that made the verdict, as docs/findings.md states it. */
function rule({ verdict, reason }: FindingVerdict): string {
  if (reason === 'qualitative') return 'it is an argument: its example is judged, but never makes it hold'
  switch (verdict) {
    case 'contradicted':
      return 'one comparison that is contradicted decides against the finding'
    case 'inconclusive':
      return 'nothing is contradicted, and one comparison is in doubt'
    case 'not-evaluated':
      return 'nothing is contradicted or in doubt, and at least one part is decided nowhere'
    case 'holds':
      return 'every part is decided on at least one platform, and nothing is contradicted or in doubt'
  }
}

function reasoning({
  verdict,
  direction,
  reason,
  measured,
  extraRoundsNeeded: moreRounds,
  cpuMode: apart,
  text,
}: ClaimVerdict): string {
  const kept = apart ? ` It is of ${apart} guests, and judged apart.` : ''
  const unbounded = measured !== null && (measured.low === null || measured.high === null)
  const all = unbounded ? 'The value' : 'The whole interval'
  switch (verdict) {
    case 'holds':
      return `${all} lies where the claim is true.${kept}`
    case 'contradicted':
      return `${all} lies where the claim is false, on the side that ${direction === 'better' ? 'is better than claimed' : 'hurts'}.${kept}`
    case 'inconclusive': {
      const more = moreRounds ? ` About ${plural(moreRounds, 'more round')} would decide it.` : ''
      return `${reasonText(reason ?? '')}.${more}${kept}`
    }
    case 'not-evaluated':
      return `${text}.`
  }
}

/** The values of one platform, round by round, in the metric's unit; undefined where it has none. */
function samplesOf(report: Report, { bench, metric, params }: ClaimVerdict, platform: string): string | undefined {
  const point = report.cases.find((one) => one.id === bench && describeParams(one.params) === describeParams(params))
  const result = point?.results.find((cell) => cell.platform === platform)?.metrics[metric]
  return result && result.samples.length > 0 ? `${rounds(result.samples)} ${sanitize(result.unit)}` : undefined
}

/** The table of findings for a README: what is decided, and what is not beneath it, to be opened. */

const markdownRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const tableOf = (head: readonly string[], rows: readonly string[][]): string[] => [
  markdownRow(head),
  markdownRow(head.map((title) => (title === '#' ? '--:' : ':--'))),
  ...rows.map(markdownRow),
]

export function findingsMarkdown(report: Report): string {
  const { profile, environment, findings } = report
  const where = environment.virtualization ? `, itself a guest (${environment.virtualization})` : ''
  const made = `Profile ${profile.name}, ${profile.rounds} rounds, ${environment.startedAt.slice(0, 10)}, ${environment.cpu.model}, ${environment.cpu.count} CPUs${where}.`
  const decided = findings.filter(({ verdict }) => verdict !== 'not-evaluated')
  const others = findings.filter(({ verdict }) => verdict === 'not-evaluated')
  return [
    md(made),
    '',
    ...tableOf(
      ['#', 'the paper says', 'verdict', 'measured here, with its 90 % interval', 'moved'],
      decided.map((finding) => [...said(finding), md(measured(report, finding)), formatDirection(finding)]),
    ),
    '',
    `${formatTally(findings)}.`,
    '',
    ...(others.length === 0
      ? []
      : [
          `<details><summary>${plural(others.length, 'finding')} that are not decided here, and what is missing</summary>`,
          '',
          ...tableOf(
            ['#', 'the paper says', 'verdict', 'why'],
            others.map((finding) => [...said(finding), md(measured(report, finding))]),
          ),
          '',
          '</details>',
          '',
        ]),
  ].join('\n')
}

const said = ({ id, title, verdict, reason }: FindingVerdict): string[] => [
  String(id),
  md(title),
  `${verdictSymbols[verdict]} ${reason === 'qualitative' ? 'qualitative' : verdict}`,
]

/** The decisive figure where one decides against or leaves in doubt; otherwise the reason; then what else there is to know. */
function measured(report: Report, finding: FindingVerdict): string {
  const { verdict, text } = finding
  const decisive =
    verdict === 'contradicted' || verdict === 'inconclusive' ? formatDecisiveValue(decisiveClaim(report, finding)) : ''
  return [decisive || text, ...notesOf(report, finding).map(([label, note]) => `${label}: ${note}`)].join('; ')
}

/** Every finding in a few lines: what the paper says, what was measured, and which way it moved. */

export interface FindingsView {
  readonly width: number
  readonly ink: Colors
  readonly root: string
}

const labels = 9

export function findingsTable(report: Report, { width, ink, root }: FindingsView): string[] {
  const rows = report.findings.map((finding) => findingRow(report, finding, ink))
  const columns = [
    { title: '#', align: 'right' as const },
    { title: 'verdict', keep: true as const },
    { title: 'measured, with its 90 % interval', least: 20 },
    { title: 'moved' },
  ]
  const [head, ...lines] = table(columns, rows, width, ink)
  return [
    ...wrap(headline(report, root), width).map((line) => ink.strong(line)),
    '',
    head!,
    ...report.findings.flatMap((finding, at) => [lines[at]!, ...beneath(report, finding, width, ink), '']),
    ...wrap(formatTally(report.findings), width).map((line) => ink.strong(line)),
    ...wrap(`exit code ${report.exitCode}: ${exitMeaning(report.exitCode)}`, width),
  ]
}

/** Which run, how much of it, and on what. */
function headline({ record, profile, environment }: Report, root: string): string {
  const where = environment.virtualization ? `, itself a guest (${environment.virtualization})` : ''
  if (profile.name === 'imported') {
    return sanitize(`${shownPath(record, root)}: ${environment.isobench}, ${environment.cpu.model}`, 600)
  }
  const profiled = `profile ${profile.name}, ${profile.rounds} rounds of ${profile.seconds} s`
  const when = environment.startedAt.slice(0, 16).replace('T', ' ')
  return sanitize(`${shownPath(record, root)}: ${profiled}, ${when}, ${environment.cpu.model}${where}`, 600)
}

function findingRow(report: Report, finding: FindingVerdict, ink: Colors) {
  const paint = verdictColor(finding, ink)
  const word = finding.reason === 'qualitative' ? 'qualitative' : finding.verdict
  return [
    { text: String(finding.id), paint },
    { text: `${verdictSymbols[finding.verdict]} ${word}`, paint },
    { text: formatDecisiveValue(decisiveClaim(report, finding)) },
    { text: formatDirection(finding), paint },
  ]
}

function beneath(report: Report, finding: FindingVerdict, width: number, ink: Colors): string[] {
  const fails = report.failures.findings.includes(finding.id) ? 'fails the run: ' : ''
  const rows: [string, string][] = [
    ['paper', sanitize(finding.title)],
    ['here', fails + sanitize(finding.text, 600)],
    ...notesOf(report, finding),
  ]
  return rows.flatMap(([label, text]) =>
    wrap(text, width - labels - 5).map(
      (line, at) => `     ${ink.dim(pad(at === 0 ? label : '', labels))}${label === 'paper' ? ink.dim(line) : line}`,
    ),
  )
}
