import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HostArgv } from '../../../src/host/process.ts'
import type { GuestSandbox } from '../../../src/host/sandbox.ts'

/** A sandbox that is only a directory. It records what a driver ran in it, and the owner of its tap. */
export function fakeSandbox(): {
  readonly place: GuestSandbox
  readonly ran: HostArgv[]
  readonly tapUsers: (number | undefined)[]
} {
  const directory = mkdtempSync(join(tmpdir(), 'isobench-place-'))
  const data = join(directory, 'data')
  mkdirSync(data)
  const ran: HostArgv[] = []
  const tapUsers: (number | undefined)[] = []
  const place: Partial<GuestSandbox> = {
    id: 'isob-1a2b3c-7',
    group: 'isob-1a2b3c-7',
    stateDir: directory,
    dataDir: data,
    limits: { cpus: [1, 3], memoryBytes: 512 * 1024 ** 2 },
    address: '198.18.0.2',
    wrap: (argv) => argv,
    deviceNodes: async () => '/devices',
    tap: async (user) => {
      tapUsers.push(user)
      return { device: 'isob0', mac: '02:00:c6:12:00:02', address: '198.18.0.2/30' }
    },
    run: async (argv) => void ran.push(argv),
  }
  return { place: place as GuestSandbox, ran, tapUsers }
}

export const kernel = { release: '6.12-test', vmlinux: '/cache/vmlinux', initramfs: '/cache/initramfs' }
