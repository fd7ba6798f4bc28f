import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { IsobenchError } from '../errors.ts'
import { isAlive, type ProcessId, processId } from './process-id.ts'

/** Another isobench process holds the lock. */
export class LockedError extends IsobenchError {
  readonly code = 'ISOBENCH_LOCKED'
}

export interface Holder extends ProcessId {
  /** What it does, for whoever waits. */
  readonly purpose: string
  /** ISO 8601. */
  readonly since: string
}

export interface LockOptions {
  readonly purpose: string
  /** Wait for the holder rather than fail. */
  readonly wait?: boolean
  readonly onWait?: (holder: Holder) => void
  readonly signal?: AbortSignal
}

function holderOf(file: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as Holder
    return isAlive(holder) ? holder : undefined
  } catch {
    return undefined
  }
}

/** Takes the lock if nobody holds it. A link is made whole or not at all, so no half-written lock is ever seen. */
function take(file: string, purpose: string): boolean {
  const mine = `${file}.${process.pid}`
  const holder: Holder = { ...processId(process.pid)!, purpose, since: new Date().toISOString() }
  writeFileSync(mine, JSON.stringify(holder))
  try {
    linkSync(mine, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(mine, { force: true })
  }
}

/** Moves a dead holder's lock out of the way; only one of several that try can. */
function clearDead(file: string): void {
  const aside = `${file}.dead.${process.pid}`
  try {
    renameSync(file, aside)
    const moved = holderOf(aside)
    // Somebody took the lock between our look and our move: give it back.
    if (moved) renameSync(aside, file)
  } catch {
    // Another process moved it first.
  } finally {
    rmSync(aside, { force: true })
  }
}

/**
 * Takes a lock of this machine, held until it is disposed of or the process ends.
 * @throws LockedError naming the holder, unless `wait` is set.
 */
export async function lock(file: string, options: LockOptions): Promise<Disposable> {
  mkdirSync(dirname(file), { recursive: true })
  for (let told = false; ; ) {
    options.signal?.throwIfAborted()
    if (take(file, options.purpose)) return { [Symbol.dispose]: () => rmSync(file, { force: true }) }
    const holder = holderOf(file)
    if (!holder) {
      clearDead(file)
      continue
    }
    if (!options.wait) {
      throw new LockedError(
        `another isobench holds this machine: process ${holder.pid}, ${holder.purpose}, since ${holder.since}`,
        'wait for it with --wait, or end it',
      )
    }
    if (!told) options.onWait?.(holder)
    told = true
    await sleep(500)
  }
}
