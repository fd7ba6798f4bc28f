/** Claims over a parameter. */

import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import { judgePeaks, judgeSeries, type PeakMatcher, type SeriesMatcher } from '../../../../src/core/judge/series.ts'
import { casesOf, type Plan } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import { seeded } from '../../../../src/core/stats/index.ts'
import type { Claim, Matcher } from '../../../../src/dsl/claim.ts'
import { formatClaim } from '../../../../src/reporters/format.ts'
import { gaussian } from '../../../calibration/simulate.ts'
import { aBench, aClaim, aPlan, aSample, benchId, rounds, withError, withValues } from './builders.ts'

const threads = [1, 2, 4, 8] as const
const peaksAt: SeriesMatcher = { kind: 'peaksAt', over: 'threads', from: 2, to: 4 }
const flat: SeriesMatcher = { kind: 'constant', over: 'threads', percent: 20 }
const peakWithin: PeakMatcher = { kind: 'peakWithin', platform: 'native', over: 'threads', percent: 15 }

const planWith = (claim: Claim, over: Partial<Plan> = {}): Plan =>
  aPlan({ benches: [aBench({ params: { threads }, claims: [claim] })], ...over })

/** Rates by threads, in a host that drifts from round to round, with up to 0.4 % of noise. */
const series = (rates: readonly number[], count = 10, over: Partial<Sample> = {}): Sample[] =>
  rounds(count).flatMap((round) =>
    threads.map((value, at) => {
      const rate = rates[at]! * (1 + (round % 5) * 0.3) * (1 + (((round * 13 + at * 5) % 9) - 4) / 1000)
      const point = `${benchId} [threads=${value}]`
      return aSample('runc', round, {
        case: point,
        workDigest: `work ${value}`,
        ...withValues({ rate, latency: 1e4 / rate }),
        ...over,
      })
    }),
  )

/** Rates by threads without noise. */
const exactly = (rates: readonly number[], count = 6): Sample[] =>
  rounds(count).flatMap((round) =>
    threads.map((value, at) =>
      aSample('runc', round, {
        case: `${benchId} [threads=${value}]`,
        workDigest: `work ${value}`,
        ...withValues({ rate: rates[at]!, latency: 1e4 / rates[at]! }),
      }),
    ),
  )

const verdictOf = (matcher: SeriesMatcher | PeakMatcher, samples: readonly Sample[], metric = 'rate') => {
  const { claims } = judge(planWith(aClaim(matcher, { metric })), samples)
  expect(claims).toHaveLength(1)
  return claims[0]!
}

const cases: [SeriesMatcher, number[], string][] = [
  [peaksAt, [50, 100, 90, 60], 'holds'],
  [peaksAt, [50, 90, 100, 60], 'holds'],
  [peaksAt, [50, 100, 100, 60], 'holds'],
  [peaksAt, [50, 60, 90, 100], 'contradicted'],
  [peaksAt, [100, 60, 50, 40], 'contradicted'],
  [peaksAt, [100, 100, 100, 100], 'inconclusive'],
  [flat, [100, 100, 100, 100], 'holds'],
  [flat, [90, 95, 100, 95], 'holds'],
  [flat, [50, 95, 100, 95], 'contradicted'],
]

it.each<[string, SeriesMatcher, string, number[]]>([
  ['a spread of a rate', { ...flat, percent: 75 }, 'rate', [100, 90, 50, 25]],
  ['a spread of a latency', { ...flat, percent: 300 }, 'latency', [100, 90, 50, 25]],
  ['two peaks', peaksAt, 'rate', [50, 100, 90, 100]],
])('%s exactly at the margin is not decided, and more rounds would not decide it', (_, matcher, metric, rates) => {
  const verdict = verdictOf(matcher, exactly(rates), metric)
  expect(verdict).toMatchObject({
    outcome: 'inconclusive',
    reason: { code: 'equals-margin' },
    extraRoundsNeeded: null,
  })
})

it('a peak exactly at the margin of another one is not decided', () => {
  const native = exactly([50, 100, 80, 60]).map((one) => ({ ...one, platform: 'native' }))
  const verdict = verdictOf(peakWithin, [...exactly([50, 85, 80, 60]), ...native])
  expect(verdict).toMatchObject({ outcome: 'inconclusive', reason: { code: 'equals-margin' } })
})

describe.each(['rate', 'latency'])('over a parameter, the %s', (metric) => {
  it.each(cases)('%o of %j: %s', (matcher, rates, expected) => {
    expect(verdictOf(matcher, series(rates), metric).outcome).toBe(expected)
  })
})

describe('a claim over a parameter', () => {
  it('is in doubt where the truth lies at the margin', () => {
    expect(verdictOf(flat, series([80, 100, 95, 90]))).toMatchObject({ outcome: 'inconclusive' })
  })

  it('says where the peak may be, and which two points differ most', () => {
    const verdict = verdictOf(peaksAt, series([50, 100, 100, 60]))
    expect(verdict.estimate).toMatchObject({ kind: 'argmax', low: 2, high: 4, rounds: 10, parameter: 'threads' })
    expect(verdict.params).toEqual({})
    expect(formatClaim(verdict)).toMatch(/^rate of runc is best at threads 2 to 4: [24] \[2, 4\] threads$/)
    const uneven = verdictOf(flat, series([50, 95, 100, 95]))
    expect(uneven.estimate!.value).toBeCloseTo(0.5, 2)
    expect(uneven.estimate).toMatchObject({ kind: 'spread', parameter: 'threads', best: 4, worst: 1 })
    expect(formatClaim(uneven)).toContain('0.5 × threads=4, at threads=1')
  })

  it('is undecidable without points on both sides of the range, whatever they show', () => {
    for (const values of [[2, 4], [1, 8], [2]] as const) {
      const bench = aBench({ params: { threads: values }, claims: [aClaim(peaksAt, { metric: 'rate' })] })
      const { claims } = judge(aPlan({ benches: [bench], cases: casesOf(bench) }), series([50, 100, 90, 60]))
      expect(claims[0]).toMatchObject({ outcome: 'not-evaluated', reason: { code: 'too-few-points' } })
    }
  })

  it('is in doubt below five rounds, and undecidable where a point has no samples or its work changed', () => {
    const rates = [50, 100, 90, 60]
    expect(verdictOf(peaksAt, series(rates, 4))).toMatchObject({
      outcome: 'inconclusive',
      reason: { code: 'too-few-rounds' },
    })
    const without = series(rates).filter(({ case: point }) => !point.includes('=8'))
    const at = { parameter: 'threads', values: [8] }
    expect(verdictOf(peaksAt, without)).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'too-few-rounds', at },
    })
    const changed = series(rates).map((one) => (one.round === 3 ? { ...one, workDigest: 'other' } : one))
    expect(verdictOf(flat, changed)).toMatchObject({ outcome: 'not-evaluated', reason: { code: 'different-work' } })
  })

  it('is undecidable where the client was the limit at one of the points', () => {
    const bound = series([50, 100, 100, 100]).map((one) =>
      one.case.includes('=8') ? { ...one, client: { cpu: 0.99 } as NonNullable<Sample['client']> } : one,
    )
    expect(verdictOf(peaksAt, bound)).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'client-bound', platforms: ['runc'] },
    })
  })

  it('does not fail a run on a host that mostly works for others', () => {
    const load = { steal: 0, otherProcesses: 0.6, otherProcessesOnClientCpus: null, cpuPressure: null, runnable: 1 }
    const overloaded = series([50, 60, 90, 100], 10, { disturbed: true, load })
    expect(verdictOf(peaksAt, overloaded)).toMatchObject({
      outcome: 'inconclusive',
      reason: { code: 'host-overloaded' },
    })
  })
})

describe('a claim that a metric worsens at most so much', () => {
  const atMost = (by: number, over: object = {}): Matcher => ({
    kind: 'worsensAtMost',
    over: 'threads',
    from: 1,
    to: 8,
    by,
    ...over,
  })
  const verdictFor = (matcher: Matcher, samples: readonly Sample[], metric = 'latency') => {
    const { claims } = judge(planWith(aClaim(matcher, { metric })), samples)
    expect(claims).toHaveLength(1)
    return claims[0]!
  }
  /** Samples that have no latency at some values. */
  const unobserved = (...values: number[]) =>
    series(halved).map((one) =>
      values.some((value) => one.case.includes(`=${value}]`)) ? { ...one, ...withValues({ rate: 1 }) } : one,
    )
  // The rate falls to a half, and the latency doubles. The host's drift is in all points of a round.
  const halved = [100, 90, 70, 50]

  it.each(['rate', 'latency'])('allows exactly the factor, as a limit does, of a %s', (metric) => {
    expect(verdictFor(atMost(2), exactly([100, 90, 70, 50]), metric)).toMatchObject({ outcome: 'holds', reason: null })
    expect(verdictFor(atMost(2), exactly([100, 90, 70, 49.9]), metric).outcome).toBe('contradicted')
    const few = verdictFor(atMost(2), exactly([100, 90, 70, 50], 4), metric)
    expect(few).toMatchObject({ outcome: 'inconclusive', reason: { code: 'too-few-rounds' } })
  })

  it.each(['rate', 'latency'])('compares the two values within each round, of a %s', (metric) => {
    expect(verdictFor(atMost(3), series(halved), metric)).toMatchObject({ outcome: 'holds', case: null, params: {} })
    expect(verdictFor(atMost(1.5), series(halved), metric)).toMatchObject({
      outcome: 'contradicted',
      direction: 'worse',
    })
    expect(verdictFor(atMost(2), series(halved), metric).outcome).toBe('inconclusive')
    // To become better is to become worse by less.
    expect(verdictFor(atMost(1.5, { from: 8, to: 1 }), series(halved), metric).outcome).toBe('holds')
  })

  it('says by how much the metric changed', () => {
    const verdict = verdictFor(atMost(3), series(halved))
    expect(verdict.estimate).toMatchObject({ kind: 'change', parameter: 'threads', from: 1, to: 8, rounds: 10 })
    expect(verdict.estimate!.value).toBeCloseTo(2, 1)
    expect(formatClaim(verdict)).toMatch(
      /^latency of runc is at most 3× worse at threads 8 than at threads 1: [\d.]+ \[.*\] × threads=1, at threads=8$/,
    )
  })

  it('needs only the two values that it compares', () => {
    const two = series(halved).filter(({ case: point }) => point.includes('=1') || point.includes('=8'))
    expect(verdictFor(atMost(3), two).outcome).toBe('holds')
  })

  it('is not evaluated without one of the values, or if its samples failed', () => {
    const bench = aBench({ params: { threads: [1, 2] }, claims: [aClaim(atMost(3))] })
    const { claims } = judge(aPlan({ benches: [bench], cases: casesOf(bench) }), series(halved))
    expect(claims).toHaveLength(1)
    expect(claims[0]).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'too-few-points', at: { parameter: 'threads', values: [8] } },
    })
    const neither = aBench({ params: { threads: [2, 4] }, claims: [aClaim(atMost(3))] })
    expect(judge(aPlan({ benches: [neither], cases: casesOf(neither) }), series(halved)).claims[0]).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'not-measured' },
    })
    const failed = series(halved).map((one) => (one.case.includes('=8') ? { ...one, ...withError('no memory') } : one))
    expect(verdictFor(atMost(3), failed)).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'sample-errors', platforms: ['runc'], at: { parameter: 'threads', values: [8] } },
    })
    const unable = series(halved).map((one) =>
      one.case.includes('=8') ? { ...one, ...withError('too many', { kind: 'unsupported' }) } : one,
    )
    expect(verdictFor(atMost(3), unable)).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'workload-unsupported', platforms: ['runc'], at: { parameter: 'threads', values: [8] } },
    })
    const verdict = verdictFor(atMost(3), unobserved(8))
    expect(verdict).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'not-observed', platforms: ['runc'], at: { parameter: 'threads', values: [8] } },
    })
    expect(formatClaim(verdict)).toMatch(/runc at threads 8: its samples have no value/)
    expect(verdictFor(atMost(3, { from: 8, to: 1 }), unobserved(8)).reason).toEqual(verdict.reason)
    expect(verdictFor(atMost(3), unobserved(1, 8)).reason).toEqual({ code: 'not-observed', platforms: ['runc'] })
    expect(verdictOf(flat, unobserved(1, 2), 'latency').reason).toEqual({
      code: 'not-observed',
      platforms: ['runc'],
      at: { parameter: 'threads', values: [1, 2] },
    })
    expect(verdictFor(atMost(3), series(halved, 4))).toMatchObject({
      outcome: 'inconclusive',
      reason: { code: 'too-few-rounds' },
    })
  })
})

describe("a platform's peak against another platform's", () => {
  const on = (platform: string, samples: readonly Sample[]) => samples.map((one) => ({ ...one, platform }))
  const both = (own: readonly number[], theirs: readonly number[]) => [...series(own), ...on('native', series(theirs))]
  // Native is best at 8 threads, runc at 2: only the peaks count, wherever they are.
  const native = [40, 80, 90, 100]
  const peaks: [number[], string][] = [
    [[50, 100, 90, 60], 'holds'],
    [[50, 90, 60, 40], 'holds'],
    [[50, 200, 60, 40], 'holds'],
    [[40, 80, 70, 60], 'contradicted'],
  ]

  it.each(['rate', 'latency'].flatMap((metric) => peaks.map(([own, expected]) => [metric, own, expected] as const)))(
    'by the %s of %j: %s',
    (metric, own, expected) => {
      expect(verdictOf(peakWithin, both(own, native), metric).outcome).toBe(expected)
    },
  )

  it('says what the peaks are to each other', () => {
    const verdict = verdictOf(peakWithin, both([50, 80, 60, 40], native))
    expect(verdict).toMatchObject({ direction: 'worse', comparedWith: ['native'], case: null, params: {} })
    expect(verdict.estimate!.value).toBeCloseTo(0.8, 2)
    expect(formatClaim(verdict)).toContain(
      'at its best threads not worse than native at its own best by more than 15 %',
    )
    expect(formatClaim(verdict)).toContain('×native')
  })

  it('is in doubt if the truth lies at the margin', () => {
    expect(verdictOf(peakWithin, both([50, 85, 60, 40], native))).toMatchObject({ outcome: 'inconclusive' })
  })

  it('is not evaluated without the reference, or if the work differs', () => {
    expect(verdictOf(peakWithin, series([50, 100, 90, 60]))).toMatchObject({ outcome: 'not-evaluated' })
    const other = on('native', series(native)).map((one) => ({ ...one, workDigest: 'other' }))
    expect(verdictOf(peakWithin, [...series([50, 100, 90, 60]), ...other])).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'different-work' },
    })
  })

  it('is not evaluated if the load generator limited the reference', () => {
    const limited = on('native', series(native, 10, { client: { cpu: 0.99 } as NonNullable<Sample['client']> }))
    expect(verdictOf(peakWithin, [...series([50, 100, 90, 60]), ...limited])).toMatchObject({
      outcome: 'not-evaluated',
      reason: { code: 'client-bound', platforms: ['native'] },
    })
  })
})

describe('the error rates of a claim over a parameter', () => {
  const metric = { unit: 'ops/s', better: 'higher' } as const
  const context = { looks: undefined, priorOf: () => () => undefined, dependenceOf: () => undefined, id: 'a' }
  const pointsOf = (truth: readonly number[], sd: number, random: () => number) =>
    truth.map((rate, at) => ({
      value: threads[at]!,
      series: {
        rounds: new Map(rounds(10).map((round) => [round, rate * Math.exp(sd * gaussian(random))])),
        overloaded: new Set<number>(),
        digests: new Set(['work']),
        errors: [],
        visited: 10,
      },
    }))
  /** The share of 2,000 series of 10 rounds that are given a verdict; `sd` of the logarithm of one sample. */
  const shareOf = (wanted: string, matcher: SeriesMatcher, truth: readonly number[], sd: number): number => {
    const random = seeded(`${matcher.kind} ${truth}`)
    let found = 0
    for (let run = 0; run < 2_000; run++) {
      if (judgeSeries(matcher, 'runc', pointsOf(truth, sd, random), metric, context).outcome === wanted) found++
    }
    return found / 2_000
  }

  it.each([
    ['contradicted', peaksAt, [50, 100, 50, 100]],
    ['contradicted', peaksAt, [100, 100, 100, 100]],
    ['holds', peaksAt, [100, 100, 100, 100]],
    ['holds', peaksAt, [50, 100, 50, 100]],
    ['holds', flat, [80, 100, 100, 100]],
    ['contradicted', flat, [80, 80, 100, 100]],
  ] as const)(
    'stay below one in twenty at the margin: %s, %o of %j',
    (wanted, matcher, truth) => {
      // 5 % and three standard errors of a share of 2,000.
      expect(shareOf(wanted, matcher, truth, 0.1)).toBeLessThan(0.065)
    },
    30_000,
  )

  it.each([
    ['holds', [85, 50]],
    ['holds', [85, 85]],
    ['contradicted', [85, 50]],
    ['contradicted', [85, 85]],
  ] as const)(
    'stay below one in twenty at the margin of two peaks: %s, %j',
    (wanted, truth) => {
      const random = seeded(`peaks ${wanted} ${truth}`)
      let found = 0
      for (let run = 0; run < 2_000; run++) {
        const [own, theirs] = [pointsOf(truth, 0.1, random), pointsOf([100, 90], 0.1, random)]
        if (judgePeaks(peakWithin, 'runc', own, theirs, metric, context).outcome === wanted) found++
      }
      expect(found / 2_000).toBeLessThan(0.065)
    },
    30_000,
  )

  it('leave the power to see a peak that is 10 % higher at 3 % of noise', () => {
    expect(shareOf('holds', peaksAt, [85, 100, 85, 90], 0.03)).toBeGreaterThan(0.9)
    expect(shareOf('contradicted', peaksAt, [85, 90, 85, 100], 0.03)).toBeGreaterThan(0.9)
  }, 30_000)

  it('contradict what is flat by half of the margin in less than 0.5 %', () => {
    expect(shareOf('contradicted', flat, [90, 90, 100, 100], 0.1)).toBeLessThan(0.01)
  })
})
