import { isMargin } from '../../dsl/rules.ts'
import type { Plan, ScheduledPlan } from '../model/plan.ts'
import type { RecordLine, Sample } from '../model/record.ts'
import { claimsOfFinding } from '../model/suite.ts'
import { planLooks } from '../stats/index.ts'

/**
 * What the schema of one line cannot see: whether the lines of a run record agree with each other. A record that
 * contradicts itself gives no verdicts.
 */

/** The first line of a record. */
export type StartLine = Extract<RecordLine, { type: 'start' }>

/** The most rounds that `--rounds` accepts. */
const maxRounds = 1000

/** Checks the lines after the start line, one after the other. Returns what contradicts the lines before. */
export function sequenceChecker({ plan }: StartLine): (line: RecordLine) => string | undefined {
  const check = sampleChecker(plan as unknown as Plan)
  let hasEnded = false
  return (line) => {
    if (line.type === 'start') return 'a second start line: the file holds two runs'
    if (hasEnded && line.type !== 'verdicts') return `a line of type "${line.type}" after the end of the run`
    hasEnded ||= line.type === 'end'
    return line.type === 'sample' ? check(line.sample) : undefined
  }
}

/** What a start line contradicts itself in; undefined if it does not. */
export function planContradiction(start: RecordLine): string | undefined {
  if (start.type !== 'start') return undefined
  const { benches, cases, findings, platforms, sequential, shard } = start.plan as unknown as ScheduledPlan
  const twice =
    duplicate(
      'bench',
      benches.map(({ id }) => id),
    ) ??
    duplicate(
      'case',
      cases.map(({ id }) => id),
    ) ??
    duplicate(
      'platform',
      platforms.map(({ name }) => name),
    ) ??
    duplicate(
      'finding',
      findings.map(({ id }) => id),
    )
  if (twice) return twice
  const byId = new Map(benches.map((bench) => [bench.id, bench]))
  const orphan = cases.find(({ bench }) => !byId.has(bench))
  if (orphan) return `the case "${orphan.id}" is of the bench "${orphan.bench}", which the plan does not have`
  const claims = [...benches.flatMap((bench) => bench.claims), ...findings.flatMap(claimsOfFinding)]
  for (const { bench, metric, matcher } of claims) {
    const definition = byId.get(bench)?.metrics[metric]
    if (definition && 'percent' in matcher && !isMargin(matcher.percent, definition.better))
      return `${matcher.percent} % is no margin for "${metric}", because more of it is better`
    if (matcher.kind === 'peaksAt' && matcher.from > matcher.to)
      return `peaksAt from ${matcher.from} to ${matcher.to} is no range`
    if (matcher.kind === 'worsensAtMost' && matcher.from === matcher.to)
      return `worsensAtMost compares ${matcher.over} ${matcher.from} with itself`
  }
  return looksContradiction(sequential) ?? shardContradiction(shard, cases)
}

function duplicate(what: string, ids: readonly (string | number)[]): string | undefined {
  const seen = new Set<string | number>()
  for (const id of ids) {
    if (seen.has(id)) return `the plan has two ${what === 'bench' ? 'benches' : `${what}s`} "${id}"`
    seen.add(id)
  }
  return undefined
}

/** A merge finds the shards that are missing by these numbers. */
function shardContradiction(shard: ScheduledPlan['shard'], cases: ScheduledPlan['cases']): string | undefined {
  if (!shard) return undefined
  const { count, indices, benches } = shard
  if (benches.length !== count) return `it lists the benches of ${benches.length} shards, and has a count of ${count}`
  const outside = indices.find((index) => index > count)
  if (outside !== undefined || indices.length === 0) return `it is shard ${outside ?? 'none'} of ${count}`
  const own = new Set(indices.flatMap((index) => benches[index - 1]!))
  const foreign = cases.find(({ bench }) => !own.has(bench))
  return foreign && `the case "${foreign.id}" is not of shard ${indices.join(', ')} of ${count}`
}

/** Looks of other rounds or error rates than those of `--rounds MIN..MAX` would change what a verdict promises. */
function looksContradiction(sequential: ScheduledPlan['sequential']): string | undefined {
  if (!sequential) return undefined
  const { looks, alphas } = sequential
  const [first, last] = [looks[0] ?? 0, looks.at(-1) ?? 0]
  const areRounds = [first, last].every((count) => Number.isInteger(count) && count >= 1 && count <= maxRounds)
  const planned = areRounds && first <= last ? planLooks({ first, last }) : undefined
  const isPlanned =
    planned !== undefined &&
    planned.looks.length === looks.length &&
    alphas.length === looks.length &&
    planned.looks.every((count, at) => count === looks[at] && Math.abs(planned.alphas[at]! - alphas[at]!) < 1e-6)
  return isPlanned ? undefined : 'its interim looks are not those of --rounds MIN..MAX'
}

function sampleChecker({ benches, cases, platforms }: Plan): (sample: Sample) => string | undefined {
  const metrics = new Map(benches.map((bench) => [bench.id, bench.metrics]))
  const metricsOf = new Map(cases.map(({ id, bench }) => [id, metrics.get(bench)!]))
  const names = new Set(platforms.map(({ name }) => name))
  /** Whether the last sample of a case on a platform in a round was disturbed, so that a second one is right. */
  const repeatable = new Map<string, boolean>()
  return (sample) => {
    const { case: caseId, platform, round, warmup, outcome, duetWith, disturbed } = sample
    const known = metricsOf.get(caseId)
    if (!known) return `a sample of the case "${caseId}", which the plan does not have`
    const unknown = [platform, ...(duetWith === undefined ? [] : [duetWith])].find((name) => !names.has(name))
    if (unknown !== undefined) return `a sample of the platform "${unknown}", which the plan does not have`
    const other = outcome.ok ? Object.keys(outcome.values).find((name) => !Object.hasOwn(known, name)) : undefined
    if (other !== undefined) return `a value of "${other}", which is no metric of the bench`
    if (warmup !== round < 0) return `round ${round} is ${warmup ? 'no' : 'a'} warm-up round`
    if (warmup) return undefined
    const key = JSON.stringify([caseId, platform, round, duetWith])
    if (repeatable.get(key) === false) return `a second sample of "${caseId}" on ${platform} in round ${round}`
    repeatable.set(key, disturbed === true && !repeatable.has(key))
    return undefined
  }
}
