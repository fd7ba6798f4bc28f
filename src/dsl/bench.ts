/** `bench`: registers a benchmark. */

import type { Claim } from './claim.ts'
import { callerFrames, DefinitionError, type Location, withLocation } from './errors.ts'
import type { Expectation, ExpectationsOf, MetricRef } from './expect.ts'
import type { Metric, Metrics } from './metric.ts'
import { type BenchSpec, registry } from './registry.ts'
import type { ParamSpace, ParamValue, Workload } from './workload.ts'

/** A selection of the values of each parameter. */
type ChosenParams<P extends ParamSpace> = { readonly [K in keyof P]?: readonly [P[K][number], ...P[K][number][]] }

/** What a bench expects and measures. */
export interface BenchOptions<M extends Metrics, P extends ParamSpace> {
  /** Expectations by metric, for every platform. */
  readonly expect?: ExpectationsOf<NoInfer<M>>
  /** Parameter values to measure. Default: all values of the workload. */
  readonly params?: ChosenParams<NoInfer<P>>
  /**
   * Other parameter values for a profile, by name: `{ paper: { size: ['2g'] } }`. Other parameters keep the values
   * above.
   */
  readonly profiles?: Readonly<Record<string, ChosenParams<NoInfer<P>>>>
  readonly tags?: readonly string[]
  /** Time limit of one sample, in seconds. Default: the profile's. */
  readonly timeout?: number
}

/** The metrics of a bench, for findings and other claims. */
export type BenchHandle<M extends Metrics, P extends ParamSpace> = {
  readonly [K in keyof M]: MetricRef<M[K]['unit'], P>
}

type Mode = BenchSpec['mode']

function claimsOf(name: string, key: string, metrics: Metrics, expectations: ExpectationsOf<Metrics>): Claim[] {
  return Object.entries(expectations).flatMap(([metric, expected]) => {
    const definition = Object.hasOwn(metrics, metric) ? metrics[metric] : undefined
    if (!definition) {
      throw new DefinitionError(
        `bench "${name}": no metric "${metric}". The workload yields: ${Object.keys(metrics).join(', ')}.`,
        'use one of them in the option expect',
      )
    }
    const list: readonly Expectation[] = Array.isArray(expected) ? expected : [expected as Expectation]
    return list.map(
      (expectation): Claim => ({
        bench: key,
        metric,
        matcher: expectation.matcherFor(definition as Metric<never>),
        on: { by: 'all' },
        where: {},
        severity: expectation.severity,
        ...withLocation(expectation.location),
      }),
    )
  })
}

function chosenParams(
  name: string,
  space: ParamSpace,
  chosen: Record<string, readonly ParamValue[] | undefined>,
): ParamSpace {
  for (const [param, values] of Object.entries(chosen)) {
    const known = space[param]
    const unknownValue = known ? values?.find((value) => !known.includes(value)) : undefined
    if (!known || unknownValue !== undefined || values?.length === 0) {
      const missing = unknownValue === undefined ? 'to measure' : JSON.stringify(unknownValue)
      throw new DefinitionError(
        known
          ? `bench "${name}": parameter "${param}" has no value ${missing}.`
          : `bench "${name}": the workload has no parameter "${param}".`,
        known ? `use some of: ${known.join(', ')}` : `use one of: ${Object.keys(space).join(', ') || 'none'}`,
      )
    }
  }
  return Object.fromEntries(Object.entries(space).map(([param, all]) => [param, chosen[param] ?? all])) as ParamSpace
}

/** The caller and the bench file of a registration. */
interface Origin {
  readonly location?: Location
  readonly owner?: string
}

/** @param callee the function that the bench file, or a function that it uses, called */
function originOf(callee: (...args: never[]) => unknown): Origin {
  const callers = callerFrames(callee)
  const owner = registry().ownerOf?.(callers)
  return { ...withLocation(callers[0]), ...(owner !== undefined && { owner }) }
}

/**
 * A key for a new bench. Files that import each other may have benches with the same name.
 * @throws {DefinitionError} if the bench file has a bench with this name
 */
function newKey(name: string, { owner }: Origin): string {
  const namesakes = registry().benches.filter((bench) => bench.name === name)
  if (namesakes.some((bench) => bench.owner === owner))
    throw new DefinitionError(`two benches are named "${name}".`, 'use different names for the benches of a file')
  return namesakes.length === 0 ? name : `${name}\0${owner}`
}

const asParams = (params: object | undefined) => (params ?? {}) as Record<string, readonly ParamValue[]>

function register<M extends Metrics, P extends ParamSpace>(
  mode: Mode,
  origin: Origin,
  name: string,
  workload: Workload<M, P>,
  options: BenchOptions<M, P>,
): BenchHandle<M, P> {
  const { benches, problems } = registry()
  let key = name
  try {
    if (name.trim() === '')
      throw new DefinitionError('a bench has no name.', 'describe in a few words what it measures')
    key = newKey(name, origin)
    const timeout = options.timeout
    if (timeout !== undefined && !(timeout > 0)) {
      throw new DefinitionError(`bench "${name}": the timeout is ${timeout}.`, 'use a number of seconds above 0')
    }
    benches.push({
      name,
      key,
      mode,
      workload: workload as unknown as Workload,
      params: chosenParams(name, workload.params, asParams(options.params)),
      profiles: Object.fromEntries(
        Object.entries(options.profiles ?? {}).map(([profile, values]) => [
          profile,
          chosenParams(name, workload.params, { ...asParams(options.params), ...asParams(values) }),
        ]),
      ),
      tags: options.tags ?? [],
      ...(timeout !== undefined && { timeout }),
      claims: claimsOf(name, key, workload.metrics, (options.expect ?? {}) as ExpectationsOf<Metrics>),
      ...origin,
    })
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error
    problems.push(error.location ? error : new DefinitionError(error.message, error.fix, origin.location))
  }
  const refs = Object.entries(workload.metrics).map(([metric, definition]) => [
    metric,
    { bench: key, metric, definition, params: workload.params },
  ])
  return Object.fromEntries(refs)
}

interface BenchVariant {
  /**
   * Registers a bench: a workload, its parameters, and what is expected of it.
   *
   * Errors are reported with their location. The other benches of the file still run.
   */
  <M extends Metrics, P extends ParamSpace>(
    name: string,
    workload: Workload<M, P>,
    options?: BenchOptions<M, P>,
  ): BenchHandle<M, P>
  /**
   * Registers a bench for each row. `%s` in the name is replaced by the row, or by its items if the row is an array.
   */
  each<const T>(
    rows: readonly T[],
  ): <M extends Metrics, P extends ParamSpace>(
    name: string,
    createWorkload: (row: T) => Workload<M, P>,
    options?: BenchOptions<M, P>,
  ) => BenchHandle<M, P>[]
}

export interface BenchFunction extends BenchVariant {
  /** Like `bench`. isobench runs only the benches that are marked with `only`. */
  readonly only: BenchVariant
  /** Registers a bench that is listed, but not run. */
  readonly skip: BenchVariant
  /** Skips the bench if `condition` is true. */
  skipIf(condition: boolean): BenchVariant
  /** Registers the name of a bench that is not written yet. */
  todo(name: string): void
}

function formatName(name: string, row: unknown): string {
  const items = Array.isArray(row) ? [...row] : [row]
  return name.replace(/%s/g, () => {
    const item: unknown = items.shift()
    return typeof item === 'object'
      ? JSON.stringify(item, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
      : String(item)
  })
}

function benchVariant(mode: Mode): BenchVariant {
  const registerBench: BenchVariant = Object.assign(
    <M extends Metrics, P extends ParamSpace>(name: string, workload: Workload<M, P>, options?: BenchOptions<M, P>) =>
      register(mode, originOf(registerBench), name, workload, options ?? {}),
    {
      each: <const T>(rows: readonly T[]) => {
        const registerEach = <M extends Metrics, P extends ParamSpace>(
          name: string,
          createWorkload: (row: T) => Workload<M, P>,
          options?: BenchOptions<M, P>,
        ) =>
          rows.map((row) =>
            register(mode, originOf(registerEach), formatName(name, row), createWorkload(row), options ?? {}),
          )
        return registerEach
      },
    },
  )
  return registerBench
}

/** Registers a bench. See the variants `bench.only`, `bench.skip`, `bench.skipIf`, `bench.each` and `bench.todo`. */
export const bench: BenchFunction = Object.assign(benchVariant('run'), {
  only: benchVariant('only'),
  skip: benchVariant('skip'),
  skipIf: (condition: boolean) => benchVariant(condition ? 'skip' : 'run'),
  todo: function todo(name: string): void {
    const { benches, problems } = registry()
    const origin = originOf(todo)
    try {
      const key = newKey(name, origin)
      benches.push({ name, key, mode: 'todo', params: {}, profiles: {}, tags: [], claims: [], ...origin })
    } catch (error) {
      if (!(error instanceof DefinitionError)) throw error
      problems.push(new DefinitionError(error.message, error.fix, origin.location))
    }
  },
})
