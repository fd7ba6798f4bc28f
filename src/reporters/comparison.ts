import { describeExitCode, exitCodes, failureTexts } from '../core/judge/exit-code.ts'
import { type Comparison, newNames, type UnfinishedRun } from '../core/records/compare.ts'
import {
  type Change,
  falseDiscoveryRate,
  type Row,
  type RowReason,
  type WhichRun,
} from '../core/records/row-changes.ts'
import { listText, plural, sanitize, wrap } from '../util/text.ts'
import { figure, interval } from './format.ts'
import { differenceText } from './host-differences.ts'
import { type AddedNames, addedNames, addedText, addedTitle, countNames } from './new-names.ts'
import { caseName, outcomeName } from './summary.ts'
import { type Column, createColors, table } from './terminal/table.ts'

const marks: Record<Change, string> = { regressed: '✗', improved: '✓', same: '=', unclear: '?', lost: '✗' }
const order: readonly Change[] = ['lost', 'regressed', 'improved', 'unclear', 'same']
const summaryOrder: readonly Change[] = ['regressed', 'improved', 'same', 'unclear', 'lost']

/** Why a row does not fail the run: it is of the host, or `--allow-missing` names its platform. */
const exemptions = ['host', 'allowed'] as const

const exemptionOf = ({ failsRun, change }: Pick<Row, 'failsRun' | 'change'>) =>
  failsRun ? undefined : change === 'lost' ? 'allowed' : 'host'

/** What changed, and why that does not fail the run: `unclear (host)`. */
export function formatChangeKind(row: Row): string {
  const exemption = exemptionOf(row)
  return `${row.change}${exemption === undefined ? '' : ` (${exemption})`}`
}

/** The counts of all rows, those that do not fail the run apart: `1 regressed · 2 unclear · 0 lost · host: 5 same`. */
export function changeCounts(rows: readonly Row[], changes: readonly Change[]): string {
  const count = (change: Change, exemption?: (typeof exemptions)[number]) =>
    rows.filter((row) => row.change === change && exemptionOf(row) === exemption).length
  const apart = exemptions.flatMap((exemption) => {
    const texts = changes.flatMap((change) => {
      const number = count(change, exemption)
      return number > 0 ? [`${number} ${change}`] : []
    })
    return texts.length > 0 ? [`${exemption}: ${texts.join(', ')}`] : []
  })
  return [...changes.map((change) => `${count(change)} ${change}`), ...apart].join(' · ')
}

const runNames: Record<WhichRun, string> = { baseline: 'the baseline', current: 'the current run' }

/** Why a row is unclear or lost, in words. */
export function formatRowReason(reason: RowReason): string {
  switch (reason.code) {
    case 'platform-unavailable':
      return 'the platform does not work now'
    case 'sample-errors':
      return 'every sample failed'
    case 'zero-value':
      return 'a figure of 0 has no ratio'
    case 'different-work':
      return 'the work differs: the bench, the limits or the image changed'
    case 'different-metric': {
      const { baseline: before, current: now } = reason
      const unit = before.unit === now.unit ? [] : [`unit changed: ${before.unit} → ${now.unit}`]
      const better = before.better === now.better ? [] : [`better is now ${now.better}, not ${before.better}`]
      return sanitize([...unit, ...better].join('; '), 120)
    }
    case 'not-measured':
      return reason.run === 'baseline' ? 'not measured before' : 'not measured now'
    case 'host-overloaded':
      return `other processes had most of the CPUs in ${runNames[reason.run]}`
    case 'dependent-rounds': {
      const rows = reason.comparisons > 1 ? ` over ${reason.comparisons} rows` : ''
      const correlation = `correlation ${figure(reason.correlation)}${rows}`
      return `the rounds of ${runNames[reason.run]} depend on each other (${correlation})`
    }
  }
}

/** What a row compares, or why it is unclear or lost. */
export const formatRowBasis = ({ reason, of }: Pick<Row, 'reason' | 'of'>): string =>
  reason ? formatRowReason(reason) : of === 'value' ? 'of the values' : 'of the ratios to native'

const textsOf = (row: Row): string[] => [
  `${marks[row.change]} ${formatChangeKind(row)}`,
  sanitize(caseName(row.bench, row.params)),
  sanitize(row.platform),
  sanitize(row.metric),
  row.ratio ? `×${interval({ ...row.ratio, value: row.ratio.estimate })}` : '–',
  formatRowBasis(row),
]

const columns: readonly Column[] = [
  { title: '', keep: true, least: 11 },
  { title: 'bench', keep: true, names: true, most: 48, roomy: 16, least: 6 },
  { title: 'platform', keep: true, names: true, most: 24, roomy: 10, least: 6 },
  { title: 'metric', keep: true, names: true, most: 24, roomy: 12, least: 6 },
  { title: 'now ÷ before [90 %]', keep: true },
  { title: 'what is compared', keep: true, least: 22, drop: 1 },
]

/** The most rows of each kind without `all`. */
const mostRows: Readonly<Record<Change, number>> = {
  lost: Number.POSITIVE_INFINITY,
  regressed: Number.POSITIVE_INFINITY,
  improved: Number.POSITIVE_INFINITY,
  unclear: 10,
  same: 0,
}

/** How wide a comparison is, and whether it has every row. */
export interface ComparisonLayout {
  readonly width: number
  readonly all: boolean
}

/** Claims that the baseline decides and the current run does not. */
function lostVerdictLines({ lostVerdicts }: Comparison): string[] {
  if (lostVerdicts.length === 0) return []
  return [
    'Claims that are no longer decided (--strict fails on these):',
    ...lostVerdicts.map(({ bench, finding, params, platforms, metric, before, now }) => {
      const source = finding === null ? '' : ` (finding ${finding})`
      const about = [caseName(bench, params), sanitize(platforms.join(', '), 60), sanitize(metric, 60)].join(' · ')
      return `  ${about}${source}: ${outcomeName(before)} → ${outcomeName(now)}`
    }),
    '',
  ]
}

/** The names that only one run's attack profiles have; those in too few rounds only with `all`. */
function newNameLines(comparison: Comparison, all: boolean): string[] {
  const [added, unclear] = [addedNames(comparison, 'new'), addedNames(comparison, 'unclear')]
  const lineOf = (names: AddedNames) => sanitize(`${addedTitle(names)}: ${addedText(names)}`, 600)
  return [
    ...(added.length > 0 ? ['Names in attack profiles that the baseline did not have:', ...added.map(lineOf), ''] : []),
    ...(all && unclear.length > 0
      ? ['Names that too few rounds call to fail, and that the baseline did not have:', ...unclear.map(lineOf), '']
      : []),
  ]
}

/** The comparison as a table with what matters most first, and its summary last. Without escape codes. */
export function comparisonText(comparison: Comparison, { width, all }: ComparisonLayout): string {
  const { rows, hostDifferences, onlyIn, marginPercent } = comparison
  const sorted = order.flatMap((change) => {
    const own = rows.filter((row) => row.change === change)
    return all ? own : own.slice(0, mostRows[change])
  })
  const cells = sorted.map((row) => textsOf(row).map((text) => ({ text })))
  const left = (change: Change) =>
    rows.filter((row) => row.change === change).length - sorted.filter((row) => row.change === change).length
  const leftTexts = (['unclear', 'same'] as const).flatMap((change) =>
    left(change) > 0 ? [`${left(change)} ${sorted.some((row) => row.change === change) ? 'more ' : ''}${change}`] : [],
  )
  const names = {
    new: countNames(addedNames(comparison, 'new')),
    unclear: countNames(addedNames(comparison, 'unclear')),
  }
  if (!all && names.unclear > 0) leftTexts.push(`${plural(names.unclear, 'name')} that too few rounds call`)
  const only = (side: 'baseline' | 'current', which: string) =>
    onlyIn[side].length > 0 ? [`Only in ${which}: ${onlyIn[side].map((name) => sanitize(name, 120)).join('; ')}`] : []
  // The lines of the table fit already, and their spaces matter.
  const listed = sorted.length > 0 ? [...table(columns, cells, width, createColors({ color: false })), ''] : []
  const wrapped = (lines: readonly string[]) => lines.flatMap((line) => (line === '' ? [''] : wrap(line, width)))
  const above = [`Before: ${comparison.baseline}`, `Now:    ${comparison.current}`, '']
  const below = [
    ...(leftTexts.length > 0 ? [`Not listed: ${leftTexts.join(', ')} (--all lists every result).`, ''] : []),
    ...(hostDifferences.length > 0
      ? ['The hosts differ, which may be the cause of the changes:', ...hostDifferences.map(differenceText), '']
      : []),
    ...unfinishedLines(comparison),
    ...only('baseline', 'the run before'),
    ...only('current', 'the run now'),
    ...(comparison.canTell ? [] : cannotTellLines(rows)),
    ...newNameLines(comparison, all),
    ...lostVerdictLines(comparison),
    `${changeCounts(rows, summaryOrder)} ` +
      `${names.new > 0 ? `· ${plural(names.new, 'new name')} ` : ''}` +
      `(margin ${marginPercent} %, Benjamini–Hochberg at ${100 * falseDiscoveryRate} %)`,
  ]
  return `${[...wrapped(above), ...listed, ...wrapped(below)].join('\n')}\n`
}

const endings: Record<UnfinishedRun['status'], string> = {
  interrupted: 'was interrupted',
  stopped: 'was stopped by an error',
  killed: 'was killed',
}

const unfinishedText = (run: WhichRun, { status, isMerged }: UnfinishedRun): string =>
  `${isMerged ? 'a shard of ' : ''}${runNames[run]} ${endings[status]}`

/** The runs that may lack results. */
const unfinishedLines = ({ unfinished }: Comparison): string[] =>
  (['baseline', 'current'] as const).flatMap((run) => {
    const one = unfinished[run]
    return one ? [`Incomplete: ${unfinishedText(run, one)}, so it may lack rounds and results.`] : []
  })

/** Why no regression could be found, apart from lost results. */
function cannotTellLines(rows: readonly Row[]): string[] {
  const failing = rows.filter(({ failsRun }) => failsRun)
  if (failing.length === 0) return ['No regression could be found: the runs have no result in common, native aside.']
  const own = failing.filter(({ change }) => change !== 'lost')
  if (own.length === 0) return []
  const lost = failing.length - own.length
  const [subject, short] =
    lost > 0
      ? [`Besides ${plural(lost, 'lost result')}, no regression could be found`, 'The others have too few rounds']
      : ['No regression could be found', 'Too few rounds']
  if (own.some(({ adjustedP, reason }) => adjustedP !== null && reason === null))
    return [`${short}: no regression could be found. Measure at least 3 rounds in each run.`]
  const reasons = [...new Set(own.flatMap(({ reason }) => (reason ? formatRowReason(reason) : [])))]
  return [`${subject}: ${reasons.join('; ')}.`]
}

/** What the exit code of a comparison means: only the reasons that apply. */
export function comparisonExitText(comparison: Comparison, code: number): string {
  const { rows, unfinished, isDamaged, lostVerdicts } = comparison
  const { current, baseline } = unfinished
  const has = (change: Change) => rows.some((row) => row.failsRun && row.change === change)
  const reasonsIf = (...reasons: readonly (readonly [boolean, string])[]) =>
    listText(reasons.flatMap(([applies, text]) => (applies ? [text] : [])))
  switch (code) {
    case exitCodes.interrupted:
    case exitCodes.invalid:
      return current ? unfinishedText('current', current) : describeExitCode(code)
    case exitCodes.failed:
      return reasonsIf(
        [has('regressed'), failureTexts.regressed],
        [has('lost'), 'something is no longer measured'],
        [newNames(comparison).length > 0, failureTexts.isNew],
      )
    case exitCodes.inconclusive:
      return `with --strict, ${reasonsIf(
        [has('unclear'), 'a result is unclear'],
        [lostVerdicts.length > 0, 'a claim is no longer decided'],
        [baseline !== undefined, baseline ? unfinishedText('baseline', baseline) : ''],
        [current !== undefined, current ? unfinishedText('current', current) : ''],
        [isDamaged, 'lines of a record are missing'],
      )}`
    case exitCodes.nothing:
      return 'no regression against the baseline could be found'
    default:
      return describeExitCode(code)
  }
}

/** By how much a metric changed, or why that is not known: `: now ÷ before 1.2 [1.1, 1.3]`. */
export function changeText({ change, ratio, reason }: Pick<Row, 'change' | 'ratio' | 'reason'>): string {
  if (reason !== null) return `: ${change === 'lost' ? 'lost, ' : ''}${formatRowReason(reason)}`
  return ratio ? `: now ÷ before ${interval({ ...ratio, value: ratio.estimate })}` : ''
}
