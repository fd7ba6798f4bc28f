import type { Command } from '../tools/command.ts'
import { callerLocation, DefinitionError, type Location } from './errors.ts'
import type { CommandResult, Guest, LoadClient } from './guest.ts'
import { higher, type Metric, type Metrics } from './metric.ts'
import { type TracedMetricsBy, type TraceSource, type Tracing, tracedMetrics } from './traced.ts'

declare global {
  /** What of it a workload needs, for projects that have neither Node's types nor the DOM's: it is one interface with theirs. */
  interface AbortSignal {
    readonly aborted: boolean
    throwIfAborted(): void
  }
}

export type ParamValue = string | number | boolean
/** Every value that each parameter may have. */
export type ParamSpace = Readonly<Record<string, readonly [ParamValue, ...ParamValue[]]>>
/** One value of each parameter. */
export type ParamsOf<P extends ParamSpace> = { readonly [K in keyof P]: P[K][number] }

/** How long a guest lives: for one sample, for one round (the default), or for the whole run. */
export type Lifecycle = 'sample' | 'round' | 'run'

/**
 * One figure per metric, in the metric's unit; or all that the sample measured of it, whose median then counts, while a report
 * shows their distribution. Missing, empty, NaN, infinite or negative is an error of that sample.
 */
export type Values<M extends Metrics> = { readonly [K in keyof M]: number | readonly number[] }

export interface RunContext<P extends ParamSpace> {
  readonly guest: Guest
  /** Commands at the other end of the guest's network link. */
  readonly client: LoadClient
  /** How long the profile asks one sample to measure, in seconds. */
  readonly seconds: number
  readonly params: ParamsOf<P>
  /** Host CPUs that the guest has. */
  readonly cpus: number
  /** Bytes of memory that the guest may use, its page cache included. */
  readonly memoryBytes: number
  /** Aborted when the sample's time is up or the run is interrupted. */
  readonly signal: AbortSignal
}

export interface BootContext<P extends ParamSpace> extends Omit<RunContext<P>, 'guest' | 'client'> {
  /** Boots a fresh guest that runs `command` alone, and waits until the guest is gone. */
  boot(command: Command): Promise<CommandResult>
}

export interface VmmStartContext<P extends ParamSpace> extends Omit<RunContext<P>, 'guest' | 'client'> {
  /**
   * Starts the platform's monitor with a guest of a few hundred bytes, which says that it has run and ends, and waits until the
   * monitor is gone.
   */
  startVmm(): Promise<CommandResult>
}

/** A TypeScript function that tinybench times inside the guest. */
export interface InGuestFunction {
  readonly kind: 'in-guest'
  readonly fn: () => unknown
}

export interface Workload<M extends Metrics = Metrics, P extends ParamSpace = ParamSpace> {
  readonly name: string
  readonly metrics: M
  readonly params: P
  readonly lifecycle: Lifecycle
  /** What identifies the work beside the bench's own file: a change makes samples incomparable. */
  readonly work:
    | { readonly kind: 'commands'; run(context: RunContext<P>): Promise<Values<M>> }
    | { readonly kind: 'boot'; run(context: BootContext<P>): Promise<Values<M>> }
    | { readonly kind: 'vmm-start'; run(context: VmmStartContext<P>): Promise<Values<M>> }
    | InGuestFunction
  /** The host kernel is watched while it runs; the work is then another workload's. */
  readonly traced?: Tracing
  readonly location?: Location
}

/** `R` without a key that is none of the metrics: an extra figure is a mistake that only its author can mend. */
type Exactly<R, M extends Metrics> = R & { readonly [K in Exclude<keyof R, keyof M>]: never }

interface WorkloadSpec<M extends Metrics, P extends ParamSpace, R extends Values<NoInfer<M>>> {
  readonly metrics: M
  readonly params?: P
  readonly lifecycle?: Lifecycle
  run(context: RunContext<P>): Promise<Exactly<R, M>>
}

/** Of a workload whose every sample is a start of its own. */
interface StartSpec<C, M extends Metrics, P extends ParamSpace, R extends Values<NoInfer<M>>> {
  readonly metrics: M
  readonly params?: P
  run(context: C): Promise<Exactly<R, M>>
}

export interface TracedOptions<M extends Metrics, I extends TraceSource> {
  readonly source: I
  /** The metric of the other workload that tells how much work was done: calls are then also given per unit of it. */
  readonly workMetric?: keyof M & string
}

/** What `workload.inGuest` yields: calls per second, the reciprocal of tinybench's median latency. */
export type InGuestMetrics = { readonly throughput: Metric<'ops/s'> }

const word = /^[A-Za-z][A-Za-z0-9_]*$/

function validateWorkload<M extends Metrics, P extends ParamSpace>(made: Workload<M, P>): Workload<M, P> {
  const metrics = Object.keys(made.metrics)
  if (metrics.length === 0) {
    throw new DefinitionError(
      `the workload "${made.name}" yields no metric`,
      `give it one, such as metrics: { latency: lower('ms') }`,
      made.location,
    )
  }
  for (const name of [...metrics, ...Object.keys(made.params)]) {
    if (!word.test(name)) {
      throw new DefinitionError(
        `the workload "${made.name}" names a metric or parameter ${JSON.stringify(name)}`,
        'use a letter followed by letters, digits and "_"',
        made.location,
      )
    }
  }
  return made
}

function withLocation(location: Location | undefined): { location?: Location } {
  return location ? { location } : {}
}

function createStartWorkload<M extends Metrics, P extends ParamSpace>(
  name: string,
  { metrics, params }: { readonly metrics: M; readonly params?: P },
  work: Workload<M, P>['work'],
  location: Location | undefined,
): Workload<M, P> {
  return validateWorkload({
    name,
    metrics,
    params: params ?? ({} as P),
    lifecycle: 'sample',
    work,
    ...withLocation(location),
  })
}

interface WorkloadFunction {
  /** Commands in a guest, and servers in it with a client at the other end of its link. */
  <
    const M extends Metrics,
    const P extends ParamSpace = Record<never, never>,
    R extends Values<NoInfer<M>> = Values<M>,
  >(
    name: string,
    spec: WorkloadSpec<M, P, R>,
  ): Workload<M, P>
  /** The boot itself: every sample boots a guest of its own. */
  boot<
    const M extends Metrics,
    const P extends ParamSpace = Record<never, never>,
    R extends Values<NoInfer<M>> = Values<M>,
  >(name: string, spec: StartSpec<BootContext<P>, M, P, R>): Workload<M, P>
  /** What a monitor costs before there is any kernel to boot: measured on the platforms that have a monitor. */
  vmmStart<
    const M extends Metrics,
    const P extends ParamSpace = Record<never, never>,
    R extends Values<NoInfer<M>> = Values<M>,
  >(name: string, spec: StartSpec<VmmStartContext<P>, M, P, R>): Workload<M, P>
  /** A TypeScript function that tinybench times inside the guest, bundled with what it imports by esbuild. */
  inGuest(name: string, fn: () => unknown): Workload<InGuestMetrics, Record<never, never>>
  /**
   * Another workload while the host kernel is watched for the host processes of its guest. Every sample boots a guest of its
   * own. Calls per unit are per unit of the metric `per`, or per second, or per boot of a workload that boots.
   */
  traced<M extends Metrics, P extends ParamSpace, const I extends TraceSource>(
    other: Workload<M, P>,
    options: TracedOptions<NoInfer<M>, I>,
  ): Workload<TracedMetricsBy[I], P>
}

export const workload: WorkloadFunction = Object.assign(
  function workload<M extends Metrics, P extends ParamSpace>(
    name: string,
    spec: WorkloadSpec<M, P, Values<M>>,
  ): Workload<M, P> {
    return validateWorkload({
      name,
      metrics: spec.metrics,
      params: spec.params ?? ({} as P),
      lifecycle: spec.lifecycle ?? 'round',
      work: { kind: 'commands', run: (context) => spec.run(context) },
      ...withLocation(callerLocation(workload)),
    })
  },
  {
    boot: function boot<M extends Metrics, P extends ParamSpace>(
      name: string,
      spec: StartSpec<BootContext<P>, M, P, Values<M>>,
    ): Workload<M, P> {
      return createStartWorkload(
        name,
        spec,
        { kind: 'boot', run: (context) => spec.run(context) },
        callerLocation(boot),
      )
    },
    vmmStart: function floor<M extends Metrics, P extends ParamSpace>(
      name: string,
      spec: StartSpec<VmmStartContext<P>, M, P, Values<M>>,
    ): Workload<M, P> {
      return createStartWorkload(
        name,
        spec,
        { kind: 'vmm-start', run: (context) => spec.run(context) },
        callerLocation(floor),
      )
    },
    inGuest: function inGuest(name: string, fn: () => unknown): Workload<InGuestMetrics, Record<never, never>> {
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
      { source: by, workMetric: per }: TracedOptions<M, I>,
    ): Workload<TracedMetricsBy[I], P> {
      if (other.work.kind === 'vmm-start') {
        throw new DefinitionError(
          `the workload "${other.name}" has no guest whose work could be traced`,
          'trace a workload that boots, or that runs commands',
          callerLocation(traced),
        )
      }
      return validateWorkload({
        name: `${other.name}, traced by ${by}`,
        metrics: tracedMetrics[by] as TracedMetricsBy[I],
        params: other.params,
        lifecycle: 'sample',
        work: other.work as never,
        traced: { source: by, metrics: other.metrics, ...(per !== undefined && { workMetric: per }) },
        ...withLocation(callerLocation(traced)),
      })
    },
  },
)
