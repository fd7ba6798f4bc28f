import { describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { Samples } from '../../../../src/core/judge/samples.ts'
import type { RunRecord, Sample } from '../../../../src/core/model/record.ts'
import { compareRecords, comparisonExit } from '../../../../src/core/records/compare.ts'
import { matrixOf } from '../../../../src/reporters/headline/matrix.ts'
import { aBench, aClaim, aPlan, aPlatform, aRecord, costing, native, planWith, withValues } from './builders.ts'

/** A value of 0: worse than any other if higher values are better, and no ratio as a reference. */

const rate = { metric: 'rate' } as const
const within = { kind: 'withinNative', percent: 10 } as const

/** Samples with a rate of 0 in some rounds. */
const stalled = (samples: readonly Sample[], isIn: (round: number) => boolean = () => true): Sample[] =>
  samples.map((one) =>
    one.outcome.ok && isIn(one.round) ? { ...one, ...withValues({ ...one.outcome.values, rate: 0 }) } : one,
  )

const judged = (samples: readonly Sample[], matcher: Parameters<typeof aClaim>[0] = within) =>
  judge(planWith(aClaim(matcher, rate)), new Samples(samples)).claims[0]!

describe('a claim', () => {
  it('is contradicted by 0 in all rounds, however many, paired or not, and shows a ratio of 0', () => {
    for (const count of [5, 10, 20])
      expect(judged([...native(count), ...stalled(costing('runc', 1, { count }))])).toMatchObject({
        outcome: 'contradicted',
        direction: 'worse',
        estimate: { value: 0, low: 0, high: 0 },
      })
    const unpaired = [...native(), ...stalled(costing('runc', 1))].map((one) => ({ ...one, unpaired: true }))
    expect(judged(unpaired)).toMatchObject({ outcome: 'contradicted', direction: 'worse', estimate: { value: 0 } })
  })

  it('that the platform is worse holds', () => {
    const samples = [...native(), ...stalled(costing('runc', 1))]
    expect(judged(samples, { kind: 'worseThan', platform: 'native', by: 2 }).outcome).toBe('holds')
  })

  it('is not decided by 0 in one of ten rounds, and holds in twenty-nine of thirty', () => {
    const once = (count: number) =>
      judged([...native(count), ...stalled(costing('runc', 1.05, { count }), (round) => round === 3)])
    expect(once(10)).toMatchObject({ outcome: 'holds' })
    expect(once(5)).toMatchObject({ outcome: 'inconclusive', estimate: { low: 0 } })
  })

  it('among many claims fails the run with five rounds', () => {
    const claims = Array.from({ length: 20 }, (_, at) => aClaim({ kind: 'withinNative', percent: 5 + at }, rate))
    const samples = [
      ...native(5),
      ...stalled(costing('runc', 1, { count: 5 })),
      ...costing('gvisor', 1.01, { count: 5 }),
    ]
    const { exit } = buildReport(aRecord({ plan: planWith(...claims), samples }), { strict: false })
    expect(exit).toMatchObject({ code: 1, claims: claims.map((_, at) => at) })
  })

  it('leaves the noise of other platforms as it is', () => {
    const plan = planWith(aClaim(within, { ...rate, on: { by: 'name', names: ['gvisor'] } }))
    const others = [...native(), ...costing('gvisor', 1.3)]
    const sometimes = stalled(costing('runc', 1), (round) => round % 2 === 0)
    const alone = judge(plan, new Samples(others)).claims[0]!
    const beside = judge(plan, new Samples([...others, ...sometimes])).claims[0]!
    expect(beside).toMatchObject({ outcome: 'contradicted', estimate: alone.estimate! })
  })

  it('with 0 in the reference has no ratio, is in doubt with --strict, and is said to be open', () => {
    const samples = [...stalled(native()), ...costing('runc', 1)]
    expect(judged(samples)).toMatchObject({ outcome: 'not-evaluated', reason: { code: 'zero-value' } })
    const plan = planWith(aClaim(within, rate), aClaim(within))
    const record = aRecord({ plan, samples })
    expect(buildReport(record, { strict: false }).exit.code).toBe(0)
    expect(buildReport(record, { strict: true }).exit).toMatchObject({ code: 3, claims: [0] })
  })
})

describe('a comparison of two runs', () => {
  const plan = aPlan({ benches: [aBench()], platforms: [aPlatform('native'), aPlatform('runc')] })
  const run = (samples: Sample[]): RunRecord => aRecord({ plan, samples })
  const before = run([...native(), ...costing('runc', 1.1)])
  const rowOf = (a: RunRecord, b: RunRecord, metric: string, platform = 'runc') => {
    const comparison = compareRecords(a, b, { marginPercent: 5 })
    const row = comparison.rows.find((one) => one.metric === metric && one.platform === platform)!
    return { row, exit: comparisonExit(comparison, false) }
  }

  it('regressed if the value is 0 now, by the ratio to native and by values', () => {
    const now = stalled(costing('runc', 1.1))
    for (const of of ['ratio-to-native', 'value'] as const) {
      const natives = of === 'value' ? [] : native()
      const [a, b] = [run([...natives, ...costing('runc', 1.1)]), run([...natives, ...now])]
      const { row, exit } = rowOf(a, b, 'rate')
      expect(row).toMatchObject({ change: 'regressed', of, ratio: { estimate: 0, low: 0, high: 0 }, looksWorse: true })
      expect(exit).toBe(1)
    }
  })

  it('is unclear if the baseline has a 0, and says why', () => {
    const { row } = rowOf(run([...native(), ...stalled(costing('runc', 1.1))]), before, 'rate')
    expect(row).toMatchObject({ change: 'unclear', reason: { code: 'zero-value' }, ratio: null })
  })
})

it('a matrix has no number that is not finite', () => {
  const claims = [aClaim(within, rate)]
  const bench = aBench({ claims, metrics: { rate: { unit: 'ops/s', better: 'higher' } } })
  const samples = [...native(), ...stalled(costing('runc', 1)), ...costing('gvisor', 1.2)]
  const report = buildReport(aRecord({ plan: aPlan({ benches: [bench] }), samples }), { strict: false })
  const { rows } = matrixOf(report, { columns: 4, rows: 4 })!
  const cell = rows.find(({ platforms }) => platforms.includes('runc'))!.cells[0]!
  expect(cell).toMatchObject({ state: 'worse', ratio: { least: 0, most: 0 }, fails: true })
})
