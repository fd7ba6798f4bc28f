/** `bench`: registers a benchmark. */

import { asciiName } from '../util/names.ts'
import {
  checkBenchArguments,
  checkBenchName,
  checkFields,
  checkTagsAndTimeout,
  describeValue,
  isObject,
  isPlainFunction,
  isThenable,
  repeatedValue,
  suggestion,
  unknownParams,
  unknownUnit,
  withKnownMembers,
} from './checked.ts'
import type { Claim } from './claim.ts'
import { callerFrames, DefinitionError, type Location, withLocation } from './errors.ts'
import type { Expectation, ExpectationsOf } from './expect.ts'
import type { MetricRef } from './matcher-arguments.ts'
import type { Metric, Metrics } from './metric.ts'
import { namesakesOf } from './namesakes.ts'
import { type BenchSpec, registry, withProblems } from './registry.ts'
import { formatTitle } from './title.ts'
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
  /** Shows metrics of this bench in a column of other benches: of those with a tag. */
  readonly beside?: { readonly tag: string; readonly metrics: readonly (keyof NoInfer<M> & string)[] }
}

/** The metrics of a bench, for findings and other claims. */
export type BenchHandle<M extends Metrics, P extends ParamSpace> = {
  readonly [K in keyof M]: MetricRef<M[K]['unit'], P>
}

type Mode = BenchSpec['mode']

const isExpectation = (value: unknown): boolean => isObject(value) && typeof value.matcherFor === 'function'

/** @throws {DefinitionError} without a location, if `expect` has no names of metrics, such as a bare expectation */
function checkExpect(name: string, expectations: unknown, metrics: Metrics): void {
  if (isObject(expectations) && !isExpectation(expectations)) return
  const list = [expectations].flat()
  const isBare = list.length > 0 && list.every(isExpectation)
  throw new DefinitionError(
    `bench "${name}": expect needs the names of metrics, and this is ${
      isBare ? 'an expectation without a name' : describeValue(expectations)
    }.`,
    `write expect: { ${Object.keys(metrics)[0]}: expect.withinNative(5) }`,
  )
}

function claimsOf(name: string, key: string, metrics: Metrics, expectations: ExpectationsOf<Metrics>): Claim[] {
  checkExpect(name, expectations, metrics)
  return Object.entries(expectations).flatMap(([metric, expected]) => {
    const definition = Object.hasOwn(metrics, metric) ? metrics[metric] : undefined
    if (!definition) {
      throw new DefinitionError(
        `bench "${name}": no metric "${metric}". The workload yields: ${Object.keys(metrics).join(', ')}.`,
        suggestion(metric, Object.keys(metrics)),
      )
    }
    const list: readonly Expectation[] = Array.isArray(expected) ? expected : [expected as Expectation]
    if (list.length === 0)
      throw new DefinitionError(
        `bench "${name}": the list of expectations of "${metric}" is empty.`,
        `write expect: { ${metric}: expect.withinNative(5) }, or leave ${metric} out`,
      )
    const wrong = list.findIndex((one) => !isExpectation(one))
    if (wrong >= 0)
      throw new DefinitionError(
        `bench "${name}": ${Array.isArray(expected) ? 'one expectation' : 'the expectation'} of "${metric}" is ` +
          `${describeValue(list[wrong])}.`,
        `write expect: { ${metric}: expect.withinNative(5) }`,
      )
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
    const known = Object.hasOwn(space, param) ? space[param] : undefined
    if (!known)
      throw new DefinitionError(
        `bench "${name}": the workload has no parameter "${param}".`,
        suggestion(param, Object.keys(space)),
      )
    if (values === undefined) continue
    if (!Array.isArray(values))
      throw new DefinitionError(
        `bench "${name}": the values of the parameter "${param}" are ${describeValue(values)}.`,
        `use a list of some of: ${known.join(', ')}`,
      )
    const [unknownValue] = values.filter((value) => !known.includes(value)).map(describeValue)
    if (unknownValue !== undefined || values.length === 0)
      throw new DefinitionError(
        `bench "${name}": parameter "${param}" has no value ${unknownValue ?? 'to measure'}.`,
        `use some of: ${known.join(', ')}`,
      )
    const repeated = repeatedValue(values)
    if (repeated !== undefined)
      throw new DefinitionError(
        `bench "${name}": parameter "${param}" has the value ${describeValue(repeated)} twice.`,
        'list each value once',
      )
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
 * A key for a new bench. Files that import each other may have benches with the same name. Adds a warning if another
 * bench of the file looks alike.
 * @throws {DefinitionError} if the bench file has a bench with this name
 */
function newKey(name: string, { owner, location }: Origin): string {
  const { benches, warnings } = registry()
  const alikes = namesakesOf(name, benches)
  const namesakes = alikes.filter((bench) => bench.name === name)
  if (namesakes.some((bench) => bench.owner === owner))
    throw new DefinitionError(`two benches are named "${name}".`, 'use different names for the benches of a file')
  const alike = alikes.find((bench) => bench.owner === owner)
  if (alike)
    warnings.push(
      new DefinitionError(
        `the names of two benches look alike: ${asciiName(alike.name)} and ${asciiName(name)}.`,
        'use names that differ in characters that a reader sees',
        location,
      ),
    )
  return namesakes.length === 0 ? name : `${name}\0${owner}`
}

/**
 * @param what for messages, such as `params`
 * @throws {DefinitionError} without a location
 */
function asParams(name: string, what: string, params: unknown = {}): Record<string, readonly ParamValue[]> {
  if (isObject(params)) return params as Record<string, readonly ParamValue[]>
  throw new DefinitionError(
    `bench "${name}": ${what} is ${describeValue(params)}.`,
    `use an object with lists of values: { size: ['2g'] }`,
  )
}

const benchOptionNames = ['expect', 'params', 'profiles', 'tags', 'timeout', 'beside']
/** Options that other tools have. */
const otherOptions = { param: 'params', expects: 'expect', tag: 'tags', time: 'timeout', profile: 'profiles' }

/** @throws {DefinitionError} without a location */
function checkOptions(name: string, options: BenchOptions<Metrics, ParamSpace>): void {
  checkFields(`bench "${name}"`, options, benchOptionNames, otherOptions)
  checkTagsAndTimeout(`bench "${name}"`, options)
}

/** @throws {DefinitionError} without a location, if `beside` names no metrics of the workload */
function besideOf(name: string, metrics: Metrics, beside: unknown): BenchSpec['beside'] {
  if (beside === undefined) return undefined
  const { tag, metrics: named } = isObject(beside) ? beside : {}
  const isKnown = (metric: unknown) => typeof metric === 'string' && Object.hasOwn(metrics, metric)
  if (typeof tag === 'string' && Array.isArray(named) && named.length > 0 && named.every(isKnown))
    return { tag, metrics: named as string[] }
  throw new DefinitionError(
    `bench "${name}": beside is ${describeValue(beside)}, without a tag and metrics of its workload.`,
    `write beside: { tag: 'startup', metrics: ['${Object.keys(metrics)[0]}'] }`,
  )
}

function register<M extends Metrics, P extends ParamSpace>(
  mode: Mode,
  origin: Origin,
  ownName: string,
  workload: Workload<M, P>,
  options: BenchOptions<M, P>,
): BenchHandle<M, P> {
  const { benches, group } = registry()
  const name = group ? `${group.name} > ${ownName}` : ownName
  const handle = withProblems(origin.location, () => {
    checkBenchArguments(ownName, workload, options)
    checkOptions(name, options as BenchOptions<Metrics, ParamSpace>)
    const key = newKey(name, origin)
    const timeout = options.timeout ?? group?.timeout
    const params = asParams(name, 'params', options.params)
    const beside = besideOf(name, workload.metrics, options.beside)
    const { server } = group ?? {}
    if (server && workload.work.kind !== 'commands')
      throw new DefinitionError(
        `bench "${name}": its group has a server, and its workload runs no commands in a guest.`,
        'put the bench outside of the group',
      )
    benches.push({
      name,
      key,
      mode,
      workload: { ...(workload as unknown as Workload), ...(server && { server }) },
      params: chosenParams(name, workload.params, params),
      profiles: Object.fromEntries(
        Object.entries(asParams(name, 'profiles', options.profiles)).map(([profile, values]) => [
          profile,
          chosenParams(name, workload.params, { ...params, ...asParams(name, `the profile "${profile}"`, values) }),
        ]),
      ),
      tags: [...new Set([...(group?.tags ?? []), ...(options.tags ?? [])])],
      ...(timeout !== undefined && { timeout }),
      ...(beside && { beside }),
      claims: claimsOf(name, key, workload.metrics, (options.expect ?? {}) as ExpectationsOf<Metrics>),
      ...origin,
    })
    return handleOf(name, key, workload)
  })
  return handle ?? brokenHandle(name)
}

function handleOf<M extends Metrics, P extends ParamSpace>(
  name: string,
  key: string,
  { metrics, params }: Workload<M, P>,
): BenchHandle<M, P> {
  const refs = Object.entries(metrics).map(([metric, definition]) => [
    metric,
    { bench: key, metric, definition, params },
  ])
  return withKnownMembers(
    Object.fromEntries(refs) as BenchHandle<M, P>,
    (metric) => `bench "${name}": no metric "${metric}".`,
  )
}

/** The handle of a bench that could not be registered. Claims about it cause no further errors. */
const brokenHandle = <M extends Metrics, P extends ParamSpace>(name: string): BenchHandle<M, P> =>
  new Proxy({} as BenchHandle<M, P>, {
    get: (_, metric): MetricRef | undefined =>
      typeof metric === 'string' && metric !== 'then'
        ? { bench: name, metric, definition: { unit: unknownUnit, better: 'lower' }, params: unknownParams }
        : undefined,
  })

/** `bench`, or a variant such as `bench.only`. */
export interface BenchVariant {
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
   * Registers a bench for each row. A row that is an array is spread over the arguments. The name has the formats of
   * Vitest: `%s`, `%d`, `%i`, `%f`, `%j`, `%o` for the items, `%#` for the index, `$name` and `$a.b` for fields.
   */
  each<const R extends readonly (readonly unknown[])[]>(rows: R): EachBench<Spread<R[number]>>
  each<const T>(rows: readonly T[]): EachBench<[T]>
  /** Like `each`, and passes a row that is an array as one argument. */
  for<const T>(rows: readonly T[]): EachBench<[T]>
}

/** The items of a row as arguments, which a callback can only receive as a mutable list. */
type Spread<T extends readonly unknown[]> = { -readonly [K in keyof T]: T[K] }

/** Registers the benches of `each`. */
type EachBench<T extends readonly unknown[]> = <M extends Metrics, P extends ParamSpace>(
  name: string,
  createWorkload: (...row: T) => Workload<M, P>,
  options?: BenchOptions<M, P>,
) => BenchHandle<M, P>[]

/** `bench` and its variants. */
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

/** With `each`, a row that is an array becomes several arguments. */
type RowsCall = 'each' | 'for'

/** @throws {DefinitionError} if `rows` are no list, but for example the table of a template */
function checkRows(call: RowsCall, rows: unknown, location: Location | undefined): void {
  const isTemplate = Array.isArray(rows) && Object.hasOwn(rows, 'raw')
  if (Array.isArray(rows) && !isTemplate) return
  throw new DefinitionError(
    `bench.${call}() takes a list of rows, and this is ${isTemplate ? 'a table in a template' : describeValue(rows)}.`,
    isTemplate
      ? `write bench.${call}([{ name: 'value' }])('$name', ({ name }) => workload(...))`
      : `write bench.${call}([1, 2])('%i threads', (threads) => workload(...))`,
    location,
  )
}

function benchForRows(
  mode: Mode,
  call: RowsCall,
  rows: readonly unknown[],
  callers: readonly Location[],
): EachBench<readonly unknown[]> {
  checkRows(call, rows, callers[0])
  const { unfinished } = registry()
  const thisCall = { name: `bench.${call}()`, callers }
  unfinished.add(thisCall)
  const registerRows: EachBench<readonly unknown[]> = (name, createWorkload, options) => {
    unfinished.delete(thisCall)
    const origin = originOf(registerRows)
    if (!isPlainFunction(createWorkload))
      throw new DefinitionError(
        `bench.${call}(rows)(name, ...) takes a function that returns the workload of a row, ` +
          `and this is ${describeValue(createWorkload)}.`,
        `write bench.${call}([1, 2])('%i threads', (threads) => workload(...))`,
        origin.location,
      )
    if (rows.length === 0)
      registry().warnings.push(
        new DefinitionError(
          `bench.${call}() has no rows for "${name}", so it registers no bench.`,
          'give it a list with a row for each bench',
          origin.location,
        ),
      )
    return rows.map((row, index) => {
      const workload = call === 'each' && Array.isArray(row) ? createWorkload(...row) : createWorkload(row)
      if (isThenable(workload))
        throw new DefinitionError(
          `the function of bench.${call}() returns a promise, and not a workload.`,
          `await what it needs before bench.${call}`,
          origin.location,
        )
      return register(mode, origin, formatTitle(String(name), row, index), workload, options ?? {})
    })
  }
  return registerRows
}

/** Members that test runners have, and what isobench has for them. */
const otherMembers = {
  concurrent: 'remove it: isobench measures one sample at a time',
  sequential: 'remove it: isobench measures one sample at a time',
  runIf: 'use bench.skipIf with the opposite condition',
  fails: 'claim the opposite: worseThan instead of betterThan',
  extend: 'put what the bench needs into prepare and cleanup of its workload',
}

function benchVariant(mode: Mode, more: object = {}): BenchVariant {
  const registerBench = <M extends Metrics, P extends ParamSpace>(
    name: string,
    workload: Workload<M, P>,
    options?: BenchOptions<M, P>,
  ) => register(mode, originOf(registerBench), name, workload, options ?? {})
  const variants = {
    each: function each(rows: readonly unknown[]) {
      return benchForRows(mode, 'each', rows, callerFrames(each))
    },
    for: function forRows(rows: readonly unknown[]) {
      return benchForRows(mode, 'for', rows, callerFrames(forRows))
    },
  }
  return withKnownMembers(
    Object.assign(registerBench, variants, more) as unknown as BenchVariant,
    (name) => `isobench has no bench.${name}.`,
    otherMembers,
  )
}

/**
 * Registers a bench. See the variants `bench.only`, `bench.skip`, `bench.skipIf`, `bench.each`, `bench.for` and
 * `bench.todo`.
 */
export const bench: BenchFunction = benchVariant('run', {
  only: benchVariant('only'),
  skip: benchVariant('skip'),
  skipIf: (condition: boolean) => benchVariant(condition ? 'skip' : 'run'),
  todo: function todo(ownName: string): void {
    const { benches, group } = registry()
    const origin = originOf(todo)
    const name = group ? `${group.name} > ${ownName}` : ownName
    withProblems(origin.location, () => {
      checkBenchName('bench.todo', ownName)
      const key = newKey(name, origin)
      benches.push({ name, key, mode: 'todo', params: {}, profiles: {}, tags: [], claims: [], ...origin })
    })
  },
}) as BenchFunction
