import { describe, expect, it } from 'vitest'
import { neededPlatforms, orderBenches, planOfBlock } from '../../../../src/core/measure/bench-order.ts'
import { plannedSchedule } from '../../../../src/core/measure/planned-schedule.ts'
import { casesOf, type ScheduledPlan } from '../../../../src/core/model/plan.ts'
import type { Sample } from '../../../../src/core/model/record.ts'
import type { BenchData } from '../../../../src/core/model/suite.ts'
import { stepDurations } from '../../../../src/core/records/step-durations.ts'
import { planLooks } from '../../../../src/core/stats/index.ts'
import type { Claim } from '../../../../src/dsl/claim.ts'
import { aBench, aClaim, aFinding, aPlan, aPlatform, aSample } from '../judge/builders.ts'

const idOf = (name: string) => `a.bench.ts#${name}`
const within = { kind: 'withinNative', percent: 5 } as const
const on = (name: string, ...platforms: string[]): Claim =>
  aClaim(within, { bench: idOf(name), on: { by: 'name', names: platforms } })
const benchOf = (name: string, over: Partial<BenchData> = {}) => aBench({ id: idOf(name), name, ...over })

function order(plan: ScheduledPlan, samples: readonly Sample[] = [], isolated = false): string[][] {
  return orderBenches(plan, stepDurations(samples, plan.profile), isolated).map((block) =>
    block.map((id) => id.slice(idOf('').length)),
  )
}

describe('the order of benches', () => {
  const silent = benchOf('silent')
  const warns = benchOf('warns', { claims: [{ ...on('warns', 'runc'), severity: 'warn' }] })
  const fails = benchOf('fails', { claims: [on('fails', 'runc')] })
  const found = benchOf('found')

  it('begins with what can fail the run or decide a finding, and keeps the order of the files otherwise', () => {
    const plan = aPlan({ benches: [silent, warns, fails, found], findings: [aFinding([on('found', 'runc')])] })
    expect(order(plan)).toEqual([['fails'], ['found'], ['silent'], ['warns']])
  })

  it('does not count a claim that needs a platform which does not work, or where guests are emulated', () => {
    const platforms = [
      aPlatform('native'),
      aPlatform('runc'),
      aPlatform('kata', { available: false }),
      aPlatform('qemu', { cpuMode: 'emulated' }),
    ]
    const kata = benchOf('kata', { claims: [on('kata', 'kata')] })
    const qemu = benchOf('qemu', { claims: [on('qemu', 'qemu')] })
    expect(order(aPlan({ benches: [kata, qemu, fails], platforms }), [], true)).toEqual([['fails'], ['kata'], ['qemu']])
  })

  it('begins with the decisions that take the fewest seconds, by former samples of each case', () => {
    const plan = aPlan({ benches: [fails, benchOf('short', { claims: [on('short', 'runc')] })] })
    const samples = plan.platforms.map(({ name }) => aSample(name, 0, { case: idOf('short'), wallMs: 100 }))
    expect(order(plan, [], true)).toEqual([['fails'], ['short']])
    expect(order(plan, samples, true)).toEqual([['short'], ['fails']])
  })

  it('counts a finding once, however many claims it has', () => {
    const many = [on('many', 'runc'), on('many', 'gvisor'), on('many', 'runc', 'gvisor')]
    const findings = [
      aFinding([...many, on('rest', 'runc')], { id: 1 }),
      aFinding([on('few', 'runc')], { id: 2 }),
      aFinding([on('rest', 'gvisor')], { id: 3 }),
    ]
    expect(order(aPlan({ benches: ['many', 'rest', 'few'].map((name) => benchOf(name)), findings }))).toEqual([
      ['rest'],
      ['few'],
      ['many'],
    ])
  })

  it('lets benches share their guests if boots would take more than a quarter of the time', () => {
    const benches = ['a', 'b', 'c', 'd'].map((name) => benchOf(name))
    const slow = ({ name }: { readonly name: string }) => aPlatform(name, { cpuMode: 'emulated' })
    const plan = aPlan({ benches })
    const emulated = { ...plan, platforms: plan.platforms.map(slow) }
    expect(order(plan)).toEqual([['a'], ['b'], ['c'], ['d']])
    expect(order(emulated)).toEqual([['a', 'b', 'c', 'd']])
    expect(order(emulated, [], true)).toEqual([['a'], ['b'], ['c'], ['d']])
  })
})

describe('the schedule of blocks', () => {
  const benches = [benchOf('a'), benchOf('b', { params: { depth: [1, 2] } })]
  const blocks = benches.map(({ id }) => [id])
  const plan: ScheduledPlan = {
    ...aPlan({ benches, cases: benches.flatMap(casesOf), platforms: [aPlatform('native'), aPlatform('runc')], blocks }),
    profile: { rounds: 4, warmup: 1, seconds: 1, timeout: 60 },
  }
  const visits = (of: ScheduledPlan) => {
    const schedule = plannedSchedule(of)
    const samples: Sample[] = []
    const seen: (readonly [number, number, number])[] = []
    for (let step = schedule.next(samples); !('stopped' in step); step = schedule.next(samples)) {
      seen.push([step.block, step.round, step.left])
      samples.push(aSample(step.platform, step.round, { case: step.case.id, warmup: step.round < 0 }))
    }
    return seen
  }
  const distinct = (seen: ReturnType<typeof visits>) => [...new Set(seen.map(([at, round]) => `${at} ${round}`))]

  it('measures all rounds of a block before the next one, and counts what is left', () => {
    const seen = visits(plan)
    expect(distinct(seen)).toEqual([0, 1].flatMap((at) => [-1, 0, 1, 2, 3].map((round) => `${at} ${round}`)))
    expect(seen.map(([, , left]) => left)).toEqual(Array.from({ length: 30 }, (_, at) => 30 - at))
  })

  it('measures all blocks up to an interim look before it goes on', () => {
    const claims = [aClaim({ kind: 'noStableOrder', platforms: ['native', 'runc'] }, { bench: idOf('a') })]
    const undecided = {
      ...plan,
      benches: [{ ...benches[0]!, claims }, benches[1]!],
      sequential: planLooks({ first: 2, last: 4 }),
    }
    expect(distinct(visits(undecided)).slice(0, 6)).toEqual(['0 -1', '0 0', '0 1', '1 -1', '1 0', '1 1'])
  })

  it('has another order of platforms in each block', () => {
    const first = planOfBlock(plan, 0)
    const second = planOfBlock(plan, 1)
    expect(first.seed).not.toBe(second.seed)
    expect(second.cases.map(({ bench }) => bench)).toEqual([idOf('b'), idOf('b')])
  })
})

describe('what findings need', () => {
  const benches = [benchOf('a', { params: { depth: [1, 2] } }), benchOf('b'), benchOf('c')]
  const platforms = ['native', 'runc', 'crun', 'gvisor'].map((name) => aPlatform(name))
  const kata = aPlatform('kata', { available: false })
  const needs = (...claims: Claim[]) =>
    neededPlatforms(aPlan({ benches, platforms: [...platforms, kata], findings: [aFinding(claims)] }))

  it('is the cases of their claims, on the platforms that they are about or compare with, and native', () => {
    const than = (platform: string, over: Partial<Claim>) =>
      aClaim({ kind: 'betterThan', platform, by: 1 }, { bench: idOf('a'), ...over })
    expect(needs(than('crun', { where: { depth: 2 } }), on('b', 'gvisor'))).toEqual({
      [`${idOf('a')} [depth=2]`]: ['native', 'runc', 'crun'],
      [idOf('b')]: ['native', 'gvisor'],
    })
  })

  it('has nothing for a claim that needs a platform which does not work', () => {
    expect(needs(on('b', 'kata'), on('c', 'runc'))).toEqual({ [idOf('c')]: ['native', 'runc'] })
  })

  it('has a fallback claim only if the claims that it replaces cannot be decided', () => {
    const fallback: Claim = { ...on('c', 'runc'), fallbackLabel: 'by c' }
    expect(Object.keys(needs(on('b', 'runc'), fallback))).toEqual([idOf('b')])
    expect(Object.keys(needs(on('b', 'kata'), fallback))).toEqual([idOf('c')])
  })
})

describe('a plan of thousands of benches', () => {
  const benches = Array.from({ length: 3000 }, (_, at) => benchOf(`b${at}`))
  const plan = aPlan({ benches, cases: benches.flatMap(casesOf) })

  it('asks for the duration of each case and platform once, although all benches share their guests', () => {
    let asked = 0
    const durations = Object.assign(
      () => {
        asked++
        return { sample: 1e-6, boot: 10 }
      },
      { boot: () => 10 },
    )
    expect(orderBenches(plan, durations, false)).toEqual([benches.map(({ id }) => id)])
    expect(asked).toBe(benches.length * plan.platforms.length)
  })

  it('reads its list of cases once for all blocks', () => {
    let reads = 0
    const cases = new Proxy(plan.cases, {
      get(target, key, receiver) {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads++
        return Reflect.get(target, key, receiver) as unknown
      },
    })
    const blocks = { ...plan, cases, blocks: benches.map(({ id }) => [id]) }
    expect(benches.map((_, at) => planOfBlock(blocks, at).cases)).toEqual(plan.cases.map((one) => [one]))
    expect(reads).toBe(plan.cases.length)
  })

  it('has as many steps left after each one as follow', () => {
    const few = { ...plan, cases: plan.cases.slice(0, 3), blocks: benches.slice(0, 3).map(({ id }) => [id]) }
    const schedule = plannedSchedule({ ...few, sequential: undefined })
    const left: number[] = []
    for (let next = schedule.next([]); 'left' in next; next = schedule.next([])) left.push(next.left)
    expect(left).toEqual(left.map((_, at) => left.length - at))
    expect(left).toHaveLength(3 * plan.platforms.length * (plan.profile.rounds + plan.profile.warmup))
  })
})
