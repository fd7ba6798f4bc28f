import type { Worker } from 'node:worker_threads'

/**
 * Threads that wait in the kernel for a file operation of the project, such as the opening of a FIFO that no process
 * writes. Node.js waits for them before it ends, no signal that can be handled reaches them, and they may never go on.
 */

/** Workers that are to end and have not ended yet. */
const ending = new Set<Worker>()

/** Ends a worker. If it waits in the kernel, it ends when that wait does. */
export function endWorker(worker: Worker): void {
  ending.add(worker)
  void worker.terminate().then(() => ending.delete(worker))
}

/** What `process.getActiveResourcesInfo()` calls file operations of the main thread. */
const fileOperations: ReadonlySet<string> = new Set(['FSReqCallback', 'FSReqPromise'])

const isBlocked = (): boolean =>
  ending.size > 0 || process.getActiveResourcesInfo().some((resource) => fileOperations.has(resource))

/** Milliseconds that workers and file operations get to end. */
const graceMs = 1000

// Before user code can replace them.
const { kill } = process
const later = setTimeout

/** Whether a thread would keep the process from ending. Waits a second before it says so. */
export async function hasBlockedThread(): Promise<boolean> {
  const end = performance.now() + graceMs
  while (isBlocked() && performance.now() < end) await new Promise((resolve) => later(resolve, 5))
  return isBlocked()
}

/** Ends the process at once with SIGKILL, which also ends blocked threads. The caller has released everything. */
export function killProcess(): void {
  kill.call(process, process.pid, 'SIGKILL')
}
