import type { ClaimVerdict } from '../judge/judgement.ts'

/** What a run that ran out of time left open, in a sentence; undefined when that is nothing. */
export function undecidedText(claims: readonly ClaimVerdict[], rounds: number): string | undefined {
  const open = claims.filter(({ verdict }) => verdict === 'inconclusive')
  if (open.length === 0) return undefined
  const needs = open.flatMap(({ extraRoundsNeeded: moreRounds }) => moreRounds ?? []).sort((a, b) => a - b)
  const half = needs[Math.ceil(needs.length / 2) - 1]
  const more =
    half === undefined
      ? 'how many rounds they need cannot be told yet'
      : `about ${half} more rounds would decide half of the ${needs.length} that can be told of, about ${needs.at(-1)} all of them`
  return `${open.length} of ${claims.length} claims stayed undecided after ${rounds} rounds; ${more}`
}
