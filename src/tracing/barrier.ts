/**
 * A command in a guest between two barriers: it starts when the host allows it, and its process ends when the host
 * allows it. So entering and leaving the guest can be excluded from a trace.
 */

import { randomUUID } from 'node:crypto'
import type { Writable } from 'node:stream'
import { inputProgram } from '../dsl/process-roles.ts'
import type { GuestArgv } from '../host/process.ts'
import type { StdioHandler } from '../host/timed-process.ts'

/**
 * The script is constant: the marker, the number of input bytes and the argv are positional parameters. A barrier
 * prints a line with the marker to stderr and waits for a line on stdin. The answer `no` runs nothing in the same way
 * as `go` runs the command, and returns to the barrier: the shell's own calls in both are the same.
 */
const script = `word=$0 bytes=$1; shift
while echo "$word" >&2; read -r go || exit; [ "$go" = no ]; do
if [ "$bytes" = 0 ]; then ( : ) </dev/null; else ( : ) | ( : ); fi; done
if [ "$bytes" = 0 ]; then "$@" </dev/null; else ${inputProgram} -c "$bytes" | "$@"; fi
code=$?
echo "$word" >&2; read -r go
exit "$code"`

const shell = ['/bin/sh', '-c', script] as const

/** Returns whether these are the arguments of the shell that waits at a barrier. */
export const isBarrierArgv = (argv: readonly string[]): boolean => shell.every((word, at) => argv[at] === word)

export interface BarrierCommand {
  readonly argv: GuestArgv
  readonly dialogue: StdioHandler
  /** Removes the lines of the barriers from stderr. */
  plain(stderr: string): string
}

/** What happens at the barriers. */
export interface BarrierHandlers {
  /**
   * The command waits for the first barrier. It starts after this has succeeded, and never if this fails.
   * @param roundTrip passes the barrier, runs nothing, and returns to it: everything but the work
   */
  waiting(roundTrip: () => Promise<void>): Promise<void>
  /** The command starts. */
  opened(): void
  /** The command has ended. */
  closed(): void
}

/** Puts `argv` between barriers. */
export function withBarriers(
  argv: GuestArgv,
  input: string,
  { waiting, opened, closed }: BarrierHandlers,
): BarrierCommand {
  const marker = `isobench-gate-${randomUUID()}`
  let seen = ''
  let started = false
  let resumeRoundTrip: (() => void) | undefined
  const onBarrier = (stdin: Writable) => {
    if (started) {
      closed()
      stdin.end('go\n')
    } else if (resumeRoundTrip) {
      resumeRoundTrip()
    } else {
      const roundTrip = () =>
        new Promise<void>((resolve, reject) => {
          // Without this, the round trip would never settle if the command dies.
          const onClose = () => reject(new Error('the command ended before it began'))
          stdin.once('close', onClose)
          resumeRoundTrip = () => {
            stdin.off('close', onClose)
            resolve()
          }
          stdin.write('no\n')
        })
      waiting(roundTrip).then(
        () => {
          started = true
          opened()
          stdin.write(`go\n${input}`)
        },
        () => stdin.end(),
      )
    }
  }
  return {
    argv: [...shell, marker, String(Buffer.byteLength(input)), ...argv],
    dialogue: (stdin, chunk) => {
      // The marker may arrive in two chunks.
      const text = seen + chunk
      const isComplete = text.includes(`${marker}\n`)
      seen = isComplete ? '' : text.slice(-marker.length)
      if (isComplete) onBarrier(stdin)
    },
    plain: (stderr) => stderr.replaceAll(`${marker}\n`, ''),
  }
}
