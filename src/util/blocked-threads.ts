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

/** Milliseconds that workers and file operations get to end. */
const graceMs = 1000

// Before user code can replace them.
const { kill } = process
const later = setTimeout

/** Whether a thread would keep the process from ending. Waits a second before it says so. */
export async function hasBlockedThread(): Promise<boolean> {
  const end = performance.now() + graceMs
  let waiting = openOperations()
  const isBlocked = () => ending.size > 0 || waiting.length > 0
  while (isBlocked() && performance.now() < end) {
    await new Promise((resolve) => later(resolve, 5))
    const open = new Set(openOperations())
    waiting = waiting.filter((one) => open.has(one))
  }
  return isBlocked()
}

/** Ends the process at once with SIGKILL, which also ends blocked threads. The caller has released everything. */
export function killProcess(): void {
  kill.call(process, process.pid, 'SIGKILL')
}
