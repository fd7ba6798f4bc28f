/** Removes the resources that a cleanup journal lists, and creates tracefs instances, which need special care. */

import { existsSync, mkdirSync, realpathSync, rmdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../util/errors.ts'
import { removeCgroup, setFrozen } from './cgroup.ts'
import { makeGuestFolder } from './guest-folder.ts'
import type { CleanupJournal, Entry } from './journal.ts'
import { folderLock, LockedError, lock } from './lock.ts'
import { mountsBelow } from './mounts.ts'
import { guestsFolder } from './paths.ts'
import { isAlive, killProcessGroup, runHostCommand } from './process.ts'

/**
 * Where the tracefs of an instance is mounted. All mounts of tracefs show the same instances. isobench does not use an
 * existing mount because another isobench process may own it and unmount it.
 */
const tracefsOf = (name: string): string => join(guestsFolder(), `${name}-tracefs`)

async function mountTracefs(folder: string): Promise<void> {
  makeGuestFolder(basename(folder))
  await runHostCommand(['mount', '-t', 'tracefs', '-o', 'nosuid,nodev,noexec', 'tracefs', folder])
}

/**
 * Creates a tracefs instance, journal first, and returns its directory. Tracing is off. An instance has its own
 * buffers, tracer and events, so it does not disturb other users of tracefs.
 */
export async function makeInstance(
  journal: CleanupJournal,
  name: string,
): Promise<{ folder: string; undo: AsyncDisposable }> {
  const root = tracefsOf(name)
  await journal.create({ kind: 'directory', path: root }, () => mountTracefs(root))
  const folder = join(root, 'instances', name)
  const undo = await journal.create({ kind: 'tracer', name }, () => mkdirSync(folder))
  return { folder, undo }
}

/**
 * Removes a tracefs instance, and then its mount. The kernel also disables the instance's tracer and events.
 *
 * The journal has the directory of the mount before the instance. If an instance could not be removed, the directory is
 * gone, and its entry too: the entry of the instance then stands for both.
 */
async function removeInstance(name: string): Promise<boolean> {
  const folder = tracefsOf(name)
  if (!existsSync(join(folder, 'instances'))) await mountTracefs(folder)
  const isThere = existsSync(join(folder, 'instances', name))
  await removeInstanceDir(folder, name)
  await removeDirectory(folder)
  return isThere
}

/** The kernel returns EBUSY while a process has a file of the instance open, so this retries. */
async function removeInstanceDir(root: string, name: string): Promise<void> {
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

/** Seconds that the command of an `onCleanup()` may take. docs/how-to/add-a-platform.md states it. */
export const commandSeconds = 60

/** Prints something if the command succeeds. */
const reportSuccess = '"$@" && echo removed'

/**
 * Removes the resource of a journal entry. Does nothing if the resource does not exist.
 * @param signal ends the command of an entry
 * @returns whether it existed and was removed; undefined if only a command knows
 * @throws {InterruptedError} if the signal is aborted while a command runs
 */
export async function removeResource(entry: Entry, signal?: AbortSignal): Promise<boolean | undefined> {
  switch (entry.kind) {
    case 'cgroup':
      return removeCgroup(entry.name)
    case 'netns':
      if (!existsSync(`/run/netns/${entry.name}`)) return false
      await runHostCommand(['ip', 'netns', 'delete', entry.name])
      return true
    case 'tracer':
      return removeInstance(entry.name)
    case 'link': {
      // Removing the namespace also removes the link.
      if (!existsSync(`/run/netns/${entry.netns}`)) return false
      const deletion = ['ip', '-n', entry.netns, 'link', 'delete', entry.name]
      return (await runHostCommand(['sh', '-c', reportSuccess, 'sh', ...deletion], { exitCodes: [0, 1] })) !== ''
    }
    case 'directory':
      return removeDirectory(entry.path)
    case 'empty-folder':
      return removeEmptyFolder(entry.path)
    case 'process': {
      if (!isAlive(entry.id)) return false
      killProcessGroup(entry.id.pid)
      for (let tries = 0; isAlive(entry.id) && tries < 500; tries++) await sleep(10)
      return true
    }
    case 'command':
      // A command that stops processes of a frozen cgroup would wait forever.
      if (entry.group !== undefined) await setFrozen(entry.group, false)
      await runHostCommand(entry.argv, { timeout: commandSeconds, ...(signal && { signal }) })
      return undefined
  }
}

/**
 * Unmounts everything below a directory, then removes it. Never removes through a mount: that would delete its content.
 */
async function removeDirectory(path: string): Promise<boolean> {
  if (!existsSync(path)) return false
  // The kernel lists mounts by their real paths, and the state directory may be a symlink.
  const folder = realpathSync(path)
  for (let tries = 0; ; tries++) {
    const mounted = mountsBelow(folder)
    if (mounted.length === 0) break
    if (tries > 50) {
      throw new HostError(`${folder} still has mounts: ${mounted.join(' ')}.`, 'unmount them, then run isobench clean')
    }
    // Use --lazy from the second attempt, because a process that is being killed may still use the mount.
    const flags = tries === 0 ? [] : ['--lazy']
    // One umount for all mounts, because starting a process takes longer than unmounting. Exit code 64: some succeeded.
    await runHostCommand(['umount', ...flags, ...mounted], { exitCodes: [0, 1, 32, 64] })
    if (tries > 0) await sleep(20)
  }
  for (let tries = 0; ; tries++) {
    try {
      // --one-file-system: if another process mounts something here now, rm skips it.
      await runHostCommand(['rm', '--recursive', '--force', '--one-file-system', folder], { timeout: 600 })
      return true
    } catch (error) {
      // A process that a kill of isobench has left, such as a copy, may add files until it ends.
      if (tries >= removalTries) throw error
      await sleep(200)
    }
  }
}

/** What the kernel answers if a folder is used or gone. A mount point is the user's. */
const notRemovable: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EBUSY', 'ENOENT', 'ENOTDIR'])

/** Removes a folder if it is empty, apart from the lock file of a process that was killed. */
async function removeEmptyFolder(folder: string): Promise<boolean> {
  // On a read-only disk, rmdir fails with EROFS even if there is no such folder.
  if (!existsSync(folder)) return false
  const file = folderLock(folder)
  try {
    if (existsSync(file)) {
      using _lock = await lock(file, { purpose: `removing ${folder}` })
    }
    rmdirSync(folder)
    return true
  } catch (error) {
    // The process that has it locked removes the folder afterwards.
    if (error instanceof LockedError || notRemovable.has((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** How often a directory that gets new files is removed again: for about 10 s. */
const removalTries = 50
