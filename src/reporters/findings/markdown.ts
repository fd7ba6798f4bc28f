/** The table of findings for a README: what is decided, and what is not beneath it, to be opened. */
import type { FindingVerdict } from '../../core/judge/judgement.ts'
import type { Report } from '../../core/report/schema.ts'
import { escapeMarkdown as md } from '../escape.ts'
import { verdictSymbols } from '../facts.ts'
import { plural } from '../text.ts'
import { decisiveClaim, formatDecisiveValue, formatDirection, formatTally, notesOf } from './facts.ts'

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
  `${verdictSymbols[verdict]} ${reason === 'qualitative' ? 'qualitative' : verdict}`,
]

/** The decisive figure where one decides against or leaves in doubt; otherwise the reason; then what else there is to know. */
function measured(report: Report, finding: FindingVerdict): string {
  const { verdict, text } = finding
  const decisive =
    verdict === 'contradicted' || verdict === 'inconclusive' ? formatDecisiveValue(decisiveClaim(report, finding)) : ''
  return [decisive || text, ...notesOf(report, finding).map(([label, note]) => `${label}: ${note}`)].join('; ')
}
