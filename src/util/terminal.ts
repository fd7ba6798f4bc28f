import { closeSync, fstatSync, openSync, type Stats } from 'node:fs'
import { isatty } from 'node:tty'

function statOf(descriptor: number): Pick<Stats, 'dev' | 'ino'> | undefined {
  try {
    return fstatSync(descriptor)
  } catch {
    return undefined
  }
}

/** The standard descriptors that are terminals when the process starts. */
const terminals = [0, 1, 2].flatMap((descriptor) => {
  const stat = isatty(descriptor) ? statOf(descriptor) : undefined
  return stat ? [{ descriptor, stat }] : []
})

/** The standard descriptors that are terminals which were closed: their window, or the connection of ssh. */
const hungUp = (): number[] =>
  terminals.flatMap(({ descriptor, stat }) => {
    const now = statOf(descriptor)
    // Another file with this number is no terminal that was closed.
    return now?.dev === stat.dev && now.ino === stat.ino && !isatty(descriptor) ? [descriptor] : []
  })

const { kill } = process

/**
 * Lets Node.js 20 end after the terminal was closed. It aborts otherwise, because it restores the mode of the terminal
 * and requires that this succeeds (`ResetStdio` in src/node.cc).
 * @param isInterrupted whether a signal ends the process. It ends by SIGHUP then, if its terminal was closed.
 */
export function leaveClosedTerminal(isInterrupted: boolean): void {
  const descriptors = hungUp()
  if (descriptors.length === 0) return
  if (isInterrupted) {
    process.removeAllListeners('SIGHUP')
    kill(process.pid, 'SIGHUP')
  }
  // Node.js leaves a descriptor alone that is another file than at its start.
  for (const descriptor of descriptors) {
    closeSync(descriptor)
    openSync('/dev/null', 'r+')
  }
}

/** NO_COLOR (no-color.org) comes first, then FORCE_COLOR (force-color.org; 0 turns colors off), then the stream. */
export function wantsColor({ isTTY }: NodeJS.WriteStream, { NO_COLOR, FORCE_COLOR, TERM } = process.env): boolean {
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTTY === true && TERM !== 'dumb'
}
