import type { Claim } from '../../dsl/claim.ts'
import type { ScheduledPlan } from '../model/plan.ts'
import type { Sample } from '../model/record.ts'
import type { ClaimVerdict, Verdicts } from '../model/verdict.ts'
import { holm } from '../stats/index.ts'
import { applyNoiseFloor } from './adjustments.ts'
import { type JudgedClaim, judgeClaim } from './claim.ts'
import { type Group, judgeFinding } from './findings.ts'
import { familywiseAlpha as rates } from './rules.ts'
import { Samples } from './samples.ts'
import { type ComparisonResult, type Hypothesis, pValueAtRate, type Test } from './tests.ts'

export interface HolmCorrection {
  /** How many different things are tested. */
  readonly size: number
  /** Whether a test stands against all the others. */
  rejects(test: Test): boolean
}

/**
 * Holm over the tests that can fail the run, each counted once however many claims make it: against its margin, and against
 * all platforms being equal. A test must stand both.
 */
export function holmCorrection(tests: readonly Test[]): HolmCorrection {
  const margins = rejected(
    tests.map((test) => test.atMargin),
    rates.atMargin,
  )
  const equals = rejected(
    tests.flatMap((test) => test.whenEqual ?? []),
    rates.whenEqual,
  )
  return {
    size: margins.size,
    // One test alone was decided at its own rate already.
    rejects: ({ atMargin, whenEqual }) =>
      (margins.size <= 1 || margins.has(atMargin)) && (whenEqual === undefined || equals.has(whenEqual)),
  }
}

function rejected(hypotheses: readonly Hypothesis[], rate: number) {
  const distinct = [...new Map(hypotheses.map((one) => [one.id, one])).values()]
  const size = distinct.length
  const adjusted = holm(distinct.map(({ p }) => pValueAtRate(p, rate, size)))
  const ids = new Set(distinct.flatMap(({ id }, at) => (adjusted[at]! <= rate ? [id] : [])))
  return { size, has: ({ id }: Hypothesis) => ids.has(id) }
}

/** A verdict with what it is about. */
export interface FinalClaim extends JudgedClaim {
  /** Which claim it is of, counted in the order of the report. */
  readonly group: number
  readonly final: ComparisonResult
  readonly told: ClaimVerdict
}

/** Judges every claim of the measured benches and every finding. Pure: the same samples give the same verdicts. */
export function judge(plan: ScheduledPlan, samples: readonly Sample[]): Verdicts {
  const decisions = judgeClaims(plan, samples)
  let group = plan.benches.reduce((sum, { claims }) => sum + claims.length, 0)
  const groupOf = (number: number): Group =>
    decisions.flatMap((one, index) => (one.group === number ? [{ index, verdict: one.told }] : []))
  const next = (claims: readonly Claim[] = []) => claims.map(() => groupOf(group++))
  const findings = plan.findings.map((finding) =>
    judgeFinding(finding, next(finding.claims), next(finding.misprint?.claims), plan),
  )
  return { claims: decisions.map(({ told }) => told), findings }
}

/** Every claim's verdicts in the order of the report: by itself, then by the host's noise, then among the others. */
export function judgeClaims(plan: ScheduledPlan, samples: readonly Sample[]): FinalClaim[] {
  const evidence = { plan, samples: new Samples(samples) }
  const claims = [
    ...plan.benches.flatMap((bench) => bench.claims.map((claim) => ({ claim, finding: null }))),
    ...plan.findings.flatMap(({ id, claims, misprint: asPrinted }) =>
      [...claims, ...(asPrinted?.claims ?? [])].map((claim) => ({ claim, finding: id })),
    ),
  ]
  const singles = claims
    .flatMap(({ claim, finding }, group) =>
      judgeClaim(claim, finding, evidence).map((single) => ({ ...single, group })),
    )
    .map((single) => ({ ...single, judged: applyNoiseFloor(single, plan.noiseFloors ?? []) }))
  const family = holmCorrection(singles.flatMap((single) => gatingTests(single, plan)))
  return singles.map((single) => {
    const final = applyMultiplicity(family, single, plan)
    return { ...single, final, told: single.verdict(final) }
  })
}

/** The tests of a claim that could fail the run. */
function gatingTests({ claim, finding, judged, cpuMode: apart }: JudgedClaim, plan: ScheduledPlan): Test[] {
  if (claim.severity !== 'fail' || apart || judged.verdict === 'not-evaluated') return []
  if (finding === null) return [...judged.tests]
  const gate = plan.findings.find(({ id }) => id === finding)?.failOn
  return judged.tests.filter(({ direction }) => gate === 'any' || (gate === 'worse' && direction === 'worse'))
}

/** What would fail the run must stand among everything else that could. */
function applyMultiplicity(family: HolmCorrection, single: JudgedClaim, plan: ScheduledPlan): ComparisonResult {
  const { judged } = single
  if (judged.verdict !== 'contradicted') return judged
  const tests = gatingTests(single, plan).filter(({ direction }) => direction === judged.direction)
  if (tests.length === 0 || tests.some((test) => family.rejects(test))) return judged
  const reason = `multiplicity:one of ${family.size} that could fail`
  return { ...judged, verdict: 'inconclusive', direction: null, reason, extraRoundsNeeded: null }
}
