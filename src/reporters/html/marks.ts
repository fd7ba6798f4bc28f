import type { ClaimVerdict } from '../../core/model/verdict.ts'
import { comparative } from '../format.ts'
import { signs } from '../headline/words.ts'
import { verdictSymbols } from '../summary.ts'
import { verdictClass } from './elements.ts'
import { type Html, html, joinHtml, pathData } from './tag.ts'

/** The marks of verdicts in pictures: a shape and a sign for each, so that nobody needs the color. */

type Verdict = Pick<ClaimVerdict, 'outcome' | 'direction' | 'unit' | 'better'> | undefined

interface Mark {
  /** The shape as a character, for the legend. */
  readonly shape: string
  /** What stands for it in lists, tables and beside bars. */
  readonly sign: string
  readonly className: string
  readonly meaning: string
}

/** In the order of the legend. */
const marks = {
  worse: { shape: '✕', sign: verdictSymbols.contradicted, className: 'bad', meaning: 'worse than claimed' },
  better: { shape: '▲', sign: signs.better, className: 'doubt', meaning: 'better than claimed' },
  doubt: { shape: '◆', sign: verdictSymbols.inconclusive, className: 'doubt', meaning: 'undecided' },
  holds: { shape: '●', sign: verdictSymbols.holds, className: 'good', meaning: 'as claimed' },
  none: { shape: '○', sign: '', className: 'muted', meaning: 'no verdict' },
} satisfies Record<string, Mark>

type MarkName = keyof typeof marks

function markName(verdict: Verdict): MarkName {
  if (verdict?.outcome === 'contradicted' && verdict.direction === 'better') return 'better'
  const byClass: Record<string, MarkName> = { good: 'holds', bad: 'worse', doubt: 'doubt' }
  return byClass[verdictClass(verdict)] ?? 'none'
}

/** `✗ ` before the value of a platform that is worse than claimed; empty without a verdict. */
export const signBefore = (verdict: Verdict): string => {
  const { sign } = marks[markName(verdict)]
  return sign === '' ? '' : `${sign} `
}

/** The mark at a point of a picture. */
export function drawMark(verdict: Verdict, x: number, y: number): Html {
  switch (markName(verdict)) {
    case 'holds':
      return html`<circle class="mark" cx="${x}" cy="${y}" r="4.5"/>`
    case 'doubt':
      return html`<path class="mark" d="${pathData(`M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z`)}"/>`
    case 'better':
      return html`<path class="mark" d="${pathData(`M${x} ${y - 6}L${x + 6} ${y + 5}L${x - 6} ${y + 5}Z`)}"/>`
    case 'worse': {
      const cross = `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}`
      return html`<path class="mark cross" d="${pathData(cross)}"/>`
    }
    case 'none':
      return html`<circle class="mark open" cx="${x}" cy="${y}" r="4.5"/>`
  }
}

/** What the marks of a picture mean: `✕ ✗ worse than claimed · ● ✓ as claimed`. */
export function marksLegend(verdicts: readonly Verdict[]): Html {
  const used = new Map(verdicts.map((verdict) => [markName(verdict), verdict]))
  const entries = Object.entries(marks).filter(([name]) => used.has(name as MarkName))
  const items = entries.map(([name, { shape, sign, className, meaning }]) => {
    const both = sign === '' || sign === shape ? shape : `${shape} ${sign}`
    const verdict = name === 'better' || name === 'worse' ? used.get(name) : undefined
    const text = verdict ? `${comparative(verdict)} than claimed` : meaning
    return html`<span class="nowrap"><span class="${className}">${both}</span> ${text}</span>`
  })
  return joinHtml(items, ' · ')
}
