import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { casesOf, combinations, describeParams, stepsOfRound } from '../../../../src/core/model/plan.ts'
import { chooseFindings } from '../../../../src/core/project/apply-findings.ts'
import {
  type PlatformSelection,
  selectBenches,
  selectPlatforms,
  splitPlatforms,
} from '../../../../src/core/project/plan.ts'
import { closestMatch } from '../../../../src/util/closest-match.ts'
import { UsageError } from '../../../../src/util/errors.ts'
import { aBench, aPlan, aPlatform } from '../judge/builders.ts'

describe('combinations', () => {
  it('has every combination once, the last parameter running fastest', () => {
    expect(combinations({ mode: ['read', 'write'], depth: [1, 32] })).toEqual([
      { mode: 'read', depth: 1 },
      { mode: 'read', depth: 32 },
      { mode: 'write', depth: 1 },
      { mode: 'write', depth: 32 },
    ])
    expect(combinations({})).toEqual([{}])
  })

  it('has as many as the product of the values', () => {
    const values = fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 4 }) as fc.Arbitrary<[number, ...number[]]>
    fc.assert(
      fc.property(fc.array(values, { maxLength: 4 }), (all) => {
        const found = combinations(Object.fromEntries(all.map((list, at) => [`p${at}`, list])))
        expect(new Set(found.map((params) => JSON.stringify(params))).size).toBe(found.length)
        expect(found).toHaveLength(all.reduce((product, { length }) => product * length, 1))
      }),
    )
  })
})

describe('points', () => {
  it('are named by the bench and its parameters', () => {
    const [first, second] = casesOf(aBench({ params: { mode: ['read', 'write'], direct: [true] } }))
    expect(first).toEqual({
      id: 'a.bench.ts#disk [mode=read direct=true]',
      bench: 'a.bench.ts#disk',
      params: { mode: 'read', direct: true },
    })
    expect(second!.id).toContain('mode=write')
    expect(casesOf(aBench()).map(({ id }) => id)).toEqual(['a.bench.ts#disk'])
    expect(describeParams({})).toBe('')
  })

  it('have different ids where only the type of a value differs', () => {
    const ids = casesOf(aBench({ params: { depth: [1, '1'] } })).map(({ id }) => id)
    expect(new Set(ids).size).toBe(2)
  })
})

describe('selecting benches', () => {
  const named = (name: string, over = {}) => aBench({ id: `a.bench.ts#${name}`, name, ...over })
  const select = (benches: ReturnType<typeof aBench>[], selection = {}) => {
    const { benches: chosen, excluded: left } = selectBenches({ benches, findings: [], problems: [] }, selection)
    return {
      chosen: chosen.map(({ name }) => name),
      left: left.map(({ bench, reason: why }) => `${bench.split('#')[1]} ${why}`),
    }
  }

  it('measures all but those that are skipped or yet to be written', () => {
    expect(select([named('a'), named('b', { mode: 'skip' }), named('c', { mode: 'todo' })])).toEqual({
      chosen: ['a'],
      left: ['b skip', 'c todo'],
    })
  })

  it('measures only those so marked, when there are any', () => {
    expect(select([named('a'), named('b', { mode: 'only' }), named('c', { mode: 'skip' })])).toEqual({
      chosen: ['b'],
      left: ['a only', 'c skip'],
    })
  })

  it('filters by substrings of the name and by tags, and both must fit', () => {
    const benches = [named('disk read', { tags: ['io'] }), named('disk write'), named('prime', { tags: ['cpu', 'io'] })]
    expect(select(benches, { names: ['disk'] }).chosen).toEqual(['disk read', 'disk write'])
    expect(select(benches, { names: ['write', 'prime'] }).chosen).toEqual(['disk write', 'prime'])
    expect(select(benches, { tags: ['io'] }).chosen).toEqual(['disk read', 'prime'])
    expect(select(benches, { tags: ['io'], names: ['disk'] })).toEqual({
      chosen: ['disk read'],
      left: ['disk write filter', 'prime filter'],
    })
    expect(select(benches, { names: [], tags: [] }).chosen).toHaveLength(3)
  })

  it('loses none: each bench is chosen or left, never both', () => {
    const mode = fc.constantFrom('run' as const, 'only' as const, 'skip' as const, 'todo' as const)
    const one = fc.record({ mode, tags: fc.subarray(['x', 'y']) })
    const selection = fc.record({ names: fc.subarray(['1', '2', 'b']), tags: fc.subarray(['x', 'y']) })
    fc.assert(
      fc.property(fc.array(one), selection, (list, selection) => {
        const benches = list.map((over, at) => named(`b${at}`, over))
        const { chosen, left } = select(benches, selection)
        expect([...chosen, ...left.map((text) => text.split(' ')[0])].sort()).toEqual(
          benches.map(({ name }) => name).sort(),
        )
      }),
    )
  })
})

describe('selecting platforms', () => {
  const all = ['native', 'runc', 'gvisor'].map((name) => ({ name }))

  it('takes those that are named, in the order of the config, or all', () => {
    expect(selectPlatforms(all, ['gvisor', 'native'])).toEqual([{ name: 'native' }, { name: 'gvisor' }])
    expect(selectPlatforms(all, undefined)).toEqual(all)
    expect(selectPlatforms(all, [])).toEqual(all)
  })

  const refusal = (name: string): UsageError => {
    try {
      selectPlatforms(all, ['native', name])
    } catch (error) {
      return error as UsageError
    }
    throw new Error('it was not refused')
  }

  it('refuses an unknown name, with the nearest that there is', () => {
    expect(refusal('gvisr')).toBeInstanceOf(UsageError)
    expect(refusal('gvisr').message).toContain('"gvisr"')
    expect(refusal('gvisr').fix).toBe('did you mean "gvisor"?')
    expect(refusal('firecracker').fix).toBe('it has: native, runc, gvisor')
  })

  it('finds the nearest word, and none where none is near', () => {
    expect(closestMatch('rnc', ['native', 'runc', 'crun'])).toBe('runc')
    expect(closestMatch('kata', ['native', 'runc'])).toBeUndefined()
    expect(closestMatch('x', [])).toBeUndefined()
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { minLength: 1 }),
        (known) => closestMatch(known[0]!, known) === known[0],
      ),
    )
  })
})

describe('excluding platforms by their tags', () => {
  const all = [
    { spec: { name: 'native', tags: [] } },
    { spec: { name: 'rootless', tags: ['rootless', 'mine'] } },
    { spec: { name: 'gofer', tags: ['ablation'] } },
  ]
  const split = (selection: PlatformSelection, tags = ['ablation', 'rootless']) => {
    const { selected, excluded } = splitPlatforms(all, selection, tags)
    return [selected, excluded].map((platforms) => platforms.map(({ spec }) => spec.name).join())
  }

  it('selects a tagged platform only by its name or with all platforms', () => {
    expect(split({})).toEqual(['native', 'rootless,gofer'])
    expect(split({}, ['mine'])).toEqual(['native,gofer', 'rootless'])
    expect(split({}, [])).toEqual(['native,rootless,gofer', ''])
    expect(split({ allPlatforms: true })).toEqual(['native,rootless,gofer', ''])
    expect(split({ platform: ['gofer', 'native'] })).toEqual(['native,gofer', ''])
  })
})

describe('the order of a round', () => {
  const benches = [aBench({ params: { depth: [1, 2, 4, 8] } }), aBench({ id: 'a.bench.ts#other', name: 'other' })]
  const names = ['native', 'runc', 'crun', 'gvisor', 'docker']
  const plan = aPlan({ benches, platforms: names.map((name) => aPlatform(name)) })
  const written = (steps: ReturnType<typeof stepsOfRound>) =>
    steps.map(({ case: point, platform }) => `${point.id} ${platform}`)

  it('visits every point on every working platform exactly once, the platforms of a point in a row', () => {
    fc.assert(
      fc.property(fc.subarray(names), fc.string(), fc.nat(100), (working, seed, round) => {
        const platforms = names.map((name) => aPlatform(name, { available: working.includes(name) }))
        const steps = stepsOfRound({ ...plan, platforms, seed }, round)
        const expected = plan.cases.flatMap((point) => working.map((platform) => `${point.id} ${platform}`))
        expect(written(steps).sort()).toEqual(expected.sort())
        for (let at = 0; at < steps.length; at += working.length) {
          expect(new Set(steps.slice(at, at + working.length).map(({ case: point }) => point.id)).size).toBe(1)
        }
      }),
    )
  })

  it('costs nothing for a platform that does not work, and nothing at all when none does', () => {
    const none = plan.platforms.map((platform) => ({ ...platform, available: false }))
    expect(stepsOfRound({ ...plan, platforms: none }, 0)).toEqual([])
  })

  it('has no steps of a workload that a platform cannot run', () => {
    const floor = aBench({
      id: 'a.bench.ts#floor',
      workload: { name: 'vmm-start', kind: 'vmm-start', lifecycle: 'sample' },
    })
    const platforms = [aPlatform('qemu'), aPlatform('runc', { unsupportedWorkloads: ['vmm-start'] })]
    const mixed = aPlan({ benches: [aBench(), floor], platforms })
    expect(written(stepsOfRound(mixed, 0)).sort()).toEqual([
      'a.bench.ts#disk qemu',
      'a.bench.ts#disk runc',
      'a.bench.ts#floor qemu',
    ])
  })

  it('has the steps that a platform runs where it can run nothing else', () => {
    const floor = aBench({
      id: 'a.bench.ts#floor',
      workload: { name: 'vmm-start', kind: 'vmm-start', lifecycle: 'sample' },
    })
    const away = { available: false, reason: 'KVM is unusable here' }
    const platforms = [
      aPlatform('firecracker', { ...away, supportedWorkloads: ['vmm-start'] }),
      aPlatform('kata', { ...away, supportedWorkloads: ['vmm-start'], unsupportedWorkloads: ['vmm-start'] }),
      aPlatform('qemu', away),
    ]
    expect(written(stepsOfRound(aPlan({ benches: [aBench(), floor], platforms }), 0))).toEqual([
      'a.bench.ts#floor firecracker',
    ])
  })

  it('is the same for the same seed and round, and another for another seed or round', () => {
    const first = written(stepsOfRound(plan, 3))
    expect(written(stepsOfRound({ ...plan, seed: plan.seed }, 3))).toEqual(first)
    expect(written(stepsOfRound({ ...plan, seed: 'another' }, 3))).not.toEqual(first)
    const orders = Array.from({ length: 20 }, (_, round) => written(stepsOfRound(plan, round)).join())
    expect(new Set(orders).size).toBe(20)
  })

  it('gives no platform a fixed position: over many rounds each comes first about as often', () => {
    const firsts = new Map<string, number>()
    for (let round = 0; round < 200; round++) {
      const steps = stepsOfRound(plan, round)
      for (let at = 0; at < steps.length; at += names.length) {
        const { platform } = steps[at]!
        firsts.set(platform, (firsts.get(platform) ?? 0) + 1)
      }
    }
    // 1000 firsts over 5 platforms: five standard deviations are 63. The seed is fixed, so this never flickers.
    for (const name of names) expect(Math.abs(firsts.get(name)! - 200)).toBeLessThan(63)
  })
})

it('findings are chosen by number, or by the label at the start of their titles', () => {
  const all = [
    { id: 1, title: 'CPU' },
    { id: 102, title: 'A2: OSv is second' },
  ]
  expect(chooseFindings(['A2', '1'], all).map(({ id }) => id)).toEqual([102, 1])
  expect(chooseFindings([], all)).toHaveLength(2)
  expect(chooseFindings(['a2,1'], all).map(({ id }) => id)).toEqual([102, 1])
  expect(chooseFindings(['1, A2', '1'], all).map(({ id }) => id)).toEqual([1, 102])
  expect(() => chooseFindings(['A'], all)).toThrow('no finding "A".')
})
