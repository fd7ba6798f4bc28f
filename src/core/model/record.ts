import * as z from 'zod'
import { type Location, withLocation } from '../../dsl/errors.ts'
import { processRoles } from '../../dsl/process-roles.ts'
import { largestFigure } from '../../dsl/rules.ts'
import { locationSchema } from './claim.ts'
import { confinementSchema } from './confinement.ts'
import type { Plan } from './plan.ts'
import { excludedBenchSchema, planSchema, problemSchema } from './plan-schema.ts'
import type { Problem } from './suite.ts'
import { type runStatusSchema, traceSourceSchema } from './vocabulary.ts'

/** The run record: JSON Lines. isobench appends each line as it goes, so that a kill loses at most one sample. */

export const recordVersion = 1

export const environmentSchema = z
  .object({
    startedAt: z.string().describe('start of the run, ISO 8601 in UTC'),
    hostname: z.string().optional().describe('name of the host; absent for imported results'),
    isobench: z.string().describe('version of isobench'),
    node: z.string().describe('version of Node.js'),
    cpu: z
      .object({
        model: z.string().describe('model name'),
        count: z.number().describe('number of online logical CPUs'),
        governor: z.string().nullable().describe('frequency governor; null if the host has none'),
        smt: z.string().nullable().describe('state of simultaneous multithreading; null if unknown'),
      })
      .meta({ id: 'Cpu', description: 'The CPUs of the host.' })
      .describe('the CPUs of the host'),
    memoryBytes: z.number().describe('memory of the host in bytes'),
    arch: z.string().optional().describe('architecture, as `process.arch` of Node.js; absent for imported results'),
    kernel: z.string().describe('kernel release'),
    distribution: z.string().optional().describe('name of the distribution; absent for imported results'),
    commandLine: z.string().describe('kernel command line, without values that may be secret'),
    virtualization: z.string().nullable().describe('what the host itself runs in; null on bare metal'),
    kvm: z.boolean().describe('whether the host has `/dev/kvm`'),
    mitigations: z.record(z.string(), z.string()).describe('state of each CPU vulnerability, by name'),
    cgroupVersion: z.union([z.literal(1), z.literal(2)]).describe('1 or 2; 1 includes hybrid hierarchies'),
    guest: z
      .object({
        cpus: z.array(z.number()).describe('numbers of the CPUs that guests run on'),
        memoryBytes: z.number().describe('memory limit of a guest in bytes'),
        processes: z.number().optional().describe('limit of processes and threads of a guest'),
        dataBytes: z.number().optional().describe('limit of `/data` of a guest in bytes'),
      })
      .meta({ id: 'GuestLimits', description: 'The limits of every guest, native included.' })
      .describe('limits of every guest'),
    image: z.string().describe('hash of the image'),
    configDigest: z.string().describe('hash of the compiled config'),
    revision: z
      .string()
      .nullable()
      .describe('git revision of the project, with `+` if files are changed; null outside a repository'),
  })
  .meta({ id: 'Environment', description: 'The host of a run. isobench compares two runs only if it is the same.' })

/** The host of a run. isobench compares two runs only if it is the same. */
export type Environment = z.infer<typeof environmentSchema>

const callsByRole = z.partialRecord(z.enum(processRoles), z.record(z.string(), z.number().nonnegative()))

const countsByRole = z.partialRecord(z.enum(processRoles), z.record(z.string(), z.array(z.number().nonnegative())))

const attackProfileSchema = z
  .object({
    source: traceSourceSchema.describe('what the tracer counted'),
    setup: callsByRole.describe('calls while the platform started; for a boot: calls before the boot'),
    work: callsByRole.describe('calls of the work in `seconds`, with those of the idle guest and of the barrier'),
    seconds: z.number().describe('traced time of the work in seconds'),
    units: z.number().describe('amount of work: calls per unit are divided by it'),
    idle: z
      .object({
        seconds: z.number().describe('length of each recording in seconds'),
        recordings: z.number().int().describe('number of recordings; 0 for a boot'),
        calls: countsByRole.describe('calls of each recording'),
      })
      .meta({ id: 'IdleRecordings', description: 'The calls of the idle guest.' })
      .describe('control: the guest while it runs no command'),
    barrier: z
      .object({
        passes: z.number().int().describe('how often the work passed a barrier'),
        recordings: z.number().int().describe('number of recordings; 0 if no command had a barrier'),
        calls: countsByRole.describe('calls of each recording'),
      })
      .meta({ id: 'BarrierRecordings', description: 'The calls of a barrier.' })
      .describe('control: the barrier around a command that runs nothing'),
    workloadMetrics: z
      .record(z.string(), z.number())
      .describe('metrics of the traced workload, by name. The tracer slows it down, so isobench never judges them'),
  })
  .meta({
    id: 'AttackProfile',
    description: 'The calls of a traced sample: raw counts by role of the process, and by function or system call.',
  })

export type AttackProfile = z.infer<typeof attackProfileSchema>

const share = 'share of 0 to 1'

const loadSchema = z
  .object({
    steal: z.number().describe(`CPU time that the hypervisor below the host took; ${share}`),
    otherProcesses: z
      .number()
      .nullable()
      .describe(`CPU time of processes other than isobench and its guests; ${share}; null if unknown`),
    otherProcessesOnClientCpus: z
      .number()
      .nullable()
      .optional()
      .describe(
        `the same for the CPUs of the load generator; ${share}; null if it did not run or has the guests' CPUs`,
      ),
    cpuPressure: z
      .number()
      .nullable()
      .describe(`time in which a process of the host waited for a CPU (PSI); ${share}; null without PSI`),
    runnable: z.number().describe('number of runnable processes of the host at the end of the sample'),
  })
  .meta({
    id: 'HostLoad',
    description: "What the host did during a sample. Shares are of the time of all guests' CPUs.",
  })

const failureCauseSchema = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('missing-program').describe('the image lacks a program that the workload runs'),
      program: z.string().describe('the program'),
    }),
    z.object({ kind: z.literal('unsupported').describe('the platform cannot run such a workload') }),
  ])
  .meta({ id: 'FailureCause', description: 'Why every sample of a case fails like this one.' })

/** Why every sample of a case fails like this one. */
export type FailureCause = z.infer<typeof failureCauseSchema>

/** A value of a metric. */
const figure = z.number().nonnegative().max(largestFigure)

// Strict: a sample with values and an error does not fit the schema.
const outcomeSchema = z
  .discriminatedUnion('ok', [
    z.strictObject({
      ok: z.literal(true).describe('the sample has values'),
      values: z
        .record(z.string(), figure)
        .describe("value of each metric, in the metric's unit; none if `attackProfile` has the counts for them"),
      observations: z
        .record(z.string(), z.array(figure))
        .optional()
        .describe('measurements of each metric; the value is their median'),
      attackProfile: attackProfileSchema.optional().describe('of traced samples: what the tracer counted'),
      confinement: z
        .array(confinementSchema)
        .optional()
        .describe("of traced samples: what confined the guest's host processes during the work; absent for a boot"),
    }),
    z.strictObject({
      ok: z.literal(false).describe('the sample failed'),
      error: z.string().describe('why it failed'),
      cause: failureCauseSchema.optional().describe('why every such sample fails; absent if another one may succeed'),
      location: locationSchema
        .exactOptional()
        .describe('where code of the project threw it; absent if isobench threw it, as for a failed command'),
    }),
  ])
  .meta({ id: 'SampleOutcome', description: 'The values of a sample, or why it has none.' })

export const sampleSchema = z
  .object({
    case: z.string().describe('id of the case'),
    platform: z.string().describe('name of the platform'),
    round: z.number().int().describe('number of the round, from 0; negative for warm-up rounds'),
    warmup: z.boolean().describe('whether it belongs to a warm-up round, which isobench never judges'),
    startedAt: z
      .string()
      .optional()
      .describe('start of the sample, ISO 8601 in UTC, from the wall clock; absent for imported results'),
    workDigest: z
      .string()
      .describe('hash of the work and its limits; isobench never compares samples with different digests'),
    wallMs: z.number().describe('duration of the sample with its boot, in ms, host monotonic clock'),
    timeBreakdown: z
      .object({
        commands: z.number().describe('commands in the guest and the load generator, in ms; overlaps count once'),
        servers: z.number().describe('start and stop of servers, in ms'),
        boots: z.number().describe('boot of the guest by the first sample that uses it, in ms'),
      })
      .meta({ id: 'TimeBreakdown', description: 'Where the time of a sample went.' })
      .optional()
      .describe('parts of `wallMs`'),
    outcome: outcomeSchema.describe('its values, or why it has none'),
    duetWith: z.string().optional().describe('in duet mode: the platform that ran at the same time'),
    cpus: z.array(z.number()).optional().describe('in duet mode: numbers of the CPUs that the guest ran on'),
    cachesDropped: z
      .boolean()
      .optional()
      .describe('whether the host dropped its page cache; absent if the workload did not ask for it'),
    slowServerStop: z
      .object({
        program: z.string().describe('program of the server'),
        ms: z.number().describe('time until its process on the host had ended'),
      })
      .meta({ id: 'SlowServerStop', description: 'A server that took more than 5 s to end.' })
      .optional()
      .describe('the server of the sample that took longest to end, if it took more than 5 s'),
    load: loadSchema.optional().describe('what the host did during the sample'),
    accelerator: z.string().optional().describe('of VMM starts: what ran the guest code, `kvm` or `tcg`'),
    client: z
      .object({
        cpu: z.number().describe(`largest share of its CPUs that it used in one command; ${share}`),
      })
      .meta({ id: 'LoadGenerator', description: 'The load of the load generator during a sample.' })
      .optional()
      .describe('of workloads with a load generator: how busy it was'),
    disturbed: z
      .boolean()
      .optional()
      .describe(
        'whether other processes used the CPUs; isobench judges it only if the round has no other sample with values',
      ),
    unpaired: z
      .boolean()
      .optional()
      .describe('whether it was measured without rounds, so that it pairs with no other sample'),
  })
  .meta({ id: 'Sample', description: 'One measurement of one case on one platform in one round.' })

/** One measurement of one case on one platform in one round. */
export type Sample = z.infer<typeof sampleSchema>

/** The values of a sample by metric, each in the unit of its metric; undefined if the sample failed. */
export const valuesOf = ({ outcome }: Pick<Sample, 'outcome'>): Readonly<Record<string, number>> | undefined =>
  outcome.ok ? outcome.values : undefined

/** The error of a sample; undefined if it has values. */
export const errorOf = ({ outcome }: Pick<Sample, 'outcome'>): string | undefined =>
  outcome.ok ? undefined : outcome.error

/** Why and where a sample failed; undefined if it has values. The place in the project may be unknown. */
export const failureOf = ({
  outcome,
}: Pick<Sample, 'outcome'>): { readonly message: string; readonly location?: Location } | undefined =>
  outcome.ok ? undefined : { message: outcome.error, ...withLocation(outcome.location) }

/** What the tracer counted in a sample; undefined if the sample failed or was not traced. */
export const attackProfileOf = ({ outcome }: Pick<Sample, 'outcome'>): AttackProfile | undefined =>
  outcome.ok ? outcome.attackProfile : undefined

/** Why every sample of the same case fails; undefined if the sample has values or another one may succeed. */
export const causeOf = ({ outcome }: Pick<Sample, 'outcome'>): FailureCause | undefined =>
  outcome.ok ? undefined : outcome.cause

/** Whether the platform cannot run the workload, so that the sample has no values but did not fail either. */
export const isUnsupported = (sample: Pick<Sample, 'outcome'>): boolean => causeOf(sample)?.kind === 'unsupported'

/** One line of a run record. */
export const lineSchema = z
  .discriminatedUnion('type', [
    z
      .object({
        type: z.literal('start').describe('the first line'),
        recordVersion: z.literal(recordVersion).describe('version of the format'),
        environment: environmentSchema.describe('the host'),
        plan: planSchema.describe('what the run measures'),
        problems: z.array(problemSchema).describe('benches and files that isobench could not use'),
      })
      .meta({ id: 'StartLine', description: 'The first line of a run record.' }),
    z
      .object({
        type: z.literal('sample').describe('one line per sample'),
        sample: sampleSchema.describe('the sample'),
      })
      .meta({ id: 'SampleLine', description: 'One line per sample.' }),
    z
      .object({
        type: z.literal('problem').describe('one line per error that no code handled'),
        problem: problemSchema.describe('the error'),
      })
      .meta({
        id: 'ProblemLine',
        description: 'An error that code of the project left behind while the run measured.',
      }),
    z
      .object({
        type: z.literal('verdicts').describe('the verdicts of the run'),
        verdicts: z.unknown().describe('the fields `claims` and `findings` of the report'),
      })
      .meta({
        id: 'VerdictsLine',
        description: 'The verdicts of the run, for other programs. isobench ignores them and judges the samples again.',
      }),
    z
      .object({
        type: z.literal('end').describe('no sample follows'),
        status: z.enum(['finished', 'interrupted', 'stopped']).describe('how the run ended'),
        notMeasured: z
          .array(excludedBenchSchema)
          .optional()
          .describe('benches of the plan that did not fit into the time of `--max-duration`'),
        error: z.string().optional().describe('the error that stopped the run, if it is no problem of a file'),
        at: z.string().describe('end of the run, ISO 8601 in UTC'),
      })
      .meta({ id: 'EndLine', description: 'The end of the measuring. A run that was killed has none.' }),
  ])
  .meta({ title: 'isobench run record, one line' })

export type RecordLine = z.infer<typeof lineSchema>

/** A run record as read from its file: enough to judge the run again without any platform. */
export interface RunRecord {
  readonly file: string
  readonly environment: Environment
  readonly plan: Plan
  readonly problems: readonly Problem[]
  readonly samples: readonly Sample[]
  readonly status: z.infer<typeof runStatusSchema>
  /** The error that stopped the run, if it is no problem of a file. */
  readonly error?: string
}
