import type { Report } from '../../core/model/report.ts'
import { plural } from '../../util/text.ts'
import { failedOn } from '../failures.ts'
import { formatTally } from '../findings.ts'
import { cellText, legendText, nativeText } from '../headline/cells.ts'
import type { Fact } from '../headline/facts.ts'
import { findingFact } from '../headline/finding-words.ts'
import type { FailedSamples, Headline } from '../headline/headline.ts'
import { type Matrix, type MatrixCell, type MatrixColumn, matrixOf } from '../headline/matrix.ts'
import { type Command, rerunOf } from '../headline/next-steps.ts'
import { nextText } from '../headline/next-words.ts'
import {
  comparedText,
  countsText,
  durationText,
  factText,
  factTitle,
  noteSigns,
  othersText,
  placeText,
  signs,
  sinceText,
  sureText,
  verdictSign,
  verdictText,
  verdictWord,
} from '../headline/words.ts'
import { addedText, addedTitle } from '../new-names.ts'
import { type Anchors, link } from './anchors.ts'
import { cell, details, headerCell, list, table } from './elements.ts'
import { type Html, type HtmlValue, html, joinHtml, lines } from './tag.ts'

/**
 * The first screen of a run, in the order of the terminal's screen: the verdict, what fails, the matrix, what only
 * warns, findings that say something, and what to do next.
 */

/** How much it shows. The rest of what fails is folded. */
const most = { failures: 10, columns: 8, rows: 12, allRows: 40, notes: 6 }

const stateClass: Record<Headline['state'], string> = {
  passed: 'good',
  incomplete: 'doubt',
  failed: 'bad',
  invalid: 'bad',
  undecided: 'doubt',
  nothing: 'doubt',
  interrupted: 'doubt',
  killed: 'doubt',
}

interface View {
  readonly report: Report
  readonly headline: Headline
  readonly root: string
  readonly anchors: Anchors
}

export function headlineHtml(view: View): Html {
  const { report, headline, anchors } = view
  const { failures, newNames, problems } = headline
  const verdict = `${verdictSign(headline)} ${verdictWord(headline)}: ${verdictText(headline)}`
  const broken = problems.map(({ file, message, fix }) => [
    html`<strong class="bad">${signs.fails} ${file}: ${message}</strong>`,
    fix && html`<br>fix: ${fix}`,
  ])
  const added = newNames.map((names) => {
    const title = anchors.linkToBench(names.bench, addedTitle(names))
    return html`<strong class="bad">${signs.fails} ${title}</strong>: ${addedText(names)}`
  })
  const items = [...broken, ...failures.map((fact) => factHtml(fact, view)), ...added]
  const rest = items.slice(most.failures)
  return lines(
    html`<p class="counts ${stateClass[headline.state]}" id="${anchors.part('summary')}">${verdict}</p>`,
    html`<p>${countsText(headline.counts)}</p>`,
    html`<p class="muted">${comparedText(headline)}</p>`,
    list(items.slice(0, most.failures), 'fails'),
    rest.length > 0 && details(`and ${rest.length} more`, list(rest, 'fails')),
    matrixHtml(report, anchors),
    notesHtml(view),
    findingNotesHtml(view),
    nextHtml(headline),
  )
}

/** A command that can be copied, and how long it takes. */
function commandHtml({ line, seconds }: Command): Html {
  const takes = durationText(seconds)
  return html`<code>${line}</code>${takes && html` <span class="muted">(${takes})</span>`}`
}

/** The title of a fact, with a link to its bench. */
const factLink = (fact: Fact, { anchors }: View): HtmlValue => anchors.linkToBench(fact.bench, factTitle(fact))

function factHtml(fact: Fact, view: View): Html {
  const { report, headline, root, anchors } = view
  const isBetter = fact.direction === 'better'
  const command = rerunOf(report, fact)
  const others = othersText(fact)
  const findings = fact.findings.map((id) => link(anchors.finding(id), `finding ${id}`))
  const [worst] = fact.subjects
  const since = sinceText(worst!, headline)
  const rows: readonly (readonly [string, HtmlValue])[] = [
    ['how sure', others ? `${sureText(fact)}; ${others}` : sureText(fact)],
    ['since', worst!.since.kind === 'regressed' ? html`<strong class="bad">${since}</strong>` : since],
    ['stated in', joinHtml([placeText(fact, report, root), ...findings], ', ')],
    ...(command ? [['what to do', commandHtml(command)] as const] : []),
  ]
  const className = isBetter ? 'doubt' : 'bad'
  const sign = isBetter ? signs.better : signs.fails
  const title = html`<strong class="${className}">${sign} ${factLink(fact, view)}</strong>`
  return html`${title}: ${factText(fact)}
<dl class="fact">${rows.map(([name, content]) => html`<dt>${name}</dt><dd>${content}</dd>`)}</dl>`
}

/** The matrix of what matters most, and that of all benches folded if it does not have them. */
function matrixHtml(report: Report, anchors: Anchors): Html | undefined {
  const matrix = matrixOf(report, most)
  if (!matrix) return undefined
  const { omitted } = matrix
  const all = omitted.length > 0 && matrixOf(report, { columns: Number.POSITIVE_INFINITY, rows: most.allRows })
  const left = all && `; not shown: ${plural(omitted.length, 'bench', 'benches')}`
  return lines(
    matrixTable('Platforms and benches', matrix, report, anchors),
    html`<p class="muted">${legendText(matrix)}${left}</p>`,
    all && details('All benches', matrixTable('Platforms and all benches', all, report, anchors)),
  )
}

function matrixTable(caption: string, matrix: Matrix, report: Report, anchors: Anchors): Html {
  const { columns } = matrix
  const benchOf = new Map(report.cases.map((one) => [one.case, one.bench]))
  const target = ({ cases }: MatrixColumn) => anchors.bench(benchOf.get(cases[0]!)!)
  const rows = [
    { cells: [headerCell('native'), ...columns.map((column) => cell(nativeText(column), 'number muted'))] },
    ...matrix.rows.map(({ platforms, cells }) => ({
      cells: [
        headerCell(
          joinHtml(
            platforms.map((name) => link(anchors.platform(name), name)),
            ', ',
          ),
        ),
        ...cells.map((one, at) => {
          const text = cellText(one)
          const isPlain = one.state === 'same' && !one.fails
          return cell(isPlain || text === '' ? text : link(target(columns[at]!), text), `number ${cellClass(one)}`)
        }),
      ],
    })),
  ]
  const titles = columns.map((column) => html`${link(target(column), column.label)}<br>${column.detail}`)
  return html`<div class="matrix">${table(caption, ['', ...titles], rows)}</div>`
}

function cellClass({ state, fails, isSuspicious }: MatrixCell): string {
  if (fails || state === 'failed') return 'bad'
  if (state === 'better') return isSuspicious ? 'doubt' : 'good'
  return state === 'worse' ? '' : 'none'
}

/** The first items, and how many more there are. */
const some = (items: readonly Html[]): Html[] => [
  ...items.slice(0, most.notes),
  ...(items.length > most.notes ? [html`<span class="muted">and ${items.length - most.notes} more</span>`] : []),
]

/** What does not fail the run: warnings, what is better than claimed, and failed samples. */
function notesHtml(view: View): Html | undefined {
  const { warnings, better, failedSamples } = view.headline
  const note = (sign: string, className: string) => (fact: Fact) =>
    html`<span class="${className}">${sign} ${factLink(fact, view)}</span>: ${factText(fact)}`
  return list(
    [
      ...some(warnings.map(note(signs.warns, 'doubt'))),
      ...some(better.map(note(signs.better, 'good'))),
      ...some(failedSamples.map((one) => failedHtml(one, view.root))),
    ],
    'plain',
  )
}

const failedHtml = (failed: FailedSamples, root: string): Html =>
  html`<span class="doubt">${signs.warns}</span> ${failedOn(failed, failed.platforms, root)}`

function findingNotesHtml({ report, headline, anchors }: View): Html | undefined {
  if (report.findings.length === 0) return undefined
  const notes = headline.findings.map((note) => {
    const ids = note.findings.map(({ id }) => link(anchors.finding(id), id))
    const title = note.findings[0]!.title
    return html`${noteSigns[note.kind]} ${joinHtml(ids, ', ')} ${title}: ${findingFact(note)}`
  })
  return lines(html`<p>Findings: ${formatTally(report.findings)}</p>`, list(some(notes), 'plain'))
}

/** What to do next; the page itself has all tables. */
function nextHtml(headline: Headline): Html | undefined {
  const steps = headline.next.filter(({ kind }) => kind !== 'details')
  return list(
    steps.map((step) => {
      const command = step.command && html`: ${commandHtml(step.command)}`
      return html`<strong>Next</strong>: ${nextText(step, headline)}${command}`
    }),
    'plain',
  )
}
