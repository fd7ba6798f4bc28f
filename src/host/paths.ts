/** Directories of isobench on the host. */

import { join } from 'node:path'

/** Images, kernels and disks: `ISOBENCH_CACHE`, or `/var/cache/isobench`. */
export const cacheFolder = (): string => process.env.ISOBENCH_CACHE || '/var/cache/isobench'

/** Guest directories and cleanup journals: `ISOBENCH_STATE`, or `/var/lib/isobench`. */
export const stateFolder = (): string => process.env.ISOBENCH_STATE || '/var/lib/isobench'

/** Provisioned releases: `ISOBENCH_HOME`, or `/opt/isobench`. */
export const releasesFolder = (): string => process.env.ISOBENCH_HOME || '/opt/isobench'

export const journalsFolder = (): string => join(stateFolder(), 'journals')
export const guestsFolder = (): string => join(stateFolder(), 'guests')

/** The lock of the host. No setting changes it, because isobench processes with other settings share the CPUs. */
export const hostLockFile = '/run/isobench/host.lock'
