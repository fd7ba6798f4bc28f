/** One claim on one series of differences: what the looks decide, and the tests that it must stand among others. */
import type { Interval, SequentialPlan } from '../stats/index.ts'
import { type Alternative, type DecisionRule, holdsWhenEqual, type Outcome } from './compare.ts'
import type { Test } from './family.ts'
import { type InterimLook, intervalAt, type PValues, pValueAtRate, pValuesOf, reachedLooks } from './looks.ts'
import type { Difference } from './samples.ts'

export interface HypothesisTest {
  /** Of the samples: equal for two claims about the same ones. */
  readonly id: string
  readonly rounds: readonly Difference[]
  /** Rounds that both were visited in, failed ones included. */
  readonly visited: number
  readonly rule: DecisionRule
}

/** What the looks decide. */
export interface LookResult {
  readonly outcome: Outcome
  /** Of the look that decided, as signed differences; of the last one where none did. */
  readonly interval: Interval
}

export interface TestResult extends LookResult {
  readonly tests: readonly Test[]
}

export function runTest({ id, rounds, visited, rule }: HypothesisTest, plan: SequentialPlan | undefined): TestResult {
  const looks = reachedLooks(rounds, visited, plan)
  const tests = rule.against.map((side) => hypothesisTest(id, side, (shift, way) => pValuesOf(looks, shift, way)))
  return { ...decided(rule, looks), tests }
}

/** The first look that decides is the verdict, as it was when the run stopped there; else the last. */
export function decided(rule: DecisionRule, looks: readonly [InterimLook, ...InterimLook[]]): LookResult {
  let told: LookResult | undefined
  for (const [at, look] of looks.entries()) {
    const interval = intervalAt(look)
    told = { interval, outcome: requireHalfMargin(rule, rule.judge(interval), exceeds(looks.slice(0, at + 1))) }
    if (told.outcome.verdict !== 'inconclusive') break
  }
  return told!
}

/**
 * What is beyond the margin is contradicted when it is also, and far more surely, beyond half of it.
 * @param isBeyond whether the centre is beyond a shift, at the rate that is promised there
 */
export function requireHalfMargin(
  { against }: DecisionRule,
  outcome: Outcome,
  exceeds: (shift: number, side: Alternative['side']) => boolean,
): Outcome {
  if (outcome.verdict !== 'contradicted') return outcome
  const side = against.find(({ direction }) => direction === outcome.direction)
  if (side?.half === undefined || exceeds(side.half, side.side)) return outcome
  return { verdict: 'inconclusive', direction: null, reason: 'within-half-margin' }
}

/** Whether one of the looks crossed its bound: what they spend is spent on crossing at all, so that it stays crossed. */
const exceeds = (looks: readonly InterimLook[]) => (shift: number, side: Alternative['side']) =>
  looks.some((look) => pValueAtRate(pValuesOf([{ ...look, share: 1 }], shift, side), look.atHalf) <= look.atHalf)

/** One way to contradict a claim, tested. `id`: of the samples. `p`: of "the centre lies beyond a shift". */
export const hypothesisTest = (
  id: string,
  side: Alternative,
  p: (shift: number, side: Alternative['side']) => PValues,
): Test => ({
  direction: side.direction,
  atMargin: { id: `${id}\0${side.direction}\0${side.threshold}`, p: p(side.threshold, side.side) },
  whenEqual: holdsWhenEqual(side) ? { id: `${id}\0${side.direction}`, p: p(0, side.side) } : undefined,
})
