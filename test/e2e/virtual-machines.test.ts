/** VMs that share the image, and VMMs that fail. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { resolvePlatforms } from '../../src/core/project/platforms.ts'
import { ensureArtifacts } from '../../src/core/session/artifacts.ts'
import { HostSession } from '../../src/core/session/host-session.ts'
import { platform } from '../../src/dsl/platform.ts'
import { ensureImage, type Image } from '../../src/host/image.ts'
import { elf } from '../../src/host/probe-kernel.ts'
import { runHostCommand } from '../../src/host/process.ts'
import { runTimed } from '../../src/host/timed-process.ts'
import { drivers } from '../../src/platforms/index.ts'
import { kvm } from '../../src/vm/kvm.ts'
import { supervisorRunArgv } from '../../src/vm/supervisor.ts'
import { testUnless } from './support/skip.ts'

/** Seconds. A boot on emulated CPUs takes a minute on a busy host. */
const limit = 150

let session: HostSession
let image: Image
beforeAll(async () => {
  session = await HostSession.open(
    { cpus: 1, memoryBytes: 512 * 1024 ** 2 },
    { purpose: 'tests of virtual machines', wait: true, signal: new AbortController().signal },
  )
  image = await ensureImage({}, { journal: session.journal })
})
afterAll(() => session?.[Symbol.asyncDispose]())

it('two VMMs use the image at the same time', async () => {
  const specs = [platform('user-mode-linux'), platform('qemu', { machine: 'microvm', accel: 'tcg' })]
  const [uml, qemu] = resolvePlatforms(specs, drivers, 'a test')
  await ensureArtifacts([uml!, qemu!], image.rootfs, { journal: session.journal })
  const boot = async ({ driver, options }: typeof qemu & {}) => {
    await using place = await session.createSandbox(image.rootfs, limit)
    const argv = await driver.oneShot(place, ['cat', '/etc/hostname'], options)
    await runTimed(argv, { timeoutMs: limit * 1000, label: driver.kind })
  }
  await using place = await session.createSandbox(image.rootfs, limit)
  const handle = await uml!.driver.boot(place, uml!.options)
  await boot(qemu!)
  await boot(uml!)
  expect(await runHostCommand(handle.execArgv(['echo', 'still here']), { timeout: limit })).toBe('still here')
})

const found = await kvm()

testUnless(
  found.state === 'unusable' ? '' : `KVM is ${found.state} here`,
  'host-kind',
  'a VM fails within 20 s if KVM cannot continue and QEMU pauses',
  async () => {
    await using place = await session.createSandbox(image.rootfs, limit)
    // int3, then hlt forever: a KVM that emulates the guest's kernel mode does not implement it.
    const kernel = join(place.stateDir, 'kernel')
    writeFileSync(kernel, elf(Buffer.from([0xcc, 0xf4, 0xeb, 0xfd]), { long: 0, pvh: 0 }))
    const vmm = [
      ...(['qemu-system-x86_64', '-accel', 'kvm', '-cpu', 'qemu64', '-m', '16', '-machine', 'microvm'] as const),
      ...['-bios', 'qboot.rom', '-no-user-config', '-nodefaults', '-display', 'none', '-kernel', kernel],
    ] as const
    const argv = place.wrap(supervisorRunArgv(place, { nonce: 'nobody', vmm }, ['true']))
    const started = performance.now()
    await expect(runTimed(argv, { timeoutMs: limit * 1000, label: 'it' })).rejects.toThrow(
      'KVM failed to run the guest',
    )
    expect(performance.now() - started).toBeLessThan(20_000)
  },
)
