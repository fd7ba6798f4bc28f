/** The lock of the host, and `buildOnce`, which builds cached artifacts under a lock. */

import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { InterruptedError, IsobenchError } from '../util/errors.ts'
import { temporaryName } from '../util/files.ts'
import { sanitize } from '../util/text.ts'
import { tryLockFile, waitForFileLock } from './file-lock.ts'
import { assertWritable, makeSystemFolder, privateFolder } from './guest-folder.ts'
import type { CleanupJournal } from './journal.ts'
import { hostLockFile, stateFolder } from './paths.ts'
import { type HostCommandOptions, isAlive, type ProcessId, processId, runHostCommand } from './process.ts'

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
  /** Called with the process that has the lock, and again with each process that takes it before this one. */
  readonly onWait?: (holder: LockHolder) => void
  /** Called when the lock is taken after another process had it, with the milliseconds of waiting. */
  readonly onWaited?: (milliseconds: number) => void
  readonly signal?: AbortSignal
}

const openFlags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW

/** Whether the path still leads to the open file. A holder removes the path when it frees the lock. */
function isStillAt(path: string, descriptor: number): boolean {
  const [at, open] = [statSync(path, { throwIfNoEntry: false }), fstatSync(descriptor)]
  return at?.ino === open.ino && at.dev === open.dev
}

/** Reads who has the lock. Returns `undefined` if the process has ended, or has not written its name within 0.1 s. */
async function readHolder(path: string): Promise<LockHolder | undefined> {
  for (let tries = 0; tries < 10; tries++) {
    try {
      const { id, purpose, since } = JSON.parse(readFileSync(path, 'utf8')) as LockHolder & { readonly id: ProcessId }
      if (isAlive(id)) return { pid: id.pid, purpose: sanitize(purpose, 200), since: sanitize(since) }
    } catch {
      // The file is gone or empty.
    }
    await sleep(10)
  }
  return undefined
}

const isSameHolder = (a: LockHolder, b: LockHolder | undefined): boolean => a.pid === b?.pid && a.since === b.since

/** Writes who has the lock. Returns what frees it, or `undefined` if the lock is that of a file that was removed. */
function claim(path: string, descriptor: number, purpose: string): Disposable | undefined {
  if (!isStillAt(path, descriptor)) return undefined
  ftruncateSync(descriptor)
  writeSync(descriptor, JSON.stringify({ id: processId(process.pid), purpose, since: new Date().toISOString() }), 0)
  let isHeld = true
  return {
    [Symbol.dispose]: () => {
      if (!isHeld) return
      isHeld = false
      // Somebody may have removed the file, and another process may have locked a new one.
      if (isStillAt(path, descriptor)) rmSync(path, { force: true })
      closeSync(descriptor)
    },
  }
}

/**
 * Takes the lock of a file and keeps it until the returned object is disposed or the process ends. The file exists only
 * while the lock is taken, and only this user can open it. So no other user can take, delay or read the lock. If
 * several processes wait, the kernel chooses the next one, which may not be the first one.
 * @throws {LockedError} naming the holder, unless `wait` is set
 * @throws {InterruptedError} if the signal is aborted
 */
export async function lock(path: string, options: LockOptions): Promise<Disposable> {
  const { purpose, wait, onWait, onWaited, signal } = options
  let reported: LockHolder | undefined
  let waitingSince: number | undefined
  for (;;) {
    if (signal?.aborted) throw new InterruptedError('interrupted while waiting for another isobench process')
    const descriptor = openSync(path, openFlags, 0o600)
    let held: Disposable | undefined
    try {
      let isLocked = tryLockFile(descriptor)
      if (!isLocked) {
        const holder = await readHolder(path)
        if (!wait) {
          const who = holder ? `process ${holder.pid}, ${holder.purpose}, since ${holder.since}` : 'unknown process'
          throw new LockedError(
            `another isobench process is using this host: ${who}`,
            'wait for it with --wait-for-lock, or stop it',
          )
        }
        waitingSince ??= performance.now()
        if (holder && !isSameHolder(holder, reported)) onWait?.(holder)
        reported = holder ?? reported
        isLocked = await waitForFileLock(descriptor, signal)
      }
      held = isLocked && !signal?.aborted ? claim(path, descriptor, purpose) : undefined
      if (held) {
        if (waitingSince !== undefined) onWaited?.(performance.now() - waitingSince)
        return held
      }
    } finally {
      if (!held) closeSync(descriptor)
    }
  }
}

/** The file that locks what is in a folder. It is in the folder. */
export const folderLock = (folder: string): string => join(folder, '.lock')

/** Returns the path of a file in the folder of locks, and creates the folder if it does not exist. */
const privateLockFile = (name: string): string => join(privateFolder(dirname(hostLockFile)), name)

/**
 * Takes the lock of this host. There is one for all state folders, because two runs would disturb each other.
 * @throws {LockedError} naming the holder, unless `wait` is set
 * @throws {HostError} if this process cannot write to the state folder
 */
export function lockHost(options: LockOptions): Promise<Disposable> {
  const file = privateLockFile(basename(hostLockFile))
  // What the process needs next. It must not wait for the lock in vain.
  assertWritable(stateFolder(), 'ISOBENCH_STATE')
  return lock(file, options)
}

/** The file of the lock for building `target`, by its real path. A killed build leaves nothing in the cache. */
function lockFileOf(target: string): string {
  const path = join(realpathSync(dirname(target)), basename(target))
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 32)
  return privateLockFile(`${digest}.lock`)
}

/** Options for building an artifact of the cache: an image, a kernel, a disk. */
export interface ArtifactBuildOptions {
  readonly journal: CleanupJournal
  /** Called with a line of text for each step, to show progress. */
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
}

/**
 * Runs a command of a build, with its process in the journal, so that `isobench clean` ends it after a kill.
 * @returns the command's standard output
 */
export async function runBuildCommand(
  argv: readonly string[],
  { journal, signal }: ArtifactBuildOptions,
  options: Omit<HostCommandOptions, 'signal' | 'onStart'> = {},
): Promise<string> {
  let journaled: Promise<AsyncDisposable> | undefined
  try {
    return await runHostCommand(argv, {
      ...options,
      ...(signal && { signal }),
      onStart: (pid) => {
        const id = processId(pid)
        if (!id) return
        journaled = journal.create({ kind: 'process', id }, () => {})
        // It is awaited after the command has ended. Until then, a rejection would be unhandled and end isobench.
        journaled.catch(() => {})
      },
    })
  } finally {
    await (await journaled)?.[Symbol.asyncDispose]()
  }
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
  makeSystemFolder(dirname(target))
  using _lock = await lock(lockFileOf(target), {
    purpose,
    wait: true,
    onWait: (holder) => onLine?.(`waiting for process ${holder.pid}, which is ${holder.purpose}`),
    ...(signal && { signal }),
  })
  if (existsSync(target)) return
  const temporary = temporaryName(target)
  await using _temporary = await journal.create({ kind: 'directory', path: temporary }, () => {})
  await build(temporary)
  renameSync(temporary, target)
}
