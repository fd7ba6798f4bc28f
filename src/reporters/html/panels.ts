import type { MetricResult } from '../../core/model/report.ts'
import { sanitize, truncate } from '../../util/text.ts'
import { formatQuantity } from '../format.ts'
import { barHtml, baselineBar, interactiveRow } from './bars.ts'
import { samplesText } from './elements.ts'
import { createScale, formatTick, largest, round, smallest } from './scale.ts'
import { platformLabel, scrolling, svg, svgText, vertical, verticalGrid } from './svg.ts'
import { type Html, html, lines } from './tag.ts'

/** Small multiples: panels side by side with the same platforms as rows, each with native's line. */

const width = 900
const left = 124
const gap = 14
const rowHeight = 20
/** The room for the median at the end of a bar. */
const medianWidth = 62
/** The most panels side by side. */
const panelsPerRow = 5
/** Panels share a scale up to this ratio of their longest bars; beyond it, the longest bar would hide the others. */
const sharedScaleRatio = 10

export interface Panel {
  readonly title: string
  /** By the platform's name. */
  readonly results: ReadonlyMap<string, PanelResult>
}

interface PanelResult {
  readonly result: MetricResult
  /** The same metric in the baseline. */
  readonly before?: MetricResult | undefined
  readonly verdictClass: string
}

const hasMedian = ({ result }: PanelResult): boolean => result.median !== null && result.samples.length > 0

const longestBar = ({ results }: Panel): number =>
  largest(
    [...results.values()]
      .filter(hasMedian)
      .flatMap(({ result, before }) => [
        ...result.samples.map(({ value }) => value),
        ...(before?.median != null ? [before.median] : []),
      ]),
  )

/** Whether panels can be drawn on one scale, so that their bars compare. */
export function shareScale(panels: readonly Panel[]): boolean {
  const longest = panels.map(longestBar).filter((value) => value > 0 && Number.isFinite(value))
  return longest.length > 0 && largest(longest) / smallest(longest) <= sharedScaleRatio
}

/** The caption of panels. */
export function panelsCaption(panels: readonly Panel[], unit: string): string {
  const results = panels.flatMap((panel) => [...panel.results])
  return [
    `Medians${unit === 'count' ? '' : ` in ${unit}`}; dots are samples.`,
    results.some(([platform, result]) => platform === 'native' && hasMedian(result)) && 'Dashed: native.',
    results.some(([, { before }]) => before !== undefined) && 'Outlined: the baseline.',
    shareScale(panels) ? 'One scale for all.' : 'Each has its own scale.',
    'Hover or focus a bar for its samples.',
  ]
    .filter(Boolean)
    .join(' ')
}

/**
 * A bar per platform and panel, as in the chart of a single bench.
 * @param scalePanels the panels that share one scale; if undefined, each panel has its own scale
 * @returns undefined if no panel has a median
 */
export function panelsChart(
  label: string,
  panels: readonly Panel[],
  scalePanels: readonly Panel[] | undefined,
): Html | undefined {
  const rows: Html[] = []
  for (let start = 0; start < panels.length; start += panelsPerRow) {
    const row = panels.slice(start, start + panelsPerRow)
    const platforms = row.flatMap(({ results }) =>
      [...results].filter(([, result]) => hasMedian(result)).map(([platform]) => platform),
    )
    if (platforms.length > 0) rows.push(panelRow(label, row, [...new Set(platforms)], scalePanels))
  }
  return rows.length > 0 ? lines(...rows) : undefined
}

function panelRow(
  label: string,
  panels: readonly Panel[],
  platforms: readonly string[],
  scalePanels: readonly Panel[] | undefined,
): Html {
  const panelWidth = (width - left) / Math.max(2, panels.length)
  const bottom = platforms.length * rowHeight + 26
  const names = platforms.map((platform, row) =>
    platformLabel({ x: left - 10, y: yOf(row) + 4, anchor: 'end' }, platform),
  )
  const drawn = panels.map((panel, index) => {
    const area = { from: round(left + index * panelWidth), width: panelWidth, bottom }
    return panelHtml(panel, platforms, area, scalePanels)
  })
  const description = `${label}: a bar for each platform, in ${panels.map(({ title }) => title).join('; ')}`
  const picture = svg({ width, height: bottom + 40, role: 'group', label: description }, [names, drawn])
  return scrolling(label, picture)
}

const yOf = (row: number): number => row * rowHeight + 36

interface Area {
  readonly from: number
  readonly width: number
  readonly bottom: number
}

function panelHtml(
  panel: Panel,
  platforms: readonly string[],
  { from, width: panelWidth, bottom }: Area,
  scalePanels: readonly Panel[] = [panel],
): Html {
  const high = largest(scalePanels.map(longestBar).filter(Number.isFinite))
  const x = createScale({
    low: 0,
    high: high > 0 ? high : 1,
    from,
    to: from + panelWidth - medianWidth - gap,
    tickCount: panelWidth > 220 ? 4 : 2,
  })
  const title = truncate(sanitize(panel.title), Math.floor(panelWidth / 7))
  const bars = platforms.map((platform, row) => {
    const y = yOf(row)
    const shown = panel.results.get(platform)
    if (!shown || !hasMedian(shown)) return svgText({ x: from + 2, y: y + 4, className: 'axis' }, '–')
    const { result, before, verdictClass } = shown
    const median = result.median!
    const samples = result.samples.map(({ value }) => value)
    const former = before?.median ?? undefined
    const baseline = former === undefined ? '' : `; baseline ${formatQuantity(former, result.unit)}`
    const sampleText = samplesText(samples, result.unit)
    const about = `${panel.title}, ${platform}: median ${formatQuantity(median, result.unit)}${baseline}; ${sampleText}`
    const end = round(Math.max(x.at(median), x.at(largest(samples))) + 6)
    return interactiveRow(verdictClass, about, { x: from, y, width: round(panelWidth - gap), height: 18 }, [
      former === undefined ? undefined : baselineBar(former, x, y, 16),
      barHtml(median, samples, x, y, 12),
      svgText({ x: end, y: y + 4, className: 'figure' }, truncate(formatTick(median), 9)),
      svgText({ x: 4, y: bottom + 34, className: 'tip' }, truncate(sanitize(about), 150)),
    ])
  })
  const native = panel.results.get('native')?.result.median ?? null
  return html`<g>${[
    svgText({ x: from, y: 13, className: 'title' }, title),
    verticalGrid(x, { top: 22, bottom, labelY: bottom + 14 }),
    native !== null && vertical(x.at(native), 22, bottom, 'native'),
    bars,
  ]}</g>`
}
