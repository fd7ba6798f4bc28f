/** One finding in words: its claims, their samples, and how they lead to the verdict. */
import type { ClaimVerdict, FindingVerdict } from '../../core/judge/judgement.ts'
import { interval, reasonText } from '../../core/judge/words.ts'
import { describeParams } from '../../core/plan/plan.ts'
import type { Report } from '../../core/report/schema.ts'
import { benchName, claimLocation, verdictSymbols } from '../facts.ts'
import { verdictColor } from '../terminal/ink.ts'
import { pad, plural, sanitize, wrap } from '../text.ts'
import { notesOf, rounds } from './facts.ts'
import type { FindingsView } from './table.ts'

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
