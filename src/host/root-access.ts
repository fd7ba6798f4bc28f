import { dirname } from 'node:path'
import { HostError } from '../util/errors.ts'
import { isThere } from '../util/files.ts'

/** Folders of isobench that only root can read, seen by other users. */

/** @throws {HostError} if only root may do `work` in the folder */
export function explainRootAccess<T>(folder: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    throw new HostError(`${folder} belongs to root, and isobench does not run as root`, 'run it with sudo')
  }
}

/**
 * Whether something is at a path. `existsSync` returns false if this user must not look.
 * @throws {HostError} if only root can look
 */
export const existsForRoot = (path: string): boolean => explainRootAccess(dirname(path), () => isThere(path))
