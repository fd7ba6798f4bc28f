/** The table of findings for a README. */
import type { Report } from '../../core/report/schema.ts'
import { markdownText as md } from '../escape.ts'
import { marks } from '../facts.ts'
import { decisiveOf, figureOf, movedOf, notesOf, tally } from './facts.ts'

export function findingsMarkdown(report: Report): string {
  const { profile, environment, findings } = report
  const where = environment.virtualization ? `, itself a guest (${environment.virtualization})` : ''
  const made = `Profile ${profile.name}, ${profile.rounds} rounds, ${environment.startedAt.slice(0, 10)}, ${environment.cpu.model}, ${environment.cpu.count} CPUs${where}.`
  return [
    md(made),
    '',
    '| # | the paper says | verdict | measured here, with its 90 % interval | moved |',
    '| --: | :-- | :-- | :-- | :-- |',
    ...findings.map((finding) => {
      const { id, title, verdict, reason, text } = finding
      const notes = notesOf(finding).map(([label, note]) => `${label}: ${note}`)
      const word = reason === 'qualitative' ? 'qualitative' : verdict
      const shown =
        verdict === 'contradicted' || verdict === 'inconclusive' ? figureOf(decisiveOf(report, finding)) : ''
      const measured = [shown || text, ...notes].join('; ')
      return `| ${[String(id), md(title), `${marks[verdict]} ${word}`, md(measured), movedOf(finding)].join(' | ')} |`
    }),
    '',
    `${tally(findings)}.`,
    '',
  ].join('\n')
}
