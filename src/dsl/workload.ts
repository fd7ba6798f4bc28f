/** `workload`: what a bench measures. */

import type { Command } from '../tools/command.ts'
import type { BootPhases } from './boot-phases.ts'
import {
  checkFields,
  describeValue,
  isPlainFunction,
  paramProblem,
  withErrorLocation,
  withKnownMembers,
} from './checked.ts'
import { callerLocation, DefinitionError, type Location, withLocation } from './errors.ts'
import type { CommandResult, Guest, LoadClient, Service } from './guest.ts'
import type { GuestsApi } from './guests.ts'
import { higher, type Metric, type Metrics } from './metric.ts'
import { isIdentifier } from './rules.ts'
import type { GroupServer } from './server.ts'
import type { SnapshotGuest } from './snapshot.ts'
import { type TracedMetricsBy, type TraceSource, type Tracing, tracedMetrics } from './traced.ts'

declare global {
  /** The members that a workload needs, for projects without the types of Node.js and the DOM. Merges with theirs. */
  interface AbortSignal {
    readonly aborted: boolean
    throwIfAborted(): void
  }
}

export type ParamValue = string | number | boolean
/** The possible values of each parameter. */
export type ParamSpace = Readonly<Record<string, readonly [ParamValue, ...ParamValue[]]>>
/** One value of each parameter. */
export type ParamsOf<P extends ParamSpace> = { readonly [K in keyof P]: P[K][number] }

/** How long a guest lives: one sample, one round (default), or the whole run. */
export type Lifecycle = 'sample' | 'round' | 'run'

/**
 * One value per metric, in the metric's unit, or a list of all observations. Of a list, the median counts, and reports
 * show the distribution. `null` means that the platform does not let the value be observed: the sample then has none,
 * and keeps its others. A missing, empty, infinite, negative or NaN value makes the sample fail.
 */
export type Values<M extends Metrics> = { readonly [K in keyof M]: number | readonly number[] | null }

/** What `run` of a workload with commands receives. */
export interface RunContext<P extends ParamSpace> {
  readonly guest: Guest
  /** The load generator, at the other end of the guest's network link. */
  readonly client: LoadClient
  /**
   * The server of the group, which runs in the guest.
   * @throws {DefinitionError} if the bench is in no group with a server
   */
  readonly server: Service
  /** How long one sample should measure according to the profile, in seconds. */
  readonly seconds: number
  readonly params: ParamsOf<P>
  /** Number of the guest's CPUs. */
  readonly cpus: number
  /** Memory limit of the guest in bytes, including its page cache. */
  readonly memoryBytes: number
  /** Aborted if the sample times out or the run is interrupted. */
  readonly signal: AbortSignal
}

/** What `run` of a workload that boots receives. */
export interface BootContext<P extends ParamSpace> extends Omit<RunContext<P>, 'guest' | 'client' | 'server'> {
  /** Boots a new guest that runs only `command`, and waits until the guest is gone. */
  boot(command: Command): Promise<CommandResult>
  /** Boots a guest like `boot`, in the steps that the platform has, and returns how long each phase took. */
  bootPhases(command: Command): Promise<BootPhases>
}

/** The start of a VMM. */
export interface VmmStartResult extends CommandResult {
  /**
   * The most memory in bytes that the VMM took from the host at one time, with page cache, kernel memory and its tiny
   * guest. Null if the kernel does not record it.
   */
  readonly peakBytes: number | null
}

/** What `run` of a VMM start-up workload receives. */
export interface VmmStartContext<P extends ParamSpace> extends Omit<RunContext<P>, 'guest' | 'client' | 'server'> {
  /**
   * Starts the platform's VMM with a guest of a few hundred bytes that ends at once, and waits until the VMM has ended.
   */
  startVmm(): Promise<VmmStartResult>
}

/** What `run` of a workload of several guests receives. */
export interface GuestsContext<P extends ParamSpace>
  extends GuestsApi,
    Omit<RunContext<P>, 'guest' | 'client' | 'server'> {}

/** What `run` of a workload that saves and restores guests receives. */
export interface SnapshotContext<P extends ParamSpace> extends Omit<RunContext<P>, 'guest' | 'client' | 'server'> {
  /**
   * Boots a guest that can be saved, and runs `first` in it.
   * @throws {UnsupportedError} if the platform cannot save guests on this host
   */
  boot(first: Command): Promise<SnapshotGuest>
}

/** A TypeScript function that isobench times inside the guest. */
export interface InGuestFunction {
  readonly kind: 'in-guest'
  readonly fn: () => unknown
}

/** Commands and servers in a guest. What `prepare` returns is the context's `prepared`. */
export interface CommandWork<M extends Metrics, P extends ParamSpace> {
  readonly kind: 'commands'
  run(context: PreparedContext<P, unknown>): Promise<Values<M>>
  prepare?(context: RunContext<P>): Promise<unknown>
  cleanup?(context: PreparedContext<P, unknown>): Promise<void>
}

/** What `run` and `cleanup` receive: with what `prepare` returned. */
export interface PreparedContext<P extends ParamSpace, T> extends RunContext<P> {
  readonly prepared: T
}

/** The code that a bench measures, with its metrics and parameters. Created by `workload` and its variants. */
export interface Workload<M extends Metrics = Metrics, P extends ParamSpace = ParamSpace> {
  readonly name: string
  readonly metrics: M
  readonly params: P
  readonly lifecycle: Lifecycle
  /**
   * The work. Together with the bench file it identifies what was measured: samples of different work are not compared.
   */
  readonly work:
    | CommandWork<M, P>
    | { readonly kind: 'boot'; run(context: BootContext<P>): Promise<Values<M>> }
    | { readonly kind: 'vmm-start'; run(context: VmmStartContext<P>): Promise<Values<M>> }
    | { readonly kind: 'guests'; run(context: GuestsContext<P>): Promise<Values<M>> }
    | { readonly kind: 'snapshot'; run(context: SnapshotContext<P>): Promise<Values<M>> }
    | InGuestFunction
  /** The server of the group that the bench is in. */
  readonly server?: GroupServer
  /** Set if the host kernel is traced while the work runs. */
  readonly traced?: Tracing
  readonly location?: Location
}

/** `R` without keys that are no metric. An additional value is an error of the author. */
type Exactly<R, M extends Metrics> = R & { readonly [K in Exclude<keyof R, keyof M>]: never }

/** What `workload` takes: what a sample yields, and how. */
export interface WorkloadSpec<M extends Metrics, P extends ParamSpace, R extends Values<NoInfer<M>>, T> {
  readonly metrics: M
  readonly params?: P
  readonly lifecycle?: Lifecycle
  /**
   * Runs before `run` in every sample. Its commands are not traced and not part of the sample's times; the time limit
   * of the sample includes it. `run` and `cleanup` receive what it returns as `prepared`. Write it above `run`.
   */
  prepare?(context: RunContext<P>): Promise<T>
  run(context: PreparedContext<P, NoInfer<T>>): Promise<Exactly<R, M>>
  /** Runs after `run` in every sample, also if `run` failed. Not if the sample was ended: then the guest is removed. */
  cleanup?(context: PreparedContext<P, NoInfer<T>>): Promise<void>
}

/** A workload that starts guests or a VMM in every sample. */
export interface StartSpec<C, M extends Metrics, P extends ParamSpace, R extends Values<NoInfer<M>>> {
  readonly metrics: M
  readonly params?: P
  run(context: C): Promise<Exactly<R, M>>
}

/** Which events `workload.traced` counts, and per what. */
export interface TracedOptions<M extends Metrics, I extends TraceSource> {
  readonly source: I
  /**
   * The metric of the traced workload that measures the amount of work. Calls are then also reported per unit of work.
   */
  readonly workMetric?: keyof M & string
}

/** The metrics of `workload.inGuest`: calls per second, by the median batch of calls. A batch takes 1 ms or more. */
export type InGuestMetrics = { readonly throughput: Metric<'ops/s'> }

function validateWorkload<M extends Metrics, P extends ParamSpace>(definition: Workload<M, P>): Workload<M, P> {
  const metrics = Object.keys(definition.metrics)
  for (const [name, metric] of Object.entries<unknown>(definition.metrics)) {
    const { unit, better } = (metric ?? {}) as Partial<Metric>
    if (typeof unit === 'string' && (better === 'lower' || better === 'higher')) continue
    throw new DefinitionError(
      `workload "${definition.name}": the metric "${name}" is ${describeValue(metric)}.`,
      `write ${name}: lower('ms'), higher('MB/s') or unit('frames/s', { better: 'higher' })`,
      definition.location,
    )
  }
  if (metrics.length === 0) {
    throw new DefinitionError(
      `workload "${definition.name}": no metrics.`,
      `add one, such as metrics: { latency: lower('ms') }`,
      definition.location,
    )
  }
  for (const [name, values] of Object.entries<unknown>(definition.params)) {
    const problem = paramProblem(values)
    if (problem === undefined) continue
    throw new DefinitionError(
      `workload "${definition.name}": the parameter "${name}" ${problem}.`,
      `list its values, each once: ${name}: [1, 2]`,
      definition.location,
    )
  }
  for (const name of [...metrics, ...Object.keys(definition.params)]) {
    if (!isIdentifier(name)) {
      throw new DefinitionError(
        `workload "${definition.name}": ${JSON.stringify(name)} is no valid name of a metric or parameter.`,
        'use a letter followed by letters, digits and "_", and no name that every object has',
        definition.location,
      )
    }
  }
  return definition
}

/** Fields of test runners, and what workloads have. */
const otherFields = {
  setup: 'prepare',
  beforeEach: 'prepare',
  before: 'prepare',
  beforeAll: 'prepare',
  teardown: 'cleanup',
  afterEach: 'cleanup',
  after: 'cleanup',
  afterAll: 'cleanup',
  fn: 'run',
  metric: 'metrics',
  param: 'params',
}

const lifecycles: readonly unknown[] = ['sample', 'round', 'run'] satisfies Lifecycle[]

/** @throws {DefinitionError} if the arguments are not those of `workload(name, spec)` */
function checkSpec(name: unknown, spec: unknown, known: readonly string[], location: Location | undefined): void {
  withErrorLocation(
    () => location,
    () => {
      if (typeof name !== 'string')
        throw new DefinitionError(
          `a workload has a name first, and this is ${describeValue(name)}.`,
          "write workload('name', { metrics, run })",
        )
      if (typeof spec === 'function')
        throw new DefinitionError(
          `workload "${name}": this is a function, and a workload has metrics.`,
          `write workload('${name}', { metrics: { time: lower('ms') }, run: async ({ guest }) => ... }), ` +
            `or workload.inGuest('${name}', () => ...) to time the function inside every guest`,
        )
      checkFields(`workload "${name}"`, spec, known, otherFields)
      const { metrics, run, lifecycle = 'round', ...functions } = spec as Readonly<Record<string, unknown>>
      if (typeof metrics !== 'object' || metrics === null)
        throw new DefinitionError(
          `workload "${name}": no metrics.`,
          `add what it yields, such as metrics: { latency: lower('ms') }`,
        )
      if (!lifecycles.includes(lifecycle))
        throw new DefinitionError(
          `workload "${name}": the lifecycle is ${describeValue(lifecycle)}.`,
          `use one of: ${lifecycles.join(', ')}`,
        )
      for (const [field, value] of [
        ['run', run],
        ...['prepare', 'cleanup'].map((one) => [one, functions[one]]),
      ] as const)
        if (!isPlainFunction(value) && (field === 'run' || value !== undefined))
          throw new DefinitionError(
            `workload "${name}": ${field} is ${describeValue(value)}.`,
            `write a method: async ${String(field)}({ guest }) { ... }`,
          )
    },
  )
}

const startFields = ['metrics', 'params', 'run']
const commandFields = [...startFields, 'lifecycle', 'prepare', 'cleanup']

/** What `run` of the workloads that start guests or a VMM receives, by kind. */
interface StartContexts<P extends ParamSpace> {
  readonly boot: BootContext<P>
  readonly 'vmm-start': VmmStartContext<P>
  readonly guests: GuestsContext<P>
  readonly snapshot: SnapshotContext<P>
}

function startVariant<K extends keyof StartContexts<ParamSpace>>(kind: K) {
  return function define<M extends Metrics, P extends ParamSpace>(
    name: string,
    spec: StartSpec<StartContexts<P>[K], M, P, Values<M>>,
  ): Workload<M, P> {
    const location = callerLocation(define)
    checkSpec(name, spec, startFields, location)
    const run = (context: StartContexts<P>[K]) => spec.run(context)
    return validateWorkload({
      name,
      metrics: spec.metrics,
      params: spec.params ?? ({} as P),
      lifecycle: 'sample',
      work: { kind, run } as Workload<M, P>['work'],
      ...withLocation(location),
    })
  }
}

/** `workload` and its variants. */
export interface WorkloadFunction {
  /**
   * Defines a workload of commands and servers in a guest, with a load generator at the other end of its network link.
   */
  <
    const M extends Metrics,
    const P extends ParamSpace = Record<never, never>,
    R extends Values<NoInfer<M>> = Values<M>,
    T = undefined,
  >(
    name: string,
    spec: WorkloadSpec<M, P, R, T>,
  ): Workload<M, P>
  /** Defines a workload that measures boots. Every sample boots new guests. */
  boot<
    const M extends Metrics,
    const P extends ParamSpace = Record<never, never>,
    R extends Values<NoInfer<M>> = Values<M>,
  >(name: string, spec: StartSpec<BootContext<P>, M, P, R>): Workload<M, P>
  /** Defines a workload that measures the start of a VMM without a kernel, on platforms that have a VMM. */
  vmmStart<
    const M extends Metrics,
    const P extends ParamSpace = Record<never, never>,
    R extends Values<NoInfer<M>> = Values<M>,
  >(name: string, spec: StartSpec<VmmStartContext<P>, M, P, R>): Workload<M, P>
  /** Defines a workload of several guests of a platform at the same time: bursts of boots, and neighbors. */
  guests<
    const M extends Metrics,
    const P extends ParamSpace = Record<never, never>,
    R extends Values<NoInfer<M>> = Values<M>,
  >(name: string, spec: StartSpec<GuestsContext<P>, M, P, R>): Workload<M, P>
  /** Defines a workload that saves guests and starts others from what was saved, on platforms that can. */
  snapshot<
    const M extends Metrics,
    const P extends ParamSpace = Record<never, never>,
    R extends Values<NoInfer<M>> = Values<M>,
  >(name: string, spec: StartSpec<SnapshotContext<P>, M, P, R>): Workload<M, P>
  /**
   * Defines a TypeScript function that isobench times inside the guest. esbuild bundles it with its imports. It awaits
   * each call of an async function. The sample fails if a call takes as long as that of an empty function.
   */
  inGuest(name: string, fn: () => unknown): Workload<InGuestMetrics, Record<never, never>>
  /**
   * Defines a workload that traces the host kernel while another workload runs. Only events of the guest's host
   * processes count. Every sample boots a new guest. Calls per unit are per unit of `workMetric`, or per second, or per
   * boot.
   */
  traced<M extends Metrics, P extends ParamSpace, const I extends TraceSource>(
    other: Workload<M, P>,
    options: TracedOptions<NoInfer<M>, I>,
  ): Workload<TracedMetricsBy[I], P>
}

/**
 * Defines a workload. See the variants `workload.boot`, `workload.vmmStart`, `workload.guests`, `workload.snapshot`,
 * `workload.inGuest` and `workload.traced`.
 */
export const workload: WorkloadFunction = withKnownMembers(
  Object.assign(commandWorkload, {
    boot: startVariant('boot'),
    vmmStart: startVariant('vmm-start'),
    guests: startVariant('guests'),
    snapshot: startVariant('snapshot'),
    inGuest: function inGuest(name: string, fn: () => unknown): Workload<InGuestMetrics, Record<never, never>> {
      if (typeof name !== 'string' || !isPlainFunction(fn))
        throw new DefinitionError(
          `workload.inGuest() takes a name and a function, not ${describeValue(name)} and ${describeValue(fn)}.`,
          "write workload.inGuest('sort', () => ...)",
          callerLocation(inGuest),
        )
      return validateWorkload({
        name,
        metrics: { throughput: higher('ops/s') },
        params: {},
        lifecycle: 'round',
        work: { kind: 'in-guest', fn },
        ...withLocation(callerLocation(inGuest)),
      })
    },
    traced: function traced<M extends Metrics, P extends ParamSpace, const I extends TraceSource>(
      other: Workload<M, P>,
      options: TracedOptions<M, I>,
    ): Workload<TracedMetricsBy[I], P> {
      const { kind } = other.work
      withErrorLocation(
        () => callerLocation(traced),
        () => checkFields(`workload.traced() of "${other.name}"`, options, ['source', 'workMetric']),
      )
      const { source, workMetric } = options
      if (kind === 'vmm-start' || kind === 'guests' || kind === 'snapshot') {
        throw new DefinitionError(
          `workload "${other.name}": it has ${kind === 'vmm-start' ? 'no guest' : 'several guests'} to trace.`,
          'trace a workload that boots or runs commands in one guest',
          callerLocation(traced),
        )
      }
      return validateWorkload({
        name: `${other.name}, traced by ${source}`,
        metrics: tracedMetrics[source] as TracedMetricsBy[I],
        params: other.params,
        lifecycle: 'sample',
        work: other.work as never,
        traced: { source, metrics: other.metrics, ...(workMetric !== undefined && { workMetric }) },
        ...withLocation(callerLocation(traced)),
      })
    },
  }),
  (name) => `isobench has no workload.${name}.`,
)

function commandWorkload<M extends Metrics, P extends ParamSpace>(
  name: string,
  spec: WorkloadSpec<M, P, Values<M>, unknown>,
): Workload<M, P> {
  const location = callerLocation(commandWorkload)
  checkSpec(name, spec, commandFields, location)
  const { prepare, cleanup } = spec
  return validateWorkload({
    name,
    metrics: spec.metrics,
    params: spec.params ?? ({} as P),
    lifecycle: spec.lifecycle ?? 'round',
    work: {
      kind: 'commands',
      run: (context) => spec.run(context),
      ...(prepare && { prepare: (context: RunContext<P>) => prepare.call(spec, context) }),
      ...(cleanup && { cleanup: (context: PreparedContext<P, unknown>) => cleanup.call(spec, context) }),
    },
    ...withLocation(location),
  })
}
