/** The table of findings for a README: what is decided, and what is not beneath it, to be opened. */
import type { FindingVerdict } from '../../core/judge/judgement.ts'
import type { Report } from '../../core/report/schema.ts'
import { markdownText as md } from '../escape.ts'
import { marks } from '../facts.ts'
import { plural } from '../text.ts'
import { decisiveOf, figureOf, movedOf, notesOf, tally } from './facts.ts'

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const tableOf = (head: readonly string[], rows: readonly string[][]): string[] => [
  row(head),
  row(head.map((title) => (title === '#' ? '--:' : ':--'))),
  ...rows.map(row),
]

export function findingsMarkdown(report: Report): string {
  const { profile, environment, findings } = report
  const where = environment.virtualization ? `, itself a guest (${environment.virtualization})` : ''
  const made = `Profile ${profile.name}, ${profile.rounds} rounds, ${environment.startedAt.slice(0, 10)}, ${environment.cpu.model}, ${environment.cpu.count} CPUs${where}.`
  const decided = findings.filter(({ verdict }) => verdict !== 'undecidable')
  const others = findings.filter(({ verdict }) => verdict === 'undecidable')
  return [
    md(made),
    '',
    ...tableOf(
      ['#', 'the paper says', 'verdict', 'measured here, with its 90 % interval', 'moved'],
      decided.map((finding) => [...said(finding), md(measured(report, finding)), movedOf(finding)]),
    ),
    '',
    `${tally(findings)}.`,
    '',
    ...(others.length === 0
      ? []
      : [
          `<details><summary>${plural(others.length, 'finding')} that nothing decides here, and what ${others.length === 1 ? 'it lacks' : 'they lack'}</summary>`,
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
  `${marks[verdict]} ${reason === 'qualitative' ? 'qualitative' : verdict}`,
]

/** The decisive figure where one decides against or leaves in doubt; otherwise the reason; then what else there is to know. */
function measured(report: Report, finding: FindingVerdict): string {
  const { verdict, text } = finding
  const decisive = verdict === 'contradicted' || verdict === 'inconclusive' ? figureOf(decisiveOf(report, finding)) : ''
  return [decisive || text, ...notesOf(report, finding).map(([label, note]) => `${label}: ${note}`)].join('; ')
}
