import type { Claim } from './claim.ts'
import { callerLocation, DefinitionError, type Location } from './errors.ts'
import type { Expectation, ExpectationsOf, MetricRef } from './expect.ts'
import type { Metric, Metrics } from './metric.ts'
import { type BenchSpec, registry } from './registry.ts'
import type { ParamSpace, ParamValue, Workload } from './workload.ts'

/** Some of the values that each parameter may have. */
type ChosenParams<P extends ParamSpace> = { readonly [K in keyof P]?: readonly [P[K][number], ...P[K][number][]] }

export interface BenchOptions<M extends Metrics, P extends ParamSpace> {
  /** What must be so on every platform, a metric each. */
  readonly expect?: ExpectationsOf<NoInfer<M>>
  /** The values of the workload's parameters to measure; all that the workload knows when left out. */
  readonly params?: ChosenParams<NoInfer<P>>
  /** Other values for one profile, by its name: `{ paper: { size: ['2g'] } }`. A parameter left out has those above. */
  readonly profiles?: Readonly<Record<string, ChosenParams<NoInfer<P>>>>
  readonly tags?: readonly string[]
  /** Time limit of one sample, in seconds; the profile's when left out. */
  readonly timeout?: number
}

/** A bench's metrics, for findings and further claims. */
export type BenchHandle<M extends Metrics, P extends ParamSpace> = {
  readonly [K in keyof M]: MetricRef<M[K]['unit'], P>
}

type Mode = BenchSpec['mode']

const at = (location: Location | undefined) => (location ? { location } : {})

function claimsOf(name: string, metrics: Metrics, expectations: ExpectationsOf<Metrics>): Claim[] {
  return Object.entries(expectations).flatMap(([metric, given]) => {
    const definition = metrics[metric]
    if (!definition) {
      throw new DefinitionError(
        `the bench "${name}" expects something of "${metric}", which its workload does not yield`,
        `use one of: ${Object.keys(metrics).join(', ')}`,
      )
    }
    const list: readonly Expectation[] = Array.isArray(given) ? given : [given as Expectation]
    return list.map(
      (expectation): Claim => ({
        bench: name,
        metric,
        matcher: expectation.matcherFor(definition as Metric<never>),
        on: { by: 'all' },
        where: {},
        severity: expectation.severity,
        ...at(expectation.location),
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
    const wrong = known ? values?.find((value) => !known.includes(value)) : undefined
    if (!known || wrong !== undefined || values?.length === 0) {
      throw new DefinitionError(
        known
          ? `the bench "${name}" gives "${param}" the value ${JSON.stringify(wrong)}`
          : `the bench "${name}" gives a parameter "${param}", which its workload does not have`,
        `use ${known ? `some of: ${known.join(', ')}` : `one of: ${Object.keys(space).join(', ') || 'none'}`}`,
      )
    }
  }
  return Object.fromEntries(Object.entries(space).map(([param, all]) => [param, chosen[param] ?? all])) as ParamSpace
}

const given = (params: object | undefined) => (params ?? {}) as Record<string, readonly ParamValue[]>

function register<M extends Metrics, P extends ParamSpace>(
  mode: Mode,
  location: Location | undefined,
  name: string,
  workload: Workload<M, P>,
  options: BenchOptions<M, P>,
): BenchHandle<M, P> {
  const { benches, problems } = registry()
  try {
    if (name.trim() === '') throw new DefinitionError('a bench has no name', 'say in a few words what it measures')
    if (benches.some((bench) => bench.name === name)) {
      throw new DefinitionError(`two benches are named "${name}"`, 'give each bench of a file a name of its own')
    }
    const timeout = options.timeout
    if (timeout !== undefined && !(timeout > 0)) {
      throw new DefinitionError(`the bench "${name}" has the time limit ${timeout}`, 'give a number of seconds above 0')
    }
    benches.push({
      name,
      mode,
      workload: workload as unknown as Workload,
      params: chosenParams(name, workload.params, given(options.params)),
      profiles: Object.fromEntries(
        Object.entries(options.profiles ?? {}).map(([profile, own]) => [
          profile,
          chosenParams(name, workload.params, { ...given(options.params), ...given(own) }),
        ]),
      ),
      tags: options.tags ?? [],
      ...(timeout !== undefined && { timeout }),
      claims: claimsOf(name, workload.metrics, (options.expect ?? {}) as ExpectationsOf<Metrics>),
      ...at(location),
    })
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error
    problems.push(error.location ? error : new DefinitionError(error.message, error.fix, location))
  }
  const refs = Object.entries(workload.metrics).map(([metric, definition]) => [
    metric,
    { bench: name, metric, definition, params: workload.params },
  ])
  return Object.fromEntries(refs)
}

interface BenchVariant {
  /**
   * Registers a bench: what is measured, with which parameters, and what is expected.
   * Mistakes are collected and shown with their place; the file's other benches still run.
   */
  <M extends Metrics, P extends ParamSpace>(
    name: string,
    workload: Workload<M, P>,
    options?: BenchOptions<M, P>,
  ): BenchHandle<M, P>
  /** A bench for each row. `%s` in the name takes the row, or its items one by one when it is an array. */
  each<const T>(
    rows: readonly T[],
  ): <M extends Metrics, P extends ParamSpace>(
    name: string,
    make: (row: T) => Workload<M, P>,
    options?: BenchOptions<M, P>,
  ) => BenchHandle<M, P>[]
}

export interface BenchFunction extends BenchVariant {
  /** Runs only the benches so marked. */
  readonly only: BenchVariant
  /** Listed, not run. */
  readonly skip: BenchVariant
  /** Skipped where `condition` is true. */
  skipIf(condition: boolean): BenchVariant
  /** A bench that is yet to be written. */
  todo(name: string): void
}

function formatName(name: string, row: unknown): string {
  const items = Array.isArray(row) ? [...row] : [row]
  return name.replace(/%s/g, () => {
    const item: unknown = items.shift()
    return typeof item === 'object' ? JSON.stringify(item) : String(item)
  })
}

function benchVariant(mode: Mode): BenchVariant {
  const registerBench: BenchVariant = Object.assign(
    <M extends Metrics, P extends ParamSpace>(name: string, workload: Workload<M, P>, options?: BenchOptions<M, P>) =>
      register(mode, callerLocation(registerBench), name, workload, options ?? {}),
    {
      each: <const T>(rows: readonly T[]) => {
        const registerEach = <M extends Metrics, P extends ParamSpace>(
          name: string,
          make: (row: T) => Workload<M, P>,
          options?: BenchOptions<M, P>,
        ) =>
          rows.map((row) =>
            register(mode, callerLocation(registerEach), formatName(name, row), make(row), options ?? {}),
          )
        return registerEach
      },
    },
  )
  return registerBench
}

export const bench: BenchFunction = Object.assign(benchVariant('run'), {
  only: benchVariant('only'),
  skip: benchVariant('skip'),
  skipIf: (condition: boolean) => benchVariant(condition ? 'skip' : 'run'),
  todo: function todo(name: string): void {
    const { benches, problems } = registry()
    const location = callerLocation(todo)
    if (benches.some((one) => one.name === name)) {
      problems.push(
        new DefinitionError(`two benches are named "${name}"`, 'give each bench of a file a name of its own', location),
      )
      return
    }
    benches.push({ name, mode: 'todo', params: {}, profiles: {}, tags: [], claims: [], ...at(callerLocation(todo)) })
  },
})
