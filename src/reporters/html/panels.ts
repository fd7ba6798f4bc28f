import type { MetricResult } from '../../core/model/report.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'
import { sanitize, truncate } from '../../util/text.ts'
import { formatQuantity } from '../format.ts'
import { barHtml, baselineBar, interactiveRow, plainBar } from './bars.ts'
import { samplesText, verdictClass } from './elements.ts'
import { signBefore } from './marks.ts'
import { createScale, formatTick, largest, round, smallest } from './scale.ts'
import { type Layout, onWide, platformLabel, responsive, svg, svgText, vertical, verticalGrid } from './svg.ts'
import { type Html, html, joinHtml, lines } from './tag.ts'

/** Small multiples: panels side by side with the same platforms as rows, each with native's line. */

interface PanelLayout extends Layout {
  /** The most panels side by side. */
  readonly perRow: number
  /** A panel is at most as wide as if there were this many. */
  readonly atLeast: number
}

const wide: PanelLayout = { width: 900, left: 124, isInteractive: true, perRow: 5, atLeast: 2 }
const narrow: PanelLayout = { width: 340, left: 108, isInteractive: false, perRow: 1, atLeast: 1 }
const gap = 14
const rowHeight = 20
/** The room for the median at the end of a bar. */
const medianWidth = 70
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
  readonly verdict: ClaimVerdict | undefined
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
export function panelsCaption(panels: readonly Panel[], unit: string): Html {
  const results = panels.flatMap((panel) => [...panel.results])
  const caption = [
    html`Medians${unit === 'count' ? '' : ` in ${unit}`}${onWide('; dots are samples')}.`,
    results.some(([platform, result]) => platform === 'native' && hasMedian(result)) && 'Dashed: native.',
    results.some(([, { before }]) => before !== undefined) && 'Outlined: the baseline.',
    shareScale(panels) ? 'One scale for all.' : 'Each has its own scale.',
    onWide('Hover or focus a bar for its samples.'),
  ]
  return joinHtml(caption, ' ')
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
  const drawn = [wide, narrow].map((layout) => panelRows(label, panels, scalePanels, layout))
  return drawn[0]!.length > 0 ? responsive(lines(...drawn[0]!), lines(...drawn[1]!)) : undefined
}

function panelRows(
  label: string,
  panels: readonly Panel[],
  scalePanels: readonly Panel[] | undefined,
  layout: PanelLayout,
): Html[] {
  const rows: Html[] = []
  for (let start = 0; start < panels.length; start += layout.perRow) {
    const row = panels.slice(start, start + layout.perRow)
    const platforms = row.flatMap(({ results }) =>
      [...results].filter(([, result]) => hasMedian(result)).map(([platform]) => platform),
    )
    if (platforms.length > 0) rows.push(panelRow(label, row, [...new Set(platforms)], scalePanels, layout))
  }
  return rows
}

function panelRow(
  label: string,
  panels: readonly Panel[],
  platforms: readonly string[],
  scalePanels: readonly Panel[] | undefined,
  layout: PanelLayout,
): Html {
  const { width, left, isInteractive, atLeast } = layout
  const panelWidth = (width - left) / Math.max(atLeast, panels.length)
  const bottom = platforms.length * rowHeight + 26
  const names = platforms.map((platform, row) =>
    platformLabel({ x: left - 10, y: yOf(row) + 4, anchor: 'end' }, platform, left - 10),
  )
  const drawn = panels.map((panel, index) => {
    const area = { from: round(left + index * panelWidth), width: panelWidth, bottom, isInteractive }
    return panelHtml(panel, platforms, area, scalePanels)
  })
  const description = `${label}: a bar for each platform, in ${panels.map(({ title }) => title).join('; ')}`
  const role = isInteractive ? 'group' : 'img'
  return svg({ width, height: bottom + (isInteractive ? 40 : 22), role, label: description }, [names, drawn])
}

const yOf = (row: number): number => row * rowHeight + 36

interface Area {
  readonly from: number
  readonly width: number
  readonly bottom: number
  readonly isInteractive: boolean
}

function panelHtml(
  panel: Panel,
  platforms: readonly string[],
  { from, width: panelWidth, bottom, isInteractive }: Area,
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
    const { result, before, verdict } = shown
    const median = result.median!
    const samples = result.samples.map(({ value }) => value)
    const former = before?.median ?? undefined
    const end = round(Math.max(x.at(median), x.at(largest(samples))) + 6)
    const content = [
      former === undefined ? undefined : baselineBar(former, x, y, 16),
      (isInteractive ? barHtml : plainBar)(median, samples, x, y, 12),
      svgText({ x: end, y: y + 4, className: 'figure' }, signBefore(verdict) + truncate(formatTick(median), 9)),
    ]
    if (!isInteractive) return html`<g class="row ${verdictClass(verdict)}">${content}</g>`
    const baseline = former === undefined ? '' : `; baseline ${formatQuantity(former, result.unit)}`
    const sampleText = samplesText(samples, result.unit)
    const about = `${panel.title}, ${platform}: median ${formatQuantity(median, result.unit)}${baseline}; ${sampleText}`
    const area = { x: from, y, width: round(panelWidth - gap), height: 18 }
    const tip = svgText({ x: 4, y: bottom + 34, className: 'tip' }, truncate(sanitize(about), 150))
    return interactiveRow(verdictClass(verdict), about, area, [...content, tip])
  })
  const native = panel.results.get('native')?.result.median ?? null
  return html`<g>${[
    svgText({ x: from, y: 13, className: 'title' }, title),
    verticalGrid(x, { top: 22, bottom, labelY: bottom + 14 }),
    native !== null && vertical(x.at(native), 22, bottom, 'native'),
    bars,
  ]}</g>`
}
