import { randomUUID } from 'node:crypto'
import type { Writable } from 'node:stream'
import type { GuestArgv } from '../host/process.ts'
import type { StdioHandler } from '../host/timed-process.ts'

/**
 * A command in a guest between two gates: it begins when the host says so and its process stays until the host says so, so
 * that entering the guest and leaving it can be kept out of what is recorded.
 */

/**
 * A constant text; the word, the number of bytes of input and the argv come as positional parameters. Each gate is a line of
 * standard error with the word, and opens with a line of standard input; one that says `again` leads to the same gate.
 */
const script = `word=$0 bytes=$1; shift
while echo "$word" >&2; read -r go || exit; [ "$go" = again ]; do :; done
if [ "$bytes" = 0 ]; then "$@" </dev/null; else head -c "$bytes" | "$@"; fi
code=$?
echo "$word" >&2; read -r go
exit "$code"`

export interface BarrierCommand {
  readonly argv: GuestArgv
  readonly dialogue: StdioHandler
  /** Standard error without the gates' lines. */
  plain(stderr: string): string
}

/** What happens at the gates. */
export interface BarrierHandlers {
  /**
   * The command waits to begin, until this is done; if it fails, there will be no command.
   * @param pass goes through the gate, back to where the command waits: all that the work does but the work.
   */
  waiting(roundTrip: () => Promise<void>): Promise<void>
  /** The command begins. */
  opened(): void
  /** It has ended. */
  closed(): void
}

/** `argv` between gates. */
export function withBarriers(
  argv: GuestArgv,
  input: string,
  { waiting, opened, closed }: BarrierHandlers,
): BarrierCommand {
  const word = `isobench-gate-${randomUUID()}`
  let seen = ''
  let begun = false
  let back: (() => void) | undefined
  const arrived = (stdin: Writable) => {
    if (begun) {
      closed()
      stdin.end('go\n')
    } else if (back) {
      back()
    } else {
      const roundTrip = () =>
        new Promise<void>((resolve, reject) => {
          // A command that dies there does not come back.
          const gone = () => reject(new Error('the command ended before it began'))
          stdin.once('close', gone)
          back = () => {
            stdin.off('close', gone)
            resolve()
          }
          stdin.write('again\n')
        })
      waiting(roundTrip).then(
        () => {
          begun = true
          opened()
          stdin.write(`go\n${input}`)
        },
        () => stdin.end(),
      )
    }
  }
  return {
    argv: ['/bin/sh', '-c', script, word, String(Buffer.byteLength(input)), ...argv],
    dialogue: (stdin, chunk) => {
      // A word may come in two pieces; what lies before it is none of ours.
      const text = seen + chunk
      const there = text.includes(`${word}\n`)
      seen = there ? '' : text.slice(-word.length)
      if (there) arrived(stdin)
    },
    plain: (stderr) => stderr.replaceAll(`${word}\n`, ''),
  }
}
