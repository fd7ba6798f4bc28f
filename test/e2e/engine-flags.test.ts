/** gVisor's mode and flags through the engines, as seen in its processes on the host and inside of the guest. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { resolvePlatforms } from '../../src/core/project/platforms.ts'
import { HostSession } from '../../src/core/session/host-session.ts'
import { platform } from '../../src/dsl/platform.ts'
import { liveProcesses } from '../../src/host/cgroup.ts'
import { createBusyboxRootfs } from '../../src/host/mounts.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { drivers } from '../../src/platforms/index.ts'
import { observe, obstacles } from './support/host.ts'
import { testUnless } from './support/skip.ts'

const found = await obstacles('docker-gvisor', 'podman')
const guest = { cpus: 1, memoryBytes: 512 * 1024 ** 2 }
const { signal } = new AbortController()

const root = mkdtempSync(join(tmpdir(), 'isobench-flags-'))
beforeAll(() => createBusyboxRootfs(root))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const gofer = ['--directfs=false']
const hostnet = ['--network=host']

async function openAll(specs: Parameters<typeof resolvePlatforms>[0]) {
  const host = observe()
  const seen = await (async () => {
    await using session = await HostSession.open(guest, { purpose: 'the flags of engines', wait: true, signal })
    // At the same time, as when probing, so that a daemon gets several runtimes at once.
    return await Promise.all(
      resolvePlatforms(specs, drivers, import.meta.filename).map(async ({ driver, options }) => {
        await using place = await session.createSandbox(root, 120)
        const handle = await driver.boot(place, options)
        const argvs = liveProcesses(place.group).map(
          (pid) => [pid, readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')] as const,
        )
        const [sentry, argv] = argvs.find(([, [name]]) => name === 'runsc-sandbox')!
        const mounts = handle.execArgv(['/bin/busybox', 'cat', '/proc/mounts'])
        return {
          argv,
          details: await driver.versionDetails!(options),
          mounts: (await runTimed(mounts, { timeoutMs: 60_000, label: 'mounts' })).stdout,
          address: handle.address ?? place.address,
          // The sentry's network stack removes the address from the guest's network namespace.
          links: execFileSync('nsenter', [`--target=${sentry}`, '--net', 'ip', '-4', 'addr'], { encoding: 'utf8' }),
        }
      }),
    )
  })()
  host.expectClean()
  return seen
}

function expectFlags([gofered, hosted, plain]: Awaited<ReturnType<typeof openAll>>): void {
  expect(gofered!.details).toMatch(/over runsc version \S*\d\S* --directfs=false$/)
  expect(plain!.details).toMatch(/over runsc version \S*\d\S*$/)
  expect(gofered!.argv).toEqual(expect.arrayContaining(gofer))
  expect(gofered!.mounts).not.toContain('directfs')
  expect(gofered!.links).not.toContain(gofered!.address)
  expect(hosted!.argv).toEqual(expect.arrayContaining(['--platform=ptrace', ...hostnet]))
  expect(hosted!.mounts).toContain('directfs')
  expect(hosted!.links).toContain(hosted!.address)
  expect(plain!.argv.join(' ')).not.toMatch(/--(platform|directfs|network)\b/)
  expect(plain!.mounts).toContain('directfs')
  expect(plain!.links).not.toContain(plain!.address)
}

testUnless(
  found['docker-gvisor']!,
  'platform-unavailable',
  'Docker passes them to runsc, from its own dockerd that already runs',
  async () => {
    const given = { runtime: 'runsc', daemon: 'own' } as const
    expectFlags(
      await openAll([
        platform('docker', { ...given, name: 'gofer', flags: gofer }),
        platform('docker', { ...given, name: 'hostnet', mode: 'ptrace', flags: hostnet }),
        platform('docker', { ...given, name: 'plain' }),
      ]),
    )
  },
)

const noPodman = found['docker-gvisor'] || found.podman!

testUnless(noPodman, 'platform-unavailable', 'podman passes them to runsc', async () => {
  expectFlags(
    await openAll([
      platform('podman', { runtime: 'runsc', name: 'gofer', flags: gofer }),
      platform('podman', { runtime: 'runsc', name: 'hostnet', mode: 'ptrace', flags: hostnet }),
      platform('podman', { runtime: 'runsc', name: 'plain' }),
    ]),
  )
})
