import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import {
  bench,
  type Claim,
  expect as claim,
  DefinitionError,
  finding,
  group,
  higher,
  lower,
  part,
  platform,
  workload,
} from 'isobench'
import { describe, expect, it } from 'vitest'
import { claimsOf, claimsOfFinding } from '../../../src/core/model/suite.ts'
import type { Location } from '../../../src/dsl/errors.ts'
import { convertQuantity, type Unit, type Units } from '../../../src/dsl/metric.ts'
import { describeSelector, matchesSelector } from '../../../src/dsl/platform.ts'
import {
  type BenchSpec,
  collectRegistrations,
  loadRegistrations,
  type Registry,
  registry,
} from '../../../src/dsl/registry.ts'
import { formatTitle } from '../../../src/dsl/title.ts'

const disk = workload('disk', {
  metrics: { latency: lower('ms'), rate: higher('ops/s') },
  params: { mode: ['read', 'write'], depth: [1, 32] },
  run: async () => ({ latency: 1, rate: 1 }),
})

const registered = (register: () => unknown): Promise<Registry> => collectRegistrations(async () => register())

/** What an author without a type checker writes. */
const untyped = <T>(value: unknown): T => value as T

/** Where this is called from, as the engine itself says it. */
function here(): Pick<Location, 'file' | 'line'> {
  const [, file, line] = /(?:\(|at )(?:file:\/\/)?(\/[^()]+):(\d+):\d+\)?$/.exec(new Error().stack!.split('\n')[2]!)!
  return { file: file!, line: Number(line) }
}

const problemsOf = async (register: () => unknown) => (await registered(register)).problems
const refusal = (make: () => unknown): DefinitionError => {
  try {
    make()
  } catch (error) {
    expect(error).toBeInstanceOf(DefinitionError)
    return error as DefinitionError
  }
  throw new Error('it was not refused')
}

describe('the registry', () => {
  it('gives each file what it registered itself, and starts empty', async () => {
    const first = await registered(() => bench('a', disk))
    const second = await registered(() => bench('b', disk))
    expect(first.benches.map(({ name }) => name)).toEqual(['a'])
    expect(second.benches.map(({ name }) => name)).toEqual(['b'])
    expect(registry()).toMatchObject({ benches: [], findings: [], claims: [], problems: [], warnings: [] })
  })

  it.each<[string, (known: { readonly e: Parameters<typeof claim>[0] }) => unknown]>([
    ['bench', () => bench('lost', disk)],
    ['bench.todo', () => bench.todo('lost')],
    ['bench.each', () => bench.each([])('lost', () => disk)],
    ['finding', () => finding(100, 'lost', [])],
    ['a claim', ({ e }) => claim(e).withinNative(5)],
    ['a claim that only warns', ({ e }) => claim(e).on('runc').warn.atMost('5ops/s')],
  ])('lets %s throw in a function of a workload', async (_, register) => {
    const w = workload('w', { metrics: { e: higher('ops/s') }, run: async () => ({ e: Number(register(known)) }) })
    let known: { readonly e: Parameters<typeof claim>[0] }
    const { benches } = await loadRegistrations(async () => {
      known = bench('a', w)
    })
    const { work } = benches[0]!.workload!
    if (work.kind !== 'commands') throw new Error('it runs no commands')
    const error = await work.run({} as never).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(DefinitionError)
    expect(error.message).toBe('a bench, a finding or a claim is registered after the file was imported')
    expect(error.location.file).toBe(fileURLToPath(import.meta.url))
  })

  it('starts empty after a file that threw, too', async () => {
    const failing = registered(() => {
      bench('a', disk)
      throw new Error('a broken file')
    })
    await expect(failing).rejects.toThrow('a broken file')
    expect((await registered(() => {})).benches).toEqual([])
  })
})

describe('bench', () => {
  const names = ({ benches }: Registry) => benches.map(({ name, mode }) => `${name} ${mode}`)

  it('has modes', async () => {
    const found = await registered(() => {
      bench('a', disk)
      bench.only('b', disk)
      bench.skip('c', disk)
      bench.todo('d')
      bench.skipIf(true)('e', disk)
      bench.skipIf(false)('f', disk)
    })
    expect(names(found)).toEqual(['a run', 'b only', 'c skip', 'd todo', 'e skip', 'f run'])
    expect(found.problems).toEqual([])
  })

  it('each: a bench for each row, named by the row or its items', async () => {
    const found = await registered(() => {
      const handles = bench.each([1, 'x', true, { a: 1 }])('row %s', () => disk)
      expect(handles).toHaveLength(4)
      expect(handles[1]!.latency).toMatchObject({ bench: 'row x', metric: 'latency' })
      bench.skip.each([
        ['ext4', 1],
        ['xfs', 2],
      ])('%s at %s %%', () => disk)
      bench.only.each([5])('%s and $&', () => disk)
    })
    expect(names(found)).toEqual([
      'row 1 run',
      'row x run',
      'row true run',
      'row { a: 1 } run',
      'ext4 at 1 % skip',
      'xfs at 2 % skip',
      '5 and $& only',
    ])
  })

  it('each spreads the items of a row over the arguments; for does not', async () => {
    const seen: unknown[] = []
    const see = (...row: unknown[]) => {
      seen.push(row)
      return disk
    }
    await registered(() => {
      bench.each([3, 4])('%s', see)
      bench.each([['ext4', 1] as const])('%s', see)
      bench.for([['xfs', 2]])('%s', see)
    })
    expect(seen).toEqual([[3], [4], ['ext4', 1], [['xfs', 2]]])
  })

  it.each<[string, unknown, string]>([
    ['%i threads', 4, '4 threads'],
    ['%d %f %s', [1.5, 2.25, 'x'], '1.5 2.25 x'],
    ['%j', { a: [1] }, '{"a":[1]}'],
    ['%o', [[]], '[ [length]: 0 ]'],
    ['%# of $name, number %$', { name: 'ext4' }, '7 of ext4, number 8'],
    ['$fs.size with $fs', { fs: { size: '2g' } }, "2g with { size: '2g' }"],
    ['$1 then $0', ['a', 'b'], 'b then a'],
    ['%s and %s, 5 %', ['one'], 'one and %s, 5 %'],
    ['$missing stays', { name: 1 }, '$missing stays'],
    ['%s', '$name', '$name'],
  ])('titles have the formats of Vitest: %s', (title, row, expected) => {
    expect(formatTitle(title, row, 7)).toBe(expected)
  })

  it('knows the file and line of its caller, in every variant', async () => {
    const lines: Pick<Location, 'file' | 'line'>[] = []
    const { benches } = await registered(() => {
      // Each pair stands on neighbouring lines.
      lines.push(here())
      bench('a', disk)
      lines.push(here())
      bench.only('b', disk)
      lines.push(here())
      bench.each([1])('c', () => disk)
      lines.push(here())
      bench.skipIf(true)('d', disk)
      lines.push(here())
      bench.todo('e')
    })
    const found = benches.map(({ location }) => ({ file: location?.file, line: location?.line }))
    expect(found).toEqual(lines.map(({ file, line }) => ({ file, line: line + 1 })))
    expect(found[0]!.file).toContain('dsl.test.ts')
  })

  it('knows where its expectations stand', async () => {
    const { benches } = await registered(() => {
      bench('a', disk, {
        expect: {
          latency: [
            //
            claim.withinNative(5),
            claim.warn.atMost('1s'),
          ],
        },
      })
    })
    const [first, second] = benches[0]!.claims
    expect(first!.location!.line).toBe(benches[0]!.location!.line + 4)
    expect(second!.location!.line).toBe(first!.location!.line + 1)
    expect(second!.severity).toBe('warn')
  })

  it('takes all values of the parameters, or those that are chosen', async () => {
    const { benches } = await registered(() => {
      bench('a', disk)
      bench('b', disk, { params: { mode: ['write'] }, tags: ['x'], timeout: 3 })
    })
    expect(benches[0]).toMatchObject({ params: { mode: ['read', 'write'], depth: [1, 32] }, tags: [] })
    expect(benches[1]).toMatchObject({ params: { mode: ['write'], depth: [1, 32] }, tags: ['x'], timeout: 3 })
  })

  it.each<[string, () => unknown, RegExp]>([
    ['a name that there is already', () => [bench('a', disk), bench('a', disk)], /two benches are named "a"/],
    ['rows that give the same name', () => bench.each([1, 2])('a', () => disk), /two benches are named "a"/],
    ['no name', () => bench('  ', disk), /no name/],
    [
      'half of a surrogate pair in its name',
      () => bench('\ud800', disk),
      /name of a bench has half of a .*: "\\ud800"/,
    ],
    ['half of a pair from a row', () => bench.each(['\ud801'])('a %s', () => disk), /half of a .*: "a \\ud801"/],
    ['half of a pair in a tag', () => bench('a', disk, { tags: ['\udc00'] }), /"a": a tag has half of a surrogate/],
    ['a metric that there is not', () => bench('a', disk, untyped({ expect: { no: claim.withinNative(5) } })), /"no"/],
    ['a parameter that there is not', () => bench('a', disk, untyped({ params: { no: [1] } })), /"no"/],
    [
      'a value that there is not',
      () => bench('a', disk, untyped({ params: { depth: [1, 2] } })),
      /"depth" has no value 2/,
    ],
    ['a value of another type', () => bench('a', disk, untyped({ params: { depth: ['1'] } })), /no value "1"/],
    ['no value', () => bench('a', disk, untyped({ params: { depth: [] } })), /"depth"/],
    ['a time limit of 0', () => bench('a', disk, { timeout: 0 }), /timeout is 0/],
    ['a time limit that no timer can have', () => bench('a', disk, { timeout: 1e9 }), /timeout is 1000000000/],
    ['a time limit that is no number', () => bench('a', disk, { timeout: Number.NaN }), /timeout is NaN/],
    ['a loss of all of a rate', () => bench('a', disk, { expect: { rate: claim.withinNative(100) } }), /100 %/],
    ['a margin of 0', () => bench('a', disk, { expect: { latency: claim.withinNative(0) } }), /0 %/],
    ['a negative margin', () => bench('a', disk, { expect: { latency: claim.equivalentTo('runc', -5) } }), /-5 %/],
    ['an endless margin', () => bench('a', disk, { expect: { latency: claim.withinNative(Infinity) } }), /Infinity %/],
    [
      'a factor below 1',
      () => bench('a', disk, { expect: { rate: claim.betterThan('runc', { by: '0.5x' }) } }),
      /0\.5x/,
    ],
    [
      'a factor that is none',
      () => bench('a', disk, { expect: { rate: claim.worseThan('runc', { by: untyped('ax') }) } }),
      /"ax"/,
    ],
    ['no quantity', () => bench('a', disk, { expect: { rate: claim.atMost(untyped<'1 ops/s'>('fast')) } }), /"fast"/],
  ])('%s is a problem with a location and a fix, and spoils no other bench', async (_, register, message) => {
    const { benches, problems } = await registered(() => {
      register()
      bench('another', disk)
    })
    expect(benches.map(({ name }) => name)).toContain('another')
    expect(problems).toHaveLength(1)
    expect(problems[0]).toBeInstanceOf(DefinitionError)
    expect(problems[0]!.message).toMatch(message)
    expect(problems[0]!.fix).not.toBe('')
    expect(problems[0]!.location!.file).toContain('dsl.test.ts')
  })

  it.each<[string, () => unknown, RegExp]>([
    ['a group', () => group('\ud800', () => {}), /the name of a group has half of a surrogate pair/],
    [
      'a value of a parameter',
      () => workload('w', { metrics: disk.metrics, params: { size: ['1', '\udfff'] }, run: untyped(() => ({})) }),
      /"size" has the value "\\udfff", which has half of a surrogate pair/,
    ],
    ['a part', () => part('\ud800', [], { unmeasurable: 'x' }), /the title of a part has half of a surrogate pair/],
  ])('refuses half of a surrogate pair in %s', async (_, make, message) => {
    const problems = await problemsOf(() => {
      try {
        make()
      } catch (error) {
        expect((error as Error).message).toMatch(message)
        throw error
      }
    }).catch((error: unknown) => [error as DefinitionError])
    expect(problems.map((one) => one.message)).toEqual([expect.stringMatching(message)])
  })

  it('takes whole characters outside of the basic plane', async () => {
    expect(await problemsOf(() => bench('a \u{1f680}', disk, { tags: ['\u{1f680}'] }))).toEqual([])
  })

  it.each([
    ['x', 'x\u200b', '"x" and "x\\u200b"'],
    ['x ', ' x', '"x " and " x"'],
    ['\u00e9', 'e\u0301', '"\\u00e9" and "e\\u0301"'],
  ])('warns of the names %j and %j, which look alike', async (one, other, shown) => {
    const { benches, warnings, problems } = await registered(() => [bench(one, disk), bench(other, disk)])
    expect([benches.length, problems]).toEqual([2, []])
    expect(warnings.map(({ message }) => message)).toEqual([`the names of two benches look alike: ${shown}.`])
    expect(warnings[0]!.location!.file).toContain('dsl.test.ts')
  })

  it('does not warn of names that differ in what a reader sees', async () => {
    expect((await registered(() => ['x', 'X', 'x y', 'x  y'].map((one) => bench(one, disk)))).warnings).toEqual([])
  })

  it('allows a metric of which less is better to double', async () => {
    expect(await problemsOf(() => bench('a', disk, { expect: { latency: claim.withinNative(100) } }))).toEqual([])
  })
})

describe('claims', () => {
  it('are the same whether a bench makes them or expect(metric) does', async () => {
    const made: Claim[] = []
    const { benches } = await registered(() => {
      const handle = bench('a', disk, { expect: { rate: claim.withinNative(5) } })
      made.push(claim(handle.rate).withinNative(5))
    })
    const { location: _, ...inBench } = benches[0]!.claims[0]!
    const { location: __, ...outside } = made[0]!
    expect(outside).toEqual(inBench)
  })

  it('choose platforms and cases, and keep what was chosen before', async () => {
    await registered(() => {
      const { latency } = bench('a', disk)
      const chosen = claim(latency).on('runc').where({ mode: 'read' }).where({ depth: 1 }).warn
      expect(chosen.atMost('0.5s')).toMatchObject({
        bench: 'a',
        metric: 'latency',
        matcher: { kind: 'atMost', value: 500 },
        on: { by: 'name', names: ['runc'] },
        where: { mode: 'read', depth: 1 },
        severity: 'warn',
      })
      expect(claim(latency).atLeast('1ms')).toMatchObject({ on: { by: 'all' }, where: {}, severity: 'fail' })
      expect(claim(latency).worseThan('runc', { by: '3x' }).matcher).toEqual({
        kind: 'worseThan',
        platform: 'runc',
        by: 3,
      })
      expect(claim(latency).betterThan('runc').matcher).toEqual({ kind: 'betterThan', platform: 'runc', by: 1 })
      expect(claim(latency).notWorseThan('runc', 300).matcher).toEqual({
        kind: 'notWorseThan',
        platform: 'runc',
        percent: 300,
      })
      expect(claim(latency).peakWithin(15, 'native', { over: 'depth' }).matcher).toEqual({
        kind: 'peakWithin',
        platform: 'native',
        over: 'depth',
        percent: 15,
      })
      expect(claim(latency).worsensAtMost('1.5x', { over: 'mode', from: 'read', to: 'write' }).matcher).toEqual({
        kind: 'worsensAtMost',
        over: 'mode',
        from: 'read',
        to: 'write',
        by: 1.5,
      })
    })
  })

  it('refuse what cannot be meant, with the place', async () => {
    await registered(() => {
      const { latency, rate } = bench('a', disk)
      const line = here().line + 1
      expect(refusal(() => claim(rate).withinNative(100)).location!.line).toBe(line)
      refusal(() => claim(latency).ranked('runc', 'native', 'runc'))
      refusal(() => claim(latency).ranked(...untyped<[string, string]>(['runc'])))
      refusal(() => claim(latency).atMost(untyped('-5ms')))
      refusal(() => claim(latency).betterThan('runc', { by: untyped('3') }))
      refusal(() => claim(latency).peaksAt([32, 1], { over: 'depth' }))
      refusal(() => claim(rate).constant(100, { over: 'depth' }))
      refusal(() => claim(rate).peakWithin(100, 'native', { over: 'depth' }))
      refusal(() => claim(rate).notWorseThan('runc', 100))
      expect(refusal(() => claim(rate).constant(5, { over: untyped('threads') })).fix).toContain('mode, depth')
    })
  })
})

describe('findings', () => {
  it('are registered with their claims and their place', async () => {
    const { findings } = await registered(() => {
      const { rate } = bench('a', disk)
      finding(2, 'on par', [claim(rate).withinNative(5)])
      finding(100, 'two parts', [
        part('one', [claim(rate).withinNative(5)], { quote: 'as fast as', margins: '5 %: equal' }),
        part('another', [], { unmeasurable: 'no bench' }),
      ])
    })
    expect(findings).toMatchObject([
      { id: 2, failOn: 'worse', parts: [{ title: 'on par', claims: [{ bench: 'a', metric: 'rate' }] }] },
      {
        id: 100,
        parts: [
          { title: 'one', quote: 'as fast as', margins: '5 %: equal', claims: [{ bench: 'a' }] },
          { title: 'another', claims: [], unmeasurable: 'no bench' },
        ],
      },
    ])
    expect(findings[1]!.location!.line).toBe(findings[0]!.location!.line + 1)
  })

  it('have all claims of their parts and of the printed wording, which only warns', async () => {
    const { findings } = await registered(() => {
      const { rate } = bench('a', disk)
      const parts = [part('one', [claim(rate).withinNative(5)]), part('two', [claim(rate).withinNative(6)])]
      finding(3, 'a', parts, { misprint: { claims: [claim(rate).withinNative(7)], why: 'a slip' } })
    })
    expect(claimsOfFinding(findings[0]!).map(({ matcher, severity }) => [matcher, severity])).toEqual([
      [{ kind: 'withinNative', percent: 5 }, 'fail'],
      [{ kind: 'withinNative', percent: 6 }, 'fail'],
      [{ kind: 'withinNative', percent: 7 }, 'warn'],
    ])
  })

  it('need a number, and a part', async () => {
    const open = [part('a', [], { unmeasurable: 'x' })]
    for (const register of [0, -1, 1.5, Number.NaN, untyped<number>('a')].map((id) => () => finding(id, 'a', open))) {
      const { findings, problems } = await registered(() => [register(), bench('a', disk)])
      expect([findings, problems.length]).toEqual([[], 1])
    }
    const [problem] = await problemsOf(() => finding(3, 'a', []))
    expect(problem!.location!.file).toContain('dsl.test.ts')
    const [odd] = await problemsOf(() => finding(3, 'a', [untyped<Claim>(claim(bench('a', disk).rate))]))
    expect(odd!.message).toBe('finding 3: one of its claims is an object.')
  })

  it('have parts with claims, or with a reason for having none, but not both', async () => {
    expect(refusal(() => part('a', [])).location!.file).toContain('dsl.test.ts')
    await registered(() => {
      const { rate } = bench('a', disk)
      refusal(() => part('a', [claim(rate).withinNative(5)], { unmeasurable: 'x' }))
    })
  })
})

describe('workloads', () => {
  it('need a metric, and names that fit into options and reports', () => {
    const run = async () => ({})
    refusal(() => workload('a', { metrics: {}, run }))
    refusal(() => workload('a', untyped<never>({ metrics: { 'a b': lower('ms') }, run })))
    refusal(() => workload('a', untyped<never>({ metrics: { a: lower('ms') }, params: { '=': [1] }, run })))
  })

  it('live as long as they say: a boot one sample, else one round', () => {
    const run = async () => ({ a: 1 })
    expect(workload('a', { metrics: { a: lower('ms') }, run })).toMatchObject({ lifecycle: 'round', params: {} })
    expect(workload('a', { metrics: { a: lower('ms') }, lifecycle: 'run', run }).lifecycle).toBe('run')
    const boot = workload.boot('a', { metrics: { a: lower('ms') }, run })
    expect(boot).toMatchObject({ lifecycle: 'sample', work: { kind: 'boot' } })
    const several = workload.guests('a', { metrics: { a: lower('ms') }, run })
    expect(several).toMatchObject({ lifecycle: 'sample', work: { kind: 'guests' } })
    expect(() => workload.traced(several, { source: 'syscalls' })).toThrow(/several guests to trace/)
    const inside = workload.inGuest('a', () => 1)
    expect(inside).toMatchObject({ metrics: { throughput: { unit: 'ops/s', better: 'higher' } }, lifecycle: 'round' })
    for (const { location } of [boot, several, inside]) expect(location!.file).toContain('dsl.test.ts')
  })
})

describe('platforms', () => {
  it('are named by their kind, unless they say otherwise', () => {
    expect(platform('gvisor')).toMatchObject({ kind: 'gvisor', name: 'gvisor', tags: [], options: {} })
    const named = platform('gvisor', { name: 'gv-kvm', tags: ['x'], mode: 'kvm' })
    expect(named).toMatchObject({ kind: 'gvisor', name: 'gv-kvm', tags: ['x'], options: { mode: 'kvm' } })
    expect(named.location!.file).toContain('dsl.test.ts')
  })

  it('take a driver object of the author with its options', () => {
    const driver = { kind: 'mine', options: { parse: () => ({}) }, oneShot: () => {}, boot: () => {} }
    const named = platform(driver, { name: 'mine-2', tags: ['x'], watchFiles: ['mine.conf'], level: 2 })
    expect(named).toMatchObject({ kind: 'mine', name: 'mine-2', tags: ['x'], watchFiles: ['mine.conf'] })
    expect(named.options).toEqual({ level: 2 })
    expect(named.driver).toBe(driver)
    expect(platform(driver)).toMatchObject({ kind: 'mine', name: 'mine', options: {} })
  })

  it.each([undefined, {}, { kind: 'mine' }, { kind: 'mine', options: {} }])('refuse %j as a driver', (driver) => {
    expect(refusal(() => platform(driver as never)).fix).toContain('defineDriver')
  })

  it.each(['', 'Native', 'a b', '../x', '1a', 'a'.repeat(32)])('refuse the name %j', (name) => {
    expect(refusal(() => platform('native', { name })).fix).toContain('small letter')
  })

  it('are selected by name, family and tag', () => {
    const gvisor = { name: 'gv', family: 'secure-container', tags: ['x', 'y'] } as const
    const selectors = [platform.named('gv', 'b'), platform.family('container', 'secure-container'), platform.tag('y')]
    for (const selector of [...selectors, { by: 'all' as const }]) expect(matchesSelector(selector, gvisor)).toBe(true)
    const others = [platform.named('gvisor'), platform.family('container'), platform.tag('z')]
    for (const selector of others) expect(matchesSelector(selector, gvisor)).toBe(false)
    expect(selectors.map(describeSelector)).toEqual(['gv or b', 'container or secure-container', '#y'])
  })
})

describe('units', () => {
  const dimensions: { [D in keyof Units]: readonly Units[D][] } = {
    time: ['ns', 'us', 'ms', 's'],
    rate: ['events/s', 'ops/s', 'transactions/s', 'requests/s', 'IOPS'],
    bandwidth: ['B/s', 'MB/s', 'MiB/s', 'GB/s'],
    'bit rate': ['bit/s', 'Mbit/s', 'Gbit/s'],
    size: ['B', 'KiB', 'MiB', 'GiB'],
    count: ['count'],
    share: ['%'],
  }
  const pair = fc
    .constantFrom<readonly Unit[]>(...Object.values(dimensions))
    .chain((units) => fc.tuple(fc.constantFrom(...units), fc.constantFrom(...units)))

  it.each<[string, Unit, number]>([
    ['0.6s', 'ms', 600],
    ['1.5 GB/s', 'MB/s', 1500],
    ['1MiB', 'KiB', 1024],
    ['1 Gbit/s', 'Mbit/s', 1000],
    ['1e3us', 'ms', 1],
    ['0ms', 's', 0],
    ['5IOPS', 'ops/s', 5],
  ])('%s is so many %s: %d', (quantity, unit, value) => {
    expect(convertQuantity(quantity, unit)).toBeCloseTo(value, 9)
  })

  it.each(['', 'ms', '5', '-5ms', '5 minutes', '5 m s', 'NaNms', 'Infinityms', '5toString', '1,5ms', '.5ms'])(
    'refuses %j',
    (quantity) => expect(() => convertQuantity(quantity, 'ms')).toThrow(TypeError),
  )

  it('convert there and back', () => {
    fc.assert(
      fc.property(pair, fc.double({ min: 1e-6, max: 1e12, noNaN: true }), ([from, to], value) => {
        const there = convertQuantity(`${value}${from}`, to)
        expect(Math.abs(convertQuantity(`${there} ${to}`, from) / value - 1)).toBeLessThan(1e-12)
      }),
    )
  })

  it('keep the order of quantities', () => {
    const positive = fc.double({ min: 0, max: 1e12, noNaN: true })
    fc.assert(
      fc.property(pair, positive, positive, ([from, to], a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        expect(convertQuantity(`${low}${from}`, to)).toBeLessThanOrEqual(convertQuantity(`${high}${from}`, to))
      }),
    )
  })

  it('refuse a quantity of another dimension', () => {
    expect(() => convertQuantity('5 MB/s', 'ms')).toThrow()
  })
})

describe('what is registered', () => {
  it('is plain data but for the workload’s functions: it survives a worker and JSON', async () => {
    const { benches, findings } = await registered(() => {
      const { latency, rate } = bench('a', disk, {
        params: { mode: ['read'] },
        tags: ['x'],
        timeout: 5,
        expect: {
          latency: [claim.atMost('1s'), claim.warn.atLeast('1ms'), claim.equivalentTo('runc', 5)],
          rate: [claim.ranked('native', 'runc'), claim.betterThan('runc'), claim.worseThan('runc', { by: '2x' })],
        },
      })
      bench.todo('later')
      finding(1, 'all', [
        claim(latency).on(platform.family('container')).where({ depth: 1 }).withinNative(5),
        claim(rate).on(platform.tag('x')).atLeast('5 ops/s'),
      ])
    })
    expect(claimsOf(findings[0]!)).toHaveLength(2)
    const plain = (spec: BenchSpec) => {
      const { workload, ...rest } = spec
      return { ...rest, metrics: workload?.metrics, space: workload?.params }
    }
    for (const value of [...benches.map(plain), ...findings]) {
      expect(structuredClone(value)).toEqual(value)
      expect(JSON.parse(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(structuredClone(value))))
    }
    const claims = [...benches.flatMap((one) => one.claims), ...findings.flatMap(claimsOf)]
    expect(claims).toHaveLength(8)
    expect(JSON.parse(JSON.stringify(claims))).toStrictEqual(claims)
    expect(JSON.parse(JSON.stringify(benches[0]!.params))).toStrictEqual(benches[0]!.params)
    expect(JSON.parse(JSON.stringify(findings))).toStrictEqual(findings)
  })
})
