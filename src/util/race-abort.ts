/**
 * Settles like `work`, or rejects with the signal's reason if the signal aborts first. The work itself is not ended.
 * @param graceMs milliseconds that the work gets after the abort
 */
export function raceAbort<T>(work: T | Promise<T>, signal: AbortSignal, graceMs = 0): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const onAbort = () => {
      if (graceMs === 0) reject(signal.reason as Error)
      else timer = setTimeout(() => reject(signal.reason as Error), graceMs)
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    // A driver of the project may return no promise.
    Promise.resolve(work).then(resolve, reject).finally(settle)
  })
}

/** Waits until all of `work` has settled, but at most some milliseconds. */
export async function settleWithin(work: Iterable<Promise<unknown>>, milliseconds: number): Promise<void> {
  const all = [...work]
  if (all.length === 0) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    void Promise.allSettled(all).then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
