/** Two releases of one platform side by side: fetched from a mirror, measured, diagnosed and removed again. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { which } from '../../src/host/packages.ts'
import { installRelease } from '../../src/host/releases/install.ts'
import { sendFile, serve } from '../support/loopback.ts'
import { standInRelease } from '../support/stand-in-release.ts'
import { imports, Project } from './support/cli.ts'
import { ensureImage, observe, obstacles } from './support/host.ts'
import { testUnless } from './support/skip.ts'

const found = await obstacles('crun', 'gvisor')
const home = mkdtempSync(join(tmpdir(), 'isobench-home-'))
beforeAll(ensureImage)
afterAll(() => rmSync(home, { recursive: true, force: true }))

const config = `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  platforms: [
    platform('native'),
    platform('crun', { version: '1.0.0', name: 'crun-old' }),
    platform('crun', { name: 'crun-new' }),
    platform('gvisor', { version: '20240729.0' }),
    platform('crun', { version: '0.1', name: 'crun-missing' }),
  ],
  profiles: { quick: { warmup: 0 } },
})
`
const boots = `${imports}
const start = workload.boot('start', {
  metrics: { time: lower('ms') },
  run: async ({ boot }) => ({ time: (await boot(command('/bin/busybox', 'true'))).milliseconds }),
})
bench('start', start, { expect: { time: expect.warn.equivalentTo('crun-old', 40) } })
`

/** A release of a program of this host. */
const standIn = (name: 'crun' | 'gvisor', version: string) => {
  const program = name === 'crun' ? 'crun' : 'runsc'
  return standInRelease(name, { [program]: readFileSync(which(program)!) }, version)
}

testUnless(found.crun || found.gvisor || '', 'platform-unavailable', 'are measured beside each other', async () => {
  const host = observe()
  vi.stubEnv('ISOBENCH_HOME', home)
  const env = { ISOBENCH_HOME: home }
  const standIns = [
    await standIn('crun', '1.0.0'),
    await standIn('crun', '1.1.0'),
    await standIn('gvisor', '20240729.0'),
  ]
  const files = new Map(standIns.flatMap(({ files }) => [...files]))
  {
    await using mirror = await serve((request, response) =>
      sendFile(files.get(basename(request.url!))!)(request, response),
    )
    for (const { release } of standIns) await installRelease(release, { from: mirror.address })
  }
  using project = Project.with({ 'isobench.config.ts': config, 'benches/start.bench.ts': boots })

  const doctor = await project.isobench(['doctor', '--json', '--wait-for-lock'], { env })
  const { platforms, builds } = JSON.parse(doctor.stdout)
  expect(
    Object.fromEntries(platforms.map((one: { name: string; available: boolean }) => [one.name, one.available])),
  ).toEqual({
    native: true,
    'crun-old': true,
    'crun-new': true,
    gvisor: true,
    'crun-missing': false,
  })
  expect(doctor.exitCode).toBe(5)
  expect(platforms.at(-1).fix).toMatch(/^isobench knows no release crun 0\.1: set the option version to 1\./)
  expect(builds).toMatchObject([
    { platform: 'crun-old', source: 'version', version: '1.0.0', binary: `${home}/crun/1.0.0/crun` },
    { platform: 'crun-new', source: 'provisioned', version: '1.1.0', binary: `${home}/crun/1.1.0/crun` },
    { platform: 'gvisor', source: 'version', binary: `${home}/gvisor/20240729.0/runsc`, released: '2024-07-29' },
  ])

  const { report, record } = await project.run(['--platform', 'crun-old,crun-new,gvisor'], { env })
  expect(record.plan.platforms.map(({ name, available }) => [name, available])).toEqual([
    ...['crun-old', 'crun-new', 'gvisor'].map((name) => [name, true]),
  ])
  const [measured] = report.cases
  for (const name of ['crun-old', 'crun-new', 'gvisor']) {
    const samples = record.samples.filter((one) => one.platform === name)
    expect(samples.map(({ outcome }) => outcome.ok)).toEqual([true, true, true, true, true])
  }
  expect(measured?.results.map(({ platform }) => platform).sort()).toEqual(['crun-new', 'crun-old', 'gvisor'])
  const comparison = report.claims.find(({ platforms }) => platforms[0] === 'crun-new')
  expect(comparison?.claim.matcher).toMatchObject({ kind: 'equivalentTo', platform: 'crun-old' })
  expect(comparison?.estimate).toMatchObject({ kind: 'ratio', rounds: 5 })
  expect(report.claims.some(({ platforms }) => platforms.includes('crun-old'))).toBe(false)

  const removed = await project.isobench(['provision', '--remove', 'crun,gvisor', '--wait-for-lock'], { env })
  expect(removed.exitCode).toBe(0)
  expect(readdirSync(home).filter((name) => !name.startsWith('.'))).toEqual([])
  host.expectClean()
})
