import { closestMatch } from '../util/closest-match.ts'
import { checkFields, withErrorLocation } from './checked.ts'
import { callerLocation, DefinitionError } from './errors.ts'

/** Units by dimension. A metric can only be compared with a quantity of the same dimension. */
export interface Units {
  time: 'ns' | 'us' | 'ms' | 's'
  rate: 'events/s' | 'ops/s' | 'transactions/s' | 'requests/s' | 'IOPS'
  bandwidth: 'B/s' | 'MB/s' | 'MiB/s' | 'GB/s'
  'bit rate': 'bit/s' | 'Mbit/s' | 'Gbit/s'
  size: 'B' | 'KiB' | 'MiB' | 'GiB'
  count: 'count'
  share: '%'
}

/** A unit that a metric may have. */
export type Unit = Units[keyof Units]

/**
 * The units with the same dimension as `U`: `SameDimension<'ms'>` is `'ns' | 'us' | 'ms' | 's'`. A unit of an author is
 * the only one of its dimension.
 */
export type SameDimension<U extends string> = U extends Unit
  ? { [D in keyof Units]: U extends Units[D] ? Units[D] : never }[keyof Units]
  : U

/** A number with its unit, for example `'600ms'` or `'1.5 GB/s'`. */
export type Quantity<U extends string> = `${number}${'' | ' '}${SameDimension<U>}`

/** A value that a workload yields. Plain data. */
export interface Metric<U extends string = string> {
  readonly unit: U
  readonly better: 'lower' | 'higher'
}

/** The metrics of a workload, by name. */
export type Metrics = Readonly<Record<string, Metric>>

/** Creates a metric where less is better, such as a latency. */
export function lower<U extends Unit>(unit: U): Metric<U> {
  return knownMetric(unit, 'lower', lower)
}

/** Creates a metric where more is better, such as a throughput. */
export function higher<U extends Unit>(unit: U): Metric<U> {
  return knownMetric(unit, 'higher', higher)
}

/** Whether a word is a unit of isobench. */
const isUnit = (word: unknown): boolean =>
  typeof word === 'string' && Object.values(scales).some((units) => Object.hasOwn(units, word))

function knownMetric<U extends Unit>(
  unit: U,
  better: Metric['better'],
  caller: (...args: never[]) => unknown,
): Metric<U> {
  if (isUnit(unit)) return { unit, better }
  const close = closestMatch(String(unit), Object.values(scales).flatMap(Object.keys))
  const own = `for a unit of yours: unit(${JSON.stringify(unit) ?? "'...'"}, { better: '${better}' })`
  throw new DefinitionError(
    `${JSON.stringify(unit) ?? 'undefined'} is no unit of isobench.`,
    close === undefined ? own : `did you mean "${close}"? Or ${own}`,
    callerLocation(caller),
  )
}

/** A word that is no number and fits into a table. */
const unitRule = /^[^\d\s\p{C}.,;"'<>&|`\\][^\s\p{C}"'<>&|`\\]{0,19}$/u

/**
 * Creates a metric in a unit that isobench does not know: `unit('frames/s', { better: 'higher' })`. isobench converts
 * it to no other unit.
 * @throws {DefinitionError} if the unit has spaces, starts with a digit, or is longer than 20 characters
 */
export function unit<const U extends string>(name: U, options: { readonly better: 'lower' | 'higher' }): Metric<U> {
  const location = () => callerLocation(unit)
  if (typeof name !== 'string' || !unitRule.test(name))
    throw new DefinitionError(
      `${JSON.stringify(name) ?? 'undefined'} is no valid unit.`,
      "use a word of at most 20 characters, such as 'frames/s'",
      location(),
    )
  const better: unknown = options?.better
  if (better !== 'lower' && better !== 'higher')
    throw new DefinitionError(
      `the unit "${name}" does not say what is better.`,
      `write unit('${name}', { better: 'higher' }) or { better: 'lower' }`,
      location(),
    )
  withErrorLocation(location, () => checkFields(`unit "${name}"`, options, ['better']))
  return { unit: name, better }
}

/** By dimension, the value of each unit in the same base unit. */
const scales: { readonly [D in keyof Units]: Readonly<Record<Units[D], number>> } = {
  time: { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 },
  rate: { 'events/s': 1, 'ops/s': 1, 'transactions/s': 1, 'requests/s': 1, IOPS: 1 },
  bandwidth: { 'B/s': 1, 'MB/s': 1e6, 'MiB/s': 1024 ** 2, 'GB/s': 1e9 },
  'bit rate': { 'bit/s': 1, 'Mbit/s': 1e6, 'Gbit/s': 1e9 },
  size: { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 },
  count: { count: 1 },
  share: { '%': 1 },
}

/**
 * Converts a quantity to a unit: `convertQuantity('0.6s', 'ms')` is 600.
 * @throws {TypeError} if the text is not a finite, non-negative number with a unit of the same dimension
 */
export function convertQuantity(quantity: string, unit: string): number {
  const match = /^\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(\S+)\s*$/i.exec(quantity)
  const known: Readonly<Record<string, number>> = Object.values(scales).find((units) => Object.hasOwn(units, unit)) ?? {
    [unit]: 1,
  }
  const factor = match && Object.hasOwn(known, match[2]!) ? known[match[2]!] : undefined
  const value = factor === undefined ? Number.NaN : (Number(match![1]) * factor) / known[unit]!
  if (Number.isFinite(value)) return value
  throw new TypeError(`"${quantity}" is no quantity in ${Object.keys(known).join(', ')}.`)
}
