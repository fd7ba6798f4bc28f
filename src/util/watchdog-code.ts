/** The worker that interrupts the main thread: see `watchdog.ts`, which starts it. */

/**
 * The code of the worker. After the deadline it waits one more second, because a process that was stopped is late when
 * it continues, and lifts the limit then. Native code cannot be interrupted: a call into the kernel, such as
 * `execSync`, a long call of `pbkdf2Sync`, and a loop that only calls `JSON.parse` or `sort` with large data. V8 looks
 * for an interrupt when it calls a JavaScript function, but not each time that a loop repeats.
 *
 * Some minutes later the worker ends the children of the process, because `execSync` returns then, and the run goes on.
 * If there are none, it ends the process, which would hold the lock of the machine for ever.
 */
export const watchdogCode = `const { Session } = require('node:inspector')
const { readdirSync, readFileSync, writeSync } = require('node:fs')
const { receiveMessageOnPort, workerData } = require('node:worker_threads')
const {
  deadline, portOfWorker: port, portOfLeft, warningMs, nativeMs, longestLookMs, mostMs, promiseHook, ownFolder
} = workerData
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const isUnchanged = (until, milliseconds) => Atomics.wait(deadline, 0, until, milliseconds) === 'timed-out'
const expression = "globalThis[Symbol.for('isobench.beforeInterrupt')]"
const fieldsOf = (stat) => readFileSync(stat, 'latin1').replace(/^.*[)] /s, '').split(' ')
const cpuTicks = () => {
  const fields = fieldsOf('/proc/self/task/' + process.pid + '/stat')
  return Number(fields[11]) + Number(fields[12])
}
const childrenOf = (pid) => readdirSync('/proc/' + pid + '/task').flatMap((task) =>
  readFileSync('/proc/' + pid + '/task/' + task + '/children', 'latin1').split(' ').filter(Boolean))
let limit
function print(text) {
  try { writeSync(2, text + '\\n') } catch {}
}
function warn() {
  print('warning  ' + limit.name + ' is in native code, such as execSync or JSON.parse, and isobench cannot ' +
    'interrupt it. If that takes ' + nativeMs / 1000 + ' s more, isobench ends it')
}
// The kernel counts ticks of 10 ms since the boot, also while the machine sleeps.
const bootNs = Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * 1e9 - Number(process.hrtime.bigint())
// Those of a synchronous call: of this process group, and started after the limit. isobench's own are older, or have
// other groups.
function descendants(pid, group) {
  try {
    return childrenOf(pid).flatMap((child) => {
      const fields = fieldsOf('/proc/' + child + '/stat')
      const isNew = Number(fields[19]) * 1e7 > Number(limit.from) + bootNs - 1e8
      const isLive = fields[0] !== 'Z' && fields[2] === group && isNew
      return isLive ? [...descendants(child, group), Number(child)] : []
    })
  } catch { return [] }
}
function endChildren() {
  const children = descendants(process.pid, fieldsOf('/proc/self/stat')[2])
  if (children.length === 0) return false
  print('warning  ' + limit.name + ' is still in native code: isobench ends what it waits for, process ' +
    children.join(', '))
  for (const child of children) try { process.kill(child, 'SIGKILL') } catch {}
  return true
}
function endAll() {
  print('error  ' + limit.name + ' did not leave native code, so isobench ends itself with SIGKILL.\\n' +
    '       fix: limit the time of the call, or use its asynchronous form')
  process.kill(process.pid, 'SIGKILL')
}
const isOfProject = (frame) =>
  frame.includes('(file:') && !frame.includes('(' + ownFolder) && !frame.includes('/node_modules/')
// Notices that the main thread stays in native code. Code that was left behind may be isobench's own, which works.
function nativeClock() {
  let last = performance.now(), ticks = cpuTicks(), ms = 0, hasWarned = false, hasEnded = false
  return () => {
    const now = performance.now()
    const worked = ticks !== (ticks = cpuTicks())
    // A process that was stopped was not in native code for that time.
    ms = limit.kind === 'left' && worked ? 0 : ms + Math.min(now - last, longestLookMs * 10)
    last = now
    if (ms > warningMs && !hasWarned) { hasWarned = true; warn() }
    if (ms > warningMs + nativeMs && !hasEnded) { hasEnded = true; if (!endChildren()) endAll() }
    if (ms > warningMs * 2 + nativeMs) endAll()
    return sleep(hasWarned ? longestLookMs : 1)
  }
}
async function awaitNative(until) {
  for (const look = nativeClock(); Atomics.load(deadline, 0) === until; ) await look()
}
async function interrupt(until) {
  const session = new Session()
  session.connectToMainThread()
  // The timer keeps the worker, which ends if it waits for the main thread only.
  const post = (method, params) =>
    Promise.race([new Promise((resolve) => session.post(method, params, resolve)), sleep(1000)])
  const urls = new Map()
  const frameText = ({ functionName, location: { scriptId, lineNumber, columnNumber } }) =>
    'at ' + (functionName || '<anonymous>') + ' (' + (urls.get(scriptId) ?? '') + ':' + (lineNumber + 1) + ':' +
    (columnNumber + 1) + ')'
  let stack
  session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url))
  session.on('Debugger.paused', ({ params }) => { stack = params.callFrames.map(frameText) })
  session.on('Debugger.resumed', () => session.post('Debugger.pause'))
  session.post('Debugger.enable')
  session.post('Debugger.pause')
  let latest
  const look = nativeClock()
  while (Atomics.load(deadline, 0) === until) {
    if (!stack) {
      await (latest === undefined ? look() : sleep(1))
      continue
    }
    latest ??= performance.now() + mostMs
    const isLate = performance.now() > latest
    const isOwn = limit.kind === 'left' ? isOfProject : (frame) => !frame.includes('(node:')
    const isInHook = stack.some((frame) => promiseHook.test(frame))
    const ends = (isLate && limit.kind !== 'left') || (stack.some(isOwn) && !isInHook)
    // It is not evaluated in the frame, because code of Node.js has no Symbol.
    if (ends || limit.kind !== 'left')
      await post('Runtime.evaluate', { expression: expression + '(' + ends + ')', silent: true })
    if (ends || isLate) session.removeAllListeners('Debugger.resumed')
    if (ends) (limit.kind === 'left' ? portOfLeft : port).postMessage(stack)
    stack = undefined
    await post('Debugger.resume', { terminateOnResume: ends })
    if (ends || isLate) break
    await sleep(1)
  }
  session.disconnect()
}
;(async () => {
  for (;;) {
    const until = Atomics.load(deadline, 0)
    // Each sample sends one, so they must not pile up.
    for (let next; (next = receiveMessageOnPort(port)); ) limit = next.message
    const left = until === 0n ? Infinity : Number(until - process.hrtime.bigint()) / 1e6
    if (isUnchanged(until, left) && isUnchanged(until, 1000)) {
      await (limit.kind === 'native' ? awaitNative(until) : interrupt(until))
      // The main thread is in code of isobench itself.
      if (limit.kind === 'left') isUnchanged(until, 20000)
    }
  }
})()`

/** Milliseconds after which a call that cannot be interrupted is a warning. */
const warningMs = 3000

/** Milliseconds between two looks whether such a call has returned, after the warning. */
const longestLookMs = 50

/**
 * Milliseconds for which the worker pauses a loop again and again. It ends a loop of promises only in code of the
 * project, which has a line, and that code runs for a small part of the time: the rest is code of Node.js.
 */
const mostMs = 3000

/** A frame of a promise hook. V8 catches the interruption of a hook and reports it as an error that nothing handles. */
const promiseHook = /^at promise\w*Hook|node:internal\/promise_hooks/

/** What the worker receives, beside its ports, the end of the earliest limit and `nativeMs`. */
export const watchdogSettings = { warningMs, longestLookMs, mostMs, promiseHook }
