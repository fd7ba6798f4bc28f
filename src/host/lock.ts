/** A lock per host, and `buildOnce`, which builds cached artifacts under a lock. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InterruptedError, IsobenchError } from '../util/errors.ts'
import { sanitize } from '../util/text.ts'
import type { CleanupJournal } from './journal.ts'

/** Another isobench process has the lock. */
export class LockedError extends IsobenchError {
  readonly code = 'ISOBENCH_LOCKED'
}

/** The process that has a lock. */
export interface LockHolder {
  readonly pid: number
  /** What the process is doing, for messages to users who wait. */
  readonly purpose: string
  /** ISO 8601. */
  readonly since: string
}

export interface LockOptions {
  readonly purpose: string
  /** Wait until the lock is free instead of throwing. */
  readonly wait?: boolean
  readonly onWait?: (holder: LockHolder) => void
  readonly signal?: AbortSignal
}

/**
 * The name of an abstract socket (unix(7)). Only one process can bind it, and the kernel frees it when that process
 * ends, even after a kill. So there are no stale locks. A process that connects receives the holder's identity.
 */
const socketName = (name: string): string =>
  `\0isobench-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`

/** Binds the socket, or returns `undefined` if another process has bound it. */
async function tryBind(name: string, purpose: string): Promise<Server | undefined> {
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

/** Asks the holder for its identity. Returns `undefined` if it has just ended or does not answer within 1 s. */
async function askHolder(name: string): Promise<LockHolder | undefined> {
  const socket = connect(socketName(name)).setTimeout(1000)
  socket.on('timeout', () => socket.destroy())
  try {
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    const { pid, purpose, since } = JSON.parse(text) as LockHolder
    return { pid, purpose: sanitize(purpose, 200), since }
  } catch {
    return undefined
  }
}

/**
 * Takes a lock of this host and keeps it until the returned object is disposed or the process ends.
 * @throws {LockedError} naming the holder, unless `wait` is set
 * @throws {InterruptedError} if the signal is aborted
 */
export async function lock(name: string, options: LockOptions): Promise<Disposable> {
  for (let reported = false; ; ) {
    if (options.signal?.aborted) throw new InterruptedError('interrupted while waiting for another isobench process')
    const server = await tryBind(name, options.purpose)
    if (server) return { [Symbol.dispose]: () => void server.close() }
    const holder = await askHolder(name)
    if (!options.wait) {
      const holderText = holder ? `process ${holder.pid}, ${holder.purpose}, since ${holder.since}` : 'unknown process'
      throw new LockedError(
        `another isobench process is using this host: ${holderText}`,
        'wait for it with --wait-for-lock, or stop it',
      )
    }
    if (!reported && holder) {
      options.onWait?.(holder)
      reported = true
    }
    await sleep(200)
  }
}

/** Options for building an artifact of the cache: an image, a kernel, a disk. */
export interface ArtifactBuildOptions {
  readonly journal: CleanupJournal
  /** Called with a line of text for each step, to show progress. */
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
}

/**
 * Builds `target` unless it exists. Takes a lock, so that concurrent processes build it only once, and renames the
 * finished build into place, so that `target` is always complete.
 * @param build creates a file or directory at the temporary path that it receives
 */
export async function buildOnce(
  target: string,
  build: (temporary: string) => Promise<void>,
  { purpose, journal, onLine, signal }: ArtifactBuildOptions & { readonly purpose: string },
): Promise<void> {
  if (existsSync(target)) return
  mkdirSync(dirname(target), { recursive: true })
  using _lock = await lock(`${target}.lock`, {
    purpose,
    wait: true,
    onWait: (holder) => onLine?.(`waiting for process ${holder.pid}, which is ${holder.purpose}`),
    ...(signal && { signal }),
  })
  if (existsSync(target)) return
  const temporary = `${target}.${process.pid}.tmp`
  await using _temporary = await journal.create({ kind: 'directory', path: temporary }, () => {})
  await build(temporary)
  renameSync(temporary, target)
}
