/** Removes what this process has on the host if a signal ends it, such as SIGKILL, or the abort of a full heap. */

import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { packageFolder } from '../util/assets.ts'
import { sanitize } from '../util/text.ts'

/**
 * The shell reads what isobench does, until isobench has ended. After an empty line there is nothing to remove. It
 * ignores signals, because a service manager sends them to all processes of a service, and isobench handles them.
 */
const waiting = `trap '' HUP INT QUIT TERM PIPE
while IFS= read -r line; do work=$line; done
[ -n "$work" ] || exit 0
printf 'error  isobench ended while it was %s.\\n' "$work" >&2
echo '       A signal such as SIGKILL ended it, a second request to quit, or a full heap.
       fix: if Node.js printed "heap out of memory", allow more MiB: NODE_OPTIONS=--max-old-space-size=8192
       Its objects on this host are removed now:' >&2
exec "$@" >&2`

/** A process that outlives this one. Disposing it ends it, without removing anything. */
export interface CleanupProcess extends Disposable {
  /** States what isobench does now, for the message after its end: `measuring a.bench.ts#disk on runc`. */
  note(work: string): void
}

/**
 * Starts a process that runs `isobench clean` if this one ends before it disposes of it. A parent of isobench could do
 * that too, but would have to pass on signals, and isobench would outlive its parent's SIGKILL. It has another
 * process group, because shells, sudo, timeout(1) and CI systems send SIGKILL to the group of isobench.
 */
export function startCleanupProcess(work: string): CleanupProcess {
  const clean = [process.execPath, join(packageFolder(), 'bin/isobench.js'), 'clean']
  const child = spawn('/bin/sh', ['-c', waiting, 'isobench', ...clean], {
    stdio: ['pipe', 'ignore', 'inherit'],
    cwd: '/',
    detached: true,
    // They are for isobench itself: a debugger would wait, and a relative path would lead elsewhere.
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  // Without it, the user has to run `isobench clean`, as after a kill of all processes.
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  const stdin = child.stdin as Socket
  stdin.unref()
  const write = (text: string) => void stdin.write(`${text}\n`)
  const note = (text: string) => write(sanitize(text, 300) || 'working')
  note(work)
  return {
    note,
    [Symbol.dispose]: () => {
      write('')
      stdin.end()
    },
  }
}
