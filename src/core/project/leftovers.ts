import asyncHooks from 'node:async_hooks'
import { callerFrames, type Location } from '../../dsl/errors.ts'

// Before `handleUncaughtErrors` replaces it. A frame of isobench would hide that of the project.
const { createHook } = asyncHooks

/** What a bench file starts while it is imported, and does not wait for. */

/** By the type that Node's async_hooks give it. */
const kinds: Readonly<Record<string, string>> = {
  Timeout: 'a timer',
  WORKER: 'a worker thread',
  PROCESSWRAP: 'a child process',
  TCPWRAP: 'a connection',
  GETADDRINFOREQWRAP: 'a connection',
  FSREQCALLBACK: 'a file operation',
  FSREQPROMISE: 'a file operation',
}

/** Something that has not ended. */
export interface Leftover {
  /** Such as `a timer`. */
  readonly what: string
  readonly file: string
  /** Where the project starts it. Node starts a connection later, and then it is unknown. */
  readonly location?: Location
}

/** Deep enough for the functions of Node.js between the caller and the hook. */
const depth = 30

/**
 * Notices from now on what bench files start.
 * @param currentFile the file that the code which runs now belongs to
 * @param isProject whether a file is of the project and of none of its packages
 * @returns a function for what has not ended. What is unreferenced, or starts in a package, is left out.
 */
export function watchLeftovers(
  currentFile: () => string | undefined,
  isProject: (file: string) => boolean,
): () => Leftover[] {
  const started = new Map<number, Leftover & { readonly isActive: () => boolean }>()
  const hook = createHook({
    init: function init(id, type, _, resource: { hasRef?(): boolean }) {
      const file = Object.hasOwn(kinds, type) ? currentFile() : undefined
      if (file === undefined) return
      const [location] = safeFrames(init)
      if (location && !isProject(location.file)) return
      started.set(id, {
        what: kinds[type]!,
        file,
        isActive: () => resource.hasRef?.() ?? true,
        ...(location && { location }),
      })
    },
    destroy: (id) => void started.delete(id),
  })
  hook.enable()
  return () => [...started.values()].filter((one) => one.isActive()).map(({ isActive, ...one }) => one)
}

/** Node ends the process if a hook throws. A path of user code may be no valid URL. */
function safeFrames(callee: (...args: never[]) => unknown): Location[] {
  try {
    return callerFrames(callee, depth)
  } catch {
    return []
  }
}
