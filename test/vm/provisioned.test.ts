/** The conformance suite with provisioned releases, in a VM without the packages of these programs. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { installRelease } from '../../src/host/releases/install.ts'
import { ensureImage, isChosen } from '../e2e/support/host.ts'
import { standInRelease } from '../support/stand-in-release.ts'
import { expectConformance, runConformance } from './support/conformance.ts'
import { ensureRoot } from './support/root.ts'
import { runInVm } from './support/vm.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-machine-'))
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})
beforeAll(ensureImage)

/** The program of each platform. The VM's Debian has them, in other versions than upstream. */
const programs: Readonly<Record<string, string>> = { crun: 'crun', gvisor: 'runsc' }
const platforms = Object.keys(programs).filter(isChosen)

const script = `
cp -a releases /opt/isobench
mkdir /set-aside && mv ${platforms.map((name) => `/usr/bin/${programs[name]}`).join(' ')} /set-aside || exit
export ISOBENCH_E2E_PLATFORMS=${platforms}
node bin/isobench.js doctor --json --platform ${platforms} >/results/doctor.json
node bin/isobench.js doctor ${platforms.join(' ')}
${runConformance}
`

test(`provisioned ${platforms} pass the conformance suite`, async () => {
  const { tree } = await ensureRoot()
  const [mirror, home, scratch] = ['mirror', 'home', 'vm'].map((name) => join(folder, name)) as [string, string, string]
  for (const path of [mirror, scratch]) mkdirSync(path)
  vi.stubEnv('ISOBENCH_HOME', home)
  vi.stubEnv('ISOBENCH_CACHE', join(folder, 'cache'))
  const builds = []
  for (const name of platforms) {
    const program = programs[name]!
    const content = readFileSync(join(tree, 'usr/bin', program))
    const { release, files } = await standInRelease(name, { [program]: content })
    for (const [file, bytes] of files) writeFileSync(join(mirror, file), bytes)
    const { version } = await installRelease(release, { from: mirror })
    const binary = `/opt/isobench/${name}/${version}/${release.programs[program]}`
    builds.push({ platform: name, source: 'provisioned', version, binary })
  }
  vi.unstubAllEnvs()
  const done = await runInVm({ script, seconds: 5400, folder: scratch, files: { releases: home } })
  const doctor = JSON.parse(readFileSync(join(done.results, 'doctor.json'), 'utf8'))
  expect(doctor.builds, done.log).toMatchObject(builds)
  expectConformance(done, platforms)
})
