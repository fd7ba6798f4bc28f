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

/** The units with the same dimension as `U`: `SameDimension<'ms'>` is `'ns' | 'us' | 'ms' | 's'`. */
export type SameDimension<U extends Unit> = { [D in keyof Units]: U extends Units[D] ? Units[D] : never }[keyof Units]

/** A number with its unit, for example `'600ms'` or `'1.5 GB/s'`. */
export type Quantity<U extends Unit> = `${number}${'' | ' '}${SameDimension<U>}`

/** A value that a workload yields. Plain data. */
export interface Metric<U extends Unit = Unit> {
  readonly unit: U
  readonly better: 'lower' | 'higher'
}

/** The metrics of a workload, by name. */
export type Metrics = Readonly<Record<string, Metric>>

/** Creates a metric where less is better, such as a latency. */
export const lower = <U extends Unit>(unit: U): Metric<U> => ({ unit, better: 'lower' })

/** Creates a metric where more is better, such as a throughput. */
export const higher = <U extends Unit>(unit: U): Metric<U> => ({ unit, better: 'higher' })

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
export function convertQuantity(quantity: string, unit: Unit): number {
  const match = /^\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(\S+)\s*$/i.exec(quantity)
  const known: Readonly<Record<string, number>> =
    Object.values(scales).find((units) => Object.hasOwn(units, unit)) ?? {}
  const factor = match && Object.hasOwn(known, match[2]!) ? known[match[2]!] : undefined
  const value = factor === undefined ? Number.NaN : (Number(match![1]) * factor) / known[unit]!
  if (Number.isFinite(value)) return value
  throw new TypeError(`"${quantity}" is no quantity in ${Object.keys(known).join(', ')}.`)
}
