import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { assignShards, selectShard } from '../../../../src/core/project/shard.ts'
import {
  benchSeconds,
  checkShardPlan,
  createShardPlan,
  readShardPlan,
  type ShardPlan,
} from '../../../../src/core/project/shard-plan.ts'
import { aBench, aPlan, aPlatform, aSample } from '../judge/builders.ts'

const named = (name: string, over = {}) => aBench({ id: `a.bench.ts#${name}`, name, ...over })
const ids = (...names: string[]) => names.map((name) => `a.bench.ts#${name}`)
const taking = (times: Record<string, number>) =>
  Object.entries(times).map(([name, seconds]) => ({ id: `a.bench.ts#${name}`, seconds }))

describe('assigning benches to shards', () => {
  it('gives the longest to the shard that has the least so far', () => {
    const parts = assignShards(taking({ a: 50, b: 30, c: 25, d: 20, e: 5 }), 2)
    expect(parts).toEqual([ids('a', 'd'), ids('b', 'c', 'e')])
  })

  it('keeps groups together, nested ones too', () => {
    const parts = assignShards(taking({ 'disk > read': 1, other: 9, 'disk > fio > write': 4, 'disks > x': 3 }), 3)
    expect(parts).toEqual([ids('other'), ids('disk > fio > write', 'disk > read'), ids('disks > x')])
  })

  it('leaves no shard empty, even if benches take no time', () => {
    expect(assignShards(taking({ a: 0, b: 0, c: 0 }), 3)).toEqual([ids('a'), ids('b'), ids('c')])
  })

  it('refuses more shards than units', () => {
    expect(() => assignShards(taking({ 'g > a': 1, 'g > b': 1, c: 1 }), 3)).toThrow(
      '3 shards are too many for 2 benches, where a group of benches is one',
    )
  })

  /** The shortest possible time of the longest shard, by trying every assignment. */
  function shortest([first, ...rest]: readonly number[], loads: readonly number[]): number {
    if (first === undefined) return Math.max(...loads)
    return Math.min(
      ...loads.map((_, at) =>
        shortest(
          rest,
          loads.map((load, to) => (to === at ? load + first : load)),
        ),
      ),
    )
  }

  it('gives each bench once, within 4/3 of the shortest time, whatever their order', () => {
    const times = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 3, maxLength: 7 })
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: 3 }), (seconds, count) => {
        const benches = seconds.map((one, at) => ({ id: `a#${at}`, seconds: one }))
        const parts = assignShards(benches, count)
        expect(assignShards([...benches].reverse(), count)).toEqual(parts)
        expect(parts.flat().sort()).toEqual(benches.map(({ id }) => id).sort())
        const loads = parts.map((part) =>
          part.reduce((sum, id) => sum + benches.find((one) => one.id === id)!.seconds, 0),
        )
        expect(Math.max(...loads)).toBeLessThanOrEqual((4 / 3) * shortest(seconds, Array(count).fill(0)))
      }),
    )
  })
})

describe('the seconds of a bench', () => {
  const platforms = [aPlatform('native'), aPlatform('runc')]
  const profile = { rounds: 5, warmup: 1, seconds: 1, timeout: 60 }
  const benches = [named('known'), named('new'), named('slow', { tags: ['slow'] })]
  const took = (platform: string, wallMs: number) => aSample(platform, 0, { case: 'a.bench.ts#known', wallMs })

  it('are those of former samples times the rounds, and of the plan if there are none', () => {
    const former = [
      took('native', 1000),
      took('native', 3000),
      took('native', 2000),
      took('runc', 4000),
      took('gone', 9e9),
    ]
    const [known, fresh, slow] = benchSeconds({ benches, platforms, profile }, former)
    // (2 s + 4 s) × 6 rounds.
    expect(known).toMatchObject({ seconds: 36, measured: true })
    // (1 s + 0.3 s) × 2 platforms × 6 rounds.
    expect(fresh).toMatchObject({ seconds: 15.6, measured: false })
    expect(slow).toMatchObject({ seconds: 31.2, measured: false })
  })

  it('of a bench with an unmeasured case are an estimate', () => {
    const [half] = benchSeconds({ benches: [named('known', { params: { n: [1, 2] } })], platforms, profile }, [
      aSample('native', 0, { case: 'a.bench.ts#known [n=1]', wallMs: 1000 }),
    ])
    expect(half).toMatchObject({ seconds: 31.2, measured: false })
  })
})

describe('a shard', () => {
  const benches = [named('a'), named('b'), named('c')]
  const equal = taking({ a: 1, b: 1, c: 1 })

  it('has its benches, and says what the others have', () => {
    const { benches: mine, excluded, shard } = selectShard(benches, { index: 2, count: 3, run: null }, equal)
    expect(mine.map(({ name }) => name)).toEqual(['b'])
    expect(excluded).toEqual(ids('a', 'c').map((bench) => ({ bench, reason: 'shard' })))
    expect(shard).toMatchObject({ count: 3, indices: [2], run: null, benches: [ids('a'), ids('b'), ids('c')] })
    expect(shard.others).toEqual([benches[0], benches[2]])
  })

  it('has the plan of the other shards of the same benches, and no other', () => {
    const planIdOf = (index: number, all = benches, count = 3) =>
      selectShard(all, { index, count, run: null }, equal.slice(0, all.length)).shard.plan
    expect(planIdOf(1)).toBe(planIdOf(3))
    expect(planIdOf(1)).toBe(planIdOf(1, [...benches].reverse()))
    expect(planIdOf(1)).not.toBe(planIdOf(1, benches, 2))
    expect(planIdOf(1)).not.toBe(planIdOf(1, [named('a', { digest: 'changed' }), ...benches.slice(1)]))
  })
})

describe('a plan file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-shards-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'plan.json')
  const { platforms, profile } = aPlan()
  const benches = [named('a'), named('b', { tags: ['slow'] }), named('c')]
  const selection = { filters: ['a'], profile: 'full', seed: 's' }
  const plan = createShardPlan(benchSeconds({ benches, platforms, profile }), 2, selection)

  it('reads back, and decides the parts whatever this host estimates', () => {
    writeFileSync(file, JSON.stringify(plan))
    expect(readShardPlan(file)).toEqual(plan)
    expect(plan.shards.map((shard) => shard.benches.map(({ id }) => id))).toEqual([ids('b'), ids('a', 'c')])
    const other = taking({ a: 999, b: 1, c: 1 })
    const { benches: mine, shard } = selectShard(benches, { index: 2, count: 2, run: plan.id, planned: plan }, other)
    expect(mine.map(({ name }) => name)).toEqual(['a', 'c'])
    expect(shard).toMatchObject({ plan: plan.id, run: plan.id })
  })

  it.each<[string, unknown]>([
    ['no JSON', '{'],
    ['another file', { isobench: 'import' }],
    ['another version', { ...plan, planVersion: 2 }],
    ['an unknown field', { ...plan, extra: 1 }],
    ['no shard', { ...plan, shards: [] }],
  ])('that is %s is refused with its name', (_, value) => {
    writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value))
    expect(() => readShardPlan(file)).toThrow(`${file} is no shard plan`)
  })

  it('may have a byte order mark, and is refused with its line if it is not UTF-8', () => {
    writeFileSync(file, `\ufeff${JSON.stringify(plan)}`)
    expect(readShardPlan(file)).toEqual(plan)
    writeFileSync(file, `\ufeff${JSON.stringify(plan)}`, 'utf16le')
    expect(() => readShardPlan(file)).toThrow(`${file} is not UTF-8`)
    writeFileSync(file, '{\n"isobench": "\u00fc"}', 'latin1')
    expect(() => readShardPlan(file)).toThrow(`${file}:2 is not UTF-8`)
  })

  it('may be written with other spaces and order of fields, as by jq --sort-keys', () => {
    const sorted = Object.fromEntries(Object.entries(plan).sort(([a], [b]) => (a < b ? -1 : 1)))
    const { seed, ...rest } = plan.selection
    writeFileSync(file, JSON.stringify({ ...sorted, selection: { seed, ...rest } }, null, 4))
    expect(readShardPlan(file)).toEqual(plan)
  })

  it.each<[string, ShardPlan]>([
    ['rounds', { ...plan, selection: { ...plan.selection, rounds: 3 } }],
    ['seed', { ...plan, selection: { ...plan.selection, seed: 'other' } }],
    ['shards', { ...plan, shards: [...plan.shards].reverse() }],
    ['id', { ...plan, id: 'p0123456789' }],
    ['build', { ...plan, build: '0.0.1' }],
  ])('with edited %s is refused', (_, edited) => {
    writeFileSync(file, JSON.stringify(edited))
    expect(() => readShardPlan(file)).toThrow(`${file} was edited since isobench plan wrote it`)
  })

  it('of other bench files is refused', () => {
    const check =
      (all: typeof benches, of: ShardPlan = plan) =>
      () =>
        checkShardPlan(of, all)
    expect(check(benches)).not.toThrow()
    expect(check(benches.slice(1))).toThrow('a.bench.ts#a is gone since')
    expect(check([...benches, named('d')])).toThrow('a.bench.ts#d is new since')
    const changed = check([named('a', { digest: 'changed' }), ...benches.slice(1)])
    expect(changed).toThrow('a.bench.ts#a has changed since')
  })

  it('of another build of isobench is refused for that, if the build changes a bench', () => {
    const other = { ...plan, build: '0.0.9+0123456789' }
    expect(() => checkShardPlan(other, benches)).not.toThrow()
    const changed = () => checkShardPlan(other, [named('a', { digest: 'changed' }), ...benches.slice(1)])
    expect(changed).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /^shard plan \S+ was made by build 0\.0\.9\+0123456789 of isobench, and this is \d\S+\. .* a\.bench\.ts#a /,
        ),
        fix: expect.stringContaining('use one build of isobench on all hosts'),
      }),
    )
  })
})
