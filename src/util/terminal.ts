import { fstatSync, type Stats } from 'node:fs'
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

/** Whether a terminal of this process was closed: its window, or the connection of ssh. */
const isHungUp = (): boolean =>
  terminals.some(({ descriptor, stat }) => {
    const now = statOf(descriptor)
    // Another file with this number is no terminal that was closed.
    return now?.dev === stat.dev && now.ino === stat.ino && !isatty(descriptor)
  })

const { kill } = process

/**
 * Ends the process by SIGHUP if its terminal was closed. Otherwise Node.js 20 aborts when it ends, because it restores
 * the mode of the terminal and requires that this succeeds (`ResetStdio` in src/node.cc).
 */
export function endIfHungUp(): void {
  if (!isHungUp()) return
  process.removeAllListeners('SIGHUP')
  kill(process.pid, 'SIGHUP')
}
