import type { Claim } from '../../dsl/claim.ts'
import type { Sample } from '../record/schema.ts'
import type { ScheduledPlan } from '../schedule/plan.ts'
import { judgeClaim, type Single } from './claims.ts'
import type { Judged } from './evidence.ts'
import { type Family, familyOf, type Test } from './family.ts'
import { type Group, judgeFinding } from './findings.ts'
import { withFloor } from './floor.ts'
import type { ClaimVerdict, Judgement } from './judgement.ts'
import { Samples } from './samples.ts'

/** A verdict with what it is about. */
export interface Decision extends Single {
  /** Which claim it is of, counted in the order of the report. */
  readonly group: number
  readonly final: Judged
  readonly told: ClaimVerdict
}

/** Judges every claim of the measured benches and every finding. Pure: the same samples give the same verdicts. */
export function judge(plan: ScheduledPlan, samples: readonly Sample[]): Judgement {
  const decisions = decide(plan, samples)
  let group = plan.benches.reduce((sum, { claims }) => sum + claims.length, 0)
  const groupOf = (number: number): Group =>
    decisions.flatMap((one, index) => (one.group === number ? [{ index, verdict: one.told }] : []))
  const next = (claims: readonly Claim[] = []) => claims.map(() => groupOf(group++))
  const findings = plan.findings.map((finding) =>
    judgeFinding(finding, next(finding.claims), next(finding.asPrinted?.claims), plan),
  )
  return { claims: decisions.map(({ told }) => told), findings }
}

/** Every claim's verdicts in the order of the report: by itself, then by the host's noise, then among the others. */
export function decide(plan: ScheduledPlan, samples: readonly Sample[]): Decision[] {
  const evidence = { plan, samples: new Samples(samples) }
  const claims = [
    ...plan.benches.flatMap((bench) => bench.claims.map((claim) => ({ claim, finding: null }))),
    ...plan.findings.flatMap(({ id, claims, asPrinted }) =>
      [...claims, ...(asPrinted?.claims ?? [])].map((claim) => ({ claim, finding: id })),
    ),
  ]
  const singles = claims
    .flatMap(({ claim, finding }, group) =>
      judgeClaim(claim, finding, evidence).map((single) => ({ ...single, group })),
    )
    .map((single) => ({ ...single, judged: withFloor(single, plan.floors ?? []) }))
  const family = familyOf(singles.flatMap((single) => gatingTests(single, plan)))
  return singles.map((single) => {
    const final = among(family, single, plan)
    return { ...single, final, told: single.verdict(final) }
  })
}

/** The tests of a claim that could fail the run. */
function gatingTests({ claim, finding, judged, apart }: Single, plan: ScheduledPlan): Test[] {
  if (claim.severity !== 'fail' || apart || judged.verdict === 'undecidable') return []
  if (finding === null) return [...judged.tests]
  const gate = plan.findings.find(({ id }) => id === finding)?.gate
  return judged.tests.filter(({ direction }) => gate === 'any' || (gate === 'worse' && direction === 'worse'))
}

/** What would fail the run must stand among everything else that could. */
function among(family: Family, single: Single, plan: ScheduledPlan): Judged {
  const { judged } = single
  if (judged.verdict !== 'contradicted') return judged
  const tests = gatingTests(single, plan).filter(({ direction }) => direction === judged.direction)
  if (tests.length === 0 || tests.some((test) => family.stands(test))) return judged
  const reason = `multiplicity:one of ${family.size} that could fail`
  return { ...judged, verdict: 'inconclusive', direction: null, reason, moreRounds: null }
}
