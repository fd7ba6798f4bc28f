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
export default defineConfig({ platforms: [platform('native'), platform(eater)], profiles: { quick: { warmup: 0 } } })
`

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
