import * as z from 'zod'
import { processRoles } from '../../dsl/process-roles.ts'
import {
  benchInfoSchema,
  familySchema,
  findingIdSchema,
  locationSchema,
  paramsSchema,
  workKindSchema,
} from './claim.ts'
import { confinementSchema } from './confinement.ts'
import {
  besideSchema,
  excludedBenchSchema,
  excludedPlatformSchema,
  problemSchema,
  profileFields,
  securitySchema,
} from './plan-schema.ts'
import { environmentSchema } from './record.ts'
import { unseenKinds } from './traced-calls.ts'
import { claimVerdictSchema, findingVerdictSchema } from './verdict.ts'
import { cpuModeSchema, runStatusSchema, vocabulary } from './vocabulary.ts'

/** The report of a run: what reporters get, and what `--reporter json` writes. See docs/reference/json-report.md. */

/** Increases if a field is removed or changes its meaning, not if one is added. */
export const reportVersion = 1

const metricResultSchema = z
  .object({
    unit: z.string().describe("unit of this metric's values"),
    better: z.enum(['lower', 'higher']).describe('which direction is an improvement'),
    samples: z
      .array(
        z
          .object({
            round: z.number().describe('number of the round, from 0'),
            value: z.number().describe('in `unit`'),
            observations: z
              .array(z.number())
              .optional()
              .describe('in `unit`: the measurements of this sample; `value` is their median'),
          })
          .meta({ id: 'ReportSample', description: 'The value of a metric in one sample.' }),
      )
      .describe('samples without those of warm-up rounds'),
    median: z.number().nullable().describe("in `unit`: median of the rounds' medians; null without samples"),
    outliers: z
      .number()
      .describe('number of rounds with |x - median| > 14.8 MAD. isobench counts them and never removes them'),
    ratioToNative: z
      .object({
        ratio: z.number().describe('estimate'),
        low: z.number().nullable().describe('lower bound of the 90 % interval; null: no finite bound'),
        high: z.number().nullable().describe('upper bound of the 90 % interval; null: no finite bound'),
        rounds: z.number().describe('number of pairs'),
      })
      .meta({ id: 'Ratio', description: 'Platform divided by native, paired by round.' })
      .nullable()
      .describe('platform divided by native; null if there is nothing to compare'),
  })
  .meta({ id: 'MetricResult', description: 'What one platform gave for one metric in one case.' })

const resultFlagSchema = vocabulary('ResultFlag', 'A warning about a result.', {
  'suspiciously-fast': 'more than 10 % better than native, which is usually a cache or a clock',
  'client-bound': 'the load generator used 90 % or more of its CPUs, so it may have been the limit',
})

const sampleLogSchema = z
  .object({
    round: z.number().describe('number of the round, from 0; negative for warm-up rounds'),
    warmup: z.boolean().describe('whether it belongs to a warm-up round'),
    startedAt: z.string().optional().describe('start of the sample, ISO 8601 in UTC; absent for imported results'),
    wallMs: z.number().describe('duration of the sample with its boot, in ms'),
    disturbed: z.boolean().describe("whether other processes used the guests' CPUs"),
    judged: z.boolean().describe('whether the verdicts use its values'),
    values: z.record(z.string(), z.number()).describe("value of each metric, in the metric's unit; empty if it failed"),
    error: z.string().optional().describe('why it failed'),
    location: locationSchema.exactOptional().describe('where in the project it failed; absent if unknown'),
  })
  .meta({ id: 'SampleLog', description: 'When and how one sample was measured.' })

const sampleErrorSchema = z
  .object({
    message: z.string().describe('why it failed'),
    location: locationSchema
      .exactOptional()
      .describe('where in the project it failed; absent if unknown, as for a failed command'),
  })
  .meta({ id: 'SampleError', description: 'Why and where a sample failed.' })

const platformResultSchema = z
  .object({
    platform: z.string().describe('name of the platform'),
    metrics: z
      .record(z.string(), metricResultSchema)
      .describe('metrics, by name, without those that the platform does not let isobench observe'),
    samples: z.array(sampleLogSchema).describe('all samples, also of warm-up rounds, replaced and failed ones'),
    errors: z.array(sampleErrorSchema).describe('error of each failed sample'),
    unsupported: z.string().exactOptional().describe('why the platform cannot run the workload; absent if it can'),
    flags: z.array(resultFlagSchema).describe('warnings'),
    confinement: z
      .array(confinementSchema)
      .optional()
      .describe("of traced benches: what confined the guest's host processes during the work, over all samples"),
    usedCalls: z
      .partialRecord(z.enum(processRoles), z.array(z.string()))
      .optional()
      .describe('of benches traced by system calls: those that the work used in every round, by role'),
    unseen: z
      .array(z.enum(unseenKinds))
      .optional()
      .describe('of traced benches: what the kernel does for the platform and the trace source does not show'),
    client: z
      .object({ cpu: z.number().describe('median share of its CPUs that it used, 0 to 1') })
      .meta({ id: 'LoadGeneratorResult', description: 'How busy the load generator was.' })
      .optional()
      .describe('of workloads with a load generator'),
    slowServerStop: z
      .object({
        program: z.string().describe('program of the server'),
        ms: z.number().describe('the longest time until a server had ended'),
        samples: z.number().describe('number of samples with a slow end'),
      })
      .meta({ id: 'SlowServerStops', description: 'Servers of a result that took more than 5 s to end.' })
      .optional()
      .describe('absent if all servers ended within 5 s'),
    disturbed: z.number().optional().describe("number of samples during which other processes used the guests' CPUs"),
  })
  .meta({ id: 'PlatformResult', description: 'What one platform gave in one case.' })

const caseResultSchema = z
  .object({
    case: z.string().describe('id of the case; `claims[].case` refers to it'),
    bench: benchInfoSchema.describe('the bench'),
    location: locationSchema.exactOptional().describe('where the bench is written; absent if unknown'),
    params: paramsSchema,
    tags: z.array(z.string()).describe('tags of the bench; `figure-9` says that it draws Figure 9 of the paper'),
    kind: workKindSchema.describe('what the workload measures'),
    beside: besideSchema
      .exactOptional()
      .describe('metrics of this case that reports also show in a column of the benches with a tag'),
    results: z.array(platformResultSchema).describe('results, one per platform'),
  })
  .meta({ id: 'CaseResult', description: 'The results of one bench with one set of parameters.' })

const platformSchema = z
  .object({
    name: z.string().describe('name of the platform'),
    kind: z.string().describe('kind of driver, such as `runc`'),
    family: familySchema.describe('how strongly, and by what, it isolates'),
    available: z.boolean().describe('whether it works on this host'),
    version: z.string().describe('version text of the platform; empty if unknown'),
    security: securitySchema.optional().describe('what confines the processes of a guest; absent if unknown'),
    cpuMode: cpuModeSchema.describe('what runs the code of the guests'),
    reason: z.string().nullable().describe('why it is not available; otherwise null'),
    fix: z.string().nullable().describe('how to make it available; null if unknown'),
  })
  .meta({ id: 'ReportPlatform', description: 'A platform of the config, and whether it works on this host.' })

/** Which result of the report something is about. */
const ofResult = {
  case: z.string().describe('id of the case'),
  platform: z.string().describe('name of the platform'),
}

/** Parses a report. It ignores unknown fields. Units are in the descriptions of the fields. */
export const reportSchema = z
  .object({
    schemaVersion: z.literal(reportVersion).describe('version of the format'),
    record: z.string().describe('path of the run record'),
    status: runStatusSchema.describe('how the run ended'),
    error: z.string().optional().describe('the error that stopped the run; absent if it is one of `problems`'),
    environment: environmentSchema.describe('the host'),
    seed: z.string().describe('seed of the random order'),
    profile: z
      .object({
        name: z.string().describe('name of the profile'),
        ...profileFields,
        skipTags: z.array(z.string()).readonly().optional().describe('tags of benches that the profile excludes'),
        skipEmulated: z.boolean().optional().describe('whether the profile excludes platforms with emulated CPUs'),
      })
      .meta({ id: 'ReportProfile', description: 'How much the run measures.' })
      .describe('how much the run measures'),
    platforms: z.array(platformSchema).describe('platforms of the run'),
    excludedPlatforms: z
      .array(excludedPlatformSchema)
      .describe('platforms that the run excluded because of their tags'),
    cases: z.array(caseResultSchema).describe('results, one per case'),
    claims: z.array(claimVerdictSchema).describe('verdicts on claims'),
    findings: z.array(findingVerdictSchema).describe('verdicts on findings'),
    independence: z
      .object({
        tested: z.number().describe('number of measured verdicts with enough rounds to test them'),
        untested: z.number().describe('number of measured verdicts with fewer rounds'),
        needed: z.number().describe('rounds that the test needs'),
      })
      .meta({ id: 'Independence', description: 'How many verdicts have rounds that were tested for dependence.' })
      .describe('whether the rounds depend on each other; with few rounds that cannot be tested'),
    excluded: z.array(excludedBenchSchema).describe('benches without samples in this run'),
    shard: z
      .object({
        plan: z.string().describe('id of the shard plan'),
        isOfFile: z.boolean().describe('whether the plan is a file of `isobench plan`'),
        count: z.number().describe('number of shards'),
        indices: z.array(z.number()).readonly().describe('shards that the record has, from 1'),
      })
      .meta({ id: 'ReportShard', description: 'Which shards of a plan the record has.' })
      .optional()
      .describe('which shards the record has; absent without shards, or with those of several plans'),
    damagedLines: z
      .number()
      .optional()
      .describe('number of damaged lines that were left out of the record; absent if none'),
    unreadableRecords: z
      .number()
      .optional()
      .describe('number of records that a merge left out because it could not read them; absent if none'),
    problems: z.array(problemSchema).describe('benches and files that isobench could not use'),
    exit: z
      .object({
        code: z.number().describe('exit code of the run'),
        claims: z.array(z.number()).describe('indices in `claims` that make it other than 0'),
        findings: z.array(findingIdSchema).describe('numbers of the findings that make it other than 0'),
        regressions: z
          .array(
            z
              .object({
                ...ofResult,
                metric: z.string().describe('name of the metric'),
              })
              .meta({ id: 'Regression', description: 'A metric that regressed against the baseline.' }),
          )
          .optional()
          .describe('metrics that make it other than 0; absent without `--baseline`'),
        newNames: z
          .array(
            z
              .object({
                ...ofResult,
                role: z.enum(processRoles).describe('role of the processes'),
                name: z.string().describe('the system call or kernel function'),
                rounds: z.number().describe('rounds in which the work calls it'),
                of: z.number().describe('rounds of the run'),
              })
              .meta({ id: 'NewName', description: 'A name in an attack profile that the baseline did not have.' }),
          )
          .optional()
          .describe('names that make it other than 0; absent without `--baseline`'),
        unmeasured: z
          .array(z.string())
          .optional()
          .describe('platforms that the run was asked for or that claims need, without a sample that succeeded'),
      })
      .meta({ id: 'Exit', description: 'The exit code, and what makes it other than 0.' })
      .describe('exit code of the run'),
  })
  .meta({ title: 'isobench report', description: 'The results and verdicts of one run.' })

/** The results and verdicts of one run. */
export type Report = z.infer<typeof reportSchema>
export type CaseResult = z.infer<typeof caseResultSchema>
export type SampleError = z.infer<typeof sampleErrorSchema>
export type PlatformResult = z.infer<typeof platformResultSchema>
export type MetricResult = z.infer<typeof metricResultSchema>
