import type { Claim } from '../../dsl/claim.ts'
import type { Plan } from '../plan/plan.ts'
import type { Sample } from '../record/schema.ts'
import { judgeClaim } from './claims.ts'
import { type Indexed, judgeFinding } from './findings.ts'
import type { ClaimVerdict, Judgement } from './judgement.ts'
import { Samples } from './samples.ts'

/** Judges every claim of the measured benches and every finding. Pure: the same samples give the same verdicts. */
export function judge(plan: Plan, samples: readonly Sample[]): Judgement {
  const evidence = { plan, samples: new Samples(samples) }
  const claims: ClaimVerdict[] = []
  const add = (claim: Claim, finding: number | null): Indexed =>
    judgeClaim(claim, finding, evidence).map((verdict) => ({ index: claims.push(verdict) - 1, verdict }))
  for (const bench of plan.benches) for (const claim of bench.claims) add(claim, null)
  const findings = plan.findings.map((finding) =>
    judgeFinding(
      finding,
      finding.claims.map((claim) => add(claim, finding.id)),
    ),
  )
  return { claims, findings }
}
