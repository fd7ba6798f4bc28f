import type { Worker } from 'node:worker_threads'

/**
 * Threads that wait in the kernel, such as for the opening of a FIFO that no process writes. Node.js waits for them
 * before it ends, no signal that can be handled reaches them, and they may never go on.
 */

/** Workers that are to end and have not ended yet. */
const ending = new Set<Worker>()

/** Ends a worker. If it waits in the kernel, it ends when that wait does. */
export function endWorker(worker: Worker): void {
  ending.add(worker)
  void worker.terminate().then(() => ending.delete(worker))
}

/** What Node.js calls file operations. */
const fileOperations: ReadonlySet<string> = new Set(['FSReqCallback', 'FSReqPromise'])

/**
 * The file operations of the main thread that have not ended. `getActiveResourcesInfo()` has only their names, and code
 * that was left behind may start one after the other.
 */
function openOperations(): object[] {
  // Every Node.js has it, and no documentation: DEP0161.
  const { _getActiveRequests: list } = process as unknown as { _getActiveRequests?: () => object[] }
  return list?.call(process).filter((one) => fileOperations.has(one.constructor.name)) ?? []
}

/** Milliseconds without work after which workers and file operations count as blocked. */
const idleMs = 1000
/** Microseconds of CPU time that are work: the loop below needs less. */
const workUs = 50_000
/** Milliseconds that work may take. */
const mostMs = 60_000
/** Milliseconds between two looks. A command that reads bench files ends after one of them. */
const lookMs = 5

// Before user code can replace them.
const { kill, cpuUsage } = process
const later = setTimeout

const usedUs = (): number => {
  const { user, system } = cpuUsage.call(process)
  return user + system
}

/**
 * Whether a thread would keep the process from ending for ever. Waits for threads that work, such as one that derives a
 * key, and a second for those that do not.
 */
export async function hasBlockedThread(): Promise<boolean> {
  const end = performance.now() + mostMs
  let waiting = openOperations()
  const isBlocked = () => ending.size > 0 || waiting.length > 0
  for (let since = performance.now(), used = usedUs(); isBlocked(); ) {
    const now = performance.now()
    if (now - since > idleMs) {
      const isIdle = usedUs() - used < workUs
      if (isIdle || now > end) return true
      since = now
      used = usedUs()
    }
    await new Promise((resolve) => later(resolve, lookMs))
    const open = new Set(openOperations())
    waiting = waiting.filter((one) => open.has(one))
  }
  return false
}

/** Ends the process at once with SIGKILL, which also ends blocked threads. The caller has released everything. */
export function killProcess(): void {
  kill.call(process, process.pid, 'SIGKILL')
}
