import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { removeResource } from './cleanup.ts'
import { CleanupJournal } from './journal.ts'
import { stateFolder } from './paths.ts'

/**
 * Runs `work` with a new folder that only root can read, and removes it. After a kill, `isobench clean` removes it.
 *
 * It is not in /tmp, because some hosts mount that without permission to execute programs.
 * @param purpose the first part of its name
 */
export async function inTemporaryFolder<T>(purpose: string, work: (folder: string) => Promise<T>): Promise<T> {
  const name = `${purpose}-${randomBytes(4).toString('hex')}`
  await using journal = CleanupJournal.start(name, removeResource)
  const path = join(stateFolder(), name)
  await journal.create({ kind: 'directory', path }, () => mkdirSync(path, { mode: 0o700 }))
  return await work(path)
}
