import * as z from 'zod'
import { benchInfoSchema, claimSchema, failOnSchema, paramSchema, paramsSchema } from './claim.ts'
import { cpuModeSchema } from './vocabulary.ts'

/** The results of judging: plain data, part of the public report. It has no sentences; reporters write those. */

export const outcomes = ['holds', 'contradicted', 'inconclusive', 'not-evaluated'] as const
export const outcomeSchema = z.enum(outcomes)
export type Outcome = z.infer<typeof outcomeSchema>

const names = z.array(z.string()).readonly()

/** For a contradicted claim: whether the platform is worse or better than claimed. */
export const directionSchema = z.enum(['worse', 'better']).nullable()
export type Direction = z.infer<typeof directionSchema>

/** Why an outcome is not `holds` or `contradicted`. */
export const reasonSchema = z.discriminatedUnion('code', [
  z.object({
    code: z.enum([
      /** The platform does not work on this host, or the run left it out. */
      'platform-unavailable',
      /** The run has no platform of that name, family or tag. */
      'platform-unknown',
      /** The platform cannot run such a workload. */
      'workload-unsupported',
      /** Its samples failed. */
      'sample-errors',
      /** The load client was the limit, so the values describe the client. */
      'client-bound',
    ]),
    platforms: names,
  }),
  z.object({
    code: z.enum([
      /** Native was not measured, so there is no reference. */
      'no-native',
      /** The run did not measure the bench. */
      'not-measured',
      /** The parameter has too few values to compare one part of the series with another. */
      'too-few-points',
      /** The samples are not of the same work. */
      'different-work',
      /** A value of 0 has no ratio. */
      'zero-value',
      /** The interval contains the margin. */
      'interval-crosses-margin',
      /** The claim is violated, but the stricter test at half the margin does not confirm it. */
      'within-half-margin',
      /** The claim is violated, but other processes had at least half of the CPUs in most rounds. */
      'host-overloaded',
      /** The source states no number. */
      'no-published-number',
    ]),
  }),
  /** The test needs more rounds. */
  z.object({ code: z.literal('too-few-rounds'), needed: z.number() }),
  /** A median needs more platforms. */
  z.object({ code: z.literal('too-few-platforms'), needed: z.number() }),
  /** This host's kernel does not offer the trace source. */
  z.object({ code: z.literal('tracer-unavailable'), message: z.string() }),
  /** The claim is violated, but among so many tests that could fail the run this may be chance. */
  z.object({ code: z.literal('multiplicity'), tests: z.number() }),
  /** The margin is smaller than the difference between native and native on this host. */
  z.object({ code: z.literal('noise-floor'), smallestMarginPercent: z.number() }),
  /** Parts of the finding that no bench of the suite measures. */
  z.object({ code: z.literal('part-not-measurable'), parts: names }),
  /** The guests did not run on hardware, so the claim is judged separately. */
  z.object({ code: z.literal('not-on-hardware'), cpuMode: cpuModeSchema }),
])
export type Reason = z.infer<typeof reasonSchema>
export type ReasonCode = Reason['code']

/** A value with its 90 % interval: two one-sided bounds of 95 %. */
const interval = {
  value: z.number(),
  /** null: no finite bound. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** The rounds behind the value; 0 for a published number. */
  rounds: z.number(),
}

export const estimateSchema = z.discriminatedUnion('kind', [
  /** platform / reference. */
  z.object({
    kind: z.literal('ratio'),
    ...interval,
    platform: z.string(),
    to: z.union([z.object({ platform: z.string() }), z.object({ medianOf: names })]),
    /** Whether values of the same round were compared. */
    paired: z.boolean(),
  }),
  /** The metric itself. */
  z.object({ kind: z.literal('amount'), ...interval, unit: z.string() }),
  /** The value of the parameter at which the metric is best. */
  z.object({ kind: z.literal('argmax'), ...interval, parameter: z.string() }),
  /** The metric at the worst value of the parameter / the metric at the best one. */
  z.object({
    kind: z.literal('spread'),
    ...interval,
    parameter: z.string(),
    best: paramSchema,
    worst: paramSchema,
  }),
  /** The mean rank correlation of two rounds. */
  z.object({ kind: z.literal('rank-correlation'), ...interval }),
])
export type Estimate = z.infer<typeof estimateSchema>

export const claimVerdictSchema = z.object({
  claim: claimSchema,
  /** The id of the finding that makes the claim; null for a bench's own expectation. */
  finding: z.number().nullable(),
  bench: benchInfoSchema,
  /** The unit of the claim's metric; null if the record does not have the bench or the metric. */
  unit: z.string().nullable(),
  /** The case's id; null for a claim over a parameter and for a bench that was not measured. */
  case: z.string().nullable(),
  /** The parameters of the case, or those that all cases of a series share. */
  params: paramsSchema,
  /** The platforms that the verdict is about; empty if the run has none that the claim selects. */
  platforms: names,
  /** The platforms that it compares them with. */
  comparedWith: names,
  outcome: outcomeSchema,
  direction: directionSchema,
  /** null if the outcome is `holds` or `contradicted`. */
  reason: reasonSchema.nullable(),
  /** null if nothing was measured. */
  estimate: estimateSchema.nullable(),
  /** The verdict rests on what an imported source states, not on samples. */
  published: z.boolean().exactOptional(),
  /** If inconclusive: about how many more rounds would decide it; null if unknown. */
  extraRoundsNeeded: z.number().nullable(),
  /** Platforms that the claim needs and that were not measured. */
  missingPlatforms: names,
  /** How the guests ran if not on hardware: such a claim is judged separately and never fails a run. Otherwise null. */
  cpuMode: cpuModeSchema.nullable(),
  /** Whether the claim makes the exit code other than 0; decided in `core/judge/exit-code.ts`. */
  failsRun: z.boolean(),
})
export type ClaimVerdict = z.infer<typeof claimVerdictSchema>

/** How the verdicts of several claims combine. */
const combination = {
  outcome: outcomeSchema,
  direction: directionSchema,
  /** Why it is inconclusive or not evaluated, each reason once. */
  reasons: z.array(reasonSchema).readonly(),
  /** Index of the claim that decides, or that represents the others; null if nothing was measured. */
  decisiveClaim: z.number().nullable(),
  /** How many comparisons hold, of all that count. */
  agreeing: z.object({ holds: z.number(), of: z.number() }),
  /** Platforms whose absence leaves a part undecided. */
  missingPlatforms: names,
}

export const combinationSchema = z.object(combination)
export type Combination = z.infer<typeof combinationSchema>

export const findingVerdictSchema = z.object({
  id: z.number(),
  title: z.string(),
  failOn: failOnSchema,
  ...combination,
  /** Indices into the report's claims. */
  claims: z.array(z.number()).readonly(),
  /** Set if claims with another metric replaced the finding's own, which could not be measured. */
  fallbackLabel: z.string().exactOptional(),
  /** What the statement assumes that is no longer true, and what its claims ask instead. */
  outdatedPremise: z.string().nullable(),
  /** Set if the statement is an argument: the author's reason, and the outcome of its example. */
  qualitative: z.object({ why: z.string(), example: outcomeSchema }).nullable(),
  /** The printed wording, if the source has a misprint: judged and shown, never decisive. */
  misprint: z.object({ why: z.string(), ...combination, claims: z.array(z.number()).readonly() }).nullable(),
  /** The same rule over guests that did not run on hardware; null if there were none. */
  offHardware: z.object({ cpuModes: z.array(cpuModeSchema).readonly(), ...combination }).nullable(),
  /** Whether the finding makes the exit code other than 0; decided in `core/judge/exit-code.ts`. */
  failsRun: z.boolean(),
})
export type FindingVerdict = z.infer<typeof findingVerdictSchema>

/** Verdicts before it is decided which of them fail the run. */
export interface Verdicts {
  readonly claims: readonly Omit<ClaimVerdict, 'failsRun'>[]
  readonly findings: readonly Omit<FindingVerdict, 'failsRun'>[]
}
