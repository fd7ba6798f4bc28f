import type { Report } from '../../core/report/schema.ts'
import { verdictSymbols } from '../facts.ts'
import { pad, sanitize, truncate, wrap } from '../text.ts'
import type { RenderOptions } from './claims.ts'
import { verdictColor } from './ink.ts'

/** A line for each finding, and why beneath those that do not hold; what is decisive is never cut. */
export function findingLines(report: Report, { width, ink }: RenderOptions): string[] {
  if (report.findings.length === 0) return []
  const digits = Math.max(...report.findings.map(({ id }) => String(id).length))
  const lines = report.findings.flatMap((finding) => {
    const paint = verdictColor(finding, ink)
    const head = `${verdictSymbols[finding.verdict]} ${pad(String(finding.id), digits, 'right')}`
    const room = width - 6 - digits
    const beneath = ' '.repeat(6 + digits)
    const decisive = finding.verdict === 'contradicted' || finding.verdict === 'inconclusive'
    const sized = (text: string) => (decisive ? wrap(text, room) : [truncate(text, room)])
    const fails = report.failures.findings.includes(finding.id) ? 'fails the run: ' : ''
    const improved = finding.direction === 'better' ? 'improved past the paper: ' : ''
    const title = sized(sanitize(finding.title)).map((line, at) =>
      at === 0 ? `  ${paint(head)}  ${line}` : beneath + line,
    )
    if (finding.verdict === 'holds') return title
    return [...title, ...sized(fails + improved + sanitize(finding.text)).map((line) => beneath + paint(line))]
  })
  return ['', ink.strong('Findings'), ...lines]
}
