import * as z from 'zod'
import { workKindSchema } from './claim.ts'
import { environmentSchema } from './record.ts'
import { claimVerdictSchema, findingVerdictSchema } from './verdict.ts'

/** The report of a run: what every reporter gets, and what `--reporter json` writes. A public contract; see docs/json-report.md. */

/** Counts up when something is taken away or changes its meaning; additions leave it. */
export const reportVersion = 1

const param = z.union([z.string(), z.number(), z.boolean()])

const metricResult = z.object({
  unit: z.string(),
  better: z.enum(['lower', 'higher']),
  /** Warm-up rounds left out. */
  /** `all`: the figures that the value is the median of, where the workload gave several. */
  samples: z.array(z.object({ round: z.number(), value: z.number(), observations: z.array(z.number()).optional() })),
  /** Of the rounds' medians; null without samples. */
  median: z.number().nullable(),
  /** Rounds whose value lies far outside the others (|x − median| > 14.8 MAD). Counted, never left out. */
  outliers: z.number(),
  /** platform ÷ native, paired by round, with its 90 % interval; null where there is nothing to compare. */
  ratioToNative: z
    .object({ ratio: z.number(), low: z.number().nullable(), high: z.number().nullable(), rounds: z.number() })
    .nullable(),
})

const resultSchema = z.object({
  platform: z.string(),
  metrics: z.record(z.string(), metricResult),
  /** What went wrong, a line for each failed sample. */
  errors: z.array(z.string()),
  /** `suspiciously-fast`: better than native by more than a tenth, which is more often a cache or a clock than a gain. */
  /** `client-bound`: isobench's own client used nine tenths or more of its CPUs, so it may have been the limit. */
  flags: z.array(z.enum(['suspiciously-fast', 'client-bound'])),
  /** Of workloads with a client: the median of its share of its own CPUs. Native's figures are the ceiling of the others'. */
  client: z.object({ cpu: z.number() }).optional(),
  /** Samples during which others used the guests' CPUs: marked in the record, and taken once more. */
  disturbed: z.number().optional(),
})

const caseResult = z.object({
  id: z.string(),
  file: z.string(),
  name: z.string(),
  params: z.record(z.string(), param),
  /** The bench's own; `figure-9` says that it is Figure 9 of the paper. Reports of 0.1.0's first days have none. */
  tags: z.array(z.string()).optional(),
  /** What the workload is; `boot` times the start of a guest. */
  kind: workKindSchema.optional(),
  results: z.array(resultSchema),
})

const platformResult = z.object({
  name: z.string(),
  kind: z.string(),
  family: z.enum(['native', 'container', 'secure-container', 'hypervisor', 'unikernel']),
  available: z.boolean(),
  version: z.string(),
  reason: z.string().nullable(),
  fix: z.string().nullable(),
})

export const reportSchema = z.object({
  schemaVersion: z.literal(reportVersion),
  /** The run record that it was made from. */
  record: z.string(),
  status: z.enum(['finished', 'interrupted', 'killed']),
  environment: environmentSchema,
  seed: z.string(),
  profile: z.object({
    name: z.string(),
    rounds: z.number(),
    warmup: z.number(),
    seconds: z.number(),
    timeout: z.number(),
    /** Tags of the benches that the profile leaves out. */
    skipTags: z.array(z.string()).readonly().optional(),
    skipEmulated: z.boolean().optional(),
  }),
  platforms: z.array(platformResult),
  cases: z.array(caseResult),
  claims: z.array(claimVerdictSchema),
  findings: z.array(findingVerdictSchema),
  /** Benches that were left out, and why. */
  excluded: z.array(
    z.object({
      bench: z.string(),
      reason: z.enum(['skip', 'todo', 'only', 'filter', 'profile', 'shard', 'not-failed-before', 'tracer-unavailable']),
      /** What the machine said, where it is the reason. */
      detail: z.string().optional(),
    }),
  ),
  problems: z.array(
    z.object({
      file: z.string(),
      message: z.string(),
      fix: z.string().optional(),
      location: z.object({ file: z.string(), line: z.number(), column: z.number() }).optional(),
    }),
  ),
  /** Indices into `claims`, and numbers of findings, that make the exit code 1. */
  failures: z.object({ claims: z.array(z.number()), findings: z.array(z.number()) }),
  exitCode: z.number(),
})

export type Report = z.infer<typeof reportSchema>
export type CaseResult = z.infer<typeof caseResult>
export type PlatformResult = z.infer<typeof resultSchema>
export type MetricResult = z.infer<typeof metricResult>
