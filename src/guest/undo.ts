import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { MachineError } from '../errors.ts'
import { removeCgroup } from './cgroup.ts'
import { host, killGroup } from './host.ts'
import type { Entry } from './ledger.ts'
import { mountsBelow } from './mounts.ts'
import { isAlive } from './process-id.ts'

/** Undoes a ledger entry. What was never made, or is gone, is undone already. */
export async function undo(entry: Entry): Promise<void> {
  switch (entry.kind) {
    case 'cgroup':
      return removeCgroup(entry.name)
    case 'netns':
      if (existsSync(`/run/netns/${entry.name}`)) await host(['ip', 'netns', 'delete', entry.name])
      return
    case 'directory':
      return removeDirectory(entry.path)
    case 'process':
      if (isAlive(entry.id)) killGroup(entry.id.pid)
      for (let tries = 0; isAlive(entry.id) && tries < 500; tries++) await sleep(10)
      return
  }
}

/** Unmounts all below `folder`, then removes it. Never removes through a mount: that would delete what is mounted. */
async function removeDirectory(folder: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const mounted = mountsBelow(folder)
    if (mounted.length === 0) break
    // Lazily from the second try on: a process that is being killed may still hold it.
    const how = tries === 0 ? [] : ['--lazy']
    for (const path of mounted) await host(['umount', ...how, path], { exitCodes: [0, 1, 32] })
    if (tries > 50)
      throw new MachineError(
        `${folder} still has mounts: ${mounted.join(' ')}`,
        'unmount them, then run isobench clean',
      )
    if (tries > 0) await sleep(20)
  }
  await rm(folder, { recursive: true, force: true })
}
