/** Tests every driver of this repository's config that works on this host with real guests. */

import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { ConformanceCheck } from '../../../src/conformance/check.ts'
import { guestChecks, oneShotChecks } from '../../../src/conformance/checks.ts'
import { savesGuests, snapshotChecks } from '../../../src/conformance/snapshot-checks.ts'
import { loadProject } from '../../../src/core/project/config.ts'
import { type ResolvedPlatform, resolvePlatforms } from '../../../src/core/project/platforms.ts'
import { ensureArtifacts } from '../../../src/core/session/artifacts.ts'
import type { LoadClientHost } from '../../../src/core/session/exec-target.ts'
import { HostSession } from '../../../src/core/session/host-session.ts'
import { probePlatforms } from '../../../src/core/session/probe.ts'
import { platform } from '../../../src/dsl/platform.ts'
import { ensureImage } from '../../../src/host/image.ts'
import { drivers } from '../../../src/platforms/index.ts'
import { isChosen } from '../support/host.ts'
import { describeUnless } from '../support/skip.ts'

// What no guest may get. Nothing on this host has that name, so the variable changes no download.
process.env.no_proxy = 'isobench.invalid'
process.env.PATH = `/isobench-caller:${process.env.PATH}`

const project = await loadProject(join(import.meta.dirname, '../../..'))
const { signal } = new AbortController()
// Less than the config's, so that going over it does not take long.
const guest = { cpus: 1, memoryBytes: 512 * 1024 ** 2 }
const open = () => HostSession.open(guest, { purpose: 'the conformance suite', wait: true, signal })

/** Options that no platform of the config has. */
const besides = [
  platform('lxc', { name: 'lxc-systemd-privileged', init: 'systemd', privileged: true }),
  platform('firecracker', { name: 'firecracker-jailed', jailer: true }),
]

/** Platforms that differ from another one only in the package of their kernel, their firmware, board or a flag. */
const asAnother = ['qemu-virtiofs', 'qemu-qboot', 'qemu-q35', 'gvisor-gofer', 'gvisor-hostnet', 'gvisor-ptrace']

/** Which platforms work here. In a separate session, which is closed even if no test of this file runs. */
async function probed() {
  await using session = await open()
  const image = await ensureImage(project.image, { journal: session.journal })
  const chosen = [...project.platforms, ...besides].filter(({ name }) => isChosen(name) && !asAnother.includes(name))
  const resolved = resolvePlatforms(chosen, drivers, project.configFile)
  await ensureArtifacts(resolved, image.rootfs, { journal: session.journal })
  const probes = await probePlatforms(resolved, session, image)
  const saves = await Promise.all(resolved.map(savesGuests))
  return {
    image,
    platforms: resolved.map((one, at) => ({ platform: one, probe: probes[at]!, saves: saves[at]! })),
  }
}

const { image, platforms } = await probed()
let session: HostSession
let client: LoadClientHost
beforeAll(async () => {
  session = await open()
  client = await session.loadClient(image.rootfs)
})
afterAll(() => session?.[Symbol.asyncDispose]())

for (const { platform: resolved, probe, saves } of platforms) {
  const { name } = resolved.spec
  describeUnless(probe.available ? '' : (probe.reason ?? 'unknown'), 'platform-unavailable', name, () =>
    conforms(resolved, saves),
  )
}

function conforms(resolved: ResolvedPlatform, saves: boolean) {
  // The session is open when a test runs, and not yet when the tests are listed.
  const host = {
    image,
    signal,
    get session() {
      return session
    },
    get client() {
      return client
    },
  }
  const lazily = (create: () => readonly ConformanceCheck[]) =>
    create().map(({ name }, at) => ({ name, run: () => create()[at]!.run() }))

  describe('a guest that runs one command', () => {
    for (const { name, run } of lazily(() => oneShotChecks(host, resolved))) it(name, run)
  })

  if (saves)
    describe('a guest that is saved', () => {
      for (const { name, run } of lazily(() => snapshotChecks(host, resolved))) it(name, run)
    })

  describe('a guest that stays', () => {
    let guest: ReturnType<typeof guestChecks> | undefined
    beforeAll(async () => {
      guest = guestChecks(host, resolved)
      await guest.open()
    })
    afterAll(() => guest?.close())
    for (const { name, run } of lazily(() => (guest ?? guestChecks(host, resolved)).checks)) it(name, run)
  })
}
