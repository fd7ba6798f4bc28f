import type { Watch } from '../core/watch/watch.ts'
import { timeLeft } from '../reporters/terminal/time-left.ts'
import { sanitize, truncate, widthOf } from '../util/text.ts'

/** The last line of the screen of watch mode. */

/** `07:19:02`, local time. @param at milliseconds since the epoch */
export const clock = (at: number): string => new Date(at).toTimeString().slice(0, 8)

/** A part of a line. The parts with the highest rank are left out first if the line is too narrow. */
interface Part {
  readonly text: string
  readonly rank: number
}

/** Joins the parts that fit into `columns`. A part without text is left out. */
export function joinParts(parts: readonly Part[], columns: number): string {
  const used = parts.filter(({ text }) => text !== '')
  const join = (some: readonly Part[]) => some.map(({ text }) => text).join(' · ')
  const kept = [...used]
  while (widthOf(join(kept)) > columns && kept.length > 1) {
    const last = Math.max(...kept.map(({ rank }) => rank))
    kept.splice(
      kept.findLastIndex(({ rank }) => rank === last),
      1,
    )
  }
  return truncate(join(kept), columns)
}

const keys: Part = { text: 'h help · q quit', rank: 3 }

/** @param said the answer to the latest key */
export function statusLine(watch: Pick<Watch, 'doing' | 'isPaused' | 'now'>, said: string, columns: number): string {
  const { doing } = watch
  // A key that does nothing must say why, so its answer is cut and not left out.
  const answer: Part = { text: sanitize(said), rank: -1 }
  if (doing.kind === 'preparing')
    return joinParts(
      [
        { text: `${sanitize(doing.what)} …`, rank: 0 },
        { ...answer, rank: 1 },
      ],
      columns,
    )
  if (doing.kind === 'watching') {
    const text = watch.isPaused ? 'stopped; Enter goes on' : 'waiting for changes'
    return joinParts([{ text, rank: 0 }, answer, keys], columns)
  }
  if (watch.isPaused) return joinParts([{ text: 'canceling …', rank: 0 }, answer, keys], columns)
  const { round, rounds, done, steps, platform, bench, background } = doing
  const what = background ? 'one more round' : round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`
  return joinParts(
    [
      { text: clock(watch.now()), rank: 4 },
      { text: what, rank: 0 },
      { text: `${done}/${steps}`, rank: 2 },
      { text: timeLeft(doing, doing, watch.now()), rank: 1 },
      { text: sanitize(platform, 20), rank: 4 },
      { text: sanitize(bench, 120), rank: 6 },
      answer,
      { text: background ? 's stops' : 'c cancels', rank: 5 },
      keys,
    ],
    columns,
  )
}
