/** Every finding in a few lines: what the paper says, what was measured, and which way it moved. */
import type { FindingVerdict } from '../../core/judge/judgement.ts'
import type { Report } from '../../core/report/schema.ts'
import { exitMeaning, shownPath, verdictSymbols } from '../facts.ts'
import { type Colors, verdictColor } from '../terminal/ink.ts'
import { table } from '../terminal/table.ts'
import { pad, sanitize, wrap } from '../text.ts'
import { decisiveClaim, formatDecisiveValue, formatDirection, formatTally, notesOf } from './facts.ts'

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
