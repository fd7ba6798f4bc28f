import * as z from 'zod'
import { benchInfoSchema, familySchema, locationSchema, paramsSchema, workKindSchema } from './claim.ts'
import { environmentSchema } from './record.ts'
import { claimVerdictSchema, findingVerdictSchema } from './verdict.ts'
import { cpuModeSchema, exclusionReasonSchema, runStatusSchema } from './vocabulary.ts'

/** The report of a run: what every reporter gets, and what `--reporter json` writes. See docs/reference/json-report.md. */

/** Increases if a field is removed or changes its meaning, not if one is added. */
export const reportVersion = 1

const metricResultSchema = z.object({
  unit: z.string(),
  better: z.enum(['lower', 'higher']),
  /** Without warm-up rounds. `observations`: the values whose median is `value`, if the workload gave several. */
  samples: z.array(z.object({ round: z.number(), value: z.number(), observations: z.array(z.number()).optional() })),
  /** Of the rounds' medians; null without samples. */
  median: z.number().nullable(),
  /** Rounds whose value lies far outside the others (|x - median| > 14.8 MAD). Counted, never removed. */
  outliers: z.number(),
  /** platform / native, paired by round, with its 90 % interval; null if there is nothing to compare. */
  ratioToNative: z
    .object({ ratio: z.number(), low: z.number().nullable(), high: z.number().nullable(), rounds: z.number() })
    .nullable(),
})

const platformResultSchema = z.object({
  platform: z.string(),
  metrics: z.record(z.string(), metricResultSchema),
  /** The error of each failed sample. */
  errors: z.array(z.string()),
  /**
   * `suspiciously-fast`: more than 10 % better than native, which is usually a cache or a clock.
   * `client-bound`: the load client used 90 % or more of its CPUs, so it may have been the limit.
   */
  flags: z.array(z.enum(['suspiciously-fast', 'client-bound'])),
  /** For workloads with a load client: the median of its share of its own CPUs. */
  client: z.object({ cpu: z.number() }).optional(),
  /** Samples during which other processes used the guests' CPUs; the run may have measured them again. */
  disturbed: z.number().optional(),
})

const caseResultSchema = z.object({
  /** The case's id; `claims[].case` refers to it. */
  case: z.string(),
  bench: benchInfoSchema,
  params: paramsSchema,
  /** The bench's tags; `figure-9` says that it draws Figure 9 of the paper. */
  tags: z.array(z.string()),
  kind: workKindSchema,
  results: z.array(platformResultSchema),
})

const platformSchema = z.object({
  name: z.string(),
  kind: z.string(),
  family: familySchema,
  available: z.boolean(),
  version: z.string(),
  /** How guests execute code. */
  cpuMode: z.union([z.literal('hardware'), cpuModeSchema]),
  /** Why the platform is not available. */
  reason: z.string().nullable(),
  fix: z.string().nullable(),
})

export const reportSchema = z.object({
  schemaVersion: z.literal(reportVersion),
  /** The path of the run record. */
  record: z.string(),
  status: runStatusSchema,
  environment: environmentSchema,
  seed: z.string(),
  profile: z.object({
    name: z.string(),
    rounds: z.number(),
    warmup: z.number(),
    seconds: z.number(),
    timeout: z.number(),
    /** Tags of the benches that the profile skips. */
    skipTags: z.array(z.string()).readonly().optional(),
    /** Whether the profile skips platforms with emulated CPUs. */
    skipEmulated: z.boolean().optional(),
  }),
  platforms: z.array(platformSchema),
  cases: z.array(caseResultSchema),
  claims: z.array(claimVerdictSchema),
  findings: z.array(findingVerdictSchema),
  /** Benches that the run did not measure. */
  excluded: z.array(
    z.object({
      /** The bench's id. */
      bench: z.string(),
      reason: exclusionReasonSchema,
      /** The message of the host's tracer, if that is the reason. */
      detail: z.string().optional(),
    }),
  ),
  problems: z.array(
    z.object({
      file: z.string(),
      message: z.string(),
      fix: z.string().optional(),
      location: locationSchema.optional(),
    }),
  ),
  /** The exit code, with the claims (indices) and findings (ids) that make it other than 0. */
  exit: z.object({ code: z.number(), claims: z.array(z.number()), findings: z.array(z.number()) }),
})

export type Report = z.infer<typeof reportSchema>
export type CaseResult = z.infer<typeof caseResultSchema>
export type PlatformResult = z.infer<typeof platformResultSchema>
export type MetricResult = z.infer<typeof metricResultSchema>
