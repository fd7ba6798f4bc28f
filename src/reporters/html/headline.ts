import type { Report } from '../../core/model/report.ts'
import { cellText, legendText, nativeText } from '../headline/cells.ts'
import type { Before, Fact } from '../headline/facts.ts'
import { type Headline, headlineOf } from '../headline/headline.ts'
import { type MatrixCell, matrixOf } from '../headline/matrix.ts'
import { rerunOf } from '../headline/next-steps.ts'
import {
  comparedText,
  countsText,
  factText,
  factTitle,
  signs,
  sinceText,
  sourcesText,
  sureText,
  verdictSign,
  verdictText,
  verdictWord,
} from '../headline/words.ts'
import { cell, headerCell, table } from './elements.ts'
import { type Html, html, lines } from './tag.ts'

/** The first screen of a run: the verdict, what fails, and the matrix. */

/** How much the first screen shows. */
const most = { failures: 10, columns: 10, rows: 20 }

const stateClass: Record<Headline['state'], string> = {
  passed: 'good',
  failed: 'bad',
  invalid: 'bad',
  undecided: 'doubt',
  nothing: 'doubt',
  interrupted: 'doubt',
}

export function headlineHtml(report: Report, before: Before, root: string): Html {
  const headline = headlineOf(report, before)
  const { failures, problems } = headline
  const rest = failures.length - most.failures
  const verdict = `${verdictSign(headline)} ${verdictWord(headline)}: ${verdictText(headline)}`
  const items = [
    ...problems.map(({ file, message, fix }) => [`${signs.fails} ${file}: ${message}`, fix && `; fix: ${fix}`]),
    ...failures.slice(0, most.failures).map((fact) => factHtml(fact, headline, report, root)),
    ...(rest > 0 ? [`and ${rest} more, in Claims`] : []),
  ]
  return lines(
    html`<p class="counts ${stateClass[headline.state]}">${verdict}</p>`,
    html`<p>${countsText(headline.counts)}</p>`,
    html`<p class="muted">${comparedText(headline)}</p>`,
    items.length > 0 &&
      html`<ul class="fails">${items.map((item) => html`<li class="wrap-anywhere">${item}</li>`)}</ul>`,
    matrixHtml(report),
  )
}

function factHtml(fact: Fact, headline: Headline, report: Report, root: string): Html {
  const sign = fact.direction === 'better' ? signs.better : signs.fails
  const command = rerunOf(report, fact)
  const details = [sureText(fact), sinceText(fact.subjects[0]!, headline), sourcesText(fact, root)].join(' · ')
  const className = fact.direction === 'better' ? 'doubt' : 'bad'
  const title = html`<strong class="${className}">${sign} ${factTitle(fact)}</strong>`
  return html`${title}: ${factText(fact)}<br><span class="muted">${details}</span>${
    command && html`<br><code>${command.line}</code>`
  }`
}

function matrixHtml(report: Report): Html | undefined {
  const matrix = matrixOf(report, most)
  if (!matrix) return undefined
  const rows = [
    { cells: [headerCell('native'), ...matrix.columns.map((column) => cell(nativeText(column), 'number muted'))] },
    ...matrix.rows.map(({ platforms, cells }) => ({
      cells: [headerCell(platforms.join(', ')), ...cells.map((one) => cell(cellText(one), `number ${cellClass(one)}`))],
    })),
  ]
  const titles = ['', ...matrix.columns.map(({ label, detail }) => `${label} ${detail}`)]
  return lines(table('Platforms and benches', titles, rows), html`<p class="muted">${legendText(matrix)}</p>`)
}

function cellClass({ state, fails, isSuspicious }: MatrixCell): string {
  if (fails || state === 'failed') return 'bad'
  if (state === 'better') return isSuspicious ? 'doubt' : 'good'
  return state === 'worse' ? '' : 'none'
}
