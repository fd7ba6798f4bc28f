import * as z from 'zod'

/** What judging gives. Plain data, part of the public report. */

export const verdicts = ['holds', 'contradicted', 'inconclusive', 'not-evaluated'] as const
export const verdictSchema = z.enum(verdicts)
export type Verdict = z.infer<typeof verdictSchema>

/** Why a verdict is not `holds` or `contradicted`. The word before a colon is stable; what follows names the thing. */
export const reasonCodes = {
  'platform-unavailable': 'the platform does not work on this machine, or the run left it out',
  'platform-unknown': 'this run has no platform of that name or kind',
  'workload-unsupported': 'the platform cannot run such a workload',
  'no-native': 'native was not measured, so there is nothing to compare with',
  'not-measured': 'the bench was left out of this run',
  'tracer-unavailable': 'the kernel of this machine cannot be watched in that way',
  'sample-errors': 'its samples failed',
  'too-few-rounds': 'fewer rounds than the test needs; five are the least',
  'too-few-points': 'the parameter has too few values here to tell one part of the series from another',
  'too-few-platforms': 'fewer platforms than a median takes; two are the least',
  'different-work': 'the samples are not of the same work',
  'client-bound': 'the client that drives it was the limit, so the figures say how fast the client is',
  'zero-value': 'a figure of 0 has no ratio',
  'interval-crosses-margin': 'the interval lies on both sides of the margin; more rounds narrow it',
  'within-half-margin':
    'beyond the margin, but the noise is too great to be sure of more than half of it; more rounds tell',
  'host-overloaded':
    'beyond the margin, but in most of its rounds others had half of the CPUs or more; end what runs beside it, and run again',
  multiplicity: 'beyond the margin, but among so many it may be chance; more rounds tell',
  underpowered:
    'the margin is below what two equal platforms differ by on this host; the least that it can carry is named',
  'no-published-number': 'the source states no number for it; at most a figure of the source shows one',
  'part-not-measurable': 'a part of the statement has no bench in this suite',
  environment: 'its guests were not on hardware, so it is judged apart',
  qualitative: 'an argument, which no measurement decides',
} as const
export type ReasonCode = keyof typeof reasonCodes

/** A ratio, or a value, with its 90 % interval: two one-sided bounds of 95 %. null: no finite bound. */
export const estimateSchema = z.object({
  estimate: z.number(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  rounds: z.number(),
})
export type Estimate = z.infer<typeof estimateSchema>

export const claimVerdictSchema = z.object({
  bench: z.string(),
  metric: z.string(),
  platform: z.string(),
  params: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  matcher: z.string(),
  severity: z.enum(['fail', 'warn']),
  verdict: verdictSchema,
  /** Of what is contradicted: whether that hurts. */
  direction: z.enum(['worse', 'better']).nullable(),
  /** A code of `reasonCodes`, perhaps with `:` and what it is about. */
  reason: z.string().nullable(),
  text: z.string(),
  /** platform ÷ reference for comparisons, the value in its unit for absolute claims. */
  measured: estimateSchema.nullable(),
  /** What `measured` is: `×native`, or a unit; empty where nothing was measured. */
  of: z.string(),
  /** The platforms whose samples it rests on, its own first. */
  platforms: z.array(z.string()),
  /** Of what is inconclusive: about how many more rounds would decide it; null where that cannot be told. */
  extraRoundsNeeded: z.number().nullable().optional(),
  /** The number of the finding that makes the claim; null for a bench's own expectation. */
  finding: z.number().nullable(),
  /** Platforms that it is about or compares with, and that were not measured. */
  missingPlatforms: z.array(z.string()),
  /** Its guests were on an emulated CPU or a nested hypervisor: it decides nothing about hardware, and never fails a run. */
  cpuMode: z.enum(['emulated', 'nested']).nullable(),
  location: z.object({ file: z.string(), line: z.number(), column: z.number() }).nullable(),
})
export type ClaimVerdict = z.infer<typeof claimVerdictSchema>

export const findingVerdictSchema = z.object({
  id: z.number(),
  title: z.string(),
  failOn: z.enum(['worse', 'any', 'never']),
  verdict: verdictSchema,
  direction: z.enum(['worse', 'better']).nullable(),
  reason: z.string().nullable(),
  text: z.string(),
  /** `by syscalls`: it was decided by claims that stand in for others, whose metric is another one. */
  fallbackLabel: z.string().optional(),
  /** Indices into the report's claims. */
  claims: z.array(z.number()),
  /** Of `claims`, the one that the verdict rests on, or that stands for the others; null where nothing was measured. */
  decisiveClaim: z.number().nullable(),
  /** Platforms that it lacks, where that leaves it undecidable. */
  missingPlatforms: z.array(z.string()),
  /** What the statement took for granted and is so no longer, and what is asked in its place. */
  outdatedPremise: z.string().nullable(),
  /** The statement as it is printed, where that is a slip. */
  misprint: z
    .object({ why: z.string(), verdict: verdictSchema, text: z.string(), claims: z.array(z.number()) })
    .nullable(),
  /** The same rule over what was measured on emulated CPUs or nested hypervisors; null where nothing was. */
  offHardware: z
    .object({
      cpuModes: z.array(z.enum(['emulated', 'nested'])),
      verdict: verdictSchema,
      direction: z.enum(['worse', 'better']).nullable(),
      text: z.string(),
    })
    .nullable(),
})
export type FindingVerdict = z.infer<typeof findingVerdictSchema>

export interface Verdicts {
  readonly claims: readonly ClaimVerdict[]
  readonly findings: readonly FindingVerdict[]
}
