import type { FleetRatio } from '../../core/model/fleet.ts'
import { sanitize, truncate, truncateMiddle, widthOf } from '../../util/text.ts'
import { ratioPlatform } from '../fleet-words.ts'
import { figure } from '../format.ts'
import { caseName } from '../summary.ts'
import { createScale, largest, smallest } from './scale.ts'
import { figureHtml, horizontal, type Layout, responsive, svg, svgText, vertical, verticalGrid } from './svg.ts'
import { type Html, html, pathData } from './tag.ts'

/** The ratios of all hosts: a row for each, with its mean, its interval and where one more host lies. */

const wide: Layout = { width: 900, left: 330, isInteractive: false }
const narrow: Layout = { width: 340, left: 6, isInteractive: false }
const top = 8
/** On a phone, the label is above its row. */
const rowHeight = (layout: Layout): number => (layout === wide ? 24 : 38)

/** @param ratios with summaries, at least one */
export const ratiosChart = (ratios: readonly FleetRatio[]): Html =>
  figureHtml(
    responsive(drawRatios(ratios, wide), drawRatios(ratios, narrow)),
    'Thin: where one more kind of host lies (90 %). Thick: the 90 % interval of the mean. Circle: the mean. ' +
      'Dots: kinds of host. Dashed: native.',
  )

function drawRatios(ratios: readonly FleetRatio[], layout: Layout): Html {
  const { width, left } = layout
  const values = [
    1,
    ...ratios.flatMap(({ hosts, summary }) => [
      ...hosts.map(({ ratio }) => ratio),
      summary!.low,
      summary!.high,
      // With three hosts this interval can be so wide that nothing else would be seen.
      Math.max(summary!.prediction.low, summary!.ratio / 10),
      Math.min(summary!.prediction.high, summary!.ratio * 10),
    ]),
  ]
  const x = createScale({
    low: smallest(values) * 0.98,
    high: largest(values) * 1.02,
    from: left,
    to: width - 12,
    log: true,
    tickCount: layout === wide ? 6 : 3,
  })
  const bottom = top + ratios.length * rowHeight(layout)
  const within = (value: number) => Math.min(width - 4, x.at(value))
  const rows = ratios.map((ratio, index) => {
    const summary = ratio.summary!
    const start = top + index * rowHeight(layout)
    const y = layout === wide ? start + 12 : start + 27
    const label =
      layout === wide
        ? svgText({ x: left - 10, y: y + 4, anchor: 'end' }, labelOf(ratio, 47))
        : svgText({ x: left, y: start + 14, className: 'over' }, labelOf(ratio, 50))
    const dots = pathData(ratio.hosts.map((host) => `M${x.at(host.ratio)} ${y}h0`).join(''))
    return html`<g>${[
      label,
      horizontal(x.at(summary.prediction.low), within(summary.prediction.high), y, 'range'),
      horizontal(x.at(summary.low), within(summary.high), y, 'interval'),
      html`<path class="samples" d="${dots}"/>`,
      html`<circle class="mark open" cx="${x.at(summary.ratio)}" cy="${y}" r="4.5"/>`,
    ]}</g>`
  })
  const label = 'Ratios to native of all kinds of host; the table has the figures'
  return svg({ width, height: bottom + 24, role: 'img', label }, [
    verticalGrid(x, { top, bottom }, (value) => `${figure(value)}×`),
    vertical(x.at(1), top, bottom, 'native'),
    rows,
  ])
}

/** The case, the metric and the platform. The name of the case is cut first, and in its middle: its ends differ. */
function labelOf(ratio: FleetRatio, columns: number): string {
  const end = truncate(sanitize(`, ${ratio.metric}, ${ratioPlatform(ratio)}`), columns - 8)
  return truncateMiddle(caseName(ratio.bench, ratio.params), columns - widthOf(end)) + end
}
