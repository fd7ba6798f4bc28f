/** One claim on one series of differences: what the looks decide, and the tests that it must stand among others. */
import type { Interval, LookPlan } from '../stats/index.ts'
import { equalSatisfies, type Outcome, type Rule, type Side } from './compare.ts'
import type { Test } from './family.ts'
import { intervalAt, type Look, looksOf, type PValues, pValueFor, pValuesOf } from './looks.ts'
import type { Difference } from './samples.ts'

export interface Question {
  /** Of the samples: equal for two claims about the same ones. */
  readonly id: string
  readonly rounds: readonly Difference[]
  /** Rounds that both were visited in, failed ones included. */
  readonly visited: number
  readonly rule: Rule
}

/** What the looks decide. */
export interface Decided {
  readonly outcome: Outcome
  /** Of the look that decided, as signed differences; of the last one where none did. */
  readonly interval: Interval
}

export interface Answer extends Decided {
  readonly tests: readonly Test[]
}

export function answer({ id, rounds, visited, rule }: Question, plan: LookPlan | undefined): Answer {
  const looks = looksOf(rounds, visited, plan)
  const tests = rule.against.map((side) => testOf(id, side, (shift, way) => pValuesOf(looks, shift, way)))
  return { ...decided(rule, looks), tests }
}

/** The first look that decides is the verdict, as it was when the run stopped there; else the last. */
export function decided(rule: Rule, looks: readonly [Look, ...Look[]]): Decided {
  let told: Decided | undefined
  for (const [at, look] of looks.entries()) {
    const interval = intervalAt(look)
    told = { interval, outcome: beyondDoubt(rule, rule.judge(interval), isBeyond(looks.slice(0, at + 1))) }
    if (told.outcome.verdict !== 'inconclusive') break
  }
  return told!
}

/**
 * What is beyond the margin is contradicted when it is also, and far more surely, beyond half of it.
 * @param isBeyond whether the centre is beyond a shift, at the rate that is promised there
 */
export function beyondDoubt(
  { against }: Rule,
  outcome: Outcome,
  isBeyond: (shift: number, side: Side['side']) => boolean,
): Outcome {
  if (outcome.verdict !== 'contradicted') return outcome
  const side = against.find(({ direction }) => direction === outcome.direction)
  if (side?.half === undefined || isBeyond(side.half, side.side)) return outcome
  return { verdict: 'inconclusive', direction: null, reason: 'near-margin' }
}

/** Whether one of the looks crossed its bound: what they spend is spent on crossing at all, so that it stays crossed. */
const isBeyond = (looks: readonly Look[]) => (shift: number, side: Side['side']) =>
  looks.some((look) => pValueFor(pValuesOf([{ ...look, share: 1 }], shift, side), look.atHalf) <= look.atHalf)

/** One way to contradict a claim, tested. `id`: of the samples. `p`: of "the centre lies beyond a shift". */
export const testOf = (id: string, side: Side, p: (shift: number, side: Side['side']) => PValues): Test => ({
  direction: side.direction,
  atMargin: { id: `${id}\0${side.direction}\0${side.threshold}`, p: p(side.threshold, side.side) },
  whenEqual: equalSatisfies(side) ? { id: `${id}\0${side.direction}`, p: p(0, side.side) } : undefined,
})
