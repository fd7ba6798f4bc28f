/** Directories of isobench on the host. */

import { join } from 'node:path'

/** Images, kernels and disks: `ISOBENCH_CACHE`, or `/var/cache/isobench`. */
export const cacheFolder = (): string => process.env.ISOBENCH_CACHE || '/var/cache/isobench'

/** Guest directories, cleanup journals and the host lock: `ISOBENCH_STATE`, or `/var/lib/isobench`. */
export const stateFolder = (): string => process.env.ISOBENCH_STATE || '/var/lib/isobench'

export const journalsFolder = (): string => join(stateFolder(), 'journals')
export const guestsFolder = (): string => join(stateFolder(), 'guests')

/** Name of the host lock. Processes with different state directories do not exclude each other. */
export const hostLockPath = (): string => join(stateFolder(), 'lock')
