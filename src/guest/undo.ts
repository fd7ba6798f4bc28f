import { existsSync, realpathSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../errors.ts'
import { removeCgroup, setFrozen } from './cgroup.ts'
import { killProcessGroup, runHostCommand } from './host.ts'
import type { Entry } from './ledger.ts'
import { mountsBelow } from './mounts.ts'
import { isAlive } from './process-id.ts'
import { removeInstance } from './trace/tracefs.ts'

/** Undoes a ledger entry. What was never made, or is gone, is undone already. */
export async function removeResource(entry: Entry): Promise<void> {
  switch (entry.kind) {
    case 'cgroup':
      return removeCgroup(entry.name)
    case 'netns':
      if (existsSync(`/run/netns/${entry.name}`)) await runHostCommand(['ip', 'netns', 'delete', entry.name])
      return
    case 'tracer':
      return removeInstance(entry.name)
    case 'link':
      // It goes with its namespace, too.
      if (existsSync(`/run/netns/${entry.netns}`))
        await runHostCommand(['ip', '-n', entry.netns, 'link', 'delete', entry.name], { exitCodes: [0, 1] })
      return
    case 'directory':
      return removeDirectory(entry.path)
    case 'process':
      if (isAlive(entry.id)) killProcessGroup(entry.id.pid)
      for (let tries = 0; isAlive(entry.id) && tries < 500; tries++) await sleep(10)
      return
    case 'command':
      // Whoever is to end what runs in a frozen group would wait for it.
      if (entry.group !== undefined) await setFrozen(entry.group, false)
      await runHostCommand(entry.argv)
  }
}

/** Unmounts all below a directory, then removes it. Never removes through a mount: that would delete what is mounted. */
async function removeDirectory(path: string): Promise<void> {
  if (!existsSync(path)) return
  // The kernel lists mounts by their real paths, and the state folder may be reached through a link.
  const folder = realpathSync(path)
  for (let tries = 0; ; tries++) {
    const mounted = mountsBelow(folder)
    if (mounted.length === 0) break
    if (tries > 50) {
      const fix = 'unmount them, then run isobench clean'
      throw new HostError(`${folder} still has mounts: ${mounted.join(' ')}`, fix)
    }
    // Lazily from the second try on: a process that is being killed may still hold it.
    const how = tries === 0 ? [] : ['--lazy']
    // One process for all of them: starting one takes longer than unmounting. 64: some were unmounted.
    await runHostCommand(['umount', ...how, ...mounted], { exitCodes: [0, 1, 32, 64] })
    if (tries > 0) await sleep(20)
  }
  // A mount that somebody makes meanwhile is another file system, which is then left alone.
  await runHostCommand(['rm', '--recursive', '--force', '--one-file-system', folder], { timeout: 600 })
}
