/** VMM start-up times without a guest kernel, by the real command line. */

import { beforeAll, expect, test } from 'vitest'
import { which } from '../../src/host/packages.ts'
import { imports, Project } from './support/cli.ts'
import { ensureImage, observe, vmmStartObstacles } from './support/host.ts'
import { testUnless } from './support/skip.ts'

beforeAll(ensureImage)

const there = await vmmStartObstacles('qemu-microvm', 'firecracker', 'cloud-hypervisor')

const bench = `${imports}
const alone = workload.vmmStart('alone', {
  metrics: { duration: lower('ms'), memory: lower('MiB') },
  async run({ startVmm }) {
    const { milliseconds, peakBytes } = await startVmm()
    return { duration: milliseconds, memory: peakBytes === null ? null : peakBytes / 1024 ** 2 }
  },
})
export const it = bench('alone', alone, { expect: { duration: expect.atMost('60s') } })
`
const withPlatforms = (...platforms: string[]) =>
  Project.with({
    'isobench.config.ts': `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [platform('native'), ${platforms.join(', ')}],
  profiles: { quick: { warmup: 0, skipTags: [], skipEmulated: false } },
})
`,
    'benches/it.bench.ts': bench,
  })

const vmms = {
  'qemu-microvm': [
    "platform('qemu', { machine: 'microvm' })",
    "platform('qemu', { name: 'tcg', machine: 'microvm', accel: 'tcg' })",
  ],
  firecracker: [
    "platform('firecracker')",
    ...(which('jailer') === undefined ? [] : ["platform('firecracker', { name: 'jailed', jailer: true })"]),
  ],
  'cloud-hypervisor': ["platform('cloud-hypervisor')"],
}
for (const [name, platforms] of Object.entries(vmms)) {
  const unavailable = there[name]!
  testUnless(
    unavailable,
    'platform-unavailable',
    `${name} starts and ends without a guest kernel, and leaves nothing`,
    async () => {
      const host = observe()
      using project = withPlatforms(...platforms)
      const { report, record } = await project.run(['--rounds', '2'])
      const results = report.cases.flatMap((one) => one.results)
      // Native has no VMM, and so no result.
      expect(results.map(({ platform }) => platform)).not.toContain('native')
      expect(results.length).toBe(platforms.length)
      expect(results.flatMap(({ errors }) => errors)).toEqual([])
      expect(record.samples.length).toBe(2 * platforms.length)
      for (const { platform, outcome, accelerator: accel } of record.samples) {
        expect(outcome.ok && outcome.values.duration).toBeGreaterThan(0)
        // Any VMM takes more than a mebibyte. Linux before 5.19 records no peak on cgroup v2.
        if (outcome.ok && outcome.values.memory !== undefined) expect(outcome.values.memory).toBeGreaterThan(1)
        expect(accel).toMatch(platform === 'tcg' ? /^tcg$/ : /^(kvm|tcg)$/)
      }
      host.expectClean()
    },
  )
}

test('a VMM that ends before its guest has run is an error for every exit code', async () => {
  using project = withPlatforms(`platform({
    kind: 'early', family: 'hypervisor', description: 'ends early',
    options: { parse: () => ({}) }, requirements: () => [],
    oneShot: async (sandbox, argv) => sandbox.wrap(['chroot', sandbox.rootfs, ...argv]),
    boot: async (sandbox) => ({ execArgv: (argv) => sandbox.wrap(['chroot', sandbox.rootfs, ...argv]) }),
    vmmStart: async () => ({ argv: ['printf', 'SeaBIOS B'], accelerator: 'kvm' }),
  })`)
  const { report } = await project.run(['--rounds', '1'])
  expect(report.cases[0]!.results).toMatchObject([
    { platform: 'early', errors: [{ message: 'the VMM of early ended before its guest ran; output: SeaBIOS B' }] },
  ])
  expect(report.claims).toMatchObject([
    { platforms: ['early'], outcome: 'not-evaluated', reason: { code: 'sample-errors', platforms: ['early'] } },
  ])
})
