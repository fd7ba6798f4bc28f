import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { serialMarkers } from '../../../src/host/probe-kernel.ts'
import { wrapHostCommands } from '../../../src/host/process.ts'
import { opensKvm, probeKvm } from '../../../src/vm/kvm.ts'

let folder: string | undefined
afterEach(() => {
  vi.unstubAllEnvs()
  if (folder) rmSync(folder, { recursive: true })
  folder = undefined
})

/** The drivers on a host on which the counting guest of `doctor` has found this state of KVM. */
async function driversOn(state: 'usable' | 'nested') {
  folder = mkdtempSync(join(tmpdir(), 'isobench-kvm-'))
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  writeFileSync(join(folder, 'kvm.json'), JSON.stringify({ bootId, kvm: { state, ratio: 1.1, about: 'as tested' } }))
  vi.stubEnv('ISOBENCH_CACHE', folder)
  // The state is read once per process.
  vi.resetModules()
  return (await import('../../../src/platforms/index.ts')).drivers
}

/** Platforms that run guests on KVM, with the options that select it. */
const onKvm = [
  ['qemu', { accel: 'kvm' }],
  ['firecracker', {}],
  ['cloud-hypervisor', {}],
  ['kata', {}],
  ['gvisor', { mode: 'kvm' }],
  ['docker', { runtime: 'kata' }],
] as const

it.runIf(opensKvm())(
  'the guest that counts is in the cgroup of the run, so that a clean after a kill ends it',
  async () => {
    folder = mkdtempSync(join(tmpdir(), 'isobench-kvm-'))
    const program = `#!/bin/sh\nprintf '%s' '${serialMarkers.begun}'\nsleep 0.03\nprintf '%s' '${serialMarkers.done}'\n`
    writeFileSync(join(folder, 'qemu-system-x86_64'), program, { mode: 0o755 })
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`)
    vi.stubEnv('ISOBENCH_STATE', join(folder, 'state'))
    const wrapped: string[] = []
    using _wrapping = wrapHostCommands((argv) => {
      wrapped.push(argv.slice(0, 4).join(' '))
      return argv
    })
    await probeKvm()
    expect(wrapped).toContain('timeout --signal=KILL 10 qemu-system-x86_64')
  },
)

// GitHub's runners are VMs with nested virtualization. `finding-rule.test.ts` shows what a verdict then says.
describe.each([
  ['usable', 'hardware'],
  ['nested', 'nested'],
] as const)('on a host with %s KVM', (state, mode) => {
  it.each(onKvm)(`%s runs its guests in mode ${mode}`, async (kind, options) => {
    const driver = (await driversOn(state))[kind]!
    expect(await driver.cpuMode?.(driver.options.parse(options) as never)).toBe(mode)
  })

  it('containers run on hardware, and on nothing else', async () => {
    const { runc, native } = await driversOn(state)
    for (const driver of [runc!, native!])
      expect((await driver.cpuMode?.(driver.options.parse({}) as never)) ?? 'hardware').toBe('hardware')
  })
})
