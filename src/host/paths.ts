/** Directories of isobench on the host. */

import { isAbsolute, join, resolve } from 'node:path'
import { UsageError } from '../util/errors.ts'

/**
 * The folder that a variable names, without a slash at the end. Journals and releases contain its path, and processes
 * with another working directory read them. In PATH and in options of mounts, a colon ends a path.
 * @throws {UsageError} if the path is not absolute, or has a colon
 */
function folderOf(variable: string, usual: string): string {
  const value = process.env[variable] || usual
  if (value.includes(':'))
    throw new UsageError(`the variable ${variable} is "${value}", which has a colon.`, 'name a folder without a colon')
  if (isAbsolute(value)) return resolve(value)
  throw new UsageError(
    `the variable ${variable} is "${value}", which is not an absolute path.`,
    `set it as ${variable}=${resolve(value)}`,
  )
}

/** Images, kernels and disks: `ISOBENCH_CACHE`, or `/var/cache/isobench`. */
export const cacheFolder = (): string => folderOf('ISOBENCH_CACHE', '/var/cache/isobench')

/** Guest directories and cleanup journals: `ISOBENCH_STATE`, or `/var/lib/isobench`. */
export const stateFolder = (): string => folderOf('ISOBENCH_STATE', '/var/lib/isobench')

/** Provisioned releases: `ISOBENCH_HOME`, or `/opt/isobench`. */
export const releasesFolder = (): string => folderOf('ISOBENCH_HOME', '/opt/isobench')

export const journalsFolder = (): string => join(stateFolder(), 'journals')
export const guestsFolder = (): string => join(stateFolder(), 'guests')

/** The lock of the host. No setting changes it, because isobench processes with other settings share the CPUs. */
export const hostLockFile = '/run/isobench/host.lock'
