import asyncHooks from 'node:async_hooks'
import { callerFrames, type Location } from '../../dsl/errors.ts'

// Before `handleUncaughtErrors` replaces it. A frame of isobench would hide that of the project.
const { createHook } = asyncHooks

/** What a bench file starts while it is imported, and does not wait for. */

/** A kind of what may be left, in words. */
interface Kind {
  readonly what: string
  /** Whether it goes on. Node.js may keep what is over. */
  isActive(resource: Resource): boolean
  readonly fix: string
}

/** The parts of Node.js's objects that differ while they work. */
interface Resource {
  hasRef?(): boolean
  /** Of a timer: its milliseconds. It has had them for as long as Node.js has timers, and no documentation. */
  readonly _idleTimeout?: number
  /** Of compression: the input that it works on. */
  readonly buffer?: unknown
  /** Of cryptography: the callback. A synchronous call has none. */
  readonly ondone?: unknown
}

const handle = (what: string): Kind => ({
  what,
  isActive: () => true,
  fix: 'await it at the top level; if it registers nothing, end it, or call unref() on it',
})
const operation = (what: string, isActive: Kind['isActive'] = () => true): Kind => ({
  what,
  isActive,
  fix: 'await it at the top level',
})
const cryptography = operation('a cryptographic operation', ({ ondone }) => ondone !== undefined)

/** By the type that Node's async_hooks give it. */
const kinds: Readonly<Record<string, Kind>> = {
  Timeout: handle('a timer'),
  WORKER: handle('a worker thread'),
  PROCESSWRAP: handle('a child process'),
  STATWATCHER: handle('the watching of a file'),
  FSEVENTWRAP: handle('the watching of a file'),
  TCPWRAP: handle('a connection'),
  GETADDRINFOREQWRAP: handle('a connection'),
  FSREQCALLBACK: operation('a file operation'),
  FSREQPROMISE: operation('a file operation'),
  ZLIB: operation('compression', ({ buffer }) => buffer !== undefined && buffer !== null),
  CHECKPRIMEREQUEST: cryptography,
  CIPHERREQUEST: cryptography,
  DERIVEBITSREQUEST: cryptography,
  HASHREQUEST: cryptography,
  KEYGENREQUEST: cryptography,
  KEYPAIRGENREQUEST: cryptography,
  PBKDF2REQUEST: cryptography,
  RANDOMBYTESREQUEST: cryptography,
  RANDOMPRIMEREQUEST: cryptography,
  SCRYPTREQUEST: cryptography,
  SIGNREQUEST: cryptography,
  VERIFYREQUEST: cryptography,
}

/** Something that has not ended. */
export interface Leftover {
  /** Such as `a timer`. */
  readonly what: string
  readonly fix: string
  readonly file: string
  /** Whether it keeps a process. The author says with `unref()` that it does not matter. */
  readonly isReferenced: boolean
  /** Where the project starts it. Node starts a connection later, and then it is unknown. */
  readonly location?: Location
}

/** Deep enough for the functions of Node.js between the caller and the hook. */
const depth = 30

/**
 * Notices from now on what bench files start.
 * @param currentFile the file that the code which runs now belongs to
 * @param isProject whether a file is of the project and of none of its packages
 * @returns a function for what has not ended. It leaves out what starts in a package, and unreferenced timers that are
 * longer than the given milliseconds.
 */
export function watchLeftovers(
  currentFile: () => string | undefined,
  isProject: (file: string) => boolean,
): (longestMs: number) => Leftover[] {
  const started = new Map<
    number,
    Omit<Leftover, 'isReferenced'> & { readonly kind: Kind; readonly resource: Resource }
  >()
  const hook = createHook({
    init: function init(id, type, _, resource: Resource) {
      const file = Object.hasOwn(kinds, type) ? currentFile() : undefined
      if (file === undefined) return
      const [location] = safeFrames(init)
      if (location && !isProject(location.file)) return
      const kind = kinds[type]!
      const { what, fix } = kind
      started.set(id, { kind, resource, what, fix, file, ...(location && { location }) })
    },
    destroy: (id) => void started.delete(id),
  })
  hook.enable()
  return (longestMs) =>
    [...started.values()]
      .filter(({ kind, resource }) => kind.isActive(resource))
      .map(({ kind: _, resource, ...one }) => ({ ...one, isReferenced: resource.hasRef?.() ?? true, resource }))
      .filter(({ isReferenced, resource: { _idleTimeout: ms = 0 } }) => isReferenced || ms <= longestMs)
      .map(({ resource: _, ...one }) => one)
}

/** The calls of the project that led to `callee`. None if one is in a path that is no valid URL: it must not throw. */
export function safeFrames(callee: (...args: never[]) => unknown): Location[] {
  try {
    return callerFrames(callee, depth)
  } catch {
    return []
  }
}
