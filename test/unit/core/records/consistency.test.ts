/** Records that lie: each is refused with the file and the line, and never gives a verdict. */

import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { ScheduledPlan } from '../../../../src/core/model/plan.ts'
import type { RunRecord, Sample } from '../../../../src/core/model/record.ts'
import { compareRecords } from '../../../../src/core/records/compare.ts'
import { recordText } from '../../../../src/core/records/merge.ts'
import { parseRecord, RecordError, type UnreadableLine } from '../../../../src/core/records/record-file.ts'
import { planLooks, seeded } from '../../../../src/core/stats/index.ts'
import type { Matcher } from '../../../../src/dsl/claim.ts'
import { IsobenchError } from '../../../../src/util/errors.ts'
import { mergeAll } from '../../../support/merged.ts'
import { aBench, aClaim, aFinding, aPlan, aRecord, costing, native, withError, withValues } from '../judge/builders.ts'

const claims = [
  aClaim({ kind: 'withinNative', percent: 10 }),
  aClaim({ kind: 'withinNative', percent: 10 }, { metric: 'rate', on: { by: 'all' } }),
  aClaim({ kind: 'ranked', platforms: ['native', 'runc', 'gvisor'] }),
  aClaim({ kind: 'atMost', value: 1000 }),
]
const plan: ScheduledPlan = { ...aPlan({ benches: [aBench({ claims })] }), findings: [aFinding([claims[0]!])] }
const samples = [...native(6), ...costing('runc', 1.02, { count: 6 }), ...costing('gvisor', 2, { count: 6 })]
const record = (over: Partial<RunRecord> = {}): RunRecord => aRecord({ plan, samples, ...over })
const textOf = (over: Partial<RunRecord> = {}): string => recordText(record(over), '2026-01-01T00:00:00Z')

const planned = (over: Partial<ScheduledPlan>) => textOf({ plan: { ...plan, ...over } as ScheduledPlan })
const claiming = (matcher: Matcher, metric = 'latency') =>
  planned({ benches: [aBench({ claims: [aClaim(matcher, { metric })] })] })
const sharded = (over: Partial<NonNullable<ScheduledPlan['shard']>>) => {
  const parts = { count: 2, indices: [1], benches: [[plan.benches[0]!.id], ['other']] }
  return planned({ shard: { plan: 'p1', run: 'p1', others: [], ...parts, ...over } })
}
const withFirst = (change: (sample: Sample) => Sample) =>
  textOf({ samples: [change(samples[0]!), ...samples.slice(1)] })
const lines = (text: string) => text.split('\n')

describe('a record that contradicts itself', () => {
  const both = { ok: true, values: { latency: 1, rate: 1 }, error: 'it broke' } as never
  const named = (name: string) =>
    textOf().replace('"metrics":{', `"metrics":{${JSON.stringify(name)}:{"unit":"ms","better":"lower"},`)
  const cases: [string, string, RegExp][] = [
    ['two start lines', textOf() + textOf(), /:21 .*after the end|:21 .*second start/],
    ['two start lines without an end', `${lines(textOf()).slice(0, 3).join('\n')}\n${textOf()}`, /:4 .*second start/],
    ['a sample after the end', `${textOf()}${lines(textOf())[1]}\n`, /:21 .*after the end/],
    ['a second sample in a round', textOf({ samples: [...samples, samples[0]!] }), /:20 .*second sample/],
    [
      'a third sample in a disturbed round',
      textOf({ samples: [...native(6), ...native(6), ...native(6)].map((one) => ({ ...one, disturbed: true })) }),
      /:14 .*second sample/,
    ],
    ['a warm-up in a round', withFirst((one) => ({ ...one, warmup: true })), /:2 .*warm-up/],
    ['a sample of another case', withFirst((one) => ({ ...one, case: 'other' })), /:2 .*"other"/],
    ['a sample of another platform', withFirst((one) => ({ ...one, platform: 'other' })), /:2 .*"other"/],
    ['a value of another metric', withFirst((one) => ({ ...one, ...withValues({ other: 1 }) })), /:2 .*"other"/],
    ['ranked of one platform', claiming({ kind: 'ranked', platforms: ['runc'] }), /:1 .*platforms/],
    ['ranked of the same platform', claiming({ kind: 'ranked', platforms: ['runc', 'runc'] }), /:1 .*platforms/],
    ['an order of two', claiming({ kind: 'noStableOrder', platforms: ['runc', 'native'] }), /:1 .*platforms/],
    ['a margin of 0', claiming({ kind: 'withinNative', percent: 0 }), /:1 .*percent/],
    ['a margin of 100 % of a rate', claiming({ kind: 'withinNative', percent: 100 }, 'rate'), /:1 .*no margin/],
    ['a factor below 1', claiming({ kind: 'worseThan', platform: 'native', by: 0.5 }), /:1 .*by/],
    ['a range that ends first', claiming({ kind: 'peaksAt', over: 'x', from: 4, to: 2 }), /:1 .*no range/],
    [
      'a value compared with itself',
      claiming({ kind: 'worsensAtMost', over: 'x', from: 4, to: 4, by: 2 }),
      /:1 .*x 4 with itself/,
    ],
    ['looks from 0 on', planned({ sequential: { looks: [0, 6], alphas: [0.02, 0.04] } }), /:1 .*looks/],
    ['looks with other error rates', planned({ sequential: { looks: [6], alphas: [0.5] } }), /:1 .*looks/],
    ['looks in a circle', planned({ sequential: { looks: [10, 8, 12], alphas: [0.01, 0.01, 0.01] } }), /:1 .*looks/],
    ['too many looks', planned({ sequential: { looks: [1e6 - 1, 1e6], alphas: [0.02, 0.04] } }), /:1 .*looks/],
    ['a metric named constructor', named('constructor'), /:1 .*metrics/],
    ['a metric named __proto__', named('__proto__'), /:1 .*(metric|name)/],
    ['a case without its bench', planned({ benches: [] }), /:1 .*which the plan does not have/],
    ['two benches of one id', planned({ benches: [aBench(), aBench()] }), /:1 .*two benches/],
    ['a shard above the count', sharded({ indices: [3] }), /:1 .*it is shard 3 of 2/],
    ['no shard', sharded({ indices: [] }), /:1 .*it is shard none of 2/],
    ['a count that its list contradicts', sharded({ count: 3 }), /:1 .*benches of 2 shards, and has a count of 3/],
    ['a case of another shard', sharded({ indices: [2] }), /:1 .*case ".*" is not of shard 2 of 2/],
    ['two findings of one number', planned({ findings: [aFinding([]), aFinding([])] }), /:1 .*two findings/],
  ]
  it.each(cases)('is refused: %s', (_, text, message) => {
    let error: unknown
    try {
      parseRecord(text, 'a.jsonl')
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(RecordError)
    expect(error).toMatchObject({ code: 'ISOBENCH_RECORD', message: expect.stringMatching(message) })
    expect((error as Error).message).toMatch(/^a\.jsonl:\d+ /)
  })

  it.each([
    ['values and an error', withFirst((one) => ({ ...one, outcome: both })), /:2 .*outcome/],
    ['a negative value', withFirst((one) => ({ ...one, ...withValues({ latency: -1, rate: 1 }) })), /:2 .*latency/],
    ['half a round', withFirst((one) => ({ ...one, round: 0.5 })), /:2 .*round/],
  ])('is read without a line that no run writes: %s', (_, text, message) => {
    const unreadable: UnreadableLine[] = []
    const { samples: read } = parseRecord(text, 'a.jsonl', (line) => unreadable.push(line))
    expect(read).toEqual(samples.slice(1))
    expect(unreadable.map(({ number, why }) => `:${number} ${why}`)).toEqual([expect.stringMatching(message)])
  })

  it('is not one with a disturbed sample and its repetition, a failed sample, or looks of --rounds', () => {
    const repeated = [{ ...samples[0]!, disturbed: true }, ...samples]
    expect(parseRecord(textOf({ samples: repeated }), 'a.jsonl').samples).toHaveLength(19)
    const failed = samples.map((one, at) => (at === 3 ? { ...one, ...withError('it broke') } : one))
    expect(parseRecord(textOf({ samples: failed }), 'a.jsonl').samples).toHaveLength(18)
    const sequential = planLooks({ first: 10, last: 30 })
    expect(parseRecord(planned({ sequential }), 'a.jsonl').plan).toMatchObject({ sequential })
    expect(parseRecord(sharded({ indices: [1, 2] }), 'a.jsonl').plan.shard!.indices).toEqual([1, 2])
  })
})

describe('imported results where a run record is needed', () => {
  it('are refused with what reads them', () => {
    const text = JSON.stringify({ isobench: 'import', version: 1 }, null, 2)
    expect(() => parseRecord(text, 'results.json')).toThrow('results.json holds imported results, not a run record')
  })
})

describe('merging runs with interim looks', () => {
  const looked = (file: string, seed: string, over: Partial<RunRecord> = {}) =>
    record({ file, plan: { ...plan, seed, sequential: planLooks({ first: 6, last: 12 }) } as ScheduledPlan, ...over })

  it('is refused if they measured the same case, in either order', () => {
    for (const [a, b] of [
      [looked('a', '1'), looked('b', '2')],
      [looked('b', '2'), looked('a', '1')],
    ] as const)
      expect(() => mergeAll([a, b])).toThrow(/both measured .* with interim looks/)
  })

  it('is refused if only one has them', () => {
    expect(() => mergeAll([looked('a', '1'), record({ file: 'b' })])).toThrow(/different interim looks/)
  })

  it('is possible for shards', () => {
    expect(mergeAll([looked('a', '1'), looked('b', '2', { samples: [] })]).samples).toHaveLength(18)
  })
})

describe('10,000 mutated records', () => {
  const random = seeded('mutations')
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!
  const oddities: readonly unknown[] = [
    0,
    -1,
    0.5,
    1e308,
    1e-320,
    -0,
    6,
    1e9,
    null,
    '',
    'native',
    'runc',
    '__proto__',
    'constructor',
    [],
    {},
    true,
    false,
    ['runc'],
    { code: 1 },
    'ranked',
    'holds',
    '2026-01-01T00:00:00Z',
  ]
  interface Place {
    readonly of: Record<string, unknown>
    readonly key: string
  }
  const places = (value: unknown): Place[] =>
    typeof value === 'object' && value !== null
      ? Object.keys(value).flatMap((key) => [
          { of: value as Record<string, unknown>, key },
          ...places((value as Record<string, unknown>)[key]),
        ])
      : []
  const original = record()
  const parsed = lines(textOf())
    .filter(Boolean)
    .map((text) => JSON.parse(text) as unknown)
  /** Changes one to three places of a record: a field, its type, a number, a line, or the order of lines. */
  function mutated(): string {
    const all = structuredClone(parsed)
    for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
      const kind = random()
      const at = random() < 0.4 ? 0 : Math.floor(random() * all.length)
      if (kind < 0.1) all.splice(at, 1)
      else if (kind < 0.2) all.splice(Math.floor(random() * all.length), 0, structuredClone(pick(all)))
      else if (kind < 0.25) all.reverse()
      else if (all[at] !== undefined) {
        const { of, key } = pick(places(all[at]))
        if (kind < 0.4) delete of[key]
        else if (kind < 0.55 && typeof of[key] === 'number') of[key] = (of[key] as number) * pick([-1, 0, 2, 1e200])
        else if (kind < 0.65) of[pick(['constructor', 'x', 'latency', 'case'])] = structuredClone(of[key])
        else of[key] = structuredClone(pick(oddities))
      }
    }
    return `${all.map((line) => JSON.stringify(line)).join('\n')}\n`
  }

  it('are refused by an error of isobench, or judged, reported, merged and compared', () => {
    let [refused, judged] = [0, 0]
    for (let run = 0; run < 10_000; run++) {
      const text = mutated()
      try {
        const read = parseRecord(text, 'a.jsonl')
        const report = buildReport(read, { strict: true })
        judged++
        for (const { outcome, estimate, reason } of report.claims) {
          expect(reason === null).toBe(outcome === 'holds' || outcome === 'contradicted')
          if (outcome === 'holds' || outcome === 'contradicted') {
            expect(estimate === null || Number.isFinite(estimate.value), text).toBe(true)
            expect(estimate === null || estimate.rounds >= 5, text).toBe(true)
          }
        }
        // A reader that repeats itself agrees with itself.
        if (run % 10 === 2)
          expect(buildReport(parseRecord(text, 'a.jsonl'), { strict: true }).exit).toEqual(report.exit)
        if (run % 10 === 0) compareRecords(original, read, { marginPercent: 5 })
        if (run % 10 === 1) parseRecord(recordText(read, '2026-01-01T00:00:00Z'), 'b.jsonl')
      } catch (error) {
        if (!(error instanceof IsobenchError)) throw new Error(`run ${run}: ${(error as Error).stack}\n${text}`)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(3000)
    expect(judged).toBeGreaterThan(1000)
  }, 120_000)
})
