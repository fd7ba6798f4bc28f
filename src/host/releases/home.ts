/** The folder of all releases: made if it is absent, locked, and removed if isobench made it and it is empty. */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { removeResource } from '../cleanup.ts'
import { assertWritable } from '../guest-folder.ts'
import { CleanupJournal, openJournals } from '../journal.ts'
import { folderLock, type LockOptions, lock } from '../lock.ts'
import { releasesFolder, stateFolder } from '../paths.ts'
import { installedReleases } from './store.ts'

/** The folder of all releases while this process has it locked. */
export interface OpenHome {
  /** The journal of this process. */
  readonly journal: CleanupJournal
  /** Whether isobench made the folder. */
  readonly isOwn: boolean
}

/**
 * Locks the folder of all releases while `work` runs. Makes the folder if it is absent. Afterwards removes an empty
 * folder that isobench made, now or earlier. Also removes what installations that were killed left in the folder.
 * @throws {HostError} if this process cannot write to it
 * @throws {LockedError} if another process has it locked, unless `wait` is set
 */
export async function inHome<T>(options: LockOptions, work: (home: OpenHome) => Promise<T>): Promise<T> {
  assertWritable(stateFolder(), 'ISOBENCH_STATE')
  const path = releasesFolder()
  // First, because an empty folder on a read-only disk cannot be removed afterwards.
  if (existsSync(path)) assertWritable(path, 'ISOBENCH_HOME')
  await using journal = CleanupJournal.start(`releases-${randomBytes(3).toString('hex')}`, removeResource)
  const isOwn = isMadeByIsobench(path)
  await using _folder = isOwn ? await journal.create({ kind: 'empty-folder', path }, () => {}) : undefined
  using _lock = await lockHome(path, options)
  await removeUnfinished(path)
  return await work({ journal, isOwn })
}

/**
 * Removes what killed processes left in the folder of all releases. It can be gigabytes, so this does not wait for
 * `isobench clean`.
 */
async function removeUnfinished(home: string): Promise<void> {
  for (const { ownerAlive, entries } of openJournals()) {
    if (ownerAlive) continue
    for (const entry of entries)
      if (entry.kind === 'directory' && dirname(entry.path) === home) await removeResource(entry)
  }
}

/**
 * Whether isobench made the folder, or will make it. A release of an earlier process states it, or else a journal: that
 * of a process that works in the folder, or that was killed.
 */
const isMadeByIsobench = (path: string): boolean =>
  !existsSync(path) ||
  installedReleases().some(({ madeHome }) => madeHome) ||
  [...openJournals()].some(({ entries }) => entries.some((one) => one.kind === 'empty-folder' && one.path === path))

/** One lock for all releases. It is in their folder, because another ISOBENCH_HOME is independent. */
async function lockHome(path: string, options: LockOptions): Promise<Disposable> {
  for (let tries = 0; ; tries++) {
    try {
      assertWritable(path, 'ISOBENCH_HOME')
      return await lock(folderLock(path), options)
    } catch (error) {
      // Another process may have removed the empty folder since this one made or found it.
      if (tries >= 10 || existsSync(path)) throw error
    }
  }
}
