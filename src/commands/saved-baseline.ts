import { type NotSaved, notSavedReasons } from '../core/records/baseline.ts'
import type { BaselineDoubts } from '../core/records/baseline-doubts.ts'
import { listText, plural, sanitize } from '../util/text.ts'

/** What `run --save-baseline` and the key `b` of watch print of a baseline that is saved, or not. */

/** A doubt about a saved baseline, and what to do before the run is repeated. */
export interface BaselineWarning {
  readonly text: string
  readonly fix: string
}

/** The most results that a warning names. */
const namedResults = 4

/** Why a later comparison with the baseline finds less than it should, each reason as one sanitized line. */
export function baselineWarnings({ overloaded, few, results }: BaselineDoubts): BaselineWarning[] {
  const names = few.map(
    (one) =>
      `${sanitize(one.case, 120)} on ${sanitize(one.platform, 40)} (${one.rounds} of ${plural(one.of, 'round')})`,
  )
  const crowded = overloaded.overloaded
  return [
    ...(crowded === 0
      ? []
      : [
          {
            text:
              `other processes had most of the CPUs for ${crowded} of its ${plural(overloaded.of, 'result')}, ` +
              `so no regression of ${crowded === 1 ? 'it' : 'them'} can be found`,
            fix: measureAgain.overloaded!,
          },
        ]),
    ...(few.length === 0
      ? []
      : [
          {
            text:
              `samples failed, so ${few.length} of its ${plural(results, 'result')} ` +
              `${few.length === 1 ? 'rests' : 'rest'} on few rounds: ${listText(names, namedResults)}`,
            fix: 'correct what failed, and measure again',
          },
        ]),
  ]
}

/** What to do before the run is repeated. */
const measureAgain: Partial<Record<NotSaved, string>> = {
  overloaded: 'stop the other processes, and measure again',
  unclear: 'list it with --all, and measure more rounds: --rounds',
}

/** That a run is the baseline of a name now, with its doubts. */
export const savedText = (name: string, doubts: BaselineDoubts): string =>
  [
    `Saved as the baseline "${name}".\n`,
    ...baselineWarnings(doubts).map(
      ({ text, fix }) => `warning  ${text}\n         fix: ${fix}: isobench run --save-baseline ${name}\n`,
    ),
  ].join('')

/** Why a run is not the baseline of a name. Without `--baseline`, a run becomes the baseline whatever changed. */
export const notSavedText = (name: string, why: NotSaved): string =>
  [
    `Not saved as the baseline "${name}": ${notSavedReasons[why]}.`,
    ...(measureAgain[why] ? [`  ${measureAgain[why]}`] : []),
    ...(why === 'interrupted' || why === 'problems'
      ? []
      : [`  to accept what changed, run without --baseline: isobench run --save-baseline ${name}`]),
    '',
  ].join('\n')
