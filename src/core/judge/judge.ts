import type { Claim } from '../../dsl/claim.ts'
import type { ScheduledPlan } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import { claimsOfFinding } from '../model/suite.ts'
import type { Verdicts } from '../model/verdict.ts'
import { holm } from '../stats/index.ts'
import { applyNoiseFloor } from './adjustments.ts'
import { type JudgedClaim, judgeClaim } from './claim.ts'
import { ComparableCases } from './comparable-cases.ts'
import { type Group, judgeFinding } from './findings.ts'
import { familywiseAlpha } from './rules.ts'
import { Samples } from './samples.ts'
import { type ComparisonResult, type Hypothesis, pValueAtRate, type Test } from './tests.ts'

export interface HolmCorrection {
  /** The number of different tests. */
  readonly size: number
  /** Whether a test is still significant among all the others. */
  rejects(test: Test): boolean
}

/**
 * Holm's correction over the tests that can fail the run: against their margin, and against all platforms being equal.
 * Each test counts once, however many claims share it, and must pass both.
 */
export function holmCorrection(tests: readonly Test[]): HolmCorrection {
  const margins = rejected(
    tests.map((test) => test.atMargin),
    familywiseAlpha.atMargin,
  )
  const equals = rejected(
    tests.flatMap((test) => test.whenEqual ?? []),
    familywiseAlpha.whenEqual,
  )
  return {
    size: margins.size,
    // A single test was already decided at its own rate.
    rejects: ({ atMargin, whenEqual }) =>
      (margins.size <= 1 || margins.has(atMargin)) &&
      (whenEqual === undefined || equals.size <= 1 || equals.has(whenEqual)),
  }
}

function rejected(hypotheses: readonly Hypothesis[], rate: number) {
  const distinct = [...new Map(hypotheses.map((one) => [one.id, one])).values()]
  const size = distinct.length
  const adjusted = holm(distinct.map(({ p }) => pValueAtRate(p, rate, size)))
  const ids = new Set(distinct.flatMap(({ id }, at) => (adjusted[at]! <= rate ? [id] : [])))
  return { size, has: ({ id }: Hypothesis) => ids.has(id) }
}

/** A claim with its final verdict among all claims of the run. */
export interface FinalClaim extends JudgedClaim {
  /** The number of the claim, in the order of the report. */
  readonly group: number
  readonly final: ComparisonResult
  readonly reported: Verdicts['claims'][number]
}

/** Judges every claim of the measured benches and every finding. Pure: the same samples give the same verdicts. */
export function judge(plan: ScheduledPlan, samples: readonly Sample[] | Samples): Verdicts {
  const claims = judgeClaims(plan, samples)
  let group = plan.benches.reduce((sum, bench) => sum + bench.claims.length, 0)
  const groups = new Map<number, Group[number][]>()
  for (const [index, { group: number, reported: verdict }] of claims.entries()) {
    const known = groups.get(number)
    if (known) known.push({ index, verdict })
    else groups.set(number, [{ index, verdict }])
  }
  const groupOf = (number: number): Group => groups.get(number) ?? []
  const next = (own: readonly Claim[] = []): Group[] => own.map(() => groupOf(group++))
  const findings = plan.findings.map((finding) =>
    judgeFinding(
      finding,
      finding.parts.map(({ claims }) => next(claims)),
      next(finding.misprint?.claims),
    ),
  )
  return { claims: claims.map(({ reported }) => reported), findings }
}

/**
 * The verdicts of every claim, in the order of the report: alone, with the noise floor, then among the other claims.
 */
export function judgeClaims(plan: ScheduledPlan, samples: readonly Sample[] | Samples): FinalClaim[] {
  const indexed = samples instanceof Samples ? samples : new Samples(samples)
  const caseIds = new Set(plan.cases.map(({ id }) => id))
  const input = { plan, samples: indexed, comparable: new ComparableCases(plan, indexed), caseIds }
  const all = [
    ...plan.benches.flatMap((bench) => bench.claims.map((claim) => ({ claim, finding: null }))),
    ...plan.findings.flatMap((finding) => claimsOfFinding(finding).map((claim) => ({ claim, finding: finding.id }))),
  ]
  const judged = all
    .flatMap(({ claim, finding }, group) => judgeClaim(claim, finding, input).map((one) => ({ ...one, group })))
    .map((one) => {
      const about = { cases: one.cases, metric: one.claim.metric }
      return { ...one, judged: applyNoiseFloor(one.judged, about, plan.noiseFloors ?? []) }
    })
  const ofRun = holmCorrection(judged.flatMap((one) => failingTests(one, plan)))
  const ofFinding = new Map(
    plan.findings.map(({ id }) => [
      id,
      holmCorrection(judged.flatMap((one) => (one.finding === id ? testsOf(one) : []))),
    ]),
  )
  const ofBenches = holmCorrection(judged.flatMap((one) => (one.finding === null ? testsOf(one) : [])))
  return judged.map((one) => {
    const failing = failingTests(one, plan)
    const inRun = applyMultiplicity('run', ofRun, failing, one.judged)
    const printed = one.finding === null ? ofBenches : ofFinding.get(one.finding)!
    // What fails the run is already corrected among everything that does.
    const isPrintedOnly = one.finding !== null || failing.length === 0
    const among = one.finding === null ? 'benches' : 'finding'
    const final = isPrintedOnly ? applyMultiplicity(among, printed, testsOf(one), inRun) : inRun
    return { ...one, final, reported: one.verdict(final) }
  })
}

/** The tests of a claim of a finding, whichever way they would contradict it. */
const testsOf = ({ judged }: JudgedClaim): readonly Test[] => (judged.outcome === 'not-evaluated' ? [] : judged.tests)

/** The tests of a claim that could fail the run. */
function failingTests({ claim, finding, judged, cpuMode }: JudgedClaim, plan: ScheduledPlan): Test[] {
  if (claim.severity !== 'fail' || cpuMode || judged.outcome === 'not-evaluated') return []
  if (finding === null) return [...judged.tests]
  const failOn = plan.findings.find(({ id }) => id === finding)?.failOn
  return judged.tests.filter(({ direction }) => failOn === 'any' || (failOn === 'worse' && direction === 'worse'))
}

/**
 * A claim that would fail the run must be significant among everything else that could. A comparison that contradicts a
 * finding must be significant among all comparisons of the finding. So must a claim of a bench that is only printed
 * among those of all benches.
 */
function applyMultiplicity(
  among: 'run' | 'finding' | 'benches',
  correction: HolmCorrection,
  own: readonly Test[],
  judged: ComparisonResult,
): ComparisonResult {
  if (judged.outcome !== 'contradicted') return judged
  const tests = own.filter(({ direction }) => direction === judged.direction)
  if (tests.length === 0 || tests.some((test) => correction.rejects(test))) return judged
  return {
    ...judged,
    outcome: 'inconclusive',
    direction: null,
    reason: { code: 'multiplicity', tests: correction.size, among },
    extraRoundsNeeded: null,
  }
}
