import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { expectNoStack, Project, repository } from './support/cli.ts'
import { ensureImage, observe } from './support/host.ts'

beforeAll(ensureImage)

/**
 * Guests that take 100 MiB each, and end when the kernel kills what took it. Their boot ends after that, because on a
 * busy host the search could otherwise end before they have it.
 */
const config = `import { defineConfig, platform } from 'isobench'
import { defineDriver } from 'isobench/driver'
const eater = defineDriver({
  kind: 'eater',
  family: 'container',
  description: 'guests that eat memory',
  options: { parse: () => ({}) },
  requirements: () => [],
  oneShot: async (sandbox, argv) => sandbox.wrap(['chroot', await sandbox.chrootDir(), ...argv]),
  boot: async (sandbox) => {
    const root = await sandbox.chrootDir()
    const eating = 'push @kept, chr(65 + $_ % 26) x 2**20 for 1 .. 100; open F, ">/data/full"; sleep 600'
    const pid = await sandbox.spawn(['chroot', root, 'perl', '-e', eating])
    const waiting = 'while kill -0 "$0" 2>&- && test ! -e "$1"; do sleep 0.02; done'
    await sandbox.run(['sh', '-c', waiting, String(pid), sandbox.dataDir + '/full'])
    const alive = 'kill -0 "$0" && exec "$@"'
    return { execArgv: (argv) => sandbox.wrap(['sh', '-c', alive, String(pid), 'chroot', root, ...argv]) }
  },
})
export default defineConfig({
  platforms: [platform('native'), platform('runc'), platform(eater)],
  profiles: { quick: { warmup: 0 } },
})
`

/** A burst of a guest that takes more memory than all guests may have. */
const greedy = `import { bench, lower, workload } from 'isobench'
import { command } from 'isobench/tools'
bench('greedy', workload.guests('greedy', {
  metrics: { ready: lower('ms') },
  async run({ burst, limitMemory }) {
    limitMemory(64 * 1024 ** 2)
    const [start] = await burst(1, command('perl', '-e', 'my $x = "a" x 2 ** 27; print 1'))
    if (!start.ok) throw new Error(start.error)
    return { ready: start.readyMs }
  },
}))
`

test('a burst names the limit of memory that a guest has reached, with each runtime', async () => {
  using project = Project.with({ 'isobench.config.ts': config, 'benches/greedy.bench.ts': greedy })
  const outcome = await project.run(['--rounds', '1', '--platform', 'native,runc'])
  const errors = outcome.report.cases[0]!.results.map(({ platform, errors: [first] }) => [platform, first?.message])
  const reason = 'went over the memory that guests have (limitMemory() of the workload, 64 MiB for all guests)'
  expect(errors).toEqual(['native', 'runc'].map((name) => [name, expect.stringContaining(`perl in ${name} ${reason}`)]))
})

test('a platform that eats memory ends the search for how many guests fit, and the host survives', async () => {
  const host = observe()
  const bench = readFileSync(join(repository, 'benches/startup/density.bench.ts'), 'utf8')
  const small = bench.replace('memory: [1024] }', 'memory: [256] }')
  expect(small).not.toBe(bench)
  const sources = readFileSync(join(repository, 'benches/sources.ts'), 'utf8')
  using project = Project.with({
    'isobench.config.ts': config,
    'benches/startup/density.bench.ts': small,
    'benches/sources.ts': sources,
  })
  const outcome = await project.run(['density', '--rounds', '1', '--platform', 'eater'])
  expectNoStack(outcome)
  host.expectClean()
  const [result] = outcome.report.cases[0]!.results.filter(({ platform }) => platform === 'eater')
  expect(result!.errors).toEqual([])
  const value = (name: string) => result!.metrics[name]!.median!
  // 256 MiB have room for two guests of 100 MiB. The third one makes the kernel end one of them.
  expect(value('guests')).toBeLessThanOrEqual(2)
  expect(value('lost') + value('failedBoots')).toBeGreaterThan(0)
  expect(value('perGuest') * (value('guests') + value('lost'))).toBeLessThan(256)
})
