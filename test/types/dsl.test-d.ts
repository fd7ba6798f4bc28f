import {
  bench,
  type Claim,
  type Config,
  defineConfig,
  expect,
  finding,
  type Guest,
  higher,
  lower,
  type PlatformSpec,
  platform,
  workload,
} from 'isobench'
import type { Driver } from 'isobench/driver'
import { sysbench } from 'isobench/tools'
import { describe, expectTypeOf, it } from 'vitest'

const disk = workload('disk', {
  metrics: { latency: lower('ms'), bandwidth: higher('MB/s') },
  params: { mode: ['read', 'write'], depth: [1, 32] },
  async run({ params }) {
    expectTypeOf(params.mode).toEqualTypeOf<'read' | 'write'>()
    expectTypeOf(params.depth).toEqualTypeOf<1 | 32>()
    return { latency: 1, bandwidth: 2 }
  },
})

describe('what authors write compiles', () => {
  it('a workload with commands of the tools', () => {
    const prime = workload('prime', {
      metrics: { events: higher('events/s') },
      lifecycle: 'run',
      async run({ guest, client, seconds, signal, cpus }) {
        expectTypeOf(guest).toEqualTypeOf<Guest>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        expectTypeOf(cpus).toEqualTypeOf<number>()
        await client.exec({ argv: ['true'] })
        const { stdout } = await guest.exec(sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds }))
        return { events: sysbench.parseCpu(stdout).eventsPerSecond }
      },
    })
    const handle = bench('prime', prime, { expect: { events: expect.withinNative(5) }, tags: ['cpu'], timeout: 9 })
    expectTypeOf(handle).toHaveProperty('events')
    expectTypeOf(handle).not.toHaveProperty('latency')
  })

  it('expectations: one, several, in any unit of the dimension, and warnings', () => {
    bench('a', disk, {
      expect: {
        latency: [expect.atMost('0.6s'), expect.atLeast('10 us'), expect.warn.withinNative(5)],
        bandwidth: expect.atLeast('1.5 GB/s'),
      },
    })
    bench('b', disk, { expect: { latency: expect.warn.atMost('600ms') } })
  })

  it('params: a choice of them, in bench and in where', () => {
    const handle = bench('a', disk, { params: { mode: ['read'] } })
    const claim = expect(handle.latency)
      .on(platform.family('container'))
      .where({ mode: 'read', depth: 32 })
      .atMost('1s')
    expectTypeOf(claim).toEqualTypeOf<Claim>()
    expectTypeOf(expect(handle.latency).warn.on('runc').betterThan('gvisor', { by: '1.5x' })).toEqualTypeOf<Claim>()
    expectTypeOf(expect(handle.bandwidth).on('runc').peaksAt([1, 32], { over: 'depth' })).toEqualTypeOf<Claim>()
    expectTypeOf(expect(handle.bandwidth).warn.constant(20, { over: 'mode' })).toEqualTypeOf<Claim>()
    expectTypeOf(expect.warn(handle.latency)).toEqualTypeOf(expect(handle.latency))
    expectTypeOf(expect.warn(handle.latency).on('runc').atMost('5ms')).toEqualTypeOf<Claim>()
    expectTypeOf(expect(handle.bandwidth).peakWithin(15, 'native', { over: 'mode' })).toEqualTypeOf<Claim>()
    expectTypeOf(expect(handle.latency).worsensAtMost('3x', { over: 'depth', from: 1, to: 32 })).toEqualTypeOf<Claim>()
    expectTypeOf(expect(handle.bandwidth).on('kata').notWorseThan('qemu', 9)).toEqualTypeOf<Claim>()
    finding(1, 'a title', [claim, expect(handle.bandwidth).ranked('native', 'runc', 'gvisor')], { failOn: 'any' })
  })

  it('bench.each gives the row to the workload, and a handle for each row', () => {
    const handles = bench.each(['ext4', 'xfs'])('on %s', (row) => {
      expectTypeOf(row).toEqualTypeOf<'ext4' | 'xfs'>()
      return disk
    })
    expectTypeOf(handles[0]!.latency).toEqualTypeOf<
      ReturnType<typeof bench<(typeof disk)['metrics'], (typeof disk)['params']>>['latency']
    >()
    bench.each([[1, 'a'] as const])('%s %s', (number, letter) => {
      expectTypeOf(number).toEqualTypeOf<1>()
      expectTypeOf(letter).toEqualTypeOf<'a'>()
      return disk
    })
  })

  it('bench.each spreads rows of several types, as Vitest does', () => {
    bench.each([
      ['a', 1],
      ['b', 2],
    ])('%s %i', (name, count) => {
      expectTypeOf(name).toEqualTypeOf<'a' | 'b'>()
      expectTypeOf(count).toEqualTypeOf<1 | 2>()
      return disk
    })
    const constant = [
      ['a', 1],
      ['b', 2],
    ] as const
    bench.each(constant)('%s %i', (name, count) => {
      expectTypeOf(name).toEqualTypeOf<'a' | 'b'>()
      expectTypeOf(count).toEqualTypeOf<1 | 2>()
      return disk
    })
    bench.each([
      ['a', 1],
      ['b', 2],
    ])('%s %i', (_name: string, _count: number) => disk)
    bench.only.each([
      ['a', 1, true],
      ['b', 2, false],
      ['c', 3, true],
    ])('%s %i %s', (name, count, flag) => {
      expectTypeOf(name).toEqualTypeOf<'a' | 'b' | 'c'>()
      expectTypeOf(count).toEqualTypeOf<1 | 2 | 3>()
      expectTypeOf(flag).toEqualTypeOf<boolean>()
      return disk
    })
    const typed: [string, number][] = [['a', 1]]
    bench.each(typed)('%s %i', (name, count) => {
      expectTypeOf(name).toEqualTypeOf<string>()
      expectTypeOf(count).toEqualTypeOf<number>()
      return disk
    })
    const lists: string[][] = [['a', 'b']]
    bench.each(lists)('%s %s', (first, second) => {
      expectTypeOf(first).toEqualTypeOf<string>()
      expectTypeOf(second).toEqualTypeOf<string>()
      return disk
    })
    bench.each([{ size: 1 }, { size: 2 }])('$size', ({ size }) => {
      expectTypeOf(size).toEqualTypeOf<1 | 2>()
      return disk
    })
    // @ts-expect-error: the second item is a number
    bench.each([['a', 1]])('%s %i', (_name: string, _count: string) => disk)
  })

  it('bench.for passes a row of several types as one argument', () => {
    bench.for([
      ['a', 1],
      ['b', 2],
    ])('%s %i', ([name, count]) => {
      expectTypeOf(name).toEqualTypeOf<'a' | 'b'>()
      expectTypeOf(count).toEqualTypeOf<1 | 2>()
      return disk
    })
    bench.for([
      ['a', 1],
      ['b', 2],
    ])('%s %i', ([_name, _count]: readonly [string, number]) => disk)
    const typed: [string, number][] = [['a', 1]]
    bench.for(typed)('%s %i', ([name, count]) => {
      expectTypeOf(name).toEqualTypeOf<string>()
      expectTypeOf(count).toEqualTypeOf<number>()
      return disk
    })
  })

  it('modes', () => {
    bench.only('a', disk)
    bench.skip('b', disk, { expect: { latency: expect.withinNative(5) } })
    bench.skipIf(process.arch === 'arm64')('c', disk)
    bench.todo('d')
  })

  it('workload.boot boots, and has neither guest nor client', () => {
    const boot = workload.boot('boot', {
      metrics: { boot: lower('ms') },
      params: { image: ['small', 'large'] },
      async run(context) {
        expectTypeOf(context).not.toHaveProperty('guest')
        expectTypeOf(context).not.toHaveProperty('client')
        expectTypeOf(context.params.image).toEqualTypeOf<'small' | 'large'>()
        return { boot: (await context.boot({ argv: ['/bin/true'] })).milliseconds }
      },
    })
    bench('boot', boot, { expect: { boot: expect.atMost('600ms') } })
  })

  it('workload.guests boots several guests, and has no single one', () => {
    const burst = workload.guests('burst', {
      metrics: { last: lower('ms'), success: higher('%') },
      params: { guests: [1, 8] },
      async run(context) {
        expectTypeOf(context).not.toHaveProperty('guest')
        expectTypeOf(context.params.guests).toEqualTypeOf<1 | 8>()
        const starts = await context.burst(context.params.guests, { argv: ['/bin/true'] }, { every: 200 })
        const ready = starts.flatMap((start) => (start.ok ? [start.readyMs] : []))
        await using neighbor = await context.boot({ cpus: 'separate' })
        await neighbor.exec({ argv: ['/bin/true'] })
        // @ts-expect-error no such placement
        await context.boot({ cpus: 'own' })
        return { last: Math.max(...ready), success: (100 * ready.length) / starts.length }
      },
    })
    const { last } = bench('burst', burst)
    expectTypeOf(expect(last).worsensAtMost('3x', { over: 'guests', from: 1, to: 8 })).toEqualTypeOf<Claim>()
  })

  it('workload.traced yields the metrics of its trace source, and keeps the parameters', () => {
    const handle = bench('traced', workload.traced(disk, { source: 'syscalls', workMetric: 'bandwidth' }), {
      params: { depth: [1] },
    })
    expect(handle.syscalls).on('gvisor').asFallback('by syscalls').worseThan('runc')
    expect(handle.setupSyscallCalls).where({ mode: 'read' }).atMost('100 count')
    // @ts-expect-error the other trace source's metric
    handle.functions
    // @ts-expect-error no metric of the traced workload
    workload.traced(disk, { source: 'functions', workMetric: 'events' })
  })

  it('workload.inGuest yields a rate called throughput', () => {
    const sha = bench(
      'sha',
      workload.inGuest('sha', () => 1),
      { expect: { throughput: expect.withinNative(5) } },
    )
    expectTypeOf(expect(sha.throughput).atLeast('5 ops/s')).toEqualTypeOf<Claim>()
  })

  it('platforms with their options, and a driver object of the author', () => {
    const driver: Driver<{ level: number }> = {
      kind: 'mine',
      family: 'container',
      description: 'my own',
      options: { parse: () => ({ level: 1 }) },
      requirements: () => [{ binary: 'mine' }],
      oneShot: async (place, argv) => place.wrap(['mine', ...argv]),
      boot: async (place) => ({ execArgv: (argv) => place.wrap(['mine', place.id, ...argv]) }),
    }
    expectTypeOf(platform(driver, { level: 2, name: 'mine', tags: ['own'] })).toEqualTypeOf<PlatformSpec<'mine'>>()
    const config = defineConfig({
      guest: { cpus: 2, memory: '512MiB' },
      platforms: [
        platform('native'),
        platform('native', { name: 'native-2', tags: ['noise'] }),
        platform('runc', { name: 'runc-again' }),
        platform('gvisor', { mode: 'kvm', flags: ['--debug'], name: 'gvisor-kvm', tags: ['ablation'] }),
        platform(driver),
      ],
    })
    expectTypeOf(config).toExtend<Config>()
    expectTypeOf(config.platforms[1].name).toEqualTypeOf<'native-2'>()
    expectTypeOf(config.platforms[3].name).toEqualTypeOf<'gvisor-kvm'>()
  })
})

describe('mistakes do not compile', () => {
  const handle = bench('handle', disk)

  it('a metric that the workload does not yield', () => {
    // @ts-expect-error latecy is no metric
    bench('a', disk, { expect: { latecy: expect.withinNative(5) } })
    // @ts-expect-error nor has the handle one
    handle.latecy
  })

  it('a quantity of another dimension', () => {
    // @ts-expect-error a latency is no bandwidth
    bench('a', disk, { expect: { latency: expect.atMost('5 MB/s') } })
    // @ts-expect-error nor in a list
    bench('a', disk, { expect: { latency: [expect.withinNative(5), expect.atLeast('5 MB/s')] } })
    // @ts-expect-error nor as a warning
    bench('a', disk, { expect: { latency: expect.warn.atMost('5 MB/s') } })
    // @ts-expect-error nor in a claim
    expect(handle.latency).atMost('5 MB/s')
    // @ts-expect-error nor after on and where
    expect(handle.bandwidth).on('runc').where({ depth: 1 }).warn.atLeast('5ms')
    // @ts-expect-error nor in one that only warns
    expect.warn(handle.latency).atMost('5 MB/s')
    // @ts-expect-error bytes are not bits
    expect(handle.bandwidth).atLeast('5 Mbit/s')
    // @ts-expect-error a unit that nobody knows
    expect(handle.latency).atMost('5 minutes')
    // @ts-expect-error no unit at all
    expect(handle.latency).atMost(5)
    // @ts-expect-error a metric's own unit must be known
    lower('minutes')
  })

  it('a parameter or value that the workload does not have', () => {
    // @ts-expect-error the parameter is called mode
    bench('a', disk, { params: { mod: ['read'] } })
    // @ts-expect-error there is no mode "trim"
    bench('a', disk, { params: { mode: ['trim'] } })
    // @ts-expect-error an empty choice measures nothing
    bench('a', disk, { params: { depth: [] } })
    // @ts-expect-error the parameter is called mode
    expect(handle.latency).where({ mod: 'read' })
    // @ts-expect-error the depth is 1 or 32
    expect(handle.latency).where({ depth: 2 })
  })

  it('a run that returns too little or something else', () => {
    const metrics = { latency: lower('ms'), bandwidth: higher('MB/s') }
    // @ts-expect-error bandwidth is missing
    workload('a', { metrics, run: async () => ({ latency: 1 }) })
    workload('a', {
      metrics,
      // @ts-expect-error a string is no figure
      run: async () => ({ latency: 1, bandwidth: '2' }),
    })
    workload.boot('a', {
      metrics: { boot: lower('ms') },
      // @ts-expect-error it is called boot
      run: async () => ({ bot: 1 }),
    })
  })

  it('a parameter that run does not have', () => {
    workload('a', {
      metrics: { latency: lower('ms') },
      params: { mode: ['read'] },
      async run({ params }) {
        // @ts-expect-error it is called mode
        params.mod
        return { latency: 1 }
      },
    })
  })

  it('platforms', () => {
    // @ts-expect-error there is no such kind
    platform('gviser')
    // @ts-expect-error nor with a name and tags, without a driver
    platform('gviser', { name: 'a', tags: [] })
    // @ts-expect-error there is no such mode
    platform('gvisor', { mode: 'sistrap' })
    // @ts-expect-error there is no such option
    platform('gvisor', { moed: 'systrap' })
    // @ts-expect-error runc is not gVisor
    platform('runc', { mode: 'systrap' })
    // @ts-expect-error native has no options
    platform('native', { mode: 'systrap' })
    // @ts-expect-error a family, not a platform
    platform.family('gvisor')
    // @ts-expect-error no family at all
    platform.family()
    // @ts-expect-error no such unit of memory
    defineConfig({ platforms: [], guest: { memory: '1GB' } })
  })

  it('fields of a config that it does not have, at any depth', () => {
    const platforms = [platform('native')]
    // @ts-expect-error secrity
    defineConfig({ platforms, secrity: 'none' })
    // @ts-expect-error baselin, in a function
    defineConfig(() => ({ platforms, baselin: 'main' }))
    // @ts-expect-error baselin, in an async function
    defineConfig(async () => ({ platforms, baselin: 'main' }))
    // @ts-expect-error cpu
    defineConfig({ platforms, guest: { cpu: 2 } })
    // @ts-expect-error round
    defineConfig({ platforms, profiles: { mine: { round: 5 } } })
    // @ts-expect-error three dots
    defineConfig({ platforms, rounds: '10...30' })
  })

  it('a config or a function that returns one takes every field', () => {
    const platforms = [platform('native')]
    defineConfig({ platforms, rounds: '10..30', security: 'none', profiles: { mine: { rounds: 5 } } })
    const config = defineConfig(({ command }) => ({ platforms, ...(command === 'run' && { baseline: 'main' }) }))
    expectTypeOf(config).returns.toExtend<Config | Promise<Config>>()
    defineConfig(async ({ profile }) => ({ platforms, duet: profile === 'full' }))
    const named = defineConfig(() => ({ platforms: [platform('runc', { name: 'mine' })] }))
    expectTypeOf<Extract<ReturnType<typeof named>, Config>['platforms'][0]['name']>().toEqualTypeOf<'mine'>()
    const whole: Config = { platforms }
    expectTypeOf(defineConfig(whole)).toEqualTypeOf<Config>()
  })

  it('factors, rankings and severities', () => {
    // @ts-expect-error a factor ends in x
    expect(handle.latency).betterThan('runc', { by: '3' })
    // @ts-expect-error nothing to rank
    expect(handle.latency).ranked('runc')
    // @ts-expect-error the values of this parameter are no numbers
    expect(handle.latency).peaksAt(1, { over: 'mode' })
    // @ts-expect-error no such parameter
    expect(handle.latency).constant(5, { over: 'threads' })
    // @ts-expect-error no such parameter
    expect(handle.latency).peakWithin(5, 'native', { over: 'threads' })
    // @ts-expect-error a factor ends in x
    expect(handle.latency).worsensAtMost('3', { over: 'depth', from: 1, to: 32 })
    // @ts-expect-error no such value of the parameter
    expect(handle.latency).worsensAtMost('3x', { over: 'depth', from: 1, to: 33 })
    // @ts-expect-error no such parameter
    expect(handle.latency).worsensAtMost('3x', { over: 'threads', from: 1, to: 32 })
    // @ts-expect-error a bench's own expectation does not know its parameters
    expect.flat(5, { over: 'depth' })
    // @ts-expect-error no such gate
    finding(1, 'a', [], { failOn: 'sometimes' })
    // @ts-expect-error an expectation of a bench is no claim yet
    finding(1, 'a', [expect.withinNative(5)])
  })
})

it('a figure that is none of the metrics does not compile', () => {
  workload('extra', {
    metrics: { latency: lower('ms') },
    // @ts-expect-error `jitter` is none of the metrics
    run: async () => ({ latency: 1, jitter: 2 }),
  })
  workload.boot('extra', {
    metrics: { duration: lower('ms') },
    // @ts-expect-error `jitter` is none of the metrics
    run: async () => ({ duration: 1, jitter: 2 }),
  })
})
