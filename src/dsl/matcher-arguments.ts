/** Checks and converts the arguments of matchers. */

import {
  checkFields,
  describeValue,
  isObject,
  suggestion,
  tooManyArguments,
  unknownParams,
  unknownUnit,
  withErrorLocation,
} from './checked.ts'
import type { Matcher, Reference } from './claim.ts'
import { DefinitionError, type Location } from './errors.ts'
import { convertQuantity, type Metric } from './metric.ts'
import type { Median } from './platform.ts'
import { isFactor, isMargin } from './rules.ts'
import type { ParamSpace, ParamValue } from './workload.ts'

/** A factor such as `'3x'` or `'1.15x'`. */
export type Factor = `${number}x`

/** A metric of a bench, for claims outside of the bench's own options. */
export interface MetricRef<U extends string = string, P extends ParamSpace = ParamSpace> {
  readonly bench: string
  readonly metric: string
  readonly definition: Metric<U>
  readonly params: P
}

/** The parameters with numbers as values. */
export type Numeric<P extends ParamSpace> = {
  [K in keyof P]: P[K][number] extends number ? K : never
}[keyof P] &
  string

/** @throws {DefinitionError} if it is no possible margin of a metric */
export function percentage(percent: number, better: 'lower' | 'higher', location?: Location): number {
  if (typeof percent !== 'number')
    throw new DefinitionError(
      `a margin is a number of percent, and this is ${describeValue(percent)}.`,
      `write the number alone${Number.parseFloat(percent) > 0 ? `: ${Number.parseFloat(percent)}` : ', such as 5'}`,
      location,
    )
  if (!isMargin(percent, better)) {
    throw new DefinitionError(
      `${percent} % is no valid margin for a metric where ${better === 'higher' ? 'more' : 'less'} is better.`,
      better === 'higher' ? 'use a number above 0 and below 100' : 'use a number above 0',
      location,
    )
  }
  return percent
}

/** @throws {DefinitionError} if a matcher got more arguments than it takes */
export function checkNoMore(matcher: string, more: readonly unknown[], location?: Location): void {
  if (more.length === 0) return
  throw new DefinitionError(`${tooManyArguments(`${matcher}()`, more)}.`, 'remove it', location)
}

/** @throws {DefinitionError} if the options are no factor */
export function factorOf(options: { readonly by?: Factor } | undefined, location?: Location): number {
  const isOptions = typeof options === 'object' && options !== null && Object.keys(options).every((key) => key === 'by')
  if (options !== undefined && !isOptions)
    throw new DefinitionError(
      `after the platform, a matcher takes an object with a factor, and this is ${describeValue(options)}.`,
      `write it as { by: '2x' }, for example worseThan('runc', { by: '2x' })`,
      location,
    )
  const by = options?.by
  const value = by === undefined ? 1 : parseFactor(by)
  if (!isFactor(value)) {
    throw new DefinitionError(
      `${describeValue(by)} is no valid factor.`,
      `use a number of 1 or more with an x, such as '3x'`,
      location,
    )
  }
  return value
}

/** The number of a factor such as `'3x'`; NaN if the text is none. */
const parseFactor = (text: unknown): number => Number(/^(.*)x$/.exec(String(text))?.[1])

/**
 * By how much a metric may become worse.
 * @throws {DefinitionError} if it is no factor above 1
 */
export function growthOf(factor: unknown, location?: Location): number {
  const value = parseFactor(factor)
  if (isFactor(value) && value > 1) return value
  throw new DefinitionError(
    `${describeValue(factor)} is no factor by which a metric may become worse.`,
    `use a number above 1 with an x, such as '3x'`,
    location,
  )
}

/** @throws {DefinitionError} if it is no quantity of the unit's dimension */
export function quantityOf(quantity: unknown, unit: string, location?: Location): number {
  if (typeof quantity !== 'string')
    throw new DefinitionError(
      `a quantity is a text with a number and a unit, and this is ${describeValue(quantity)}.`,
      `write '${Number.isFinite(quantity) ? quantity : 10} ${unit}'`,
      location,
    )
  if (unit === unknownUnit) return 0
  try {
    return convertQuantity(quantity, unit)
  } catch (error) {
    throw new DefinitionError((error as Error).message, `use a number and a unit, such as '10 ${unit}'`, location)
  }
}

/** @throws {DefinitionError} if it is no platform and no median */
export function referenceOf(reference: string | Median, location?: Location): Reference {
  if (typeof reference === 'string') return { platform: reference }
  if (!Array.isArray(reference?.medianOf))
    throw new DefinitionError(
      `a claim compares with a platform, and this is ${describeValue(reference)}.`,
      "name it first: notWorseThan('runc', 5), or use platform.medianOf('runc', 'crun')",
      location,
    )
  return { platform: `the median of ${reference.medianOf.join(', ')}`, medianOf: reference.medianOf }
}

/**
 * The parameter of a claim over a series.
 * @param more options of the matcher beside `over`
 * @throws {DefinitionError} if the workload lacks it, or there is an option that the matcher does not have
 */
export function seriesOf(
  { params }: Pick<MetricRef, 'params'>,
  series: unknown,
  location?: Location,
  more: readonly string[] = [],
): string {
  const over = isObject(series) ? series.over : undefined
  if (typeof over !== 'string')
    throw new DefinitionError(
      `a claim about a series needs its parameter, and this is ${describeValue(isObject(series) ? over : series)}.`,
      "name it last, for example constant(5, { over: 'threads' })",
      location,
    )
  withErrorLocation(
    () => location,
    () => checkFields('the series of a claim', series, ['over', ...more]),
  )
  if (params === unknownParams || Object.hasOwn(params, over)) return over
  const names = Object.keys(params)
  throw new DefinitionError(
    `the workload has no parameter "${over}".`,
    names.length > 0 ? `use one of: ${names.join(', ')}` : 'add a parameter with several values to the workload',
    location,
  )
}

/**
 * @param locate where `.where` is called
 * @throws {DefinitionError} if the workload lacks a parameter, or the parameter lacks the value
 */
export function checkParams(
  { params: space, bench: key }: Pick<MetricRef, 'params' | 'bench'>,
  chosen: Readonly<Record<string, ParamValue>>,
  locate: () => Location | undefined,
): void {
  if (space === unknownParams) return
  // A key has the file behind the name if two files have a bench of the same name.
  const [bench] = key.split('\0')
  for (const [name, value] of Object.entries(chosen)) {
    const known = Object.hasOwn(space, name) ? space[name]! : undefined
    if (known?.includes(value)) continue
    throw new DefinitionError(
      known
        ? `bench "${bench}": parameter "${name}" has no value ${JSON.stringify(value)}.`
        : `bench "${bench}": the workload has no parameter "${name}".`,
      known
        ? `use one of: ${known.map((one) => JSON.stringify(one)).join(', ')}`
        : suggestion(name, Object.keys(space)),
      locate(),
    )
  }
}

/**
 * @param range the first and the last value of a claim; equal for a claim about one value
 * @throws {DefinitionError} if the parameter has no value there
 */
export function checkRange(
  ref: Pick<MetricRef, 'params' | 'bench'>,
  over: string,
  [from, to]: readonly [from: number, to: number],
  location: Location | undefined,
): void {
  if (from === to) checkParams(ref, { [over]: from }, () => location)
  const known = Object.hasOwn(ref.params, over) ? ref.params[over]! : undefined
  if (from === to || !known || known.some((value) => Number(value) >= from && Number(value) <= to)) return
  throw new DefinitionError(
    `parameter "${over}" has no value from ${from} to ${to}.`,
    `use a range with one of: ${known.join(', ')}`,
    location,
  )
}

/**
 * Checks that a claim over a parameter does not select one value of it.
 * @throws {DefinitionError} if it does
 */
export function checkWhere(
  matcher: Matcher,
  where: Readonly<Record<string, ParamValue>>,
  location: Location | undefined,
): void {
  if (!('over' in matcher) || !Object.hasOwn(where, matcher.over)) return
  const { over } = matcher
  throw new DefinitionError(
    `the claim compares values of ${over}, and where() selects one of them: ${describeValue(where[over])}.`,
    `remove ${over} from where()`,
    location,
  )
}
