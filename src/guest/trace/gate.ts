/**
 * A command in a guest between two gates: it begins when the host says so and its process stays until the host says so, so
 * that entering the guest and leaving it can be kept out of what is recorded.
 */
import { randomUUID } from 'node:crypto'
import type { GuestArgv } from '../../platforms/driver.ts'
import type { Dialogue } from '../stopwatch.ts'

/**
 * A constant text; the word, the number of bytes of input and the argv come as positional parameters. Each gate is a line of
 * standard error with the word, and opens with a line of standard input.
 */
const script = `word=$0 bytes=$1; shift
echo "$word" >&2; read -r go || exit
if [ "$bytes" = 0 ]; then "$@" </dev/null; else head -c "$bytes" | "$@"; fi
code=$?
echo "$word" >&2; read -r go
exit "$code"`

export interface Gated {
  readonly argv: GuestArgv
  readonly dialogue: Dialogue
  /** Standard error without the gates' lines. */
  plain(stderr: string): string
}

/** What happens at the gates. */
export interface Keeper {
  /** The command waits to begin, until this is done; if it fails, there will be no command. */
  waiting(): Promise<void>
  /** The command begins. */
  opened(): void
  /** It has ended. */
  closed(): void
}

/** `argv` between gates. */
export function gated(argv: GuestArgv, input: string, { waiting, opened, closed }: Keeper): Gated {
  const word = `isobench-gate-${randomUUID()}`
  let seen = ''
  let gates = 0
  return {
    argv: ['/bin/sh', '-c', script, word, String(Buffer.byteLength(input)), ...argv],
    dialogue: (stdin, chunk) => {
      // A word may come in two pieces; what lies before it is none of ours.
      const text = seen + chunk
      const there = text.includes(`${word}\n`)
      seen = there ? '' : text.slice(-word.length)
      if (!there) return
      if (gates++ === 0) {
        waiting().then(
          () => {
            opened()
            stdin.write(`go\n${input}`)
          },
          () => stdin.end(),
        )
      } else {
        closed()
        stdin.end('go\n')
      }
    },
    plain: (stderr) => stderr.replaceAll(`${word}\n`, ''),
  }
}
