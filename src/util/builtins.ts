import { AsyncLocalStorage } from 'node:async_hooks'
import * as childProcess from 'node:child_process'
import * as crypto from 'node:crypto'
import { EventEmitter } from 'node:events'
import defaultFs, * as fs from 'node:fs'
import * as fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import * as os from 'node:os'
import * as path from 'node:path'
import { Readable, Writable } from 'node:stream'
import * as timers from 'node:timers'
import * as timersPromises from 'node:timers/promises'
import { IsobenchError, messageOf } from './errors.ts'
import { launchFolder } from './files.ts'

/**
 * Finds and restores builtins that user code changes. User code runs in the process of isobench: with another
 * `Map.prototype.get`, benches vanish without an error.
 *
 * Everything that `restoreBuiltins` calls is taken here, before user code runs, and it uses no iterator and no array
 * method.
 */
const { ownKeys, getOwnPropertyDescriptor, defineProperty, deleteProperty, has, apply, set } = Reflect
const { getPrototypeOf, setPrototypeOf } = Reflect
const { Buffer, process, performance } = globalThis

/** User code changed a builtin that isobench uses. */
export class ChangedBuiltinsError extends IsobenchError {
  readonly code = 'ISOBENCH_BUILTINS'

  constructor(
    /** Such as `JSON.stringify`. */
    readonly names: readonly string[],
    /** The subject of the message. */
    source: string,
    /** What failed because of the change. */
    failure?: string,
    /** Whether nothing can undo it. */
    readonly isLasting = names.some((name) => contains(lasting, name)),
  ) {
    super(
      `${source} changed ${listed(names)}, which isobench uses, too${isLasting ? ', and nothing can undo that' : ''}` +
        (failure === undefined ? '' : `: ${failure}`),
      isLasting
        ? 'change it in a child process'
        : 'restore it before the import or the workload ends, or change it in a child process',
    )
  }
}

const mostListed = 4

const listed = (names: readonly string[]): string =>
  names.length <= mostListed
    ? names.join(', ')
    : `${names.slice(0, mostListed - 1).join(', ')} and ${names.length - mostListed + 1} more`

const namespaces = { JSON, Math, Reflect, Atomics, Intl, performance }

const classes = {
  ...{ Object, Array, Function, String, Number, Boolean, Symbol, BigInt, Date, RegExp, Promise, Proxy },
  ...{ Error, AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError },
  ...{ Map, Set, WeakMap, WeakSet, WeakRef, ArrayBuffer, SharedArrayBuffer, DataView, Uint8Array, Int32Array },
  ...{ Buffer, URL, URLSearchParams, AbortController, AbortSignal, Event, EventTarget, TextEncoder, TextDecoder },
}

const functions = {
  ...{ parseInt, parseFloat, isNaN, isFinite, encodeURI, encodeURIComponent, decodeURI, decodeURIComponent },
  ...{ setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, queueMicrotask, process },
}

/** The prototypes of objects that the language creates: they have no name. */
const prototypes = {
  TypedArray: getPrototypeOf(Uint8Array.prototype)!,
  ArrayIterator: getPrototypeOf([][Symbol.iterator]())!,
  MapIterator: getPrototypeOf(new Map().keys())!,
  SetIterator: getPrototypeOf(new Set().keys())!,
  StringIterator: getPrototypeOf(''[Symbol.iterator]())!,
  Performance: getPrototypeOf(performance)!,
}

/** Classes of Node.js that are no globals. */
const nodeClasses = { EventEmitter, AsyncLocalStorage, ChildProcess: childProcess.ChildProcess, Readable, Writable }

/** Functions of `process` that change its user. They are replaced while stray errors are handled. */
export const userChanges = ['setuid', 'seteuid', 'setgid', 'setegid', 'setgroups', 'initgroups'] as const

/** Modules with functions that isobench imports. User code reaches those only with `syncBuiltinESMExports`. */
const modules = {
  ...{ fs, 'fs.promises': fsPromises, childProcess, path, crypto, os, timers, timersPromises },
  // Its functions call each other through this object: `appendFileSync` calls `fs.writeFileSync`.
  'fs.default': defaultFs,
}

/**
 * graceful-fs replaces them by functions that call the original. isobench gets those only with `syncBuiltinESMExports`,
 * which it calls itself to restore another function, and restores them then without an error.
 */
const exemptOfFs = new Set(['close', 'closeSync'])

/**
 * Functions that isobench changes itself, or that widely used packages replace by functions that call the original:
 * signal-exit, graceful-fs and core-js. `isPolyfill` finds the other functions of core-js.
 */
const exempt = new Set<PropertyKey>([
  'process.exit',
  'process.reallyExit',
  'process.abort',
  'process._kill',
  'process.emit',
  'process._fatalException',
  ...userChanges.map((name) => `process.${name}`),
  'process.cwd',
  'process.chdir',
  'Function.prototype.toString',
])

/** Restored without an error: many packages set it, and only isobench's reading of stack traces needs Node's own. */
const formatter = 'prepareStackTrace'
const hasFormatter = Object.hasOwn(Error, formatter)

/** Owners of clocks. No polyfill may replace their functions: a wrong clock would falsify samples. */
const clocks = new Set(['Date', 'globalThis', 'performance', 'Performance.prototype', 'process', 'process.hrtime'])

/**
 * Whether core-js made a function: it replaces builtins of Node.js that differ from the standard, such as `JSON.parse`
 * without `context.source`. It keeps its functions in a WeakMap, for all copies of it: internals/internal-state.js of
 * core-js 3.
 */
function isPolyfill(given: unknown): boolean {
  const { '__core-js_shared__': coreJs } = globalThis as { '__core-js_shared__'?: { readonly state?: object } }
  try {
    return typeof given === 'function' && apply(hasKept, coreJs?.state, [given])
  } catch {
    // It is no WeakMap.
    return false
  }
}

/** The names of descriptors, and those that change how every object is awaited or written as JSON. */
const meaningful = new Set<PropertyKey>(['get', 'set', 'value', 'writable', 'enumerable', 'configurable', 'then'])

/** `toJSON` of a Map or a BigInt changes no text that isobench writes. */
const jsonPrototypes = new Set(['Object.prototype', 'Array.prototype', 'String.prototype', 'Number.prototype'])

interface Remembered {
  readonly owner: object
  readonly name: string
  readonly keys: readonly PropertyKey[]
  readonly descriptors: readonly PropertyDescriptor[]
  readonly prototype: object | null
  /** Whether new properties are looked at, too. */
  readonly isOpen: boolean
}

type Namespace = Readonly<Record<string, unknown>>

interface RememberedModule {
  readonly name: string
  readonly namespace: Namespace
  readonly keys: readonly string[]
  readonly values: readonly unknown[]
}

let remembered: { readonly owners: readonly Remembered[]; readonly modules: readonly RememberedModule[] } | undefined

const nameOf = (owner: string, key: PropertyKey): string =>
  typeof key === 'symbol' ? `${owner}[${key.description}]` : owner === 'globalThis' ? String(key) : `${owner}.${key}`

/** Without a prototype, because user code may add `get` to the one of all objects. */
function plain(descriptor: PropertyDescriptor): PropertyDescriptor {
  setPrototypeOf(descriptor, null)
  return descriptor
}

const descriptorOf = (owner: object, key: PropertyKey): PropertyDescriptor =>
  plain(getOwnPropertyDescriptor(owner, key)!)

/** A number such as Error.stackTraceLimit is not a builtin that isobench needs. */
const isCode = ({ value, get }: PropertyDescriptor): boolean =>
  get !== undefined || typeof value === 'function' || (typeof value === 'object' && value !== null)

/** Node.js replaces getters of `process` by values when they are first read. */
const methodsOf = (owner: object): PropertyKey[] =>
  ownKeys(owner).filter((key) => typeof getOwnPropertyDescriptor(owner, key)!.value === 'function')

function remember(name: string, owner: object, all: readonly PropertyKey[] = ownKeys(owner)): Remembered {
  const keys = all.filter(
    (key) => !exempt.has(nameOf(name, key)) && Object.hasOwn(owner, key) && isCode(descriptorOf(owner, key)),
  )
  const descriptors = keys.map((key) => descriptorOf(owner, key))
  kept.set(owner, name)
  const isOpen = jsonPrototypes.has(name) || name === 'process' || name === 'performance'
  return { owner, name, keys, descriptors, prototype: getPrototypeOf(owner), isOpen }
}

/** Builtins that user code must not freeze, because nothing undoes that. */
const kept = new WeakMap<object, string>()

/** Makes the functions that freeze objects throw for builtins. */
function keepExtensible(): void {
  for (const name of ['freeze', 'seal', 'preventExtensions'] as const)
    for (const owner of name === 'preventExtensions' ? [Object, Reflect] : [Object]) {
      const original = Reflect.get(owner, name) as (given: object) => unknown
      const { [name]: replacement } = {
        [name](given: object) {
          const builtin = apply(nameOfKept, kept, [given])
          if (builtin !== undefined)
            throw new TypeError(`it froze ${builtin}, which isobench uses, too. Freeze it in a child process`)
          return original(given)
        },
      }
      Reflect.set(owner, name, replacement)
    }
}
const nameOfKept = kept.get
const hasKept = kept.has
let isKept = false

/** Remembers the builtins as they are now. Call it before user code runs. */
export function rememberBuiltins(): void {
  if (!isKept) keepExtensible()
  isKept = true
  const named = Object.entries({ ...classes, ...nodeClasses })
  remembered = {
    owners: [
      // Without other properties of this one, the ones below can be read.
      remember('Object.prototype', Object.prototype),
      remember('globalThis', globalThis, Object.keys({ ...namespaces, ...classes, ...functions, globalThis })),
      ...named.map(([name, one]) => remember(name, one)),
      ...named.flatMap(([name, { prototype }]) =>
        prototype && prototype !== Object.prototype ? [remember(`${name}.prototype`, prototype)] : [],
      ),
      ...Object.entries(prototypes).map(([name, one]) => remember(`${name}.prototype`, one)),
      ...Object.entries(namespaces).map(([name, one]) => remember(name, one)),
      remember('process', process, methodsOf(process)),
      remember('process.hrtime', process.hrtime),
    ],
    modules: Object.entries<object>(modules).map(([name, module]) => {
      const namespace = module as Namespace
      const isExempt = (key: string) => name === 'fs.default' && exemptOfFs.has(key)
      const keys = Object.keys(namespace).filter((key) => typeof namespace[key] === 'function' && !isExempt(key))
      return { name, namespace, keys, values: keys.map((key) => namespace[key]) }
    }),
  }
}

/** Whether a property that was not there before affects isobench. */
function isHarmful({ name, owner }: Remembered, key: PropertyKey, isEnumerable: boolean): boolean {
  if (apply(hasOf, exempt, [nameOf(name, key)])) return false
  if (name === 'Object.prototype') return isEnumerable || apply(hasOf, meaningful, [key]) || key === 'toJSON'
  if (key === 'toJSON') return apply(hasOf, jsonPrototypes, [name])
  if (name === 'Array.prototype') return isEnumerable
  // It hides a method, as `performance.now` or `process.on` do.
  const parent = getPrototypeOf(owner)
  return parent !== null && has(parent, key) && typeof descriptorOf(owner, key).value === 'function'
}
const hasOf = Set.prototype.has

/** Writes a property without setters that user code may have added. Returns whether that was possible. */
const write = (owner: object, key: PropertyKey, value: unknown): boolean =>
  defineProperty(owner, key, plain({ value, writable: true, enumerable: true, configurable: true }))

/** What nothing can restore, such as a property that is not configurable. */
const lasting: string[] = []

/**
 * What user code changed for good since `rememberBuiltins` was first called, such as `Object.prototype.extra`. It
 * affects all code that runs later in this thread.
 */
export const lastingChanges = (): readonly string[] => lasting

/**
 * Refuses to run more code in this thread if nothing can undo what user code changed.
 * @throws {ChangedBuiltinsError} then
 */
export function refuseLastingChanges(): void {
  if (lasting.length > 0) throw new ChangedBuiltinsError(lasting, 'code of the project')
}

/** Notes a change. One that lasts is noted only once, because code that runs later did not make it. */
function note(changed: string[], name: string, isRestored: boolean): void {
  if (contains(lasting, name)) return
  if (!isRestored) write(lasting, lasting.length, name)
  if (!contains(changed, name)) write(changed, changed.length, name)
}

function restoreOwner(one: Remembered, changed: string[]): void {
  const { owner, name, keys, descriptors, prototype } = one
  if (getPrototypeOf(owner) !== prototype) note(changed, nameOf(name, '__proto__'), setPrototypeOf(owner, prototype))
  const now = one.isOpen ? ownKeys(owner) : []
  for (let at = 0; at < now.length; at++) {
    const key = now[at]!
    if (contains(keys, key) || !isHarmful(one, key, descriptorOf(owner, key).enumerable === true)) continue
    note(changed, nameOf(name, key), deleteProperty(owner, key))
  }
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at]!
    const before = descriptors[at]!
    const given = getOwnPropertyDescriptor(owner, key)
    const after = given && plain(given)
    if (after && after.value === before.value && after.get === before.get && after.set === before.set) continue
    if (after && !apply(hasOf, clocks, [name]) && isPolyfill(after.get ?? after.value)) continue
    const isRestored = defineProperty(owner, key, before)
    if (key !== formatter) note(changed, nameOf(name, key), isRestored)
  }
}

const restoreGlobal = (name: string, value: unknown, changed: string[]): void =>
  note(changed, name, set(globalThis, name, value))

function contains(keys: readonly PropertyKey[], key: PropertyKey): boolean {
  for (let at = 0; at < keys.length; at++) if (keys[at] === key) return true
  return false
}

/** Node.js formats no stack trace in a folder that was removed: with source maps, its own code throws then. */
function leaveRemovedFolder(): void {
  try {
    cwd()
  } catch {
    try {
      chdir(launchFolder ?? '/')
    } catch {
      // User code removed that folder, too.
      chdir('/')
    }
  }
}
const { cwd, chdir } = process

/**
 * Restores the builtins that were changed since `rememberBuiltins`, and leaves a current folder that was removed.
 * @returns what was changed, such as `JSON.stringify`
 */
export function restoreBuiltins(): string[] {
  const changed: string[] = []
  if (!remembered) return changed
  const { owners, modules } = remembered
  for (let at = 0; at < owners.length; at++) restoreOwner(owners[at]!, changed)
  leaveRemovedFolder()
  if (!hasFormatter) deleteProperty(Error, formatter)
  // Their setters keep the value where no descriptor shows it.
  if (globalThis.performance !== performance) restoreGlobal('performance', performance, changed)
  if (globalThis.process !== process) restoreGlobal('process', process, changed)
  if (globalThis.Buffer !== Buffer) restoreGlobal('Buffer', Buffer, changed)
  let isSynced = true
  for (let at = 0; at < modules.length; at++) {
    const { name, namespace, keys, values } = modules[at]!
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      if (namespace[key] === values[index]) continue
      const isRestored = write((namespace.default ?? namespace) as object, key, values[index])
      isSynced = false
      if (name === 'fs' && apply(hasOf, exemptOfFs, [key])) continue
      note(changed, nameOf(name === 'fs.default' ? 'fs' : name, key), isRestored)
    }
  }
  if (!isSynced) syncBuiltinESMExports()
  return changed
}

/**
 * Restores the builtins that user code changed before an error.
 * @param source the subject of the message
 * @returns a `ChangedBuiltinsError` if it changed any, because that may be the cause; otherwise the error itself
 */
export function explainByBuiltins(error: unknown, source: string): unknown {
  const changed = restoreBuiltins()
  if (changed.length > 0) return new ChangedBuiltinsError(changed, source, messageOf(error))
  if (lasting.length === 0 || error instanceof IsobenchError) return error
  // Other code may have made those.
  return new ChangedBuiltinsError(lasting, 'code of the project', messageOf(error))
}

/**
 * Runs user code, and restores the builtins that it changed.
 * @param source the subject of the message
 * @throws {ChangedBuiltinsError} if it changed any, also instead of the error of the work, which it may cause
 */
export async function withRestoredBuiltins<T>(source: string, work: () => Promise<T> | T): Promise<T> {
  let result: T
  try {
    result = await work()
  } catch (error) {
    throw explainByBuiltins(error, source)
  }
  const changed = restoreBuiltins()
  if (changed.length > 0) throw new ChangedBuiltinsError(changed, source)
  return result
}
