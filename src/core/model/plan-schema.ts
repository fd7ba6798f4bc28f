import * as z from 'zod'
import { isIdentifier } from '../../dsl/rules.ts'
import {
  claimSchema,
  failOnSchema,
  familySchema,
  findingIdSchema,
  findingSourceSchema,
  locationSchema,
  metricSchema,
  paramSchema,
  paramsSchema,
  workKindSchema,
} from './claim.ts'
import { cpuModeSchema, exclusionReasonSchema, traceSourceSchema } from './vocabulary.ts'

/** The schema of a plan, as the first line of a run record stores it. */

const caseId = z.string().describe('id of the case')
const metricName = z.string().describe('name of the metric')
const platformName = z.string().describe('name of the platform')
const over = z.string().describe('name of the parameter')
const identifierSchema = z.string().refine(isIdentifier, 'no valid name of a metric')

/** Least first. A single number is stored twice. */
const range = z.tuple([z.number(), z.number()])

export const besideSchema = z
  .object({
    tag: z.string().describe('tag of the other benches'),
    metrics: z.array(z.string()).describe('names of the metrics'),
  })
  .meta({ id: 'Beside', description: 'Metrics of a bench that reports also show in columns of other benches.' })

const benchSchema = z
  .object({
    id: z.string().describe('`<file>#<name>`'),
    file: z.string().describe('path of the bench file, relative to the project'),
    name: z.string().describe('name of the bench'),
    mode: z.enum(['run', 'only', 'skip', 'todo']).describe('how the bench file registers it'),
    tags: z.array(z.string()).describe('tags of the bench'),
    params: z
      .record(z.string(), z.array(paramSchema))
      .describe('values of each parameter; every combination is a case'),
    metrics: z.record(identifierSchema, metricSchema).describe('metrics, by name'),
    workload: z
      .object({
        name: z.string().describe('name of the workload'),
        kind: workKindSchema.describe('what it measures'),
        lifecycle: z.enum(['sample', 'round', 'run']).describe('how long a guest lives'),
        traced: traceSourceSchema.optional().describe('the trace source of a traced workload'),
      })
      .meta({ id: 'Workload', description: 'The code that a bench measures.' })
      .describe('the code that it measures'),
    timeout: z.number().optional().describe("limit of one sample in seconds; absent: the profile's"),
    beside: besideSchema
      .exactOptional()
      .describe('metrics that reports also show in a column of the benches with a tag'),
    digest: z
      .string()
      .describe(
        'hash of the bench file, its imports and the modules that `createRequire` loads by a plain path, not of ' +
          'computed imports and of the files and variables that it reads at run time',
      ),
    claims: z.array(claimSchema).describe('expectations of the bench'),
    location: locationSchema.optional().describe('where the bench is written'),
  })
  .meta({ id: 'Bench', description: 'A workload with parameters and expectations.' })

const misprintSchema = z
  .object({
    claims: z.array(claimSchema).describe('claims that the printed wording makes'),
    why: z.string().describe('why the printed wording cannot be what the authors meant'),
  })
  .meta({ id: 'Misprint', description: 'The printed wording of a finding, if the source contains a misprint.' })

const partSchema = z
  .object({
    title: z.string().describe('the clause in a few words'),
    claims: z.array(claimSchema).describe('claims that test it; empty if no bench measures it'),
    quote: z.string().optional().describe('the words of the source that it tests'),
    margins: z.string().optional().describe('which margins were chosen for these words, and why'),
    unmeasurable: z.string().optional().describe('why no bench measures it'),
  })
  .meta({ id: 'Part', description: 'One clause of a finding.' })

const findingSchema = z
  .object({
    id: findingIdSchema.describe('number of the finding'),
    title: z.string().describe('the statement'),
    failOn: failOnSchema.describe('which contradictions fail the run'),
    parts: z.array(partSchema).describe('clauses of the statement'),
    source: findingSourceSchema.exactOptional().describe('the publication that states it; absent: the project does'),
    outdatedPremise: z.string().optional().describe('what the statement assumes and is no longer true'),
    qualitative: z.string().optional().describe('why no measurement can decide it'),
    misprint: misprintSchema.optional().describe('the printed wording, if it is a misprint'),
    file: z.string().describe('path of the bench file, relative to the project'),
    location: locationSchema.optional().describe('where the finding is written'),
  })
  .meta({ id: 'Finding', description: 'A numbered statement that consists of parts.' })

export const securitySchema = z
  .object({
    capabilities: z.array(z.string()).readonly().describe('effective capabilities, such as `net_raw`'),
    seccomp: z.enum(['none', 'strict', 'filter']).describe('mode of seccomp'),
    seccompFilters: z.number().optional().describe('number of seccomp filters; absent if unknown'),
    noNewPrivileges: z.boolean().describe('whether no_new_privs is set'),
  })
  .meta({ id: 'ProcessSecurity', description: 'What confines a process of a guest, as /proc/self/status says there.' })

const platformSchema = z
  .object({
    name: platformName,
    kind: z.string().describe('kind of driver, such as `runc`'),
    family: familySchema.describe('how strongly, and by what, it isolates'),
    tags: z.array(z.string()).describe('tags of the platform'),
    available: z.boolean().describe('whether it works on this host'),
    version: z.string().describe('version text of the platform; empty if unknown'),
    reason: z.string().optional().describe('why it is not available'),
    fix: z.string().optional().describe('how to make it available'),
    cpuMode: cpuModeSchema.describe('how it executes the code of its guests'),
    security: securitySchema.optional().describe('what confines the processes of a guest; absent if unknown'),
    unsupportedWorkloads: z.array(workKindSchema).optional().describe('kinds of workload that it cannot run'),
    supportedWorkloads: z.array(workKindSchema).optional().describe('kinds that it can run although not available'),
  })
  .meta({ id: 'PlannedPlatform', description: 'A platform of the config, and whether it works on this host.' })

export const excludedPlatformSchema = z
  .object({
    name: platformName,
    family: familySchema.describe('how strongly, and by what, it isolates'),
    tags: z.array(z.string()).readonly().describe('tags of the platform'),
  })
  .meta({ id: 'ExcludedPlatform', description: 'A platform of the config that the run excluded because of its tags.' })

export const profileFields = {
  rounds: z.number().int().nonnegative().describe('rounds, without warm-up'),
  warmup: z.number().int().nonnegative().describe('warm-up rounds'),
  seconds: z.number().nonnegative().describe('duration of one sample in seconds'),
  timeout: z.number().describe('limit of one sample with its boot, in seconds'),
}

export const caseSchema = z
  .object({
    id: z.string().describe('`<bench id>`, or `<bench id> [rw=read depth=32]`'),
    bench: z.string().describe('id of the bench'),
    params: paramsSchema,
  })
  .meta({ id: 'BenchCase', description: 'One bench with one set of parameters.' })

export const publishedSchema = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('value').describe('a value'),
      case: caseId,
      metric: metricName,
      platform: platformName,
      value: range.describe("`[least, most]` in the metric's unit"),
    }),
    z.object({
      kind: z.literal('ratio').describe('a ratio to other platforms'),
      case: caseId,
      metric: metricName,
      platform: platformName,
      to: z.array(z.string()).describe('platforms that it is compared with'),
      ratio: range.describe('`[least, most]` of platform divided by each of `to`'),
    }),
    z.object({
      kind: z.literal('peak').describe('the value of a parameter at which a platform is best'),
      case: z.string().describe('id of the first case of the series'),
      metric: metricName,
      platform: platformName,
      over,
      at: range.describe('`[least, most]` value of the parameter'),
    }),
    z.object({
      kind: z.literal('order').describe('an order of platforms'),
      case: caseId,
      metric: metricName,
      order: z.array(z.array(z.string())).describe('platforms, best first; those of one group are equal'),
    }),
  ])
  .meta({ id: 'PublishedResult', description: 'A result that an imported source states without samples.' })

export type PublishedResult = z.infer<typeof publishedSchema>

const noiseFloorSchema = z
  .object({
    case: caseId,
    metric: metricName,
    logRatio: z
      .number()
      .nonnegative()
      .describe('difference of natural logarithms of two identical platforms, 0 or more'),
  })
  .meta({ id: 'NoiseFloor', description: 'What two identical platforms differ by on this host.' })

export const excludedBenchSchema = z
  .object({
    bench: z.string().describe('id of the bench'),
    reason: exclusionReasonSchema.describe('why isobench did not measure it'),
    detail: z
      .string()
      .optional()
      .describe('error message of the host, for `tracer-unavailable`; the shard, such as `3/8`, for `shard-missing`'),
    seconds: z.number().optional().describe('estimated duration in seconds, for `time-budget`'),
    claims: z.number().optional().describe('number of claims that it could decide, for `time-budget`'),
  })
  .meta({ id: 'ExcludedBench', description: 'A bench of the project that the run did not measure.' })

export const problemSchema = z
  .object({
    file: z.string().describe('file with the problem, relative to the project'),
    message: z.string().describe('what is wrong'),
    fix: z.string().optional().describe('how to fix it'),
    location: locationSchema.optional().describe('where it is'),
    word: z.string().optional().describe('text at the location that is wrong'),
  })
  .meta({ id: 'Problem', description: 'A bench, a bench file or the config that isobench could not use.' })

const shardSchema = z
  .object({
    plan: z
      .string()
      .describe('id of the shard plan: of the plan file, or a hash of the parts; equal for all shards of one suite'),
    run: z
      .string()
      .nullable()
      .describe('what only the records of one run share: id of the plan file, or of the job; null if unknown'),
    count: z.number().int().positive().describe('number of shards'),
    indices: z.array(z.number().int().positive()).describe('shards in this record, from 1; several after a merge'),
    benches: z.array(z.array(z.string())).describe('ids of the benches of each shard'),
    others: z.array(benchSchema).describe('benches of the other shards, so that a merge knows what a lost shard lacks'),
  })
  .meta({ id: 'ShardOfPlan', description: 'Which part of a suite a record has (`--shard`).' })

export const planSchema = z
  .object({
    seed: z.string().describe('seed of the random order'),
    profileName: z.string().describe('name of the profile'),
    profile: z
      .object({
        ...profileFields,
        skipTags: z.array(z.string()).optional().describe('tags of benches that the profile excludes'),
        skipEmulated: z.boolean().optional().describe('whether the profile excludes platforms with emulated CPUs'),
      })
      .meta({ id: 'RunProfile', description: 'How much a run measures.' })
      .describe('how much the run measures'),
    platforms: z.array(platformSchema).describe('platforms of the config'),
    benches: z.array(benchSchema).describe('benches with samples in this run'),
    cases: z.array(caseSchema).describe('cases that a round visits'),
    duet: z.array(z.string()).optional().describe('ids of benches that native and a platform run at the same time'),
    findings: z.array(findingSchema).describe('findings of the bench files'),
    excluded: z.array(excludedBenchSchema).describe('benches without samples in this run'),
    onlyFindings: z
      .boolean()
      .optional()
      .describe('whether the run has only the findings, without the expectations of benches (`--findings`)'),
    namedPlatforms: z
      .array(z.string())
      .optional()
      .describe('platforms that the command line named; the run is not clean if one of them was not measured'),
    onlyNamed: z
      .array(z.string())
      .optional()
      .describe('platforms that a claim is about only if it names them, because of their tags'),
    casePlatforms: z
      .record(z.string(), z.array(z.string()))
      .optional()
      .describe('names of the platforms to measure a case on, by its id; absent: every case on every platform'),
    blocks: z
      .array(z.array(z.string()))
      .optional()
      .describe('ids of the benches of each block, in the order of measuring; absent: one block'),
    shard: shardSchema.optional().describe('which part of the suite it is; absent without `--shard`'),
    excludedPlatforms: z
      .array(excludedPlatformSchema)
      .optional()
      .describe('platforms that the run excluded because of their tags'),
    sequential: z
      .object({
        looks: z.array(z.number()).describe('numbers of rounds after which the claims are judged'),
        alphas: z.array(z.number()).describe('one-sided error rate of each look, 0 to 1'),
      })
      .meta({ id: 'SequentialPlan', description: 'The interim looks of `--rounds MIN..MAX`.' })
      .optional()
      .describe('interim looks; absent: the claims are judged once, after the last round'),
    noiseFloors: z.array(noiseFloorSchema).optional().describe('noise floors of this host, from `isobench noise`'),
    damagedLines: z.number().optional().describe('damaged lines that were left out of the records of a merge'),
    unreadableRecords: z.number().optional().describe('records that a merge left out because it could not read them'),
    published: z.array(publishedSchema).optional().describe('results of an imported source without samples'),
  })
  .meta({ id: 'Plan', description: 'What the run measures.' })
