import { Worker } from 'node:worker_threads'

/**
 * Waits to be told that all is well, and else ends what the main thread executes at that moment: a loop leaves it no turn in which
 * it could end itself. What was being imported then never settles, and the main thread goes on.
 */
const watching = `const { Session } = require('node:inspector')
const [told, milliseconds] = require('node:worker_threads').workerData
if (Atomics.wait(told, 0, 0, milliseconds) === 'timed-out') {
  const session = new Session()
  session.connectToMainThread()
  session.post('Runtime.terminateExecution')
}`

/**
 * Until it is disposed of, and after `seconds`, ends an endless loop in this process's own code. Something else has to end what
 * merely waits, and before that: this would hit whatever is executed next.
 */
export function interruptLoopAfter(seconds: number): Disposable {
  const told = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const worker = new Worker(watching, { eval: true, workerData: [told, seconds * 1000] })
  worker.unref()
  return {
    [Symbol.dispose]: () => {
      Atomics.store(told, 0, 1)
      Atomics.notify(told, 0)
    },
  }
}
