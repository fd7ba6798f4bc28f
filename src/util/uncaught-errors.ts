import asyncHooks, { type AsyncHook, type HookCallbacks } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

/** Errors that no code handles. Node.js would end the process or the worker thread, and print its own stack. */

/**
 * What Node.js calls with each of them, also with the reason of a promise: `TriggerUncaughtException` in
 * src/node_errors.cc. No types of Node have it.
 */
type FatalException = (error: unknown, isReason: boolean) => boolean

const events = ['uncaughtException', 'unhandledRejection'] as const

/** Receives the errors of async hooks. */
let onHookError: ((error: unknown) => void) | undefined
let isGuarded = false

/** Node.js ends the process at once if an async hook throws. Such a hook is disabled, and its error handled. */
function guardAsyncHooks(): void {
  const { createHook } = asyncHooks
  asyncHooks.createHook = (callbacks) => createHook(guarded(callbacks))
  // For `import { createHook }`.
  syncBuiltinESMExports()
}

function guarded(callbacks: HookCallbacks): HookCallbacks {
  // Node.js reports what is no object.
  if (typeof callbacks !== 'object' || callbacks === null) return callbacks
  const all = Object.create(callbacks) as HookCallbacks
  for (const name of ['init', 'before', 'after', 'destroy', 'promiseResolve'] as const) {
    const callback: unknown = callbacks[name]
    if (typeof callback !== 'function') continue
    all[name] = function (this: AsyncHook, ...given: unknown[]) {
      try {
        Reflect.apply(callback, this, given)
      } catch (error) {
        if (!onHookError) throw error
        this.disable()
        onHookError(error)
      }
    }
  }
  return all
}

/**
 * Calls `handle` with every error that no code handles, also if user code removes all listeners or replaces
 * `process.emit`. A capture callback would do that too, but user code could not load `node:domain` then.
 * @returns ends it
 */
export function handleUncaughtErrors(handle: (error: unknown) => void): () => void {
  const owner = process as unknown as { _fatalException: FatalException }
  const original = owner._fatalException
  let isCalled = false
  const listener = (error: unknown): void => {
    isCalled = true
    handle(error)
  }
  const listen = () => {
    for (const event of events) if (!process.listeners(event as 'exit').includes(listener)) process.on(event, listener)
  }
  const onFatal: FatalException = (error, isReason) => {
    const { emit } = process
    const own = Object.getOwnPropertyDescriptor(process, 'emit')
    // If no listener is called, or one of user code fails, Node.js ends the process.
    const emitSafely = (event: string, ...given: unknown[]): boolean => {
      if (event !== 'uncaughtException') return Reflect.apply(emit, process, [event, ...given]) as boolean
      isCalled = false
      try {
        listen()
        Reflect.apply(emit, process, [event, ...given])
      } catch (failure) {
        handle(failure)
      }
      if (!isCalled) handle(error)
      return true
    }
    Object.defineProperty(process, 'emit', { value: emitSafely, configurable: true, writable: true })
    try {
      return original.call(process, error, isReason)
    } finally {
      if (own) Object.defineProperty(process, 'emit', own)
      else Reflect.deleteProperty(process, 'emit')
    }
  }
  listen()
  owner._fatalException = onFatal
  if (!isGuarded) guardAsyncHooks()
  isGuarded = true
  onHookError = handle
  return () => {
    owner._fatalException = original
    onHookError = undefined
    for (const event of events) process.off(event, listener)
  }
}
