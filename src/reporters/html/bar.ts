/** A bar and what is drawn on it: what single pictures and panels share. */
import { largest, line, type Scale, smallest } from './scale.ts'

/** As long as the median; a line from the lowest to the highest sample, with caps; a dot per sample. */
export function barOf(median: number, samples: readonly number[], x: Scale, y: number, height: number): string {
  const start = Number(x.at(0))
  const ends = [smallest(samples), largest(samples)]
  const bar = `<rect x="${start}" y="${y - height / 2}" width="${barWidth(median, x)}" height="${height}" rx="2"/>`
  const range = line(x.at(ends[0]!), x.at(ends[1]!), y, y, 'class="range"')
  const cap = height / 4
  const caps = ends.map((end) => line(x.at(end), x.at(end), y - cap, y + cap, 'class="range"')).join('')
  const dots = `<path class="samples" d="${samples.map((value) => `M${x.at(value)} ${y}h0`).join('')}"/>`
  return bar + range + caps + dots
}

/** From 0 to `value`; never so thin that it cannot be seen. */
export const barWidth = (value: number, x: Scale): string =>
  Math.max(1, Number(x.at(value)) - Number(x.at(0))).toFixed(1)
