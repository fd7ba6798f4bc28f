import { existsSync, readFileSync } from 'node:fs'
import { InterruptedError, IsobenchError, lastLines } from '../util/errors.ts'

/** A command of the host's own (ip, mount, apt-get …) failed. */
export class HostCommandError extends IsobenchError {
  readonly code = 'ISOBENCH_HOST_COMMAND'
}

export interface HostCommandOptions {
  /** Seconds; 60 when left out. */
  readonly timeout?: number
  readonly signal?: AbortSignal
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What it is called in messages; its argv when left out. */
  readonly label?: string
  /** What it reads from standard input, which is nothing when left out. */
  readonly input?: string
  /** Called with each line of output as it comes. */
  readonly onLine?: (line: string) => void
  /** Called with the process as soon as it runs. */
  readonly onStart?: (pid: number) => void
  /** Exit codes that count as success; only 0 when left out. */
  readonly exitCodes?: readonly number[]
}

/** Where a process is started: this one's folder, or the root once that was removed, since nothing starts in what is gone. */
export function safeCwd(): string {
  try {
    // Node remembers the folder, so that asking for it does not tell whether it is still there.
    const folder = process.cwd()
    return existsSync(folder) ? folder : '/'
  } catch {
    return '/'
  }
}

/** Ends a process group that isobench itself started. */
export function killProcessGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It had ended.
  }
}

/**
 * Runs a housekeeping command on the host, in a process group of its own, without a shell.
 * @throws HostCommandError with the last lines of stderr; InterruptedError when the signal is aborted.
 */
export async function runHostCommand(argv: readonly string[], options: HostCommandOptions = {}): Promise<string> {
  const [file, ...args] = argv as [string, ...string[]]
  const interrupted = () => new InterruptedError(`interrupted while ${file} ran`)
  if (options.signal?.aborted) throw interrupted()
  // Loaded when first used: it takes longer to load than `isobench list` takes in all.
  const { execa } = await import('execa')
  const child = execa(file, args, {
    cwd: safeCwd(),
    reject: false,
    detached: true,
    cleanup: true,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    all: true,
    env: { LC_ALL: 'C', ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    maxBuffer: 64 * 1024 * 1024,
  })
  const end = () => {
    if (child.pid !== undefined) killProcessGroup(child.pid)
    // A grandchild that left the group may hold the pipes open.
    setTimeout(() => [child.stdout, child.stderr, child.all].map((stream) => stream?.destroy()), 500).unref()
  }
  const timer = setTimeout(end, (options.timeout ?? 60) * 1000)
  options.signal?.addEventListener('abort', end)
  if (child.pid !== undefined) options.onStart?.(child.pid)
  try {
    if (options.onLine) for await (const line of child.iterable({ from: 'all' })) options.onLine(line)
    const result = await child
    if (options.signal?.aborted) throw interrupted()
    if (!(options.exitCodes ?? [0]).includes(result.exitCode ?? -1)) {
      const why =
        result.exitCode === undefined ? (result.code ?? result.signal ?? 'did not run') : `exit ${result.exitCode}`
      const said = lastLines(result.stderr || result.stdout).join(' | ')
      throw new HostCommandError(`${options.label ?? argv.join(' ')} failed (${why})${said ? `: ${said}` : ''}`)
    }
    return result.stdout
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', end)
  }
}

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  readonly pid: number
  /** Field 22 of /proc/PID/stat, clock ticks since boot; proc(5). */
  readonly started: string
}

interface Stat {
  readonly state: string
  readonly started: string
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command name, field 2, may hold anything, parentheses included: count from its end.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0]!, started: fields[19]! }
  } catch {
    return undefined
  }
}

/** The identity of a running process, or undefined when there is none. */
export function processId(pid: number): ProcessId | undefined {
  const stat = statOf(pid)
  return stat && { pid, started: stat.started }
}

/** Whether that very process still runs. A zombie does not: it holds nothing but its number. */
export function isAlive(id: ProcessId): boolean {
  const stat = statOf(id.pid)
  return stat !== undefined && stat.started === id.started && stat.state !== 'Z' && stat.state !== 'X'
}

/** Argv of a host process that the driver made: nothing in it passes through a shell. */
export type HostArgv = readonly [string, ...string[]]

/** Argv of a process in the guest. */
export type GuestArgv = readonly string[]

/** What idles in a guest that commands are entered into. */
export const idleCommand: HostArgv = ['/bin/sleep', 'infinity']
