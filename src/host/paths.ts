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

/**
 * What programs of platforms do not accept in the path of a guest: options of mounts and drives (`,`, `"`, `\`), globs
 * (`[`), URLs (`%`), a kernel command line (blanks), and podman with the locale C (what is not ASCII).
 */
const unusableInGuests = /[^!-~]|[,"\\[%]/u

/**
 * Guest directories and cleanup journals: `ISOBENCH_STATE`, or `/var/lib/isobench`.
 * @throws {UsageError} if the path is not absolute, or has a character that platforms cannot use
 */
export function stateFolder(): string {
  const folder = folderOf('ISOBENCH_STATE', '/var/lib/isobench')
  const [character] = unusableInGuests.exec(folder) ?? []
  if (character === undefined) return folder
  throw new UsageError(
    `the variable ISOBENCH_STATE is "${folder}", which has ${JSON.stringify(character)}: some platforms cannot use it.`,
    'name a folder of ASCII characters, without blanks, commas, double quotes, backslashes, "[" and "%"',
  )
}

/** Provisioned releases: `ISOBENCH_HOME`, or `/opt/isobench`. */
export const releasesFolder = (): string => folderOf('ISOBENCH_HOME', '/opt/isobench')

export const journalsFolder = (): string => join(stateFolder(), 'journals')
export const guestsFolder = (): string => join(stateFolder(), 'guests')

/** The lock of the host. No setting changes it, because isobench processes with other settings share the CPUs. */
export const hostLockFile = '/run/isobench/host.lock'
