/** Instances of tracefs: each has buffers, a tracer and events of its own, so that nobody else's tracing is touched. */
import { existsSync, mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runHostCommand } from '../host.ts'
import type { CleanupJournal } from '../ledger.ts'
import { guestsFolder } from '../paths.ts'

const mount = (folder: string) =>
  runHostCommand(['mount', '-t', 'tracefs', '-o', 'nosuid,nodev,noexec', 'tracefs', folder])

/**
 * Mounts tracefs at `folder`, undone with that. Where else it is mounted does not matter: that may be another isobench's, which
 * goes when that run ends, and all of them show the same instances.
 */
async function tracefs(ledger: CleanupJournal, folder: string): Promise<string> {
  await ledger.create({ kind: 'directory', path: folder }, async () => {
    mkdirSync(folder, { recursive: true })
    await mount(folder)
  })
  return folder
}

/** Makes an instance, in the ledger first, and returns its folder. Its tracing is off. */
export async function makeInstance(
  ledger: CleanupJournal,
  name: string,
): Promise<{ folder: string; undo: AsyncDisposable }> {
  const root = await tracefs(ledger, join(guestsFolder(), `${name}-tracefs`))
  const folder = join(root, 'instances', name)
  const undo = await ledger.create({ kind: 'tracer', name }, () => mkdirSync(folder))
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
