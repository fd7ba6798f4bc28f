import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../util/errors.ts'
import { removeCgroup, setFrozen } from './cgroup.ts'
import type { CleanupJournal, Entry } from './journal.ts'
import { guestsFolder } from './lock.ts'
import { mountsBelow } from './mounts.ts'
import { isAlive, killProcessGroup, runHostCommand } from './process.ts'

/** Instances of tracefs: each has buffers, a tracer and events of its own, so that nobody else's tracing is touched. */

const mount = (folder: string) =>
  runHostCommand(['mount', '-t', 'tracefs', '-o', 'nosuid,nodev,noexec', 'tracefs', folder])

/**
 * Mounts tracefs at `folder`, undone with that. Where else it is mounted does not matter: that may be another isobench's, which
 * goes when that run ends, and all of them show the same instances.
 */
async function tracefs(journal: CleanupJournal, folder: string): Promise<string> {
  await journal.create({ kind: 'directory', path: folder }, async () => {
    mkdirSync(folder, { recursive: true })
    await mount(folder)
  })
  return folder
}

/** Makes an instance, in the journal first, and returns its folder. Its tracing is off. */
export async function makeInstance(
  journal: CleanupJournal,
  name: string,
): Promise<{ folder: string; undo: AsyncDisposable }> {
  const root = await tracefs(journal, join(guestsFolder(), `${name}-tracefs`))
  const folder = join(root, 'instances', name)
  const undo = await journal.create({ kind: 'tracer', name }, () => mkdirSync(folder))
  return { folder, undo }
}

/** Removes an instance, whatever it traces: the kernel takes its tracer and its events off with it. */
export async function removeInstance(name: string): Promise<void> {
  mkdirSync(guestsFolder(), { recursive: true })
  const folder = mkdtempSync(join(guestsFolder(), 'tracefs-'))
  try {
    await mount(folder)
    try {
      await removeFrom(folder, name)
    } finally {
      await runHostCommand(['umount', folder])
    }
  } finally {
    rmdirSync(folder)
  }
}

/** A file of an instance that somebody still has open makes it busy for as long. */
async function removeFrom(root: string, name: string): Promise<void> {
  const folder = join(root, 'instances', name)
  for (let tries = 0; existsSync(folder); tries++) {
    try {
      rmdirSync(folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tries >= 200) throw error
      await sleep(25)
    }
  }
}

/** Undoes a journal entry. What was never made, or is gone, is undone already. */
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
