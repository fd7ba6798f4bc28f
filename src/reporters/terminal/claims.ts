import { describeParams } from '../../core/model/plan.ts'
import type { Report } from '../../core/model/report.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'
import { pad, plural, sanitize, wrap } from '../../util/text.ts'
import { figure, formatChange, formatQuantity, interval, reasonText } from '../format.ts'
import {
  benchName,
  claimLocation,
  count,
  failedResults,
  fileOfBench,
  notEvaluated,
  type UniqueClaim,
  uniqueClaims,
  verdictSymbols,
} from '../summary.ts'
import { type Colors, verdictColor } from './table.ts'

export interface RenderOptions {
  readonly width: number
  readonly ink: Colors
  readonly root: string
  readonly verbose: boolean
}

/** So many that do not fail the run are told in detail; the others are counted. */
const detailed = 8

/** What is contradicted, in doubt or lost to errors in detail; the rest as counts. */
export function claimLines(report: Report, view: RenderOptions): string[] {
  const { ink, width } = view
  if (report.claims.length === 0) return []
  const { holds } = count(report.claims)
  const groups = notEvaluated(report)
  return [
    '',
    ink.strong('Claims'),
    ...listed(report, uniqueClaims(report, isContradicted), view),
    ...listed(report, uniqueClaims(report, view.verbose ? isInconclusive : isAcross), view),
    ...(view.verbose ? [] : tooFewLines(report, view)),
    ...failedLines(report, view),
    ...(holds > 0 ? [`  ${ink.good(`${verdictSymbols.holds} ${holds === 1 ? '1 holds' : `${holds} hold`}`)}`] : []),
    ...groups.flatMap(({ text, count }) =>
      wrap(`${count} not evaluated: ${text}`, width - 4).map((line, at) =>
        ink.dim(`  ${at === 0 ? verdictSymbols['not-evaluated'] : ' '} ${line}`),
      ),
    ),
  ]
}

const isContradicted = ({ verdict }: ClaimVerdict) => verdict === 'contradicted'
const isInconclusive = ({ verdict }: ClaimVerdict) => verdict === 'inconclusive'
const isTooFew = (claim: ClaimVerdict) => isInconclusive(claim) && claim.reason === 'too-few-rounds'
const isAcross = (claim: ClaimVerdict) => isInconclusive(claim) && !isTooFew(claim)

/** Too few rounds is the same for all: it is said once. */
function tooFewLines(report: Report, { width, ink }: RenderOptions): string[] {
  const few = report.claims.filter(isTooFew).length
  if (few === 0) return []
  const text = `${verdictSymbols.inconclusive} ${few} in doubt: ${reasonText('too-few-rounds')}`
  return [...wrap(text, width - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${ink.doubt(line)}`), '']
}

function listed(report: Report, all: readonly UniqueClaim[], view: RenderOptions): string[] {
  const urgent = all.filter(({ fails }) => fails).length
  const shown = view.verbose ? all : all.slice(0, Math.max(detailed, urgent))
  const rest = all.length - shown.length
  const more = rest > 0 ? [view.ink.dim(`  … and ${rest} more; --reporter verbose shows them all`), ''] : []
  return [...shown.flatMap((one) => detail(report, one, view)), ...more]
}

function headline({ claim, fails }: UniqueClaim): string {
  const what =
    claim.verdict === 'inconclusive' ? 'in doubt' : claim.direction === 'better' ? 'better than claimed' : 'regressed'
  return fails ? `${what}, fails the run` : claim.severity === 'warn' ? `${what}, a warning only` : what
}

function detail(report: Report, statement: UniqueClaim, { width, ink, root }: RenderOptions): string[] {
  const { claim, sources: by } = statement
  const params = describeParams(claim.params)
  const subject = [
    benchName(claim.bench) + (params && ` ${sanitize(params)}`),
    sanitize(claim.platform, 60),
    sanitize(claim.metric, 60),
  ]
  const place = claimLocation(claim, root)
  const where = `${sanitize(place.file)}${place.line === undefined ? '' : `:${place.line}`} (${by})`
  const rows: [string, string][] = [
    ['claimed', sanitize(claim.matcher)],
    ['measured', measured(report, claim)],
    ...(claim.reason ? [['why', sanitize(reasonText(claim.reason))] as [string, string]] : []),
    ['where', where],
    ...advice(report, claim).map((text, at) => [at === 0 ? 'do' : '', text] as [string, string]),
  ]
  return [
    ...wrap(`${verdictSymbols[claim.verdict]} ${headline(statement)}: ${subject.join(' · ')}`, width - 4).map(
      (line, at) => `  ${at === 0 ? '' : '  '}${verdictColor(claim, ink)(line)}`,
    ),
    ...rows.flatMap(([label, text]) => labelled(label, text, width, ink)),
    '',
  ]
}

/** `    label     text`, the text wrapped beneath itself. */
function labelled(label: string, text: string, width: number, ink: Colors): string[] {
  return wrap(text, width - 14).map((line, at) => `    ${ink.dim(pad(at === 0 ? label : '', 10))}${line}`)
}

/** How much it is, and how sure that is. */
function measured(report: Report, { measured, matcher, text, of, bench, metric }: ClaimVerdict): string {
  if (!measured) return 'nothing'
  const { estimate, low, high, rounds } = measured
  if (matcher.startsWith('ranked ')) return sanitize(`${text} (90 % interval, ${plural(rounds, 'round')})`)
  // Over a parameter, or of an order: neither a ratio to a platform nor an amount of the metric.
  if (/^(?:best at|flat within|in no stable order)/.test(matcher)) {
    return sanitize(`${interval(measured)} ${of}; ${plural(rounds, 'round')}`)
  }
  const unit = report.cases.find(({ id }) => id === bench)?.results[0]?.metrics[metric]?.unit ?? ''
  const absolute = matcher.startsWith('at most ') || matcher.startsWith('at least ')
  const shown = absolute ? (value: number) => sanitize(formatQuantity(value, unit), 40) : figure
  const sure =
    low === null || high === null
      ? `no interval from ${plural(rounds, 'round')}`
      : `90 % interval ${shown(low)} to ${shown(high)}, ${plural(rounds, 'round')}`
  // "4.3 ×native" says what "4.3 times as much" would.
  const said = absolute || estimate >= 2 ? '' : `, ${formatChange(estimate)}`
  return `${shown(estimate)}${absolute ? '' : ` ${sanitize(of)}`}${said}; ${sure}`
}

/** What to do now: who should look, and a command that makes it surer. */
function advice(report: Report, claim: ClaimVerdict): string[] {
  if (claim.direction === 'better') return ['nothing is broken; if it stays so, the claim can be tightened']
  const { rounds } = report.profile
  const more = Math.max(8, 2 * rounds)
  const platform = claim.matcher.endsWith(' of native') ? claim.platform : ''
  const command = rerun(claim.bench, platform, `--rounds ${more}..${3 * more}`)
  if (claim.verdict === 'inconclusive') return [command]
  return [`look for what changed in ${sanitize(claim.platform, 60)} or its options; to be surer:`, command]
}

/** The command that measures a bench again. Its file is named as shortly as filters allow, to stay on one line. */
function rerun(bench: string, platform: string, rest: string): string {
  const chosen =
    platform === '' ? '' : ` --platform ${shellWord(platform === 'native' ? platform : `native,${platform}`)}`
  const filter = fileOfBench(bench)
    .replace(/^benches\//, '')
    .replace(/\.bench\.[cm]?[jt]s$/, '')
  return `isobench ${shellWord(filter)}${chosen} ${rest}`
}

function shellWord(text: string): string {
  const word = sanitize(text)
  return /^[\w./,@:+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

function failedLines(report: Report, { width, ink }: RenderOptions): string[] {
  return failedResults(report).flatMap(({ bench, cell, claims }) => {
    const params = sanitize(describeParams(bench.params))
    const lost = plural(claims, 'claim')
    const subject = [benchName(bench.id) + (params && ` ${params}`), sanitize(cell.platform, 60)].join(' · ')
    const head = `${verdictSymbols['not-evaluated']} ${plural(cell.errors.length, 'sample')} failed: ${subject}`
    return [
      ...wrap(head, width - 4).map((line, at) => `  ${at === 0 ? '' : '  '}${ink.doubt(line)}`),
      ...labelled('so', `${lost} cannot be judged`, width, ink),
      ...labelled('first', cell.errors[0] ? sanitize(cell.errors[0], 240) : 'not told', width, ink),
      ...labelled('do', rerun(bench.id, cell.platform, '--reporter verbose'), width, ink),
      '',
    ]
  })
}
