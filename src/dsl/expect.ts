import type { Claim, Matcher, Reference, Severity } from './claim.ts'
import { callerLocation, DefinitionError, type Location } from './errors.ts'
import { convertQuantity, type Metric, type Metrics, type Quantity, type Unit, type Units } from './metric.ts'
import type { Median, Selector } from './platform.ts'
import type { ParamSpace, ParamsOf, ParamValue } from './workload.ts'

/** A factor such as `'3x'` or `'1.15x'`. */
export type Factor = `${number}x`

/** One metric of one bench, for claims outside the bench itself. */
export interface MetricRef<U extends Unit = Unit, P extends ParamSpace = ParamSpace> {
  readonly bench: string
  readonly metric: string
  readonly definition: Metric<U>
  readonly params: P
}

/** An expectation before it knows its metric. Its claim is made when the bench is registered. */
export interface Expectation<U extends Unit = Unit> {
  readonly severity: Severity
  readonly location?: Location
  // A property, not a method: a method's parameter would not be checked, and an expectation in MB/s would fit a time.
  readonly matcherFor: (metric: Metric<U>) => Matcher
}

/** The matchers, each giving `R`. */
export interface Matchers<U extends Unit, R> {
  /** Not worse than native by more than `percent` (0 < percent; < 100 for a metric of which more is better). */
  withinNative(percent: number): R
  /** Neither worse nor better than the reference by more than `percent`. */
  equivalentTo(reference: string | Median, percent: number): R
  /** Better than the reference, by at least `by` when given. Works on rates too: better is what the metric says. */
  betterThan(reference: string | Median, options?: { readonly by?: Factor }): R
  /** Worse than the reference, by at least `by` when given. */
  worseThan(reference: string | Median, options?: { readonly by?: Factor }): R
  /** The metric itself, in any unit that measures the same: `atMost('600ms')`. */
  atMost(quantity: Quantity<U>): R
  atLeast(quantity: Quantity<U>): R
  /** Best first: each is better than the next. */
  ranked(...platforms: [string, string, ...string[]]): R
  /** The platforms' order changes from round to round: the mean rank correlation of two rounds is below 0.5. */
  noStableOrder(...platforms: [string, string, string, ...string[]]): R
}

function percentage(percent: number, better: 'lower' | 'higher', location?: Location): number {
  if (!(percent > 0) || !Number.isFinite(percent) || (better === 'higher' && percent >= 100)) {
    throw new DefinitionError(
      `${percent} % is no margin for a metric of which ${better === 'higher' ? 'more' : 'less'} is better`,
      better === 'higher' ? 'use a number above 0 and below 100' : 'use a number above 0',
      location,
    )
  }
  return percent
}

function factorOf(by: Factor | undefined, location?: Location): number {
  const value = by === undefined ? 1 : Number(/^(.*)x$/.exec(by)?.[1])
  if (!(value >= 1) || !Number.isFinite(value)) {
    throw new DefinitionError(`"${by}" is no factor`, `use a number of 1 or more with an x, such as '3x'`, location)
  }
  return value
}

function quantityOf(text: string, unit: Unit, location?: Location): number {
  try {
    return convertQuantity(text, unit)
  } catch (error) {
    throw new DefinitionError((error as Error).message, `write a number and a unit, such as "600${unit}"`, location)
  }
}

const to = (reference: string | Median): Reference =>
  typeof reference === 'string'
    ? { platform: reference }
    : { platform: `the median of ${reference.medianOf.join(', ')}`, medianOf: reference.medianOf }

function matchers<U extends Unit, R>(
  createResult: (make: (metric: Metric<U>) => Matcher, location: Location | undefined) => R,
): Matchers<U, R> {
  return {
    withinNative: function withinNative(percent) {
      const at = callerLocation(withinNative)
      return createResult(({ better }) => ({ kind: 'withinNative', percent: percentage(percent, better, at) }), at)
    },
    equivalentTo: function equivalentTo(reference, percent) {
      const at = callerLocation(equivalentTo)
      return createResult(
        ({ better }) => ({ kind: 'equivalentTo', ...to(reference), percent: percentage(percent, better, at) }),
        at,
      )
    },
    betterThan: function fasterThan(reference, options) {
      const at = callerLocation(fasterThan)
      return createResult(() => ({ kind: 'betterThan', ...to(reference), by: factorOf(options?.by, at) }), at)
    },
    worseThan: function slowerThan(reference, options) {
      const at = callerLocation(slowerThan)
      return createResult(() => ({ kind: 'worseThan', ...to(reference), by: factorOf(options?.by, at) }), at)
    },
    atMost: function atMost(quantity) {
      const at = callerLocation(atMost)
      return createResult(({ unit }) => ({ kind: 'atMost', value: quantityOf(quantity, unit, at) }), at)
    },
    atLeast: function atLeast(quantity) {
      const at = callerLocation(atLeast)
      return createResult(({ unit }) => ({ kind: 'atLeast', value: quantityOf(quantity, unit, at) }), at)
    },
    ranked: function ranked(...platforms) {
      const at = callerLocation(ranked)
      if (new Set(platforms).size !== platforms.length || platforms.length < 2) {
        throw new DefinitionError(
          'ranked needs two or more different platforms',
          'name each platform once, best first',
          at,
        )
      }
      return createResult(() => ({ kind: 'ranked', platforms }), at)
    },
    noStableOrder: function unstable(...platforms) {
      const at = callerLocation(unstable)
      if (new Set(platforms).size !== platforms.length || platforms.length < 3) {
        throw new DefinitionError('unstable needs three or more different platforms', 'name each platform once', at)
      }
      return createResult(() => ({ kind: 'noStableOrder', platforms }), at)
    },
  }
}

const expectations = (severity: Severity): Matchers<never, Expectation<never>> =>
  matchers((matcherFor, location) => ({ severity, matcherFor, ...(location && { location }) }))

/** The parameters whose values are numbers. */
type Numeric<P extends ParamSpace> = {
  [K in keyof P]: P[K][number] extends number ? K : never
}[keyof P] &
  string

/** Claims on one metric, of which platforms and cells can be chosen. */
export interface MetricClaims<U extends Unit, P extends ParamSpace> extends Matchers<U, Claim> {
  /** The platforms that it is about; every platform when left out. */
  on(platforms: Selector | string): MetricClaims<U, P>
  /** Only the cells whose parameters have these values. */
  where(params: Partial<ParamsOf<P>>): MetricClaims<U, P>
  /** About the selected platforms together: that it is so on at least `count` of them, whichever those are. */
  onAtLeast(count: number): MetricClaims<U, P>
  /** Judged and shown, but it never changes the exit code. */
  readonly warn: MetricClaims<U, P>
  /**
   * In a finding: stands in for the claims without this, where the instrument of those is not to be had. The finding's verdict
   * is then marked with `mark`, such as `by syscalls`.
   */
  asFallback(label: string): MetricClaims<U, P>
  /**
   * Over all values of the parameter `over`, each platform is best at `at`, or within `[from, to]`, both included; best is what
   * the metric says.
   */
  peaksAt(at: number | readonly [from: number, to: number], series: { readonly over: Numeric<P> }): Claim
  /**
   * Over all values of the parameter `over`, the worst is not worse than the best by more than `percent` of the best
   * (0 < percent; < 100 for a metric of which more is better).
   */
  constant(percent: number, series: { readonly over: keyof P & string }): Claim
}

function seriesOf({ params }: Pick<MetricRef, 'params'>, over: string, location?: Location): string {
  if (Object.hasOwn(params, over)) return over
  const names = Object.keys(params)
  throw new DefinitionError(
    `the bench has no parameter "${over}" to make a series of`,
    names.length > 0 ? `use one of: ${names.join(', ')}` : 'give its workload a parameter with several values',
    location,
  )
}

function claims<U extends Unit, P extends ParamSpace>(
  ref: MetricRef<U, P>,
  choice: Pick<Claim, 'on' | 'where' | 'severity' | 'onAtLeast' | 'fallbackLabel'>,
): MetricClaims<U, P> {
  const createClaim = (make: (metric: Metric<U>) => Matcher, location: Location | undefined): Claim => ({
    bench: ref.bench,
    metric: ref.metric,
    matcher: make(ref.definition),
    ...choice,
    ...(location && { location }),
  })
  return {
    ...matchers<U, Claim>(createClaim),
    on: (on) => claims(ref, { ...choice, on: typeof on === 'string' ? { by: 'name', names: [on] } : on }),
    where: (where) => claims(ref, { ...choice, where: { ...choice.where, ...(where as Record<string, ParamValue>) } }),
    onAtLeast: function some(count) {
      if (!Number.isInteger(count) || count < 1) {
        throw new DefinitionError(
          `"some" takes a number of platforms, not ${count}`,
          'use 1 or more',
          callerLocation(some),
        )
      }
      return claims(ref, { ...choice, onAtLeast: count })
    },
    get warn() {
      return claims(ref, { ...choice, severity: 'warn' })
    },
    asFallback: (mark) => claims(ref, { ...choice, fallbackLabel: mark }),
    peaksAt: function peaksAt(at, { over }) {
      const location = callerLocation(peaksAt)
      const [from, to] = typeof at === 'number' ? [at, at] : at
      if (!(from <= to) || !Number.isFinite(from) || !Number.isFinite(to)) {
        throw new DefinitionError(
          `from ${from} to ${to} is no range`,
          'use a number, or [from, to], the smaller one first',
          location,
        )
      }
      return createClaim(() => ({ kind: 'peaksAt', over: seriesOf(ref, over, location), from, to }), location)
    },
    constant: function flat(percent, { over }) {
      const location = callerLocation(flat)
      return createClaim(
        ({ better }) => ({
          kind: 'constant',
          over: seriesOf(ref, over, location),
          percent: percentage(percent, better, location),
        }),
        location,
      )
    },
  }
}

/** In a bench, the expectations of a metric; their units are checked against it. */
export type ExpectationsOf<M extends Metrics> = {
  readonly [K in keyof M]?: Expectation<M[K]['unit']> | readonly Expectation<M[K]['unit']>[]
}

interface ExpectFunction extends Omit<Matchers<Unit, Expectation>, 'atMost' | 'atLeast'> {
  /** Claims on one metric of a bench: `expect(prime.events).on(platform.family('container')).withinNative(5)`. */
  <U extends Unit, P extends ParamSpace>(ref: MetricRef<U, P>): MetricClaims<U, P>
  atMost<const Q extends Quantity<Unit>>(quantity: Q): Expectation<UnitsOf<Q>>
  atLeast<const Q extends Quantity<Unit>>(quantity: Q): Expectation<UnitsOf<Q>>
  /** Judged and shown, but never gates. */
  readonly warn: Omit<ExpectFunction, 'warn'>
}

/** The units of the dimension that a quantity is written in. */
type UnitsOf<Q extends string> = {
  [D in keyof Units]: Q extends `${number}${'' | ' '}${Units[D]}` ? Units[D] : never
}[keyof Units]

const all: Pick<Claim, 'on' | 'where'> = { on: { by: 'all' }, where: {} }
const createExpect = (severity: Severity) =>
  Object.assign(
    <U extends Unit, P extends ParamSpace>(ref: MetricRef<U, P>) => claims(ref, { ...all, severity }),
    expectations(severity),
  )

export const expect: ExpectFunction = Object.assign(createExpect('fail'), {
  warn: createExpect('warn'),
}) as unknown as ExpectFunction
