import { plural } from '../../util/text.ts'
import { shardsText } from '../summary.ts'
import type { Headline } from './headline.ts'
import type { LostShards, NextStep } from './next-steps.ts'
import { disturbanceText } from './words.ts'

/** What to do after a run, in words. */

const claimsText = (count: number): string => (count === 1 ? 'one open claim' : `${count} open claims`)

function lostText({ names, shard }: LostShards): string {
  const what = shardsText(names)
  if (!shard) return `no samples of some benches of ${what}; isobench merge prints how to measure them`
  const how = shard.isOfFile ? `with the file of plan ${shard.plan}` : 'with the options of the other shards'
  return `measure ${what} on a host of this kind, ${how}, and merge again`
}

/** What to do, before its command. */
export function nextText(step: NextStep, { disturbance }: Pick<Headline, 'disturbance'>): string {
  const { kind, count, of } = step
  // A plan file states the rounds of its shards.
  const without = step.isWithoutPlan ? ', in a run without --plan' : ''
  switch (kind) {
    case 'shards':
      return lostText(step.lost!)
    case 'quiet': {
      const stop = `stop other processes${disturbance ? `: ${disturbanceText(disturbance)}` : ''}`
      return count === 0 ? stop : `${stop}; then measure ${claimsText(count)} again${without}`
    }
    case 'spread':
      return `more rounds over more time${without}, because those of ${claimsText(count)} depend on each other`
    case 'decide':
      return `more rounds decide ${claimsText(count)}${without}`
    case 'unreachable':
      return `${claimsText(count)} so near to the margin that 200 more rounds would not decide`
    case 'keep':
      return 'keep a run to compare with'
    case 'platforms':
      return `${count} of ${plural(of, 'platform')} cannot run here`
    case 'details':
      return 'all tables'
  }
}
