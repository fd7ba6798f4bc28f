import { inspect } from 'node:util'
import { bench, expect as claim, finding, group, higher, lower, part, platform, unit, workload } from 'isobench'
import { describe, expect, it } from 'vitest'
import { collectRegistrations } from '../../../src/dsl/registry.ts'
import { mistakeOf } from './mistake-of.ts'

// What authors write who know Vitest, without a type checker.

const disk = workload('disk', {
  metrics: { latency: lower('ms'), rate: higher('ops/s') },
  params: { mode: ['read', 'write'], depth: [1, 32] },
  run: async () => ({ latency: 1, rate: 1 }),
})

// biome-ignore lint/suspicious/noExplicitAny: authors without a type checker pass anything
const any = (value: unknown): any => value

describe('a mistake is explained at its place', () => {
  it.each<[string, () => unknown, RegExp, RegExp]>([
    [
      'a factor without its name',
      () => bench('a', disk, { expect: { latency: any(claim).worseThan('native', '2x') } }),
      /takes an object with a factor, and this is "2x"/,
      /worseThan\('runc', \{ by: '2x' \}\)/,
    ],
    ...(
      [
        [5, /the parameter "size" is 5\.$/],
        [[], /the parameter "size" has no values\.$/],
        [[1, 1], /the parameter "size" has the value 1 twice\.$/],
        [['a', 'b', 'a'], /the parameter "size" has the value "a" twice\.$/],
        [[{}], /the parameter "size" has a value that is an object, not a string, number or boolean\.$/],
        [[undefined], /the parameter "size" has a value that is undefined, not/],
        [[5n], /the parameter "size" has a value that is 5n, not/],
        [[1, Number.NaN], /the parameter "size" has a value that is NaN, not/],
      ] as const
    ).map(([values, message]): [string, () => unknown, RegExp, RegExp] => [
      `values of a parameter that are ${inspect(values)}`,
      () => workload('x', { metrics: { t: lower('ms') }, params: any({ size: values }), run: async () => ({ t: 1 }) }),
      message,
      /size: \[1, 2\]/,
    ]),
    [
      'a value of a parameter that a bench has twice',
      () => bench('a', disk, { params: { depth: [32, 32] } }),
      /bench "a": parameter "depth" has the value 32 twice\.$/,
      /list each value once/,
    ],
    ...(
      [
        [undefined, 'undefined'],
        [1n, '1n'],
        ['reed', '"reed"'],
      ] as const
    ).map(([value, text]): [string, () => unknown, RegExp, RegExp] => [
      `values of a bench of which one is ${text}`,
      () => bench('a', disk, { params: { mode: any(['read', value, value]) } }),
      new RegExp(`^bench "a": parameter "mode" has no value ${text}\\.$`),
      /^use some of: read, write$/,
    ]),
    [
      'an expect that is an empty list',
      () => bench('a', disk, any({ expect: [] })),
      /expect needs the names of metrics, and this is an array\.$/,
      /expect: \{ latency: /,
    ],
    ...[claim.withinNative(5), [claim.withinNative(5), claim.warn.atMost('1s')]].map(
      (one): [string, () => unknown, RegExp, RegExp] => [
        `an expectation without a metric${Array.isArray(one) ? ', in a list' : ''}`,
        () => bench('a', disk, any({ expect: one })),
        /^bench "a": expect needs the names of metrics, and this is an expectation without a name\.$/,
        /^write expect: \{ latency: expect\.withinNative\(5\) \}$/,
      ],
    ),
    ...(
      [
        [undefined, 'the expectation of "latency" is undefined'],
        [[claim.withinNative(5), undefined], 'one expectation of "latency" is undefined'],
        [[[claim.withinNative(5)]], 'one expectation of "latency" is an array'],
      ] as const
    ).map(([expected, message]): [string, () => unknown, RegExp, RegExp] => [
      `an expectation that is ${inspect(expected)}`,
      () => bench('a', disk, any({ expect: { latency: expected } })),
      new RegExp(`^bench "a": ${message}\\.$`),
      /^write expect: \{ latency: expect\.withinNative\(5\) \}$/,
    ]),
    [
      'an expect that is a number',
      () => bench('a', disk, any({ expect: 5 })),
      /expect needs the names of metrics, and this is 5\.$/,
      /expect: \{ latency: /,
    ],
    ...(
      [
        ['runc', () => claim(bench('a', disk).latency).on('runc').worseThan('runc')],
        ['runc', () => claim(bench('a', disk).latency).on(platform.named('runc')).equivalentTo('runc', 5)],
        ['runc', () => claim(bench('a', disk).latency).on('runc').peakWithin(5, 'runc', { over: 'depth' })],
        ['native', () => claim(bench('a', disk).latency).on('native').withinNative(5)],
      ] as const
    ).map(([name, register]): [string, () => unknown, RegExp, RegExp] => [
      `a platform that is compared with itself: ${register}`,
      register,
      new RegExp(`^the claim compares "${name}" with itself\\.$`),
      /name two different platforms/,
    ]),
    [
      'a function as workload',
      () =>
        bench(
          'sort',
          any(async () => {}),
        ),
      /takes a workload.*function/,
      /inGuest\('sort'/,
    ],
    [
      'options before the workload',
      () => bench('a', any({ tags: [] }), any(disk)),
      /second argument/,
      /bench\('a', work/,
    ],
    ['no workload', () => bench('a', any(undefined)), /this is undefined/, /import each other/],
    ['no name', () => bench(any(disk), any(undefined)), /takes a name first/, /bench\('what/],
    ['a misspelled option', () => bench('a', disk, any({ param: {} })), /no option "param"/, /"params"/],
    [
      'a tag with a comma',
      () => bench('a', disk, { tags: ['cpu', 'a,b'] }),
      /bench "a": "a,b" is no tag/,
      /"a" and "b"/,
    ],
    ['an empty tag', () => bench('a', disk, { tags: [''] }), /bench "a": "" is no tag/, /remove the tag/],
    ['a tag of spaces', () => group('a', { tags: [' '] }, () => 1), /group "a": " " is no tag/, /remove/],
    ['a tag with a space at its end', () => bench('a', disk, { tags: ['cpu '] }), /"cpu " is no tag/, /write "cpu"/],
    ['a tag that is no list', () => bench('a', disk, any({ tags: 'cpu' })), /tags are "cpu"/, /\['cpu'\]/],
    ['a platform with a tag that has a comma', () => platform('runc', { tags: ['a,b'] }), /"runc": "a,b"/, /"a" and/],
    ['a platform with an empty tag', () => platform('runc', { tags: [''] }), /platform "runc": "" is no/, /remove the/],
    ['no expectation', () => bench('a', disk, { expect: { rate: [] } }), /of "rate" is empty/, /leave rate out/],
    ['an expectation that is a number', () => bench('a', disk, any({ expect: { rate: 5 } })), /is 5/, /withinNative/],
    [
      'a metric close to one',
      () => bench('a', disk, any({ expect: { latncy: claim.atMost('1s') } })),
      /"latncy"/,
      /"latency"\?/,
    ],
    ['a metric of no bench', () => claim(any(bench('a', disk)).latncy), /no metric "latncy"/, /"latency"\?/],
    ['a value instead of a metric', () => any(claim)(1 + 1).toBe(2), /and this is 2\./, /Vitest/],
    ['a bench instead of a metric', () => claim(any(bench('a', disk))), /whole bench/, /expect\(it\.latency\)/],
    ['a matcher of Vitest', () => any(claim(bench('a', disk).rate)).toBeLessThan(5), /"toBeLessThan"/, /atMost/],
    [
      'a misspelled matcher',
      () => any(claim(bench('a', disk).rate)).withinNatve(5),
      /"withinNatve"/,
      /"withinNative"\?/,
    ],
    ['a misspelled expectation', () => any(claim).withinNatve(5), /"withinNatve"/, /"withinNative"\?/],
    ['a margin that is text', () => claim(bench('a', disk).rate).withinNative(any('5%')), /number.*"5%"/, /alone: 5/],
    ['a margin instead of a platform', () => claim(bench('a', disk).rate).notWorseThan(any(5), 5), /this is 5/, /runc/],
    [
      'an unknown parameter',
      () => claim(bench('a', disk).rate).where(any({ dpth: 1 })),
      /parameter "dpth"/,
      /"depth"\?/,
    ],
    ['an unknown value', () => claim(bench('a', disk).rate).where(any({ depth: 2 })), /no value 2/, /1, 32/],
    [
      'a list of platforms',
      () => claim(bench('a', disk).rate).on(any(['runc', 'crun'])),
      /one selector, and this is an array/,
      /platform\.named\('runc', 'crun'\)/,
    ],
    [
      'several platforms',
      () => any(claim(bench('a', disk).rate)).on('runc', 'crun'),
      /this is "runc", "crun"/,
      /named/,
    ],
    ['a median as selector', () => claim(bench('a', disk).rate).on(any({ medianOf: ['runc'] })), /an object/, /named/],
    ['no platform', () => any(claim(bench('a', disk).rate)).on(), /this is nothing/, /named/],
    [
      'a value instead of values',
      () => bench('a', disk, any({ params: { depth: 1 } })),
      /"depth" are 1\./,
      /list.*1, 32/,
    ],
    [
      'a value instead of values in a profile',
      () => bench('a', disk, any({ profiles: { paper: { depth: 1 } } })),
      /"depth" are 1\./,
      /list.*1, 32/,
    ],
    [
      'a profile that is no object',
      () => bench('a', disk, any({ profiles: { paper: 1 } })),
      /"paper" is 1\./,
      /object/,
    ],
    ['parameters that are a list', () => bench('a', disk, any({ params: [1] })), /params is an array/, /object/],
    [
      'a parameter that every object has',
      () => bench('a', disk, any({ params: { toString: [1] } })),
      /no parameter "toString"/,
      /mode, depth/,
    ],
    [
      'a misspelled lifecycle',
      () => workload('a', any({ metrics: { t: lower('ms') }, lifecycle: 'sampel', run: async () => ({ t: 1 }) })),
      /the lifecycle is "sampel"/,
      /sample, round, run/,
    ],
    ['a bench to do without a name', () => any(bench).todo(), /bench\.todo\(\) takes a name/, /bench\.todo\('/],
    ...(['peaksAt', 'constant', 'peakWithin'] as const).map((matcher): [string, () => unknown, RegExp, RegExp] => [
      `${matcher} without a series`,
      () => any(claim(bench('a', disk).rate))[matcher](5),
      /needs its parameter, and this is undefined/,
      /over: 'threads'/,
    ]),
    [
      'a claim about how it worsens without a series',
      () => any(claim(bench('a', disk).rate)).worsensAtMost('2x'),
      /needs its parameter, and this is undefined/,
      /over: 'threads'/,
    ],
    [
      'a value that the parameter lacks',
      () => claim(bench('a', disk).rate).worsensAtMost('2x', { over: 'depth', from: 1, to: any(7) }),
      /parameter "depth" has no value 7/,
      /use one of: 1, /,
    ],
    [
      'a value that is compared with itself',
      () => claim(bench('a', disk).rate).worsensAtMost('2x', { over: 'depth', from: 1, to: 1 }),
      /compares depth 1 with itself/,
      /two different values/,
    ],
    [
      'a misspelled option of a claim about how it worsens',
      () => claim(bench('a', disk).rate).worsensAtMost('2x', any({ over: 'depth', from: 1, to: 8, form: 1 })),
      /series of a claim: there is no option "form"/,
      /"from"\?/,
    ],
    ...(['peaksAt', 'constant'] as const).map((matcher): [string, () => unknown, RegExp, RegExp] => [
      `an option that ${matcher} does not have`,
      () => any(claim(bench('a', disk).rate))[matcher](5, { over: 'depth', from: 1 }),
      /there is no option "from"/,
      /use one of: over/,
    ]),
    [
      'an option that peakWithin does not have',
      () => any(claim(bench('a', disk).rate)).peakWithin(5, 'runc', { over: 'depth', at: 1 }),
      /there is no option "at"/,
      /use one of: over/,
    ],
    [
      'a claim over a parameter of which it selects one value',
      () => claim(bench('a', disk).rate).where({ depth: 1 }).constant(5, { over: 'depth' }),
      /compares values of depth, and where\(\) selects one of them: 1/,
      /remove depth from where/,
    ],
    [
      'a misspelled option of traced',
      () => workload.traced(disk, any({ source: 'syscalls', workmetric: 'rate' })),
      /workload\.traced\(\) of "disk": there is no option "workmetric"/,
      /"workMetric"\?/,
    ],
    [
      'a misspelled option of a unit',
      () => unit('frames/s', any({ better: 'higher', beter: 'lower' })),
      /unit "frames\/s": there is no option "beter"/,
      /"better"\?/,
    ],
    [
      'a factor that allows no change',
      () => claim(bench('a', disk).rate).worsensAtMost('1x', { over: 'mode', from: 'read', to: 'write' }),
      /"1x" is no factor by which a metric may become worse/,
      /above 1/,
    ],
    [
      'no number at which a series peaks',
      () => claim(bench('a', disk).rate).peaksAt(any(undefined), { over: 'depth' }),
      /from undefined to undefined is no valid range/,
      /\[from, to\]/,
    ],
    [
      'a value of the parameter that it lacks',
      () => claim(bench('a', disk).rate).peaksAt(3, { over: 'depth' }),
      /bench "a": parameter "depth" has no value 3/,
      /use one of: 1, 32/,
    ],
    [
      'a range without a value of the parameter',
      () => claim(bench('a', disk).rate).peaksAt([2, 31], { over: 'depth' }),
      /parameter "depth" has no value from 2 to 31/,
      /with one of: 1, 32/,
    ],
    [
      'a limit with options',
      () => any(claim).atMost('3ms', { off: 1 }),
      /atMost\(\) does not take an object/,
      /remove/,
    ],
    ['a second margin', () => any(claim).withinNative(5, 6), /withinNative\(\) does not take 6/, /remove it/],
    [
      'more after the options of a series',
      () => any(claim(bench('a', disk).rate)).constant(5, { over: 'depth' }, 7),
      /constant\(\) does not take 7/,
      /remove it/,
    ],
    ['an order of two', () => any(claim).noStableOrder('native', 'runc'), /at least three/, /name a third platform/],
    ['an order with a platform twice', () => claim.noStableOrder('runc', 'lxc', 'lxc'), /three/, /a third platform/],
    [
      'a claim over a parameter in a bench',
      () => any(claim).worsensAtMost(),
      /worsensAtMost compares values of a parameter/,
      /expect\(it\.metric\)\.worsensAtMost\('3x', \{ over: 'threads', from: 1, to: 8 \}\)/,
    ],
    ['a finding without text', () => finding(100, ' ', any([])), /finding 100 has no text/, /the statement/],
    ['a part without text', () => finding(100, 'it', [part('', [])]), /a part has no text/, /the clause/],
    ['a misspelled variant', () => any(bench).skipif(true), /no bench\.skipif/, /"skipIf"\?/],
    ['a variant of Vitest', () => any(bench).concurrent('a', disk), /no bench\.concurrent/, /one sample at a time/],
    ['a workload instead of rows', () => bench.each(any(disk))('a', any(disk)), /list of rows/, /bench\.each\(/],
    ['a workload for all rows', () => bench.each([1])('a', any(disk)), /takes a function/, /%i/],
    [
      'a workload that is a function',
      () =>
        workload(
          'a',
          any(async () => {}),
        ),
      /this is a function/,
      /metrics/,
    ],
    ['a hook of Vitest', () => workload('a', any({ metrics: {}, setup() {}, run() {} })), /"setup"/, /"prepare"/],
    [
      'a workload without run',
      () => workload('a', any({ metrics: { t: lower('ms') } })),
      /run is undefined/,
      /async run/,
    ],
    [
      'a metric that is a unit',
      () => workload('a', any({ metrics: { t: 'ms' }, run() {} })),
      /"t" is "ms"/,
      /lower\('ms'\)/,
    ],
    ['an unknown unit', () => lower(any('msec')), /"msec" is no unit/, /unit\("msec"/],
    ['a unit with a space', () => unit('frames per s', { better: 'higher' }), /no valid unit/, /frames\/s/],
    ['a unit that does not say what is better', () => unit('J', any({})), /what is better/, /better: 'lower'/],
    ['an unknown family', () => platform.family(any('containers')), /"containers"/, /"container"\?/],
    ['a median of one platform', () => any(platform).medianOf('native'), /at least two platforms.*"native"/, /'crun'/],
    ['a median of a list', () => any(platform).medianOf(['runc', 'crun']), /two platforms.*an array/, /'crun'/],
    ['a median of no platform', () => any(platform).medianOf(), /at least two platforms.*none/, /'crun'/],
    [
      'a median with a platform twice',
      () => platform.medianOf('runc', 'lxc', 'runc'),
      /"runc" twice/,
      /each platform once/,
    ],
    ['an unknown member of platform', () => any(platform).famly('container'), /platform\.famly/, /"family"\?/],
    ['claims that are no list', () => finding(100, 'a', any(undefined)), /list of claims/, /withinNative/],
    ['a number between the paper and the project', () => finding(29, 'a', []), /29 is no valid number/, /1 to 28.*100/],
    ['the last such number', () => finding(99, 'a', []), /99 is no valid number/, /1 to 28.*100/],
    ['a number that is not exact', () => finding(1e21, 'a', []), /1e\+21 is no valid number/, /to 2\^53 - 1/],
    ['a finding without a number', () => finding(any('a'), 'a', []), /"a" is no valid number/, /100/],
    [
      'a claim of a part without a matcher',
      () => part('p', [any(claim(bench('a', disk).rate).on('runc'))]),
      /part "p": one of its claims is an object/,
      /withinNative/,
    ],
    ['a part with undefined', () => part('p', any([undefined])), /part "p": one of its claims is undefined/, /matcher/],
    [
      'a part without a list',
      () => part('p', any(undefined)),
      /a list of claims, and this is "p" and undefined/,
      /part/,
    ],
    [
      'a misspelled option of a part',
      () => part('p', [], any({ unmeasureable: 'x' })),
      /"unmeasureable"/,
      /"unmeasurable"/,
    ],
    ['a finding with null', () => finding(1, 't', any([null])), /finding 1: one of its claims is null/, /matcher/],
    ['a finding with undefined', () => finding(1, 't', any([undefined])), /one of its claims is undefined/, /matcher/],
    [
      'a claim beside a part',
      () => finding(1, 't', any([part('p', [], { unmeasurable: 'x' }), claim(bench('a', disk).rate).withinNative(5)])),
      /finding 1 mixes parts/,
      /part\('/,
    ],
    [
      'a misspelled option of a finding',
      () => finding(1, 't', [claim(bench('a', disk).rate).withinNative(5)], any({ failon: 'never' })),
      /finding 1: there is no option "failon"/,
      /"failOn"\?/,
    ],
    [
      'a finding that fails on nothing known',
      () => finding(1, 't', [claim(bench('a', disk).rate).withinNative(5)], any({ failOn: 'nevr' })),
      /failOn is "nevr"/,
      /worse, any, never/,
    ],
    [
      'a misprint without claims',
      () => finding(1, 't', [claim(bench('a', disk).rate).withinNative(5)], any({ misprint: { why: 'x' } })),
      /the misprint is an object/,
      /claims: \[/,
    ],
    [
      'a misspelled field of a source',
      () =>
        finding(1, 't', [claim(bench('a', disk).rate).withinNative(5)], any({ source: { title: 'x', sction: '3' } })),
      /the source of finding 1: there is no option "sction"/,
      /"section"\?/,
    ],
    [
      'a misspelled field of a misprint',
      () =>
        finding(
          1,
          't',
          [claim(bench('a', disk).rate).withinNative(5)],
          any({ misprint: { claims: [claim(bench('b', disk).rate).withinNative(9)], wy: 'x' } }),
        ),
      /the misprint of finding 1: there is no option "wy"/,
      /"why"\?/,
    ],
    ['a group without a function', () => group('a', any(undefined)), /group\(\) takes/, /bench\(/],
    ['a group with a tag that is text', () => group('a', any({ tags: 'cpu' }), () => 1), /tags are "cpu"/, /\['cpu'\]/],
    [
      'a group with a negative limit',
      () => group('a', { timeout: -1 }, () => 1),
      /group "a": the timeout is -1/,
      /above 0/,
    ],
    [
      'a column of nothing',
      () => bench('a', disk, any({ beside: { tag: 'x', metrics: [] } })),
      /without a tag/,
      /beside/,
    ],
    [
      'a column of another bench',
      () => bench('a', disk, any({ beside: { tag: 'x', metrics: ['no'] } })),
      /without a tag/,
      /beside/,
    ],
    ['a time limit that is text', () => bench('a', disk, any({ timeout: '5' })), /the timeout is "5"/, /above 0/],
    [
      'a server without a port',
      () => group('a', { server: any({ command: { argv: ['redis-server'] } }) }, () => 1),
      /the port of its server is undefined/,
      /6379/,
    ],
    [
      'a server with a port that no TCP port can be',
      () => group('a', { server: { command: { argv: ['redis-server'] }, port: 70_000 } }, () => 1),
      /the port of its server is 70000\.$/,
      /from 1 to 65535/,
    ],
    [
      'a server without a command',
      () => group('a', { server: any({ command: 'redis-server', port: 6379 }) }, () => 1),
      /the command of its server is "redis-server"/,
      /command\('redis-server'\)/,
    ],
    [
      'a boot in a group with a server',
      () => {
        const boot = workload.boot('boot', { metrics: { time: lower('ms') }, run: async () => ({ time: 1 }) })
        group('a', { server: { command: { argv: ['x'] }, port: 1 } }, () => bench('b', boot))
      },
      /bench "a > b": its group has a server, and its workload runs no commands/,
      /outside of the group/,
    ],
    ['a group that waits', () => group('a', async () => {}), /"a" returns a promise, so/, /before the group/],
  ])('%s', async (_, register, message, fix) => {
    const mistake = await mistakeOf(register)
    expect(mistake.message).toMatch(message)
    expect(mistake.fix).toMatch(fix)
    expect(mistake.location!.file).toContain('mistakes.test.ts')
  })

  it('and a broken bench causes no errors of claims about it', async () => {
    const mistake = await mistakeOf(() => {
      const broken = bench('a', any(undefined)) as ReturnType<typeof bench<typeof disk.metrics, typeof disk.params>>
      finding(100, 'a', [claim(broken.rate).where({ depth: 1 }).constant(5, { over: 'mode' })])
      finding(101, 'a', [claim(broken.latency).atMost('5ms')])
    })
    expect(mistake.message).toContain('bench "a"')
  })
})

describe('group', () => {
  it('joins names, adds tags, sets a time limit, and may be nested', async () => {
    const { benches } = await collectRegistrations(async () => {
      const inner = group('disk', { tags: ['io'], timeout: 9 }, () => {
        bench('a', disk, { tags: ['io', 'slow'] })
        return group('deep', { tags: ['x'] }, () => bench('b', disk, { timeout: 3 }))
      })
      expect(inner.rate).toMatchObject({ bench: 'disk > deep > b', metric: 'rate' })
      bench('c', disk)
    })
    expect(benches.map(({ name, tags, timeout }) => [name, tags, timeout])).toEqual([
      ['disk > a', ['io', 'slow'], 9],
      ['disk > deep > b', ['io', 'x'], 3],
      ['c', [], undefined],
    ])
  })

  it('gives its server to its benches, those of inner groups too', async () => {
    const server = { command: { argv: ['redis-server'] as const }, port: 6379 }
    const { benches } = await collectRegistrations(async () => {
      group('outer', { server }, () => {
        bench('a', disk)
        group('inner', () => bench('b', disk))
        group('other', { server: { ...server, port: 7000 } }, () => bench('c', disk))
      })
      bench('d', disk)
    })
    expect(benches.map(({ workload: work }) => work!.server?.port)).toEqual([6379, 6379, 7000, undefined])
  })

  it('ends when its function throws', async () => {
    const { benches } = await collectRegistrations(async () => {
      expect(() =>
        group('a', () => {
          throw new Error('no')
        }),
      ).toThrow('no')
      bench('b', disk)
    })
    expect(benches.map(({ name }) => name)).toEqual(['b'])
  })
})

describe('unit', () => {
  it('is a metric that claims compare in this unit alone', async () => {
    const video = workload('video', {
      metrics: { speed: unit('frames/s', { better: 'higher' }) },
      run: async () => ({ speed: 1 }),
    })
    const { benches } = await collectRegistrations(async () => {
      bench('a', video, { expect: { speed: claim.atLeast('30 frames/s') } })
    })
    expect(benches[0]!.claims[0]).toMatchObject({ matcher: { kind: 'atLeast', value: 30 } })
    const mistake = await mistakeOf(() => bench('a', video, { expect: { speed: any(claim).atLeast('30 ops/s') } }))
    expect(mistake.message).toBe('"30 ops/s" is no quantity in frames/s.')
    const bare = await mistakeOf(() => bench('a', video, { expect: { speed: any(claim).atLeast(30) } }))
    expect(bare.message).toBe('a quantity is a text with a number and a unit, and this is 30.')
    expect(bare.fix).toBe("write '30 frames/s'")
  })
})
