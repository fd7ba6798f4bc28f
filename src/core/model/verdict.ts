import * as z from 'zod'
import {
  benchInfoSchema,
  claimSchema,
  failOnSchema,
  findingIdSchema,
  findingSourceSchema,
  paramSchema,
  paramsSchema,
} from './claim.ts'
import { cpuModeSchema, describedEnum, vocabulary } from './vocabulary.ts'

/** The results of judging: plain data, part of the public report. It has no sentences; reporters write those. */

export const outcomeSchema = vocabulary('Outcome', 'What judging gives for a claim.', {
  holds: 'the data show that it is true',
  contradicted: 'the data show that it is false',
  inconclusive: 'the data do not decide it',
  'not-evaluated': 'there are no data that could decide it',
})
export const outcomes = outcomeSchema.options
export type Outcome = z.infer<typeof outcomeSchema>

/** Whether the data show that a claim is true or that it is false. */
export const isDecided = ({ outcome }: { readonly outcome: FindingOutcome }): boolean =>
  outcome === 'holds' || outcome === 'contradicted'

export const findingOutcomeSchema = vocabulary('FindingOutcome', 'What judging gives for a part or a finding.', {
  holds: 'every comparison was made, and holds',
  contradicted: 'one comparison shows that it is false',
  inconclusive: 'nothing contradicts it, but a comparison is inconclusive',
  'holds-in-part': 'it holds where it was measured: some comparisons hold, the others could not be made',
  'not-evaluated': 'not one comparison could be made',
})
export type FindingOutcome = z.infer<typeof findingOutcomeSchema>

const names = z.array(z.string()).readonly()

/** For reasons that suspend a verdict: what it would be without them. */
const wouldBe = z
  .enum(['holds', 'worse', 'better'])
  .exactOptional()
  .describe('what the data alone say: that it holds, or that it is worse or better than claimed; absent if unknown')

/** For a contradicted claim: whether the platform is worse or better than claimed. */
export const directionSchema = z
  .enum(['worse', 'better'])
  .nullable()
  .describe('if contradicted: whether it is worse or better than claimed; otherwise null')
export type Direction = z.infer<typeof directionSchema>

/** For claims over a parameter: where values are missing. */
const at = z
  .object({
    parameter: z.string().describe('name of the parameter'),
    values: z.array(paramSchema).readonly().describe('values of the parameter'),
  })
  .meta({ id: 'ValuesOfParameter', description: 'Some values of a parameter.' })
  .exactOptional()
  .describe('for a claim over a parameter: its values that this is about; absent: all of them')

export const reasonSchema = z
  .discriminatedUnion('code', [
    z.object({
      code: describedEnum({
        'platform-unavailable': 'the platform does not work on this host, or the run did not measure it',
        'platform-unknown': 'the run has no platform with that name, family or tag',
        'platform-excluded': 'the run excluded the platform because of its tags (`skipPlatformTags` of the config)',
        'workload-unsupported': 'the platform cannot run such a workload',
        'sample-errors': 'its samples failed',
        'not-observed':
          'its samples have no value: there was nothing to observe, or the platform does not let isobench observe it',
        'client-bound': 'the load generator was the limit, so the values describe the load generator',
        'suspiciously-fast':
          'its values are more than a tenth better than those of native, so it may be a cache or a clock',
      }),
      platforms: names.describe('names of the platforms'),
      at,
    }),
    z.object({
      code: z
        .literal('too-few-points')
        .describe('the parameter has too few measured values to compare one part of the series with another'),
      at,
    }),
    z.object({
      code: describedEnum({
        'no-native': 'native was not measured, so there is no reference',
        'not-measured': 'the run did not measure the bench',
        'time-budget': 'the bench did not fit into the time of `--max-duration`',
        'different-work': 'the samples are not of the same work: their digests differ',
        'zero-value': 'a value of 0 has no ratio',
        'interval-crosses-margin': 'the interval contains the margin',
        'equals-margin': 'the interval is the margin itself, because rounds have exactly this value',
        'within-half-margin': 'the claim is violated, but the stricter test at half the margin does not confirm it',
        'no-published-number': 'the source states no number',
      }),
    }),
    z.object({
      code: z.literal('too-few-rounds').describe('the test needs more rounds'),
      needed: z.number().describe('rounds that the test needs'),
      at,
    }),
    z.object({
      code: z.literal('too-few-platforms').describe('a median or a claim needs more platforms'),
      needed: z.number().describe('platforms that it needs'),
      measured: z.number().exactOptional().describe('platforms of the run that the claim is about'),
    }),
    z.object({
      code: z.literal('tracer-unavailable').describe('the host kernel lacks the trace source'),
      message: z.string().describe('error message of the host'),
    }),
    z.object({
      code: z
        .literal('shard-missing')
        .describe('another shard measures the bench, and no record with its samples was merged'),
      shard: z.string().describe('the shard: index and count, such as `3/8`'),
    }),
    z.object({
      code: z.literal('multiplicity').describe('the claim is violated, but among so many tests this may be chance'),
      tests: z.number().describe('number of tests'),
      among: z
        .enum(['run', 'finding', 'benches', 'claim'])
        .describe(
          '`run`: the tests that could fail the run; `finding`: those of the finding; ' +
            '`benches`: those of all expectations of benches; `claim`: those of one ranking',
        ),
    }),
    z.object({
      code: z
        .literal('host-overloaded')
        .describe('the data decide it, but other processes used half of the CPUs in most rounds'),
      wouldBe,
    }),
    z.object({
      code: z.literal('dependent-rounds').describe('the data decide it only if the rounds are independent'),
      correlation: z.number().describe('rank correlation of neighboring rounds, -1 to 1'),
      driftPercent: z.number().describe('change from the first round to the last one, in percent; positive: worse'),
      comparisons: z
        .number()
        .describe('number of comparisons that show it together; 1: the claim alone. The correlation is their mean'),
      wouldBe,
    }),
    z.object({
      code: z.literal('noise-floor').describe('two identical platforms on this host differ by more than the margin'),
      smallestMarginPercent: z.number().describe('the smallest margin that this host can decide, in percent'),
    }),
    z.object({
      code: z.literal('part-not-measurable').describe('no bench of the suite measures a part of the finding'),
      parts: names.describe('the parts'),
    }),
    z.object({
      code: z.literal('readings-differ').describe('the words have several readings, which give different verdicts'),
      holds: names.describe('readings that hold, also if only where they were measured'),
      contradicted: names.describe('readings that are contradicted'),
    }),
    z.object({
      code: z.literal('not-on-hardware').describe('the guests did not run on hardware, so it is judged separately'),
      cpuMode: cpuModeSchema.describe('how the guests ran'),
    }),
  ])
  .meta({ id: 'Reason', description: 'Why an outcome is `inconclusive` or `not-evaluated`.' })
export type Reason = z.infer<typeof reasonSchema>
export type ReasonCode = Reason['code']

const interval = {
  value: z.number().describe('estimate'),
  low: z.number().nullable().describe('lower bound of the 90 % interval; null: no finite bound'),
  high: z.number().nullable().describe('upper bound of the 90 % interval; null: no finite bound'),
  rounds: z.number().describe('number of rounds behind it; 0 for a published number'),
}

const parameter = z.string().describe('name of the parameter')

export const estimateSchema = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('ratio').describe('`platform` divided by `to`'),
      ...interval,
      platform: z.string().describe('name of the platform'),
      to: z
        .union([
          z
            .object({ platform: z.string().describe('name of the platform') })
            .meta({ id: 'OnePlatform', description: 'A platform as reference.' }),
          z
            .object({ medianOf: names.describe('names of the platforms') })
            .meta({ id: 'MedianOfPlatforms', description: 'The median of several platforms as reference.' }),
        ])
        .describe('the reference'),
      paired: z.boolean().describe('whether isobench compared values of the same round'),
    }),
    z.object({
      kind: z.literal('amount').describe('the metric itself'),
      ...interval,
      unit: z.string().describe('unit of `value`, `low` and `high`'),
    }),
    z.object({
      kind: z.literal('argmax').describe('the value of the parameter at which the metric is best'),
      ...interval,
      parameter,
    }),
    z.object({
      kind: z.literal('spread').describe('the metric at `worst` divided by the metric at `best`'),
      ...interval,
      parameter,
      best: paramSchema.describe('value of the parameter'),
      worst: paramSchema.describe('value of the parameter'),
    }),
    z.object({
      kind: z.literal('change').describe('the metric at `to` divided by the metric at `from`'),
      ...interval,
      parameter,
      from: paramSchema.describe('value of the parameter'),
      to: paramSchema.describe('value of the parameter'),
    }),
    z.object({
      kind: z.literal('rank-correlation').describe('mean rank correlation of two rounds, -1 to 1'),
      ...interval,
    }),
  ])
  .meta({ id: 'Estimate', description: 'A value with its 90 % interval, which is two one-sided bounds of 95 %.' })
export type Estimate = z.infer<typeof estimateSchema>

export const claimVerdictSchema = z
  .object({
    claim: claimSchema.describe('the claim'),
    finding: findingIdSchema
      .nullable()
      .describe('number of the finding that makes it; null: an expectation of a bench'),
    bench: benchInfoSchema.describe('the bench that it is about'),
    unit: z.string().nullable().describe('unit of the metric; null if the record does not have the metric'),
    case: z
      .string()
      .nullable()
      .describe('id of the case; null for a claim over a parameter and for a bench without samples'),
    params: paramsSchema.describe('parameters of the case, or those that all cases of a series share'),
    platforms: names.describe('platforms that the verdict is about; empty if the claim selects none of the run'),
    comparedWith: names.describe('platforms that it compares them with'),
    outcome: outcomeSchema.describe('the verdict'),
    direction: directionSchema,
    better: z
      .enum(['lower', 'higher'])
      .exactOptional()
      .describe('which direction of the metric is an improvement; absent if the record does not have the metric'),
    reason: reasonSchema.nullable().describe('null if the outcome is `holds` or `contradicted`'),
    estimate: estimateSchema.nullable().describe('null if nothing was measured'),
    published: z
      .boolean()
      .exactOptional()
      .describe('whether it rests on what an imported source states, not on samples'),
    extraRoundsNeeded: z
      .union([z.number(), z.literal('too-many')])
      .nullable()
      .describe(
        'if inconclusive: number of additional rounds that would probably decide it; ' +
          '`"too-many"`: more than 200, so more rounds alone will not decide it; null if unknown',
      ),
    missingPlatforms: names.describe('platforms that the claim needs and that were not measured'),
    missingMembers: names.describe('members of its median that were not measured; the median is of the others'),
    cpuMode: cpuModeSchema
      .nullable()
      .describe(
        'how the guests ran; null: on hardware. Claims about other guests are judged separately and never fail a run',
      ),
    failsRun: z.boolean().describe('whether it makes the exit code other than 0'),
  })
  .meta({ id: 'ClaimVerdict', description: 'A claim and what the data say about it.' })
export type ClaimVerdict = z.infer<typeof claimVerdictSchema>

/** How the verdicts of several claims combine. */
const combination = {
  outcome: findingOutcomeSchema.describe('the verdict'),
  direction: directionSchema,
  reasons: z.array(reasonSchema).readonly().describe('why it is not decided, each reason once'),
  decisiveClaim: z
    .number()
    .nullable()
    .describe('index in `claims` of the report: the claim that decides or represents the others; null if none'),
  agreeing: z
    .object({
      holds: z.number().describe('number of comparisons that hold'),
      of: z.number().describe('number of comparisons, without those that a platform cannot make by its nature'),
    })
    .meta({ id: 'Agreement', description: 'How many comparisons hold.' })
    .describe('how many comparisons hold'),
  missingPlatforms: names.describe('platforms that open comparisons need and that were not measured'),
}

const claims = z.array(z.number()).readonly().describe('indices in `claims` of the report')

export const combinationSchema = z.object(combination)
export type Combination = z.infer<typeof combinationSchema>

export const partVerdictSchema = z
  .object({
    title: z.string().describe('the clause in a few words'),
    quote: z.string().nullable().describe('the words of the source that it tests; null if not stated'),
    margins: z.string().nullable().describe('which margins were chosen for these words, and why; null if not stated'),
    ...combination,
    claims,
    readings: z
      .array(
        z
          .object({ reading: z.string().describe('the reading'), ...combination, claims })
          .meta({ id: 'ReadingVerdict', description: 'The verdict on a part under one reading of its words.' }),
      )
      .exactOptional()
      .describe('the verdict under each reading; absent if the words have one reading'),
  })
  .meta({ id: 'PartVerdict', description: 'One clause of a finding and what the verdicts of its claims say about it.' })
export type PartVerdict = z.infer<typeof partVerdictSchema>

export const findingVerdictSchema = z
  .object({
    id: findingIdSchema.describe('number of the finding'),
    title: z.string().describe('the statement'),
    failOn: failOnSchema.describe('which contradictions fail the run'),
    ...combination,
    parts: z.array(partVerdictSchema).describe('the clauses of the statement'),
    claims,
    source: findingSourceSchema.exactOptional().describe('the publication that states it; absent: the project does'),
    fallbackLabel: z
      .string()
      .exactOptional()
      .describe("present if claims about another metric replaced the finding's own, which could not be judged"),
    outdatedPremise: z
      .string()
      .nullable()
      .describe('what the statement assumes and is no longer true, and what its claims ask instead'),
    qualitative: z
      .object({
        why: z.string().describe('why no measurement can decide it'),
        example: findingOutcomeSchema.describe('verdict on its example'),
      })
      .meta({ id: 'QualitativeVerdict', description: 'A finding that is an argument, with an example.' })
      .nullable()
      .describe('present if the statement is an argument; otherwise null'),
    misprint: z
      .object({ why: z.string().describe('why the wording cannot be what the authors meant'), ...combination, claims })
      .meta({ id: 'MisprintVerdict', description: 'The verdict on the printed wording. It does not count.' })
      .nullable()
      .describe('verdict on the printed wording, if the source contains a misprint; otherwise null'),
    offHardware: z
      .object({ cpuModes: z.array(cpuModeSchema).readonly().describe('how the guests ran'), ...combination })
      .meta({ id: 'OffHardwareVerdict', description: 'The verdict over guests that did not run on hardware.' })
      .nullable()
      .describe('verdict over guests that did not run on hardware; null if there were none'),
    failsRun: z.boolean().describe('whether it makes the exit code other than 0'),
  })
  .meta({ id: 'FindingVerdict', description: 'A finding and what the verdicts of its claims say about it.' })
export type FindingVerdict = z.infer<typeof findingVerdictSchema>

/** Verdicts before isobench decides which of them fail the run. */
export interface Verdicts {
  readonly claims: readonly Omit<ClaimVerdict, 'failsRun'>[]
  readonly findings: readonly Omit<FindingVerdict, 'failsRun'>[]
}
