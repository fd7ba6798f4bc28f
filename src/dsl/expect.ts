/** `expect`: what a bench or a finding claims about a metric. */

import { describeValue, isObject, withKnownMembers } from './checked.ts'
import { type Claim, checkReference, type Matcher, type Severity } from './claim.ts'
import { callerLocation, DefinitionError, type Location, withLocation } from './errors.ts'
import {
  checkNoMore,
  checkParams,
  checkRange,
  checkWhere,
  type Factor,
  factorOf,
  growthOf,
  type MetricRef,
  type Numeric,
  percentage,
  quantityOf,
  referenceOf,
  seriesOf,
} from './matcher-arguments.ts'
import type { Metric, Metrics, Quantity, Unit, Units } from './metric.ts'
import type { Median, PlatformName, Selector } from './platform.ts'
import { type ClaimStart, type MadeExpectation, registry } from './registry.ts'
import { areDifferent, isCount, isRange, minRanked, minUnordered } from './rules.ts'
import type { ParamSpace, ParamsOf, ParamValue } from './workload.ts'

/** An expectation in the options of a bench. It becomes a claim when the bench is registered. */
export interface Expectation<U extends string = string> {
  readonly severity: Severity
  readonly location?: Location
  // A property and not a method. Parameters of methods are bivariant, so an expectation in MB/s would be accepted for a
  // time.
  readonly matcherFor: (metric: Metric<U>) => Matcher
}

/** The matchers. Each returns `R`. */
export interface Matchers<U extends string, R> {
  /** Not worse than native by more than `percent`: above 0, and below 100 for a metric where more is better. */
  withinNative(percent: number): R
  /** Neither worse nor better than the reference by more than `percent`. */
  equivalentTo(reference: PlatformName | Median, percent: number): R
  /** Not worse than the reference by more than `percent`. */
  notWorseThan(reference: PlatformName | Median, percent: number): R
  /** Better than the reference, by at least the factor `by` if it is set. The metric defines what is better. */
  betterThan(reference: PlatformName | Median, options?: { readonly by?: Factor }): R
  /** Worse than the reference, by at least the factor `by` if it is set. */
  worseThan(reference: PlatformName | Median, options?: { readonly by?: Factor }): R
  /** At most this value, in any unit of the same dimension: `atMost('600ms')`. */
  atMost(quantity: Quantity<U>): R
  /** At least this value, in any unit of the same dimension. */
  atLeast(quantity: Quantity<U>): R
  /** Best first: each is better than the next. */
  ranked(...platforms: [PlatformName, PlatformName, ...PlatformName[]]): R
  /** The order of the platforms changes from round to round: the mean rank correlation of two rounds is below 0.5. */
  noStableOrder(...platforms: [PlatformName, PlatformName, PlatformName, ...PlatformName[]]): R
}

function matchers<U extends string, R>(
  createResult: (createMatcher: (metric: Metric<U>) => Matcher, location: Location | undefined) => R,
): Matchers<U, R> {
  return {
    withinNative: function withinNative(percent, ...more) {
      const location = callerLocation(withinNative)
      checkNoMore('withinNative', more, location)
      return createResult(
        ({ better }) => ({ kind: 'withinNative', percent: percentage(percent, better, location) }),
        location,
      )
    },
    equivalentTo: function equivalentTo(reference, percent, ...more) {
      const location = callerLocation(equivalentTo)
      checkNoMore('equivalentTo', more, location)
      return createResult(
        ({ better }) => ({
          kind: 'equivalentTo',
          ...referenceOf(reference, location),
          percent: percentage(percent, better, location),
        }),
        location,
      )
    },
    notWorseThan: function notWorseThan(reference, percent, ...more) {
      const location = callerLocation(notWorseThan)
      checkNoMore('notWorseThan', more, location)
      return createResult(
        ({ better }) => ({
          kind: 'notWorseThan',
          ...referenceOf(reference, location),
          percent: percentage(percent, better, location),
        }),
        location,
      )
    },
    betterThan: function betterThan(reference, options, ...more) {
      const location = callerLocation(betterThan)
      checkNoMore('betterThan', more, location)
      return createResult(
        () => ({ kind: 'betterThan', ...referenceOf(reference, location), by: factorOf(options, location) }),
        location,
      )
    },
    worseThan: function worseThan(reference, options, ...more) {
      const location = callerLocation(worseThan)
      checkNoMore('worseThan', more, location)
      return createResult(
        () => ({ kind: 'worseThan', ...referenceOf(reference, location), by: factorOf(options, location) }),
        location,
      )
    },
    atMost: function atMost(quantity, ...more) {
      const location = callerLocation(atMost)
      checkNoMore('atMost', more, location)
      return createResult(({ unit }) => ({ kind: 'atMost', value: quantityOf(quantity, unit, location) }), location)
    },
    atLeast: function atLeast(quantity, ...more) {
      const location = callerLocation(atLeast)
      checkNoMore('atLeast', more, location)
      return createResult(({ unit }) => ({ kind: 'atLeast', value: quantityOf(quantity, unit, location) }), location)
    },
    ranked: function ranked(...platforms) {
      const location = callerLocation(ranked)
      if (!areDifferent(platforms, minRanked)) {
        throw new DefinitionError(
          'ranked needs at least two different platforms.',
          'name each platform once, best first',
          location,
        )
      }
      return createResult(() => ({ kind: 'ranked', platforms }), location)
    },
    noStableOrder: function noStableOrder(...platforms) {
      const location = callerLocation(noStableOrder)
      if (!areDifferent(platforms, minUnordered)) {
        throw new DefinitionError(
          'noStableOrder needs at least three different platforms.',
          new Set(platforms).size < minUnordered ? 'name a third platform' : 'name each platform once',
          location,
        )
      }
      return createResult(() => ({ kind: 'noStableOrder', platforms }), location)
    },
  }
}

const expectations = (severity: Severity): Matchers<never, Expectation<never>> =>
  matchers((createMatcher, location) => {
    const made: MadeExpectation = { isUsed: false, ...withLocation(location) }
    registry().expectations.push(made)
    const matcherFor = (metric: Metric<never>) => {
      made.isUsed = true
      return createMatcher(metric)
    }
    return { severity, matcherFor, ...withLocation(location) }
  })

/** Claims about one metric. Select platforms and cases before the matcher. */
export interface MetricClaims<U extends string, P extends ParamSpace> extends Matchers<U, Claim> {
  /** Selects platforms. Default: every platform. */
  on(platforms: Selector | PlatformName): MetricClaims<U, P>
  /** Selects the cases that have these values of parameters. */
  where(params: Partial<ParamsOf<P>>): MetricClaims<U, P>
  /** The claim must hold on at least `count` of the selected platforms. */
  onAtLeast(count: number): MetricClaims<U, P>
  /** The claim is reported, but does not change the exit code. */
  readonly warn: MetricClaims<U, P>
  /**
   * In a finding: uses the claim only if the other claims cannot be measured because their trace source is unavailable.
   * @param label shown with the verdict, for example `by syscalls`
   */
  asFallback(label: string): MetricClaims<U, P>
  /**
   * In a finding: the claim tests one reading of words that have several. isobench judges each reading of a part by
   * itself, and the part only if all of them agree.
   * @param reading shown with the verdict, for example `distinct names`
   */
  underReading(reading: string): MetricClaims<U, P>
  /**
   * Over the values of the parameter `over`, each platform is best at `at`, or within `[from, to]`, inclusive. The
   * metric defines what is best.
   */
  peaksAt(at: number | readonly [from: number, to: number], series: { readonly over: Numeric<P> }): Claim
  /**
   * Over the values of the parameter `over`, the worst value is not worse than the best one by more than `percent`:
   * above 0, and below 100 for a metric where more is better.
   */
  constant(percent: number, series: { readonly over: keyof P & string }): Claim
  /**
   * Each platform at its best value of the parameter `over` is not worse than the reference at its own best value by
   * more than `percent`: above 0, and below 100 for a metric where more is better.
   */
  peakWithin(percent: number, reference: PlatformName, series: { readonly over: keyof P & string }): Claim
  /**
   * From the value `from` of the parameter `over` to the value `to`, each platform becomes worse by at most the factor:
   * `worsensAtMost('3x', { over: 'guests', from: 1, to: 8 })`. The metric defines what is worse.
   */
  worsensAtMost<K extends keyof P & string>(
    factor: Factor,
    series: { readonly over: K; readonly from: P[K][number]; readonly to: P[K][number] },
  ): Claim
}

/**
 * @param given the arguments of `.on`
 * @throws {DefinitionError} if they are not one name or one selector
 */
function selectorOf(given: readonly unknown[], locate: () => Location | undefined): Selector {
  const [on] = given
  if (given.length === 1 && typeof on === 'string') return { by: 'name', names: [on] }
  if (given.length === 1 && isObject(on) && typeof on.by === 'string') return on as unknown as Selector
  throw new DefinitionError(
    `on() takes one platform or one selector, and this is ${given.map(describeValue).join(', ') || 'nothing'}.`,
    "for several platforms, use platform.named('runc', 'crun')",
    locate(),
  )
}

function claims<U extends string, P extends ParamSpace>(
  ref: MetricRef<U, P>,
  choice: Pick<Claim, 'on' | 'where' | 'severity' | 'onAtLeast' | 'fallbackLabel' | 'reading'>,
  start: ClaimStart,
): MetricClaims<U, P> {
  const chosen = (more: Partial<typeof choice>) => claims(ref, { ...choice, ...more }, start)
  const createClaim = (createMatcher: (metric: Metric<U>) => Matcher, location: Location | undefined): Claim => {
    start.isUsed = true
    const matcher = createMatcher(ref.definition)
    checkReference(matcher, choice.on, location)
    checkWhere(matcher, choice.where, location)
    // Throws where no finding could have the claim: in a workload, or in the config.
    registry().ownerOf?.(location ? [location] : [])
    const claim = {
      bench: ref.bench,
      metric: ref.metric,
      matcher,
      ...choice,
      ...(location && { location }),
    }
    registry().claims.push(claim)
    return claim
  }
  const metricClaims: MetricClaims<U, P> = {
    ...matchers<U, Claim>(createClaim),
    on: function on(...given: readonly unknown[]) {
      return chosen({ on: selectorOf(given, () => callerLocation(on)) })
    },
    where: function where(params) {
      const values = params as Record<string, ParamValue>
      checkParams(ref, values, () => callerLocation(where))
      return chosen({ where: { ...choice.where, ...values } })
    },
    onAtLeast: function onAtLeast(count) {
      if (!isCount(count)) {
        throw new DefinitionError(
          `onAtLeast needs a number of platforms, not ${count}.`,
          'use 1 or more',
          callerLocation(onAtLeast),
        )
      }
      return chosen({ onAtLeast: count })
    },
    get warn() {
      return chosen({ severity: 'warn' })
    },
    asFallback: (label) => chosen({ fallbackLabel: label }),
    underReading: (reading) => chosen({ reading }),
    peaksAt: function peaksAt(at, series, ...more) {
      const location = callerLocation(peaksAt)
      checkNoMore('peaksAt', more, location)
      const [from, to] = Array.isArray(at) ? at : [at, at]
      if (!isRange(from, to)) {
        throw new DefinitionError(
          `from ${from} to ${to} is no valid range.`,
          'use a number, or [from, to] with the smaller number first',
          location,
        )
      }
      return createClaim(() => {
        const over = seriesOf(ref, series, location)
        checkRange(ref, over, [from, to], location)
        return { kind: 'peaksAt', over, from, to }
      }, location)
    },
    constant: function constant(percent, series, ...more) {
      const location = callerLocation(constant)
      checkNoMore('constant', more, location)
      return createClaim(
        ({ better }) => ({
          kind: 'constant',
          over: seriesOf(ref, series, location),
          percent: percentage(percent, better, location),
        }),
        location,
      )
    },
    peakWithin: function peakWithin(percent, reference, series, ...more) {
      const location = callerLocation(peakWithin)
      checkNoMore('peakWithin', more, location)
      return createClaim(
        ({ better }) => ({
          kind: 'peakWithin',
          platform: reference,
          over: seriesOf(ref, series, location),
          percent: percentage(percent, better, location),
        }),
        location,
      )
    },
    worsensAtMost: function worsensAtMost(factor, series, ...more) {
      const location = callerLocation(worsensAtMost)
      checkNoMore('worsensAtMost', more, location)
      return createClaim(() => {
        const over = seriesOf(ref, series, location, ['from', 'to'])
        const { from, to } = series
        for (const value of [from, to]) checkParams(ref, { [over]: value }, () => location)
        if (from === to)
          throw new DefinitionError(
            `the claim compares ${over} ${from} with itself.`,
            'name two different values of the parameter: from and to',
            location,
          )
        return { kind: 'worsensAtMost', over, from, to, by: growthOf(factor, location) }
      }, location)
    },
  }
  return withKnownMembers(metricClaims, (name) => `isobench has no matcher "${name}".`, testMatchers)
}

/** Matchers of test runners, and what claims use. */
const testMatchers: Readonly<Record<string, string>> = {
  toBe: 'a claim compares platforms: equivalentTo(platform, percent); isobench is no test runner for values',
  toEqual: 'a claim compares platforms: equivalentTo(platform, percent); isobench is no test runner for values',
  toBeCloseTo: 'use equivalentTo(platform, percent)',
  toBeLessThan: "use atMost('600ms')",
  toBeLessThanOrEqual: "use atMost('600ms')",
  toBeGreaterThan: "use atLeast('5 ops/s')",
  toBeGreaterThanOrEqual: "use atLeast('5 ops/s')",
  not: 'use the opposite matcher: worseThan instead of not.betterThan',
}

/** The matchers that compare values of a parameter, and their arguments. */
const seriesMatchers: Readonly<Record<string, string>> = {
  peaksAt: "4, { over: 'threads' }",
  constant: "20, { over: 'threads' }",
  peakWithin: "15, 'runc', { over: 'threads' }",
  worsensAtMost: "'3x', { over: 'threads', from: 1, to: 8 }",
}

const seriesFixes = Object.fromEntries(
  Object.entries(seriesMatchers).map(([name, args]) => [
    name,
    `write const it = bench(...), and after it expect(it.metric).${name}(${args})`,
  ]),
)

/** The expectations of a bench, by metric. Their units must match the metric's. */
export type ExpectationsOf<M extends Metrics> = {
  readonly [K in keyof M]?: Expectation<M[K]['unit']> | readonly Expectation<M[K]['unit']>[]
}

/** A quantity in a unit of isobench, or with a space before a unit of the author. */
type AnyQuantity = Quantity<Unit> | `${number} ${string}`

/** `expect.warn`, as a function for claims and with the matchers of expectations. */
export interface ExpectWarning extends Omit<Matchers<Unit, Expectation>, 'atMost' | 'atLeast'> {
  /**
   * Starts a claim about a metric of a bench: `expect(prime.events).on(platform.family('container')).withinNative(5)`.
   */
  <U extends string, P extends ParamSpace>(ref: MetricRef<U, P>): MetricClaims<U, P>
  /** At most this value, in any unit of the metric's dimension. */
  atMost<const Q extends AnyQuantity>(quantity: Q): Expectation<UnitsOf<Q>>
  /** At least this value, in any unit of the metric's dimension. */
  atLeast<const Q extends AnyQuantity>(quantity: Q): Expectation<UnitsOf<Q>>
}

/** `expect`: like `expect.warn`, but a violated claim fails the run. */
export interface ExpectFunction extends ExpectWarning {
  /** The same, but a violated claim only warns. */
  readonly warn: ExpectWarning
}

/** The units of a quantity's dimension. */
type UnitsOf<Q extends string> =
  | { [D in keyof Units]: Q extends `${number}${'' | ' '}${Units[D]}` ? Units[D] : never }[keyof Units]
  | (Q extends `${number} ${infer U}` ? Exclude<U, Unit> : never)

const allPlatforms: Pick<Claim, 'on' | 'where'> = { on: { by: 'all' }, where: {} }

/** Creates `expect`. Its location, and that of `expect.warn`, is where the author calls it. */
function createExpect(severity: Severity, more: object = {}) {
  function expectMetric<U extends string, P extends ParamSpace>(ref: MetricRef<U, P>): MetricClaims<U, P> {
    const location = callerLocation(expectMetric)
    checkMetric(ref, location)
    const start: ClaimStart = { metric: ref.metric, isUsed: false, ...withLocation(location) }
    registry().starts.push(start)
    return claims(ref, { ...allPlatforms, severity }, start)
  }
  const members = Object.assign(expectMetric, expectations(severity), more)
  const missing = (name: string) =>
    Object.hasOwn(seriesMatchers, name)
      ? `${name} compares values of a parameter, so it needs the metric of a registered bench.`
      : `isobench has no matcher "${name}".`
  return withKnownMembers(members, missing, { ...testMatchers, ...seriesFixes })
}

/** @throws {DefinitionError} if `given` is no metric of a bench */
function checkMetric(given: unknown, location: Location | undefined): void {
  if (isMetricRef(given)) return
  const metrics =
    typeof given === 'object' && given !== null ? Object.entries(given).filter(([, ref]) => isMetricRef(ref)) : []
  if (metrics.length > 0)
    throw new DefinitionError(
      'expect() takes one metric of a bench, and this is the whole bench.',
      `write expect(it.${metrics[0]![0]}), with the constant that has the bench for "it"`,
      location,
    )
  throw new DefinitionError(
    `isobench's expect() makes claims about the metrics of benches, and this is ${describeValue(given)}.`,
    'write const it = bench(...) and expect(it.metric).withinNative(5); test values with a test runner such as Vitest',
    location,
  )
}

const isMetricRef = (given: unknown): given is MetricRef =>
  typeof given === 'object' && given !== null && Object.hasOwn(given, 'metric') && Object.hasOwn(given, 'definition')

/** Creates an expectation of a bench, or starts a claim about a metric. */
export const expect: ExpectFunction = createExpect('fail', { warn: createExpect('warn') }) as unknown as ExpectFunction
