import { readFileSync } from 'node:fs'
import { type CallExpression, type Literal, type Node, parseExpressionAt } from 'acorn'
import type { Location } from '../../dsl/errors.ts'
import { convertQuantity, type Unit } from '../../dsl/metric.ts'
import { IsobenchError } from '../../util/errors.ts'
import { writeOutput } from '../../util/outputs.ts'
import type { Report } from '../model/report.ts'
import type { ClaimVerdict } from '../model/verdict.ts'

/** Sets the margin of a claim to what was measured, in the text of its bench file. */

/** Why a margin cannot be set. */
export class MarginError extends IsobenchError {
  readonly code = 'ISOBENCH_MARGIN'
}

/** A changed literal of a file. */
export interface MarginEdit {
  /** Absolute path. */
  readonly file: string
  readonly line: number
  /** The literal before and after. */
  readonly from: string
  readonly to: string
  /** The whole text of the file before and after. */
  readonly before: string
  readonly after: string
}

/** Edits margins in bench files, and takes the latest edit back. */
export class MarginEditor {
  #latest: MarginEdit | undefined

  /**
   * Makes the only contradicted claim in view hold.
   * @throws {MarginError} as `marginEdit`
   */
  accept(report: Pick<Report, 'claims' | 'cases'>, inView: readonly ClaimVerdict[]): MarginEdit {
    const edit = marginEdit(report, inView, (file) => readFileSync(file, 'utf8'))
    writeOutput(edit.file, edit.after)
    this.#latest = edit
    return edit
  }

  /**
   * Takes the latest edit back.
   * @param shown the path of a file for messages
   * @throws {MarginError} if there is none, or the file was edited since
   */
  undo(shown: (file: string) => string): MarginEdit {
    const edit = this.#latest
    if (!edit) throw new MarginError('there is no margin to undo', 'u sets one')
    if (readFileSync(edit.file, 'utf8') !== edit.after)
      throw new MarginError(`${shown(edit.file)} was edited since`, `write ${edit.from} at line ${edit.line}`)
    writeOutput(edit.file, edit.before)
    this.#latest = undefined
    return edit
  }
}

/** The most contradicted claims that an error names. */
const named = 4

/**
 * The edit that makes the only contradicted claim in view hold on every platform and case that it is about.
 * @param inView the claims from which to choose
 * @throws {MarginError} if there is not exactly one contradicted claim, or the edit would not be safe
 */
export function marginEdit(
  { claims, cases }: Pick<Report, 'claims' | 'cases'>,
  inView: readonly ClaimVerdict[],
  read: (file: string) => string,
): MarginEdit {
  const contradicted = inView.filter(({ outcome }) => outcome === 'contradicted')
  const places = new Map(contradicted.map((verdict) => [placeOf(verdict), verdict]))
  if (places.size === 0) throw new MarginError('no claim in view is contradicted', 'u sets the margin of such a claim')
  if (places.size > 1) {
    const all = [...places.values()].map(({ bench, claim, platforms }) => {
      return `${bench.name} ${claim.metric} on ${platforms.join(', ')}`
    })
    const rest = all.length > named ? `, ${all.length - named} more` : ''
    throw new MarginError(
      `${all.length} claims are contradicted: ${all.slice(0, named).join('; ')}${rest}`,
      'leave one in view with p or t',
    )
  }
  const [[place, { claim }]] = [...places] as [[string, ClaimVerdict]]
  const { location, matcher } = claim
  if (!location) throw new MarginError('the place of the claim is unknown', 'edit the claim by hand')
  const alike = claims.filter((one) => placeOf(one) === place)
  const better = cases
    .flatMap(({ bench, results }) => (bench.id === claim.bench ? results : []))
    .map(({ metrics }) => metrics[claim.metric]?.better)
    .find((direction) => direction !== undefined)
  const isSame = ({ claim: other }: ClaimVerdict) => JSON.stringify(other.matcher) === JSON.stringify(matcher)
  if (better === undefined || !alike.every(isSame))
    throw new MarginError('the claim has a different margin for each of its benches', 'edit the claim by hand')
  const bound = boundOf(matcher, alike, better)
  const before = read(location.file)
  const literal = literalOf(before, location, matcher.kind)
  const to = replacement(literal, bound)
  if (to === literal.raw) throw new MarginError('the margin is what was measured already', 'measure again with Enter')
  return {
    file: location.file,
    line: location.line,
    from: literal.raw!,
    to,
    before,
    after: before.slice(0, literal.start) + to + before.slice(literal.end),
  }
}

const placeOf = ({ claim }: ClaimVerdict): string => {
  const { file, line, column } = claim.location ?? { file: claim.bench, line: 0, column: 0 }
  return [file, line, column, claim.matcher.kind].join(':')
}

/** What the literal must be for the claim to hold. */
interface Bound {
  /** The number that the claim has now, in the unit of `value`. */
  readonly current: number
  readonly value: number
  /** The direction in which the number makes the claim weaker. */
  readonly weaker: 'up' | 'down'
  /** The unit of both numbers, for a limit. The literal may have another one of the same dimension. */
  readonly unit?: Unit
}

type Matcher = ClaimVerdict['claim']['matcher']

/** The bounds of the 90 % intervals of all verdicts. */
function intervalsOf(verdicts: readonly ClaimVerdict[]): { readonly low: number; readonly high: number }[] {
  return verdicts
    .filter(({ outcome }) => outcome !== 'not-evaluated')
    .map(({ estimate, platforms }) => {
      if (!estimate || estimate.low === null || estimate.high === null)
        throw new MarginError(`${platforms.join(', ')} has no interval yet`, 'wait for more rounds')
      return { low: estimate.low, high: estimate.high }
    })
}

/** In logarithms, how much worse than the reference a platform is at most, and how much better. */
function worstOf(intervals: ReturnType<typeof intervalsOf>, better: 'lower' | 'higher') {
  if (better === 'higher' && intervals.some(({ low }) => low === 0))
    throw new MarginError('a value is 0, which no margin allows', 'find out why the workload gets nothing done')
  const signed = intervals.map(({ low, high }) =>
    better === 'lower' ? [Math.log(low), Math.log(high)] : [-Math.log(high), -Math.log(low)],
  ) as [number, number][]
  return { best: Math.min(...signed.map(([low]) => low)), worst: Math.max(...signed.map(([, high]) => high)) }
}

function boundOf(matcher: Matcher, verdicts: readonly ClaimVerdict[], better: 'lower' | 'higher'): Bound {
  if (verdicts.some(({ claim }) => claim.onAtLeast !== undefined))
    throw new MarginError('the claim is about a number of platforms', 'edit the claim by hand')
  const percentFor = (log: number) => 100 * (better === 'lower' ? Math.exp(log) - 1 : 1 - Math.exp(-log))
  const unit = verdicts[0]!.unit as Unit
  switch (matcher.kind) {
    case 'withinNative':
    case 'notWorseThan': {
      const { worst } = worstOf(intervalsOf(verdicts), better)
      return { current: matcher.percent, value: percentFor(worst), weaker: 'up' }
    }
    case 'equivalentTo': {
      const { worst, best } = worstOf(intervalsOf(verdicts), better)
      return { current: matcher.percent, value: percentFor(Math.max(worst, -best)), weaker: 'up' }
    }
    case 'betterThan':
    case 'worseThan': {
      const { worst, best } = worstOf(intervalsOf(verdicts), better)
      const value = Math.exp(matcher.kind === 'betterThan' ? -worst : best)
      if (value < 1) throw new MarginError('no factor of 1 or more is true', 'edit the claim by hand')
      return { current: matcher.by, value, weaker: 'down' }
    }
    case 'atMost':
      return {
        current: matcher.value,
        value: Math.max(...intervalsOf(verdicts).map(({ high }) => high)),
        weaker: 'up',
        unit,
      }
    case 'atLeast':
      return {
        current: matcher.value,
        value: Math.min(...intervalsOf(verdicts).map(({ low }) => low)),
        weaker: 'down',
        unit,
      }
    default:
      throw new MarginError('a claim of this kind has no single margin', 'edit the claim by hand')
  }
}

/** The literal with the margin, in the call that makes the claim. Only that call is parsed, so types do not matter. */
function literalOf(source: string, { line, column }: Location, kind: string): Literal {
  const lines = source.split('\n')
  const offset = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + column - 1
  let expression: Node
  try {
    expression = parseExpressionAt(source, offset, { ecmaVersion: 'latest', sourceType: 'module' })
  } catch {
    throw new MarginError(`the claim at line ${line} cannot be parsed`, 'edit the claim by hand')
  }
  const calls = callsOf(expression, kind)
  if (calls.length !== 1) throw new MarginError(`the claim is not found at line ${line}`, 'edit the claim by hand')
  const argument = calls[0]!.arguments.at(-1)
  const found = argument?.type === 'ObjectExpression' ? propertyOf(argument, 'by') : argument
  if (found?.type !== 'Literal' || found.raw === undefined)
    throw new MarginError(`the margin at line ${line} is not a literal`, 'edit the claim by hand')
  return found
}

/** The calls of a function or method with a name. */
function callsOf(node: unknown, name: string): CallExpression[] {
  if (Array.isArray(node)) return node.flatMap((one) => callsOf(one, name))
  if (node === null || typeof node !== 'object' || !('type' in node)) return []
  const call = node as CallExpression
  const inside = Object.values(node).flatMap((child) => callsOf(child, name))
  if (call.type !== 'CallExpression') return inside
  const { callee } = call
  const called = callee.type === 'MemberExpression' ? callee.property : callee
  return called.type === 'Identifier' && called.name === name ? [call, ...inside] : inside
}

function propertyOf(
  { properties }: Extract<Node | import('acorn').Expression, { type: 'ObjectExpression' }>,
  name: string,
) {
  const found = properties.find(
    (one) => one.type === 'Property' && one.key.type === 'Identifier' && one.key.name === name,
  )
  return found?.type === 'Property' ? found.value : undefined
}

/** A number, or a text of a number and a unit: what is before the number, the number, and what is behind it. */
const numberIn = /^(['"]?\s*)(\d+(?:\.\d+)?)(\s*[^'"]*['"]?)$/

/** The literal with the rounded bound in its own unit. */
function replacement(literal: Literal, { current, value, weaker, unit }: Bound): string {
  const raw = literal.raw!
  const match = numberIn.exec(raw)
  if (!match) throw new MarginError(`the margin ${raw} is not a plain number`, 'edit the claim by hand')
  const [, before, written, after] = match as unknown as [string, string, string, string]
  // If the file was edited since the verdict, the literal is another one.
  if (!(Math.abs(numberOf(literal, unit) - current) <= 1e-9 * Math.max(1, current)))
    throw new MarginError(`the margin ${raw} is not the one that was judged`, 'wait for the next verdict')
  return before + roundTo((value * Number(written)) / current, weaker) + after
}

/** The number of a literal, in `unit` if it is a limit. */
function numberOf({ value }: Literal, unit: Unit | undefined): number {
  if (unit === undefined) return Number(String(value).replace(/x$/, ''))
  try {
    return convertQuantity(String(value), unit)
  } catch {
    return Number.NaN
  }
}

/** Two significant digits, or all digits before the decimal point, rounded so that the claim becomes weaker. */
function roundTo(value: number, weaker: 'up' | 'down'): string {
  const step = 10 ** Math.min(0, Math.floor(Math.log10(value)) - 1)
  const steps = weaker === 'up' ? Math.ceil(value / step + 1e-9) : Math.floor(value / step - 1e-9)
  return String(Number((steps * step).toPrecision(12)))
}
