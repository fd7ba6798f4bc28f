import { mostExtraRounds } from '../core/judge/tests.ts'
import type { Report } from '../core/model/report.ts'
import { benchInfo } from '../core/model/suite.ts'
import type { ClaimVerdict } from '../core/model/verdict.ts'
import type { StopReason } from '../core/reporter.ts'
import { plural } from '../util/text.ts'
import { duration } from './format.ts'

/** Why a run ended early, and what it left open, in words. */

/** What a run that ran out of time left open, in a sentence; undefined if nothing is open. */
export function undecidedText(
  claims: readonly Pick<ClaimVerdict, 'outcome' | 'extraRoundsNeeded' | 'reason'>[],
  rounds: number,
): string | undefined {
  const open = claims.filter(({ outcome }) => outcome === 'inconclusive')
  if (open.length === 0) return undefined
  const needs = open
    .flatMap(({ extraRoundsNeeded: needed }) => (typeof needed === 'number' ? [needed] : []))
    .sort((a, b) => a - b)
  const tooMany = open.filter(({ extraRoundsNeeded: needed }) => needed === 'too-many').length
  const equal = open.filter(({ reason }) => reason?.code === 'equals-margin').length
  const half = needs[Math.ceil(needs.length / 2) - 1]
  const more = [
    ...(half === undefined
      ? []
      : [
          `about ${half} more rounds would probably decide half of ${needs.length} of them, ` +
            `about ${needs.at(-1)} all ${needs.length}`,
        ]),
    ...(tooMany > 0 ? [`more rounds alone will not decide ${tooMany} of them (more than ${mostExtraRounds})`] : []),
    ...(equal > 0 ? [`rounds like these never decide ${equal} of them: their values are exactly at the margin`] : []),
  ]
  const text = more.join('; ') || 'the number of rounds they need is not known yet'
  return `${open.length} of ${claims.length} claims stayed undecided after ${rounds} rounds; ${text}`
}

const stopTexts = {
  'time-up': 'the time is up',
  'all-decided': 'every claim is decided, or as precise as it gets',
  'first-failure': '--fail-fast found a failure',
} as const

/** Why a run ended before its last round, and what is still undecided. Undefined if it ended after its last round. */
export function formatStop({ why, rounds }: StopReason, { claims, profile }: Report): string | undefined {
  if (why === 'all-rounds') return undefined
  const open = undecidedText(claims, rounds)
  return `stopped: ${stopTexts[why]} after ${rounds} of ${profile.rounds} rounds${open ? `: ${open}` : ''}`
}

/** How many benches one line names. */
const namedBenches = 5

/** What did not fit into the time of a run, and what more time would decide. Undefined if everything did. */
export function timeBudgetText({ excluded }: Pick<Report, 'excluded'>): string | undefined {
  const left = excluded.filter(({ reason }) => reason === 'time-budget')
  if (left.length === 0) return undefined
  const sum = (of: 'seconds' | 'claims', benches = left) => benches.reduce((all, one) => all + (one[of] ?? 0), 0)
  const named = left.slice(0, namedBenches).map((one) => {
    const takes = `~${duration(1000 * sum('seconds', [one]))}`
    return `${benchInfo(one.bench, []).name} (${takes}, ${plural(sum('claims', [one]), 'claim')})`
  })
  const rest = left.length - named.length
  return (
    `time budget: about ${duration(1000 * sum('seconds'))} more would decide up to ` +
    `${plural(sum('claims'), 'claim')}: ${[...named, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')}`
  )
}
