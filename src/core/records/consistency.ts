import { isMargin } from '../../dsl/rules.ts'
import type { Plan, ScheduledPlan } from '../model/plan.ts'
import type { RecordLine, Sample } from '../model/record.ts'
import { claimsOfFinding } from '../model/suite.ts'
import { planLooks } from '../stats/index.ts'

/**
 * What the schema of one line cannot see: whether the lines of a run record agree with each other. A record that
 * contradicts itself gives no verdicts.
 */

/** A line with its number in the file, from 1. */
export interface NumberedLine {
  readonly number: number
  readonly line: RecordLine
}

/** What is wrong, and in which line. */
export interface Contradiction {
  readonly number: number
  readonly message: string
}

/** The most rounds that `--rounds` accepts. */
const maxRounds = 1000

/** Returns the first contradiction of a record, or undefined. The first line must be a start line. */
export function findContradiction([start, ...rest]: readonly NumberedLine[]): Contradiction | undefined {
  if (start?.line.type !== 'start') return undefined
  const plan = start.line.plan as unknown as ScheduledPlan
  const inPlan = planContradiction(plan)
  if (inPlan !== undefined) return { number: start.number, message: inPlan }
  const check = sampleChecker(plan)
  let hasEnded = false
  for (const { number, line } of rest) {
    const message =
      line.type === 'start'
        ? 'a second start line: the file holds two runs'
        : hasEnded && line.type !== 'verdicts'
          ? `a line of type "${line.type}" after the end of the run`
          : line.type === 'sample'
            ? check(line.sample)
            : undefined
    if (message !== undefined) return { number, message }
    hasEnded ||= line.type === 'end'
  }
  return undefined
}

function planContradiction(plan: ScheduledPlan): string | undefined {
  const { benches, cases, findings, platforms } = plan
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
  return looksContradiction(plan.sequential)
}

function duplicate(what: string, ids: readonly (string | number)[]): string | undefined {
  const seen = new Set<string | number>()
  for (const id of ids) {
    if (seen.has(id)) return `the plan has two ${what === 'bench' ? 'benches' : `${what}s`} "${id}"`
    seen.add(id)
  }
  return undefined
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
