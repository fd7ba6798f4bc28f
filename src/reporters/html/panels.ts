import type { MetricResult } from '../../core/model/report.ts'
import { sanitize, truncate } from '../../util/text.ts'
import { escapeHtml } from '../document.ts'
import { formatQuantity } from '../format.ts'
import { barOf, barWidth } from './bars.ts'
import { samplesText } from './elements.ts'
import { formatTick, largest, line, scale, smallest } from './scale.ts'

/** Small multiples: the same platforms as rows of several panels beside each other, each with native's line. */

const width = 900
const left = 124
const gap = 14
const rowHeight = 20
/** For a figure at the end of a bar. */
const figureWidth = 62
/** As many as fit beside each other. */
const across = 5
/** Farther apart than this, the longest bar of one panel would hide those of another: each then has a scale of its own. */
const sharedWithin = 10

export interface Panel {
  readonly title: string
  readonly results: ReadonlyMap<string, Shown>
}

interface Shown {
  readonly result: MetricResult
  /** The same of the run that this one is shown against. */
  readonly before?: MetricResult | undefined
  readonly tone: string
}

const has = ({ result }: Shown): boolean => result.median !== null && result.samples.length > 0
const longest = ({ results }: Panel): number =>
  largest(
    [...results.values()]
      .filter(has)
      .flatMap(({ result, before }) => [
        ...result.samples.map(({ value }) => value),
        ...(before?.median != null ? [before.median] : []),
      ]),
  )

/** Whether panels can be drawn on one scale, so that their bars compare. */
export function shareScale(panels: readonly Panel[]): boolean {
  const ends = panels.map(longest).filter((value) => value > 0 && Number.isFinite(value))
  return ends.length > 0 && largest(ends) / smallest(ends) <= sharedWithin
}

/** Of panels, what their picture means. */
export function panelsCaption(panels: readonly Panel[], unit: string): string {
  const shown = panels.flatMap(({ results }) => [...results])
  const drawn = (of: (one: (typeof shown)[number]) => boolean, words: string) => (shown.some(of) ? [words] : [])
  return [
    `Medians${unit === 'count' ? '' : ` in ${unit}`}; dots are samples.`,
    ...drawn(([name, one]) => name === 'native' && has(one), 'Dashed: native.'),
    ...drawn(([, { before }]) => before !== undefined, 'Outlined: the baseline.'),
    shareScale(panels) ? 'One scale for all.' : 'Each has a scale of its own.',
    'Hover or focus a bar for its samples.',
  ].join(' ')
}

/**
 * A bar per platform and panel, as in the picture of a single bench; empty where nothing has a figure.
 * @param within panels that share the scale, where one has been chosen for all; otherwise each has its own
 */
export function panelsSvg(label: string, panels: readonly Panel[], within: readonly Panel[] | undefined): string {
  const rows: string[] = []
  for (let at = 0; at < panels.length; at += across) {
    const some = panels.slice(at, at + across)
    const platforms = [
      ...new Set(some.flatMap(({ results }) => [...results].filter(([, one]) => has(one)).map(([name]) => name))),
    ]
    if (platforms.length > 0) rows.push(rowOf(label, some, platforms, within))
  }
  return rows.join('\n')
}

function rowOf(
  label: string,
  panels: readonly Panel[],
  platforms: readonly string[],
  within: readonly Panel[] | undefined,
): string {
  const each = (width - left) / Math.max(2, panels.length)
  const bottom = platforms.length * rowHeight + 26
  const names = platforms.map(
    (platform, row) =>
      `<text x="${left - 10}" y="${yOf(row) + 4}" text-anchor="end">${escapeHtml(truncate(sanitize(platform), 17))}</text>`,
  )
  const drawn = panels.map((panel, at) => panelOf(panel, platforms, left + at * each, each, bottom, within))
  const about = `${label}: a bar for each platform, in ${panels.map(({ title }) => title).join('; ')}`
  const open = `<svg viewBox="0 0 ${width} ${bottom + 40}" role="group" aria-label="${escapeHtml(about)}">`
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}">${open}${names.join('')}${drawn.join('')}</svg></div>`
}

const yOf = (row: number): number => row * rowHeight + 36

function panelOf(
  panel: Panel,
  platforms: readonly string[],
  from: number,
  each: number,
  bottom: number,
  within: readonly Panel[] = [panel],
): string {
  const high = largest(within.map(longest).filter(Number.isFinite))
  const x = scale({
    low: 0,
    high: high > 0 ? high : 1,
    from,
    to: from + each - figureWidth - gap,
    marks: each > 220 ? 4 : 2,
  })
  const grid = x.ticks.map(
    (value) =>
      line(x.at(value), x.at(value), 22, bottom, 'class="grid"') +
      `<text class="axis" x="${x.at(value)}" y="${bottom + 14}" text-anchor="middle">${formatTick(value)}</text>`,
  )
  const title = `<text class="title" x="${from}" y="13">${escapeHtml(truncate(sanitize(panel.title), Math.floor(each / 7)))}</text>`
  const marks = platforms.map((platform, row) => {
    const y = yOf(row)
    const one = panel.results.get(platform)
    if (!one || !has(one)) return `<text class="axis" x="${from + 2}" y="${y + 4}">–</text>`
    const { result, before, tone } = one
    const values = result.samples.map(({ value }) => value)
    const median = formatQuantity(result.median!, result.unit)
    const samples = samplesText(values, result.unit)
    const then = before?.median == null ? '' : `; baseline ${formatQuantity(before.median, result.unit)}`
    const former =
      then &&
      `<rect class="before" x="${x.at(0)}" y="${y - 8}" width="${barWidth(before!.median!, x)}" height="16" rx="2"/>`
    const about = `${panel.title}, ${platform}: median ${median}${then}; ${samples}`
    const bar = barOf(result.median!, values, x, y, 12)
    const end = Math.max(Number(x.at(result.median!)), Number(x.at(largest(values)))) + 6
    const text = `<text class="figure" x="${end.toFixed(1)}" y="${y + 4}">${escapeHtml(truncate(formatTick(result.median!), 9))}</text>`
    const tip = `<text class="tip" x="4" y="${bottom + 34}">${escapeHtml(truncate(sanitize(about), 150))}</text>`
    const hit = `<rect class="hit" x="${from}" y="${y - 9}" width="${(each - gap).toFixed(1)}" height="18"/>`
    return `<g class="row ${tone}" tabindex="0" role="img"><title>${escapeHtml(about)}</title>${hit}${former}${bar}${text}${tip}</g>`
  })
  const native = panel.results.get('native')?.result.median
  const dashed = native == null ? '' : line(x.at(native), x.at(native), 22, bottom, 'class="native"')
  return `<g>${title}${grid.join('')}${dashed}${marks.join('')}</g>`
}
