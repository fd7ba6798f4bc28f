import { describeParams } from '../../core/model/plan.ts'
import type { Report } from '../../core/model/report.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'
import { pad, plural, sanitize, wrap } from '../../util/text.ts'
import { claimSource } from '../claim-place.ts'
import { failurePlaces } from '../failures.ts'
import {
  comparative,
  figure,
  formatAssertion,
  formatChange,
  formatClaim,
  formatEstimate,
  formatEstimateUnit,
  formatPlatforms,
  formatQuantity,
  formatReason,
  formatReasonCode,
} from '../format.ts'
import { allTables, doubtCause, rerunClaim, rerunFailed } from '../headline/next-steps.ts'
import {
  benchName,
  count,
  failedResults,
  failsWords,
  notEvaluated,
  shownPath,
  type UniqueClaim,
  uniqueClaims,
  verdictSymbols,
} from '../summary.ts'
import { type Colors, dimmed, verdictColor } from './table.ts'

export interface RenderOptions {
  readonly width: number
  readonly ink: Colors
  readonly root: string
  /** Every claim in detail instead of the first few. */
  readonly all: boolean
  /** Whether the user named the record, which may not be the latest. */
  readonly isNamed?: boolean
  /** Whether the report of another reporter could not be written, which makes the exit code 5. */
  readonly isReportMissing?: boolean
  /** Whether a verdict is older than the others, and shown dimmed. */
  isStale?(verdict: ClaimVerdict): boolean
}

/** The path of a report's record as commands need it; undefined for the latest run, which they take by default. */
export const namedRecord = ({ record }: Report, { isNamed, root }: RenderOptions): string | undefined =>
  isNamed ? shownPath(record, root) : undefined

/** The command that prints all tables of a report. */
export const allTablesCommand = (report: Report, view: RenderOptions): string => allTables(namedRecord(report, view))

/** How many claims that do not fail the run are shown in detail; the others are counted. */
const detailed = 8

/** Claims that are contradicted, inconclusive or lost to errors in detail; the others as counts. */
export function claimLines(report: Report, view: RenderOptions): string[] {
  const { ink, width } = view
  if (report.claims.length === 0) return []
  const { holds } = count(report.claims)
  const groups = notEvaluated(report)
  return [
    '',
    ink.strong('Claims'),
    ...listed(report, uniqueClaims(report, isContradicted), view),
    ...listed(report, uniqueClaims(report, view.all ? isInconclusive : isOtherwiseInDoubt), view),
    ...(view.all ? [] : tooFewLines(report, view)),
    ...failedLines(report, view),
    ...(holds > 0 ? [`  ${ink.good(`${verdictSymbols.holds} ${holds === 1 ? '1 holds' : `${holds} hold`}`)}`] : []),
    ...groups.flatMap(({ text, count }) =>
      wrap(`${count} not evaluated: ${text}`, width - 4).map((line, at) =>
        ink.dim(`  ${at === 0 ? verdictSymbols['not-evaluated'] : ' '} ${line}`),
      ),
    ),
  ]
}

const isContradicted = ({ outcome }: ClaimVerdict) => outcome === 'contradicted'
const isInconclusive = ({ outcome }: ClaimVerdict) => outcome === 'inconclusive'
const hasTooFewRounds = (verdict: ClaimVerdict) => isInconclusive(verdict) && verdict.reason?.code === 'too-few-rounds'
const isOtherwiseInDoubt = (verdict: ClaimVerdict) => isInconclusive(verdict) && !hasTooFewRounds(verdict)

/** Too few rounds is the same for all these claims, so one line is enough. */
function tooFewLines(report: Report, { width, ink }: RenderOptions): string[] {
  const few = report.claims.filter(hasTooFewRounds).length
  if (few === 0) return []
  const text = `${verdictSymbols.inconclusive} ${few} inconclusive: ${formatReasonCode('too-few-rounds')}`
  return [...wrap(text, width - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${ink.doubt(line)}`), '']
}

function listed(report: Report, all: readonly UniqueClaim[], view: RenderOptions): string[] {
  const urgent = all.filter(({ fails }) => fails).length
  const shown = view.all ? all : all.slice(0, Math.max(detailed, urgent))
  const rest = all.length - shown.length
  const more = rest > 0 ? [view.ink.dim(`  … and ${rest} more: ${allTablesCommand(report, view)}`), ''] : []
  return [...shown.flatMap((one) => detail(report, one, view)), ...more]
}

function headline(report: Report, { verdict, fails }: UniqueClaim): string {
  const { outcome, claim } = verdict
  const what = outcome === 'inconclusive' ? 'inconclusive' : `${comparative(verdict)} than claimed`
  return fails ? `${what}, ${failsWords(report)}` : claim.severity === 'warn' ? `${what}, a warning only` : what
}

function detail(report: Report, unique: UniqueClaim, view: RenderOptions): string[] {
  const { width, root } = view
  const { verdict } = unique
  const ink = view.isStale?.(verdict) ? dimmed(view.ink) : view.ink
  const params = describeParams(verdict.params)
  const subject = [
    benchName(verdict.bench) + (params && ` ${sanitize(params)}`),
    sanitize(formatPlatforms(verdict), 60),
    sanitize(verdict.claim.metric, 60),
  ]
  const rows: [string, string][] = [
    ['claimed', sanitize(formatAssertion(verdict))],
    ['measured', measured(verdict)],
    ...(verdict.reason ? [['why', sanitize(formatReason(verdict.reason))] as [string, string]] : []),
    ['where', sanitize(claimSource(report, unique, root))],
    ...advice(report, verdict).map((text, at) => [at === 0 ? 'do' : '', text] as [string, string]),
  ]
  return [
    ...wrap(`${verdictSymbols[verdict.outcome]} ${headline(report, unique)}: ${subject.join(' · ')}`, width - 4).map(
      (text, at) => `  ${at === 0 ? '' : '  '}${verdictColor(verdict, ink)(text)}`,
    ),
    ...rows.flatMap(([label, text]) => labelled(label, text, width, ink)),
    '',
  ]
}

/** `    label     text`, the text wrapped beneath itself. */
function labelled(label: string, text: string, width: number, ink: Colors): string[] {
  return wrap(text, width - 14).map((line, at) => `    ${ink.dim(pad(at === 0 ? label : '', 10))}${ink.plain(line)}`)
}

/** The estimate, its interval, and for a ratio the difference in percent. */
function measured(verdict: ClaimVerdict): string {
  const { estimate, claim } = verdict
  if (!estimate) return 'nothing'
  const { value, low, high } = estimate
  const rounds = plural(estimate.rounds, 'round')
  if (claim.matcher.kind === 'ranked') return sanitize(`${formatClaim(verdict)} (90 % interval, ${rounds})`)
  if (estimate.kind !== 'ratio' && estimate.kind !== 'amount') return sanitize(`${formatEstimate(verdict)}; ${rounds}`)
  const shown = (number: number) =>
    estimate.kind === 'amount' ? sanitize(formatQuantity(number, estimate.unit), 40) : figure(number)
  const sure =
    low === null || high === null
      ? `no interval from ${rounds}`
      : `90 % interval ${shown(low)} to ${shown(high)}, ${rounds}`
  if (estimate.kind === 'amount') return `${shown(value)}; ${sure}`
  // "4.3 ×native" already says "4.3 times as much".
  const change = value >= 2 ? '' : `, ${formatChange(value)}`
  return `${shown(value)} ${sanitize(formatEstimateUnit(verdict))}${change}; ${sure}`
}

/** What to do now: where to look, and the command that decides it. */
function advice(report: Report, verdict: ClaimVerdict): string[] {
  const { outcome, direction } = verdict
  if (direction === 'better') return ['nothing is broken; if it stays so, the claim can be tightened']
  const command = rerunClaim(report, verdict)?.line
  const lines = command === undefined ? [] : [command]
  if (outcome !== 'inconclusive') {
    const platforms = sanitize(formatPlatforms(verdict), 60)
    // Native has no options, so the bench is left.
    const suspect = platforms === 'native' ? benchFile(verdict.bench) : `${platforms} and its options`
    return [`check ${suspect}. After a change:`, ...lines]
  }
  if (verdict.reason?.code === 'equals-margin') return ['change the margin, so that its value is not exactly there']
  return doubtCause(report, verdict) === 'quiet' ? ['stop other processes, then:', ...lines] : lines
}

const benchFile = ({ file }: { readonly file: string }): string => sanitize(file, 120)

function failedLines(report: Report, { width, ink, root }: RenderOptions): string[] {
  return failedResults(report).flatMap(({ bench, result, claims }) => {
    const params = sanitize(describeParams(bench.params))
    const lost = plural(claims, 'claim')
    const subject = [benchName(bench.bench) + (params && ` ${params}`), sanitize(result.platform, 60)].join(' · ')
    const head = `${verdictSymbols['not-evaluated']} ${plural(result.errors.length, 'sample')} failed: ${subject}`
    return [
      ...wrap(head, width - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${ink.doubt(line)}`),
      ...labelled('so', `${lost} cannot be judged`, width, ink),
      ...labelled('first', result.errors[0] ? sanitize(result.errors[0].message, 240) : 'unknown', width, ink),
      ...labelled('where', sanitize(failurePlaces({ ...bench, errors: result.errors }, root), 600), width, ink),
      ...labelled('do', `check ${benchFile(bench.bench)}, then:`, width, ink),
      ...labelled('', `${rerunFailed(report, bench.bench, result.platform)?.line} --reporter verbose`, width, ink),
      '',
    ]
  })
}
