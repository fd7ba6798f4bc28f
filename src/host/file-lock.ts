/** Advisory locks of open files: flock(2), which Node does not have. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { HostError } from '../util/errors.ts'
import { hostEnvironment } from './environment.ts'

/** Exit code of flock(1) if another process has the lock. */
const conflict = 75

/**
 * The program locks descriptor 3 and ends. The lock belongs to the open file, which this process shares with it, so it
 * stays until this process closes the file or ends, even by a kill. The kernel keeps no stale lock.
 */
const flockArgs = (...options: readonly string[]) => [...options, '--conflict-exit-code', String(conflict), '3']

function isTaken(status: number | null, cause: string): boolean {
  if (status === 0) return true
  if (status === conflict) return false
  throw new HostError(
    `flock cannot lock a file: ${cause.trim() || `exit code ${status}`}.`,
    'apt-get install util-linux',
  )
}

/** Locks an open file. Returns false if another open file has the lock. */
export function tryLockFile(descriptor: number): boolean {
  const stdio = ['ignore', 'ignore', 'pipe', descriptor] as const
  const { status, error, stderr } = spawnSync('flock', flockArgs('--nonblock'), {
    stdio: [...stdio],
    env: hostEnvironment(),
    encoding: 'utf8',
  })
  return isTaken(status, error?.message ?? stderr)
}

/** Seconds after which the waiting program ends, in case this process was killed. */
const longestWait = 60

/** Waits for the lock of an open file, at most a minute, without polling. Returns whether it has the lock. */
export async function waitForFileLock(descriptor: number, signal?: AbortSignal): Promise<boolean> {
  const child = spawn('flock', flockArgs('--timeout', String(longestWait)), {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
    env: hostEnvironment(),
    ...(signal && { signal, killSignal: 'SIGKILL' as const }),
  })
  try {
    const [status] = (await once(child, 'exit')) as [number | null]
    return status !== null && isTaken(status, '')
  } catch (error) {
    if (signal?.aborted) return false
    throw new HostError(`flock cannot lock a file: ${(error as Error).message}.`, 'apt-get install util-linux')
  }
}
