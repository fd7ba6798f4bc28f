import { join } from 'node:path'

/** Where images are kept: `ISOBENCH_CACHE`, or `/var/cache/isobench`. */
export const cacheFolder = (): string => process.env.ISOBENCH_CACHE || '/var/cache/isobench'

/** Where guests' directories, the ledgers and the machine's lock are kept: `ISOBENCH_STATE`, or `/var/lib/isobench`. */
export const stateFolder = (): string => process.env.ISOBENCH_STATE || '/var/lib/isobench'

export const ledgerFolder = (): string => join(stateFolder(), 'ledgers')
export const guestsFolder = (): string => join(stateFolder(), 'guests')
/** What the lock of the machine is called: two state folders are two machines. */
export const hostLockPath = (): string => join(stateFolder(), 'lock')
