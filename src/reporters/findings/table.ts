/** Every finding in a few lines: what the paper says, what was measured, and which way it moved. */
import type { FindingVerdict } from '../../core/judge/judgement.ts'
import type { Report } from '../../core/report/schema.ts'
import { exitMeaning, marks, shownPath } from '../facts.ts'
import { type Ink, paintOf } from '../terminal/ink.ts'
import { table } from '../terminal/table.ts'
import { pad, plain, wrap } from '../text.ts'
import { decisiveOf, figureOf, movedOf, notesOf, tally } from './facts.ts'

export interface FindingsView {
  readonly width: number
  readonly ink: Ink
  readonly root: string
}

const labels = 9

export function findingsTable(report: Report, { width, ink, root }: FindingsView): string[] {
  const rows = report.findings.map((finding) => row(report, finding, ink))
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
    ...wrap(tally(report.findings), width).map((line) => ink.strong(line)),
    ...wrap(`exit code ${report.exitCode}: ${exitMeaning(report.exitCode)}`, width),
  ]
}

/** Which run, how much of it, and on what. */
function headline({ record, profile, environment }: Report, root: string): string {
  const where = environment.virtualization ? `, itself a guest (${environment.virtualization})` : ''
  if (profile.name === 'imported') {
    return plain(`${shownPath(record, root)}: ${environment.isobench}, ${environment.cpu.model}`, 600)
  }
  const profiled = `profile ${profile.name}, ${profile.rounds} rounds of ${profile.seconds} s`
  const when = environment.startedAt.slice(0, 16).replace('T', ' ')
  return plain(`${shownPath(record, root)}: ${profiled}, ${when}, ${environment.cpu.model}${where}`, 600)
}

function row(report: Report, finding: FindingVerdict, ink: Ink) {
  const paint = paintOf(finding, ink)
  const word = finding.reason === 'qualitative' ? 'qualitative' : finding.verdict
  return [
    { text: String(finding.id), paint },
    { text: `${marks[finding.verdict]} ${word}`, paint },
    { text: figureOf(decisiveOf(report, finding)) },
    { text: movedOf(finding), paint },
  ]
}

function beneath(report: Report, finding: FindingVerdict, width: number, ink: Ink): string[] {
  const fails = report.failures.findings.includes(finding.id) ? 'fails the run: ' : ''
  const rows: [string, string][] = [
    ['paper', plain(finding.title)],
    ['here', fails + plain(finding.text, 600)],
    ...notesOf(report, finding),
  ]
  return rows.flatMap(([label, text]) =>
    wrap(text, width - labels - 5).map(
      (line, at) => `     ${ink.dim(pad(at === 0 ? label : '', labels))}${label === 'paper' ? ink.dim(line) : line}`,
    ),
  )
}
