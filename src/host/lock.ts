import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InterruptedError, IsobenchError, sanitizeLine } from '../util/errors.ts'

/** Another isobench process holds the lock. */
export class LockedError extends IsobenchError {
  readonly code = 'ISOBENCH_LOCKED'
}

export interface LockHolder {
  readonly pid: number
  /** What it does, for whoever waits. */
  readonly purpose: string
  /** ISO 8601. */
  readonly since: string
}

export interface LockOptions {
  readonly purpose: string
  /** Wait for the holder rather than fail. */
  readonly wait?: boolean
  readonly onWait?: (holder: LockHolder) => void
  readonly signal?: AbortSignal
}

/**
 * An abstract socket (unix(7)) is bound by one process at a time and is free again when that process is gone, however it
 * ended: no lock is ever left behind, and none has to be judged dead. Whoever connects is told who holds it.
 */
const socketName = (name: string): string =>
  `\0isobench-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`

/** Binds the socket, or returns undefined when another process has it. */
async function take(name: string, purpose: string): Promise<Server | undefined> {
  const holder: LockHolder = { pid: process.pid, purpose, since: new Date().toISOString() }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(JSON.stringify(holder))
  })
  try {
    server.listen(socketName(name))
    await once(server, 'listening')
    server.unref()
    return server
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return undefined
  }
}

/** Asks the holder who it is; undefined when it has just gone, or does not answer within a second. */
async function askHolder(name: string): Promise<LockHolder | undefined> {
  const socket = connect(socketName(name)).setTimeout(1000)
  socket.on('timeout', () => socket.destroy())
  try {
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    const { pid, purpose, since } = JSON.parse(text) as LockHolder
    return { pid, purpose: sanitizeLine(purpose, 200), since }
  } catch {
    return undefined
  }
}

/**
 * Takes a lock of this machine, held until it is disposed of or the process ends.
 * @throws LockedError naming the holder, unless `wait` is set; InterruptedError when the signal is aborted.
 */
export async function lock(name: string, options: LockOptions): Promise<Disposable> {
  for (let told = false; ; ) {
    if (options.signal?.aborted) throw new InterruptedError('interrupted while waiting for another isobench')
    const server = await take(name, options.purpose)
    if (server) return { [Symbol.dispose]: () => void server.close() }
    const holder = await askHolder(name)
    if (!options.wait) {
      const who = holder ? `process ${holder.pid}, ${holder.purpose}, since ${holder.since}` : 'it does not say which'
      throw new LockedError(
        `another isobench holds this machine: ${who}`,
        'wait for it with --wait-for-lock, or end it',
      )
    }
    if (!told && holder) {
      options.onWait?.(holder)
      told = true
    }
    await sleep(200)
  }
}

/** Where images are kept: `ISOBENCH_CACHE`, or `/var/cache/isobench`. */
export const cacheFolder = (): string => process.env.ISOBENCH_CACHE || '/var/cache/isobench'

/** Where guests' directories, the journals and the machine's lock are kept: `ISOBENCH_STATE`, or `/var/lib/isobench`. */
export const stateFolder = (): string => process.env.ISOBENCH_STATE || '/var/lib/isobench'

export const journalsFolder = (): string => join(stateFolder(), 'journals')
export const guestsFolder = (): string => join(stateFolder(), 'guests')
/** What the lock of the machine is called: two state folders are two machines. */
export const hostLockPath = (): string => join(stateFolder(), 'lock')
