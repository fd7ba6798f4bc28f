import { readdirSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { valuesOf } from '../../src/core/model/record.ts'
import type { Report } from '../../src/core/model/report.ts'
import { benchFile, config, expectNoStack, imports, Project } from './support/cli.ts'
import { ensureImage, observe, obstacles } from './support/host.ts'
import { testUnless } from './support/skip.ts'

beforeAll(ensureImage)

const gvisor = (await obstacles('gvisor')).gvisor!

/** 100 on native and \`other\` elsewhere: isobench sets the host name of containers. */
const elsewhere = (other: number) =>
  `const { stdout } = await guest.exec(command('uname', '-n'))
    return { time: await say(stdout.trim() === 'isobench' ? ${other} : 100) }`

const within10 = '{ expect: { time: expect.withinNative(10) } }'

describe('the verdict and the exit code', () => {
  test('an expectation that holds ends with 0, and its samples are in the report', async () => {
    const host = observe()
    using project = Project.of(benchFile(elsewhere(101), within10))
    const { exitCode, report, record, stdout } = await project.run(['--rounds', '5'])
    expect(report.claims).toEqual([
      expect.objectContaining({
        outcome: 'holds',
        platforms: ['runc'],
        claim: expect.objectContaining({ metric: 'time', severity: 'fail' }),
      }),
    ])
    const [bench] = report.cases
    expect(bench!.results.map(({ platform }) => platform)).toEqual(['native', 'runc'])
    for (const { platform, metrics, errors } of bench!.results) {
      const value = platform === 'runc' ? 101 : 100
      expect(errors).toEqual([])
      expect(metrics.time!.samples).toEqual([0, 1, 2, 3, 4].map((round) => ({ round, value })))
      expect(metrics.time!.median).toBe(value)
    }
    expect(bench!.results[1]!.metrics.time!.ratioToNative).toMatchObject({
      ratio: expect.closeTo(1.01, 9),
      rounds: 5,
    })
    expect(report).toMatchObject({ status: 'finished', exit: { code: 0 }, problems: [] })
    expect(report.platforms.map(({ name, available }) => [name, available])).toEqual([
      ['native', true],
      ['runc', true],
    ])
    expect(record.status).toBe('finished')
    expect(stdout).toMatch(/holds/)
    expect(exitCode).toBe(0)
    host.expectClean()
  })

  test('one that is contradicted ends with 1 and says by how much', async () => {
    using project = Project.of(benchFile(elsewhere(150), within10))
    const { exitCode, report, stdout } = await project.run(['--rounds', '5'])
    expect(report.claims[0]).toMatchObject({
      outcome: 'contradicted',
      direction: 'worse',
      estimate: { value: expect.closeTo(1.5, 9), rounds: 5 },
    })
    expect(report.exit.claims).toEqual([0])
    expect(stdout).toMatch(/· runc: 50 % more than native/)
    expect(exitCode).toBe(1)
  })

  test('one that is only a warning is shown and never fails the run', async () => {
    using project = Project.of(benchFile(elsewhere(150), '{ expect: { time: expect.warn.withinNative(10) } }'))
    const { exitCode, report } = await project.run(['--rounds', '5'])
    expect(report.claims[0]).toMatchObject({ outcome: 'contradicted', claim: { severity: 'warn' } })
    expect(exitCode).toBe(0)
  })

  test('one that is inconclusive ends with 0, and with 3 if --strict', async () => {
    // Half of the rounds far off: no five rounds decide that.
    const code = `const { stdout } = await guest.exec(command('uname', '-n'))
    const other = stdout.trim() === 'isobench'
    return { time: await say(other && taken++ % 2 === 0 ? 130 : 100) }`
    using project = Project.of(`let taken = 0\n${benchFile(code, within10)}`)
    const { exitCode, report } = await project.run(['--rounds', '5', '--strict'])
    expect(report.claims[0]).toMatchObject({ outcome: 'inconclusive' })
    expect(exitCode).toBe(3)
    expect((await project.isobench(['judge'])).exitCode).toBe(0)
    expect((await project.isobench(['judge', '--strict'])).exitCode).toBe(3)
  })

  test('too few rounds decide nothing, even if the values are clear, and --strict ends with 3', async () => {
    using project = Project.of(benchFile(elsewhere(150), within10))
    const { exitCode, report } = await project.run(['--rounds', '1', '--strict'])
    expect(report.claims[0]).toMatchObject({
      outcome: 'inconclusive',
      reason: { code: 'too-few-rounds' },
    })
    expect(exitCode).toBe(3)
  })

  test('without expectations nothing is evaluated, and the run ends with 4', async () => {
    using project = Project.of(benchFile(elsewhere(101)))
    const { exitCode, report } = await project.run(['--rounds', '1'])
    expect(report.claims).toEqual([])
    expect(exitCode).toBe(4)
  })

  test('without native a comparison with it is not evaluated, and the run ends with 4', async () => {
    using project = Project.of(benchFile(elsewhere(101), within10))
    const { exitCode, report } = await project.run(['--rounds', '5', '--platform', 'runc'])
    expect(report.claims[0]).toMatchObject({ outcome: 'not-evaluated', reason: { code: 'no-native' } })
    expect(exitCode).toBe(4)
  })

  test('a broken file ends with 5, and the others are measured', async () => {
    using project = Project.of(benchFile(elsewhere(101), within10))
    project.write({ 'benches/broken.bench.ts': `${imports}\nthrow new Error('not today')\n` })
    const outcome = await project.run(['--rounds', '5'])
    expect(outcome.report.claims[0]).toMatchObject({ outcome: 'holds' })
    expect(outcome.report.problems).toEqual([expect.objectContaining({ message: 'not today' })])
    expect(outcome.stdout + outcome.stderr).toMatch(/benches\/broken\.bench\.ts:4\b/)
    expect(outcome.exitCode).toBe(5)
    expectNoStack(outcome)
  })
})

describe('judge', () => {
  test('a report that cannot be written ends with 5, and the baseline is saved and announced', async () => {
    using project = Project.with({
      'isobench.config.ts': config('native'),
      'benches/a.bench.ts': benchFile('return { time: 1 }'),
    })
    const reporters = ['--reporter', 'json=/dev/full', '--reporter', 'default']
    const args = ['--rounds', '1', '--seconds', '0.1', '--wait-for-lock', '--save-baseline', 'main']
    const { exitCode, stdout, stderr } = await project.isobench(['run', ...args, ...reporters])
    expect(stderr).toContain('the report cannot be written to /dev/full')
    expect(stdout).toContain('Saved as the baseline "main".')
    expect(readdirSync(project.path('.isobench/baselines'))).toEqual(['main.jsonl'])
    expect(exitCode).toBe(5)
  })

  test('judges a record to the same verdicts with no platform, no root-only tool and no config', async () => {
    using project = Project.of(
      `${benchFile(elsewhere(150), within10)}
finding(100, 'It costs nothing', [expect(it.time).on(platform.family('container')).withinNative(60)])
`,
    )
    const { report, exitCode } = await project.run(['--rounds', '5'])
    using another = Project.with({ 'run.jsonl': readFileSync(report.record, 'utf8') })
    const again = await another.isobench(['judge', 'run.jsonl', '--json'], {
      env: { PATH: '/nonexistent', ISOBENCH_STATE: '/proc/nowhere', ISOBENCH_CACHE: '/proc/nowhere' },
    })
    expect(JSON.parse(again.stdout)).toEqual({ ...report, record: 'run.jsonl' })
    expect(again.exitCode).toBe(exitCode)
    expect(exitCode).toBe(1)
  })
})

describe('the plan', () => {
  const three = `${benchFile('return { time: await say(1) }', '{}', 'a')}\nbench('b', work)\nbench('c', work)\n`
  const order = ({ samples }: { samples: readonly { case: string; platform: string; round: number }[] }) =>
    samples.map(({ case: point, platform, round }) => `${round} ${point} ${platform}`)

  test('the same seed visits benches and platforms in the same order, another seed in another', async () => {
    using project = Project.of(three)
    const first = await project.run(['--rounds', '2', '--seed', 'alpha'])
    const second = await project.run(['--rounds', '2', '--seed', 'alpha'])
    const third = await project.run(['--rounds', '2', '--seed', 'omega'])
    expect(order(first.record)).toHaveLength(12)
    expect(order(second.record)).toEqual(order(first.record))
    expect(order(third.record)).not.toEqual(order(first.record))
    expect(first.report.seed).toBe('alpha')
  })

  test('--dry-run shows that very order, measures nothing and leaves nothing', async () => {
    const host = observe()
    using project = Project.of(three)
    // The length of the samples of `project.run`.
    const given = ['--seed', 'alpha', '--seconds', '0.2', '--rounds', '2']
    const { stdout, exitCode } = await project.isobench(['run', '--dry-run', ...given])
    expect(exitCode).toBe(0)
    expect(project.records()).toEqual([])
    host.expectClean()
    const { record } = await project.run(['--rounds', '1', '--seed', 'alpha'])
    const shown = stdout.slice(stdout.indexOf('first round:')).trim().split('\n').slice(1)
    expect(shown.map((line) => line.trim().replace(/ {2}on /, ' '))).toEqual(
      record.samples.map(({ case: point, platform }) => `${point} ${platform}`),
    )
  })

  test('warm-up is recorded and neither reported nor judged', async () => {
    using project = Project.of(
      `let taken = 0
${benchFile('return { time: await say(taken++ < 2 ? 1000 : 1) }', '{ expect: { time: expect.atMost("2ms") } }')}`,
    )
    project.write({
      'isobench.config.ts': config('native', 'runc').replace('warmup: 0', 'warmup: 1'),
    })
    const { record, report, exitCode } = await project.run(['--rounds', '5'])
    expect(record.samples.filter(({ warmup }) => warmup).map((one) => [one.round, valuesOf(one)])).toEqual([
      [-1, { time: 1000 }],
      [-1, { time: 1000 }],
    ])
    for (const { metrics } of report.cases[0]!.results) {
      expect(metrics.time!.samples.map(({ value }) => value)).toEqual([1, 1, 1, 1, 1])
    }
    expect(report.claims.map(({ outcome }) => outcome)).toEqual(['holds', 'holds'])
    expect(exitCode).toBe(0)
  })

  test('each value of a parameter is measured by itself, and only those that the bench chose', async () => {
    const text = benchFile(
      'return { time: await say(params.size) }',
      "{ params: { size: [8, 64] }, expect: { time: expect.atMost('10ms') } }",
    )
      .replace('metrics:', 'params: { size: [1, 8, 64], mode: ["fast"] },\n  metrics:')
      .replace('{ guest, seconds', '{ params, guest, seconds')
    using project = Project.of(text)
    const { report, exitCode } = await project.run(['--rounds', '5'])
    expect(report.cases.map(({ params }) => params)).toEqual([
      { size: 8, mode: 'fast' },
      { size: 64, mode: 'fast' },
    ])
    expect(report.cases.map(({ results }) => results[1]!.metrics.time!.median)).toEqual([8, 64])
    expect(report.claims.map(({ params, platforms, outcome }) => [params.size, ...platforms, outcome])).toEqual([
      [8, 'native', 'holds'],
      [8, 'runc', 'holds'],
      [64, 'native', 'contradicted'],
      [64, 'runc', 'contradicted'],
    ])
    expect(exitCode).toBe(1)
  })

  test('only, skip, todo, --name and --tag select, and the report lists what is excluded and why', async () => {
    using project = Project.of(
      `${benchFile('return { time: await say(1) }', "{ tags: ['x'] }", 'a')}
bench('b', work, { tags: ['y'] })
bench.skip('c', work)
bench.todo('d')
`,
    )
    const { report } = await project.run(['--rounds', '1', '--tag', 'y', '--platform', 'native'])
    expect(report.cases.map(({ bench }) => bench.name)).toEqual(['b'])
    expect(report.excluded.map(({ bench, reason: why }) => [bench.split('#')[1], why])).toEqual([
      ['a', 'filter'],
      ['c', 'skip'],
      ['d', 'todo'],
    ])
  })
})

describe('a workload', () => {
  test('that is a TypeScript function is timed inside the guest, with what it imports', async () => {
    using project = Project.of(`import { hostname } from 'node:os'
import { bench, workload } from 'isobench'
import { sum } from '../lib/sum'
const where = process.env.HOME
bench('sum', workload.inGuest('sum', () => {
  if (hostname() === '' || where !== '/root') throw new Error('not in the guest')
  return sum([1, 2, 3])
}))
`)
    project.write({ 'lib/sum.ts': 'export const sum = (all: number[]) => all.reduce((a, b) => a + b, 0)\n' })
    const { report } = await project.run(['--rounds', '1'])
    for (const { errors, metrics } of report.cases[0]!.results) {
      expect(errors).toEqual([])
      expect(metrics.throughput!.samples).toHaveLength(1)
      expect(metrics.throughput!.samples[0]!.value).toBeGreaterThan(10_000)
    }
  })

  const server = (client: string) => `${imports}
bench('ping', workload('ping', {
  metrics: { size: higher('B') },
  async run({ guest, client }) {
    const server = command('socat', 'TCP4-LISTEN:7000,fork,reuseaddr', 'EXEC:/bin/uname -n')
    await using service = await guest.serve(server, { port: 7000 })
    ${client}
    return { size: stdout.length }
  },
}))
`
  const asking = `const address = \`TCP4:\${service.address}:\${service.port}\`
    const { stdout } = await client.exec(command('socat', '-T2', '-u', address, 'STDOUT'))
    if (stdout === '') throw new Error('no answer')`

  test('that serves is reached by the client over the guest’s link, round after round', async () => {
    const host = observe()
    using project = Project.of(server(asking))
    const { report } = await project.run(['--rounds', '2'])
    for (const { errors, metrics } of report.cases[0]!.results) {
      expect(errors).toEqual([])
      expect(metrics.size!.samples).toHaveLength(2)
    }
    // The container answers with its own host name: the server ran inside it.
    expect(report.cases[0]!.results[1]!.metrics.size!.median).toBe('isobench\n'.length)
    host.expectClean()
  })

  testUnless(gvisor, 'platform-unavailable', 'that serves, boots and computes does so on gVisor too', async () => {
    const host = observe()
    using project = Project.of(
      `${server(asking)}
bench('boot', workload.boot('boot', {
  metrics: { time: lower('ms') },
  run: async ({ boot }) => ({ time: (await boot(command('/bin/busybox', 'true'))).milliseconds }),
}), { expect: { time: expect.atMost('20s') } })
bench('sum', workload.inGuest('sum', () => JSON.parse('[1, 2, 3]').reduce((a: number, b: number) => a + b)))
bench('kernel', workload('kernel', {
  metrics: { lines: higher('count') },
  run: async ({ guest }) => ({ lines: (await guest.exec(command('dmesg'))).stdout.split('gVisor').length - 1 }),
}))
`,
      ['native', 'gvisor'],
    )
    const { report } = await project.run(['--rounds', '1'])
    const results = report.cases.flatMap(({ bench, results }) => results.map((one) => ({ name: bench.name, ...one })))
    expect(
      results.flatMap(({ name, platform, errors }) => errors.map((error) => `${name} ${platform}: ${error}`)),
    ).toEqual([])
    expect(
      results.find(({ name, platform }) => name === 'kernel' && platform === 'gvisor')!.metrics.lines!.median,
    ).toBeGreaterThan(0)
    host.expectClean()
  })

  test('gets the limits of the config: CPUs and memory are the same on every platform', async () => {
    const text = `${imports}
bench('limits', workload('limits', {
  metrics: { cpus: higher('count'), seen: higher('count') },
  async run({ guest, cpus }) {
    const { stdout } = await guest.exec(command('nproc'))
    return { cpus, seen: Number(stdout) }
  },
}))
`
    using project = Project.of(text)
    const { report } = await project.run(['--rounds', '1'])
    for (const { metrics } of report.cases[0]!.results) {
      expect(metrics.cpus!.median).toBe(1)
      expect(metrics.seen!.median).toBe(1)
    }
    expect(report.environment.guest).toMatchObject({ memoryBytes: 1024 ** 3 })
  })

  test("has the host's caches dropped when it asks, and its sample says whether the host let it", async () => {
    const code = 'if (params.ask) await guest.dropCaches()\n    return { time: await say(1) }'
    const text = benchFile(code, '{}')
      .replace('metrics:', 'params: { ask: [true, false] },\n  metrics:')
      .replace('{ guest, seconds', '{ params, guest, seconds')
    using project = Project.of(text)
    const { record } = await project.run(['--rounds', '1'])
    for (const { case: point, outcome, cachesDropped } of record.samples) {
      expect(outcome).toMatchObject({ ok: true })
      expect(typeof cachesDropped).toBe(point.includes('ask=true') ? 'boolean' : 'undefined')
    }
    // One that the host disturbed is taken twice.
    expect(new Set(record.samples.map(({ case: point, platform }) => `${point} ${platform}`)).size).toBe(4)
  })

  test('finds its data directory empty in each guest, writable, and the image read-only', async () => {
    const code = `const before = (await guest.exec(command('ls', '-A', guest.data))).stdout
    await guest.exec(command('touch', guest.data + '/mine'))
    await guest.exec(command('touch', '/usr/mine'), { exitCodes: [1] })
    return { time: before.length }`
    using project = Project.of(benchFile(code))
    const { report } = await project.run(['--rounds', '2'])
    for (const { errors, metrics } of report.cases[0]!.results) {
      expect(errors).toEqual([])
      expect(metrics.time!.samples.map(({ value }) => value)).toEqual([0, 0])
    }
  })
})

test('a driver object of the author’s is probed, measured and compared like isobench’s own', async () => {
  const host = observe()
  using project = Project.of(benchFile(elsewhere(101), within10))
  project.write({
    'isobench.config.ts': `import { defineConfig, platform } from 'isobench'
import { defineDriver } from 'isobench/driver'
import { valuesOf } from '../../src/core/model/record.ts'
import type { Report } from '../../src/core/model/report.ts'
const chrootTwice = defineDriver({
  kind: 'chroot-twice', family: 'container', description: 'a chroot in a UTS namespace',
  options: { parse: (input) => ({ hostname: 'mine', ...(input as { hostname?: string }) }) },
  requirements: () => [{ binary: 'unshare', package: 'util-linux' }],
  version: () => ['unshare', '--version'],
  oneShot: async (sandbox, argv) => sandbox.wrap(['unshare', '--uts', 'chroot', await sandbox.chrootDir(), ...argv]),
  boot: async (sandbox, { hostname }) => {
    const root = await sandbox.chrootDir()
    const enter = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', hostname, 'chroot', root] as const
    return { execArgv: (argv) => sandbox.wrap([...enter, ...argv]) }
  },
})
const broken = defineDriver({ ...chrootTwice, kind: 'broken', oneShot: async () => ['/bin/false'] })
export default defineConfig({
  platforms: [platform('native'), platform(chrootTwice, { name: 'mine', hostname: 'isobench' }), platform(broken)],
})
`,
  })
  const { report, exitCode } = await project.run(['--rounds', '5'])
  expect(report.platforms.map(({ name, available }) => [name, available])).toEqual([
    ['native', true],
    ['mine', true],
    ['broken', false],
  ])
  expect(report.platforms[1]!.version).toMatch(/^\d/)
  expect(report.platforms[2]!.reason).toMatch(/exit code 1/)
  expect(report.claims.map(({ platforms, outcome, reason }) => [...platforms, outcome, reason])).toEqual([
    ['mine', 'holds', null],
    ['broken', 'not-evaluated', { code: 'platform-unavailable', platforms: ['broken'] }],
  ])
  expect(exitCode).toBe(0)
  host.expectClean()
})

test('piped output has no control characters, and --json leaves standard output to the report', async () => {
  using project = Project.of(benchFile(elsewhere(101), within10))
  const plain = await project.isobench(['run', '--wait-for-lock', '--rounds', '1'])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const control = /[\u0000-\u0009\u000b-\u001f\u007f]/
  expect(plain.stdout).not.toMatch(control)
  expect(plain.stderr).not.toMatch(control)
  const json = await project.isobench(['run', '--wait-for-lock', '--rounds', '1', '--json'])
  expect(JSON.parse(json.stdout)).toMatchObject({ schemaVersion: 1, exit: { code: json.exitCode } })
})

test('isobench time measures a command without a project, and writes it as a bench', async () => {
  using project = Project.with()
  const options = ['-p', 'native,runc', '--rounds', '1', '--seconds', '0.1', '--wait-for-lock', '--json']
  const own = ['--metric', 'is (\\d+)', '--write', 'it.bench.ts', '--', 'echo', 'it is 42']
  const { stdout, exitCode } = await project.isobench(['time', ...options, ...own])
  const [measured] = (JSON.parse(stdout) as Report).cases
  expect(measured!.results.map(({ platform, metrics }) => [platform, metrics.value!.median])).toEqual([
    ['native', 42],
    ['runc', 42],
  ])
  expect(exitCode).toBe(0)
  expect(readdirSync(project.root)).toEqual(['it.bench.ts'])
  project.write({ 'isobench.config.ts': config('native').replace('({', "({ include: ['*.bench.ts'],") })
  expect((await project.isobench(['list', 'it.bench.ts'])).stdout).toContain(
    'echo it is 42: duration (ms), value (count); about ',
  )
})
