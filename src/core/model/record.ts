import * as z from 'zod'
import type { Plan } from './plan.ts'
import type { Problem } from './suite.ts'

/** What a run's weighted scores were made of: pinned in its record, because scores change every day. */
export const weightsSourceSchema = z.object({
  /** The EPSS model and the date of its scores, as the file says them; null where it does not. */
  model: z.string().nullable(),
  date: z.string().nullable(),
  /** SHA-256 of the files that were imported. */
  scores: z.string(),
  map: z.string(),
  sources: z.string().nullable(),
  /** What a name without data weighs. */
  fallback: z.number(),
})

export type WeightsSource = z.infer<typeof weightsSourceSchema>

/** What an imported source states in words or numbers, without samples. Part of the run record. */

/** A number, or a range of numbers, least first. */
const range = z.tuple([z.number(), z.number()])

export const publishedSchema = z.discriminatedUnion('kind', [
  /** The platform's value, in the metric's unit. */
  z.object({ kind: z.literal('value'), case: z.string(), metric: z.string(), platform: z.string(), value: range }),
  /** platform ÷ each of `to`. */
  z.object({
    kind: z.literal('ratio'),
    case: z.string(),
    metric: z.string(),
    platform: z.string(),
    to: z.array(z.string()),
    ratio: range,
  }),
  /** Where over a parameter the platform is best; `point` is one of that series. */
  z.object({
    kind: z.literal('peak'),
    case: z.string(),
    metric: z.string(),
    platform: z.string(),
    over: z.string(),
    at: range,
  }),
  /** Best first; those of one group are called equal. */
  z.object({ kind: z.literal('order'), case: z.string(), metric: z.string(), order: z.array(z.array(z.string())) }),
])
export type PublishedResult = z.infer<typeof publishedSchema>

export const environmentSchema = z.object({
  /** ISO 8601. */
  startedAt: z.string(),
  isobench: z.string(),
  node: z.string(),
  cpu: z.object({
    model: z.string(),
    count: z.number(),
    /** null: the host does not tell. */
    governor: z.string().nullable(),
    smt: z.string().nullable(),
  }),
  memoryBytes: z.number(),
  kernel: z.string(),
  commandLine: z.string(),
  /** What the host itself runs in, by the CPU's hypervisor flag and the firmware's vendor; null on bare metal. */
  virtualization: z.string().nullable(),
  /** Whether this machine has a /dev/kvm, and so may nest guests. */
  kvm: z.boolean(),
  /** Name of a CPU vulnerability and what the kernel says of it. */
  mitigations: z.record(z.string(), z.string()),
  cgroupVersion: z.union([z.literal(1), z.literal(2)]),
  guest: z.object({ cpus: z.array(z.number()), memoryBytes: z.number() }),
  image: z.string(),
  configDigest: z.string(),
  /** git revision of the project, with `+` when there are changes; null outside a repository. */
  revision: z.string().nullable(),
})

/** What a run ran on. Two runs are only compared with each other where this is the same. */
export type Environment = z.infer<typeof environmentSchema>

/** The run record: JSON Lines, appended as a run goes, so that a kill loses at most the sample in flight. */

export const recordVersion = 1

const location = z.object({ file: z.string(), line: z.number(), column: z.number() })
const param = z.union([z.string(), z.number(), z.boolean()])
const params = z.record(z.string(), param)
const family = z.enum(['native', 'container', 'secure-container', 'hypervisor', 'unikernel'])
const metric = z.object({ unit: z.string(), better: z.enum(['lower', 'higher']) })

const reference = { platform: z.string(), medianOf: z.array(z.string()).optional() }

const matcher = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('withinNative'), percent: z.number() }),
  z.object({ kind: z.literal('equivalentTo'), ...reference, percent: z.number() }),
  z.object({ kind: z.literal('betterThan'), ...reference, by: z.number() }),
  z.object({ kind: z.literal('worseThan'), ...reference, by: z.number() }),
  z.object({ kind: z.literal('atMost'), value: z.number() }),
  z.object({ kind: z.literal('atLeast'), value: z.number() }),
  z.object({ kind: z.literal('ranked'), platforms: z.array(z.string()) }),
  z.object({ kind: z.literal('noStableOrder'), platforms: z.array(z.string()) }),
  z.object({ kind: z.literal('peaksAt'), over: z.string(), from: z.number(), to: z.number() }),
  z.object({ kind: z.literal('constant'), over: z.string(), percent: z.number() }),
])

const selector = z.discriminatedUnion('by', [
  z.object({ by: z.literal('name'), names: z.array(z.string()) }),
  z.object({ by: z.literal('family'), families: z.array(family) }),
  z.object({ by: z.literal('tag'), tags: z.array(z.string()) }),
  z.object({ by: z.literal('all') }),
])

export const workKind = z.enum(['commands', 'boot', 'vmm-start', 'in-guest'])

const claim = z.object({
  bench: z.string(),
  metric: z.string(),
  matcher,
  on: selector,
  where: params,
  severity: z.enum(['fail', 'warn']),
  onAtLeast: z.number().optional(),
  fallbackLabel: z.string().optional(),
  location: location.optional(),
})

const bench = z.object({
  id: z.string(),
  file: z.string(),
  name: z.string(),
  mode: z.enum(['run', 'only', 'skip', 'todo']),
  tags: z.array(z.string()),
  params: z.record(z.string(), z.array(param)),
  metrics: z.record(z.string(), metric),
  workload: z.object({
    name: z.string(),
    kind: workKind,
    lifecycle: z.enum(['sample', 'round', 'run']),
    /** The instrument, of a traced workload. */
    traced: z.enum(['functions', 'syscalls']).optional(),
  }),
  timeout: z.number().optional(),
  digest: z.string(),
  claims: z.array(claim),
  location: location.optional(),
})

const finding = z.object({
  id: z.number(),
  title: z.string(),
  failOn: z.enum(['worse', 'any', 'never']),
  claims: z.array(claim),
  unmeasurableParts: z.array(z.string()),
  outdatedPremise: z.string().optional(),
  qualitative: z.string().optional(),
  misprint: z.object({ claims: z.array(claim), why: z.string() }).optional(),
  file: z.string(),
  location: location.optional(),
})

const platform = z.object({
  name: z.string(),
  kind: z.string(),
  family,
  tags: z.array(z.string()),
  available: z.boolean(),
  version: z.string(),
  reason: z.string().optional(),
  fix: z.string().optional(),
  cpuMode: z.enum(['emulated', 'nested']).optional(),
  unsupportedWorkloads: z.array(workKind).optional(),
  supportedWorkloads: z.array(workKind).optional(),
})

const plan = z.object({
  seed: z.string(),
  profileName: z.string(),
  profile: z.object({
    rounds: z.number(),
    warmup: z.number(),
    seconds: z.number(),
    timeout: z.number(),
    skipTags: z.array(z.string()).optional(),
    skipEmulated: z.boolean().optional(),
  }),
  platforms: z.array(platform),
  benches: z.array(bench),
  cases: z.array(z.object({ id: z.string(), bench: z.string(), params })),
  duet: z.array(z.string()).optional(),
  findings: z.array(finding),
  excluded: z.array(
    z.object({
      bench: z.string(),
      reason: z.enum(['skip', 'todo', 'only', 'filter', 'profile', 'shard', 'not-failed-before', 'tracer-unavailable']),
      detail: z.string().optional(),
    }),
  ),
  sequential: z.object({ looks: z.array(z.number()), alphas: z.array(z.number()) }).optional(),
  noiseFloors: z.array(z.object({ case: z.string(), metric: z.string(), logRatio: z.number() })).optional(),
  /** What the weighted scores were made of. */
  weights: weightsSourceSchema.optional(),
  published: z.array(publishedSchema).optional(),
})

const problem = z.object({
  file: z.string(),
  message: z.string(),
  fix: z.string().optional(),
  location: location.optional(),
})

const calls = z.record(z.string(), z.number())

/** How much of the host's kernel a traced sample reached: calls by name of function or system call. */
const attackProfileSchema = z.object({
  source: z.enum(['functions', 'syscalls']),
  /** Of starting the platform; of a boot: of what has to stand before it. */
  setup: calls,
  /** Of the guest while it idled for `idleSeconds`; empty for a boot. */
  idle: calls,
  /** The most that going through the gates as often as the work did is thought to reach; absent in records of before there was such a control. */
  barrier: calls.optional(),
  /** Of the work, in `seconds`, beyond what the gates reach and idling in that time. */
  work: calls,
  seconds: z.number(),
  idleSeconds: z.number(),
  /** What the traced workload itself yielded, slowed down by the tracer: never judged. */
  workloadMetrics: z.record(z.string(), z.number()),
  /** Sum of the weights of the work's names, and how many of them have data; see docs/attack-profile.md. */
  weighted: z.object({ score: z.number(), known: z.number(), total: z.number() }).optional(),
})

export type AttackProfile = z.infer<typeof attackProfileSchema>

export const sampleSchema = z.object({
  case: z.string(),
  platform: z.string(),
  round: z.number(),
  /** Warm-up samples are recorded and never judged. */
  warmup: z.boolean(),
  /** Of everything that must be the same for two samples to be comparable. */
  digest: z.string(),
  /** Host clock, booting included where the sample boots. */
  wallMs: z.number(),
  /** What of that went to the workload's commands, to its servers, and to booting its guest; see `measure/spent.ts`. */
  timeBreakdown: z.object({ commands: z.number(), servers: z.number(), boots: z.number() }).optional(),
  /** One figure per metric, or what went wrong. */
  values: z.record(z.string(), z.number()).optional(),
  /** Of the metrics that gave several figures: each of them. */
  observations: z.record(z.string(), z.array(z.number())).optional(),
  error: z.string().optional(),
  /** The program that failed it, because the image has none of that name: so no platform and no round can do better. */
  missingProgram: z.string().optional(),
  /** It failed because the platform cannot do such work: no round can do better. */
  unsupported: z.boolean().optional(),
  /** In duet mode: the platform that was measured at the same time, and the host CPUs that this one had. */
  duetWith: z.string().optional(),
  cpus: z.array(z.number()).optional(),
  /** Of traced samples. */
  attackProfile: attackProfileSchema.optional(),
  /** Whether the host let the workload drop its page cache; absent where the workload did not ask for it. */
  cachesDropped: z.boolean().optional(),
  /** What the host did meanwhile; shares of the guests' CPUs. See `guest/pressure.ts`. */
  load: z
    .object({
      steal: z.number(),
      otherProcesses: z.number().nullable(),
      otherProcessesOnClientCpus: z.number().nullable().optional(),
      cpuPressure: z.number().nullable(),
      runnable: z.number(),
    })
    .optional(),
  /** Of a floor: what ran the code of the monitor's guest, `kvm` or `tcg`. */
  accelerator: z.string().optional(),
  /** Of workloads with a client: its share of its own CPUs, in the command that kept it busiest. */
  client: z.object({ cpu: z.number() }).optional(),
  /** Foreign load was above the threshold. Judged only where no other sample of the cell and round has values. */
  disturbed: z.boolean().optional(),
  /** Measured elsewhere, and not in rounds: the number only counts, and pairs with no other. */
  unpaired: z.boolean().optional(),
})

/** One visit to one cell. It has either `values` or `error`. */
export type Sample = z.infer<typeof sampleSchema>

export const lineSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    recordVersion: z.literal(recordVersion),
    environment: environmentSchema,
    plan,
    problems: z.array(problem),
  }),
  z.object({ type: z.literal('sample'), sample: sampleSchema }),
  z.object({ type: z.literal('end'), status: z.enum(['finished', 'interrupted']), at: z.string() }),
])

export type RecordLine = z.infer<typeof lineSchema>

/** All that a run left: enough to judge it again without any platform. */
export interface RunRecord {
  readonly file: string
  readonly environment: Environment
  readonly plan: Plan
  readonly problems: readonly Problem[]
  readonly samples: readonly Sample[]
  /** `killed`: the file just ends. */
  readonly status: 'finished' | 'interrupted' | 'killed'
}
