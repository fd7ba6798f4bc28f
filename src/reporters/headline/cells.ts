import { formatQuantity } from '../format.ts'
import { type Matrix, type MatrixCell, type MatrixColumn, negligible } from './matrix.ts'
import { signs } from './words.ts'

/** The cells of the matrix as short text: seven columns wide or so. */

/** `0`, `0.88`, `2.3×`, `27×`. */
function ratioText(value: number): string {
  if (value === 0) return '0'
  if (value >= 1000) return `${Number(value.toPrecision(2)).toLocaleString('en-US')}×`
  if (value >= 10) return `${Math.round(value)}×`
  return value >= 2 ? `${value.toFixed(1)}×` : value.toFixed(2)
}

/** `3.1–4.4×`, or one ratio if both read the same. */
function rangeText(least: number, most: number): string {
  const [from, to] = [ratioText(least), ratioText(most)]
  return from === to ? from : `${from.replace('×', '')}–${to}`
}

/**
 * `▼27×`, `▲1.12`, `·`; empty if it was not measured.
 * @param extreme the direction of the metric if only the extreme of the row's platforms is shown, not their range
 */
export function cellText({ state, ratio, fails, isSuspicious }: MatrixCell, extreme?: MatrixColumn['better']): string {
  if (state === 'none') return ''
  if (state === 'failed') return 'error'
  const { least = 0, most = 0 } = ratio ?? {}
  const end = (extreme === 'lower') === (state === 'better') ? least : most
  const value = ratio ? (extreme ? ratioText(end) : rangeText(least, most)) : ''
  if (state === 'unsure') return `${fails ? signs.fails : '~'}${value}`
  const sign = fails ? signs.fails : signs[state]
  const text = state === 'same' ? (fails ? `${sign}${value}` : sign) : `${sign}${value}`
  return isSuspicious && state === 'better' ? `${text}?` : text
}

const prefixes = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const

/** Units that already have a prefix. */
const scaledUnits: Readonly<Record<string, readonly [number, string]>> = {
  'MB/s': [1e6, 'B/s'],
  'MiB/s': [2 ** 20, 'B/s'],
  'Mbit/s': [1e6, 'b/s'],
  'Gbit/s': [1e9, 'b/s'],
}

/** native's own value, such as `3.8k/s`, `13 GB/s` or `8.6 ms`. */
export function nativeText({ native, unit }: Pick<MatrixColumn, 'native' | 'unit'>): string {
  if (native === null) return '–'
  if (['ns', 'us', 'ms', 's'].includes(unit)) {
    const [value, name] = formatQuantity(native, unit).split(' ') as [string, string]
    const number = Number(value.replaceAll(',', ''))
    return `${Number.isFinite(number) ? Number(number.toPrecision(2)) : value} ${name}`
  }
  const [factor, name] = scaledUnits[unit] ?? [1, unit.endsWith('/s') ? '/s' : '']
  const value = native * factor
  const [scale, prefix] = prefixes.find(([from]) => value >= from) ?? [1, '']
  const number = Number((value / scale).toPrecision(2))
  const space = /^[Bb]/.test(name) ? ' ' : ''
  return `${number}${space}${prefix}${name}${unit === '%' ? ' %' : ''}`
}

const meanings: readonly (readonly [string, string, (cell: MatrixCell) => boolean])[] = [
  [signs.better, 'better', ({ state }) => state === 'better'],
  [signs.worse, 'worse', ({ state, fails }) => state === 'worse' && !fails],
  [signs.fails, 'fails the run', ({ fails }) => fails],
  [signs.same, `unclear or below ${100 * negligible} %`, ({ state }) => state === 'same'],
  ['~', 'too few rounds for an interval', ({ state, ratio }) => state === 'unsure' && ratio !== null],
  ['~ alone', 'no ratio to native', ({ state, ratio }) => state === 'unsure' && ratio === null],
  ['?', 'likely a cache or a clock', ({ state, isSuspicious }) => state === 'better' && isSuspicious],
]

/** What the signs of this matrix mean: `× native: ▲ better, ▼ worse`. */
export function legendText({ rows, emulated }: Pick<Matrix, 'rows' | 'emulated'>): string {
  const cells = rows.flatMap((row) => row.cells)
  const used = meanings.filter(([, , isUsed]) => cells.some(isUsed))
  const legend = `× native: ${used.map(([sign, meaning]) => `${sign} ${meaning}`).join(', ')}`
  return emulated.length > 0 ? `${legend}; CPUs emulated in software: ${emulated.join(', ')}` : legend
}
