/** Host processes: running commands, ending process groups, and identifying a process beyond its pid. */

import { existsSync, readFileSync } from 'node:fs'
import { InterruptedError, IsobenchError, keyLines } from '../util/errors.ts'
import { withUsualUmask } from '../util/umask.ts'
import { hostEnvironment } from './environment.ts'

/** Argv of a host process. No shell interprets it. */
export type HostArgv = readonly [string, ...string[]]

/** Argv of a process in a guest. */
export type GuestArgv = readonly string[]

/** The command that keeps a guest alive while isobench executes commands in it. */
export const idleCommand: HostArgv = ['/bin/sleep', 'infinity']

/** A housekeeping command on the host failed (`ip`, `mount`, `apt-get`, ...). */
export class HostCommandError extends IsobenchError {
  readonly code = 'ISOBENCH_HOST_COMMAND'
}

export interface HostCommandOptions {
  /** Seconds. Default: 60. */
  readonly timeout?: number
  readonly signal?: AbortSignal
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Name of the command in messages. Default: its argv. */
  readonly label?: string
  /** Standard input. Default: empty. */
  readonly input?: string
  /** Called with each line of stdout and stderr as soon as it is printed. */
  readonly onLine?: (line: string) => void
  /** Called with the pid after the process started. */
  readonly onStart?: (pid: number) => void
  /**
   * Starts the command outside of the cgroup of the run: it changes the host for good, so a clean must not end it
   * halfway, nor a service that it starts.
   */
  readonly ofHost?: boolean
  /** Exit codes that count as success. Default: only 0. */
  readonly exitCodes?: readonly number[]
}

/** Returns a directory to start processes in: the current one, or `/` if the current one was removed. */
export function safeCwd(): string {
  try {
    // Node caches the current directory, so cwd() succeeds even if the directory is gone.
    const folder = process.cwd()
    return existsSync(folder) ? folder : '/'
  } catch {
    return '/'
  }
}

/** Kills a process group that isobench started. Does nothing if it has already ended. */
export function killProcessGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has already ended.
  }
}

type Wrap = (argv: HostArgv) => HostArgv

let wrapHostCommand: Wrap = (argv) => argv

/**
 * Wraps every housekeeping command of this process until it is disposed. A session uses it to start them in the cgroup
 * of the run, so that `isobench clean` ends those that a kill of isobench has left.
 */
export function wrapHostCommands(wrap: Wrap): Disposable {
  const before = wrapHostCommand
  wrapHostCommand = wrap
  return {
    [Symbol.dispose]: () => {
      wrapHostCommand = before
    },
  }
}

/** Wraps a housekeeping command that `runHostCommand` cannot run: it starts in the cgroup of the run, if any. */
export const inCgroupOfRun = (argv: HostArgv): HostArgv => wrapHostCommand(argv)

/**
 * Runs a housekeeping command on the host, in its own process group and without a shell.
 * @returns the command's standard output
 * @throws {HostCommandError} with the last lines of stderr
 * @throws {InterruptedError} if the signal is aborted
 */
export async function runHostCommand(argv: readonly string[], options: HostCommandOptions = {}): Promise<string> {
  const [file, ...args] = options.ofHost ? (argv as HostArgv) : wrapHostCommand(argv as HostArgv)
  const interrupted = () => new InterruptedError(`interrupted while ${argv[0]} ran`)
  if (options.signal?.aborted) throw interrupted()
  // Loaded on first use because loading execa takes longer than all of `isobench list`.
  const { execa } = await import('execa')
  const child = withUsualUmask(() =>
    execa(file, args, {
      cwd: safeCwd(),
      reject: false,
      detached: true,
      cleanup: true,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
      all: true,
      env: { ...hostEnvironment(), ...options.env },
      extendEnv: false,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      maxBuffer: 64 * 1024 * 1024,
    }),
  )
  const seconds = options.timeout ?? 60
  let isLate = false
  const kill = () => {
    if (child.pid !== undefined) killProcessGroup(child.pid)
    // A grandchild in another process group may keep the pipes open.
    setTimeout(() => [child.stdout, child.stderr, child.all].map((stream) => stream?.destroy()), 500).unref()
  }
  const timer = setTimeout(() => {
    isLate = true
    kill()
  }, seconds * 1000)
  options.signal?.addEventListener('abort', kill)
  if (child.pid !== undefined) options.onStart?.(child.pid)
  try {
    if (options.onLine) for await (const line of child.iterable({ from: 'all' })) options.onLine(line)
    const result = await child
    if (options.signal?.aborted) throw interrupted()
    if (!(options.exitCodes ?? [0]).includes(result.exitCode ?? -1)) {
      const ended =
        result.exitCode === undefined ? (result.code ?? result.signal ?? 'did not run') : `exit ${result.exitCode}`
      const cause = isLate ? `it took longer than ${seconds} s` : ended
      const stderrLines = keyLines(result.stderr || result.stdout).join(' | ')
      throw new HostCommandError(
        `${options.label ?? argv.join(' ')} failed (${cause})${stderrLines ? `: ${stderrLines}` : ''}`,
      )
    }
    return result.stdout
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', kill)
  }
}

/** Identifies a process even after the kernel reuses its pid. */
export interface ProcessId {
  readonly pid: number
  /** Field 22 of /proc/PID/stat, clock ticks since boot; proc(5). */
  readonly started: string
}

interface Stat {
  readonly state: string
  readonly started: string
}

/** The fields of `/proc/PID/stat` from the third one on, proc(5). */
export function statFields(text: string): string[] {
  // Field 2 is the command name. It may contain spaces and parentheses, so count from its closing parenthesis.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function readStat(pid: number): Stat | undefined {
  try {
    const fields = statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    return { state: fields[0]!, started: fields[19]! }
  } catch {
    return undefined
  }
}

/** Returns the identity of a running process, or `undefined` if there is none. */
export function processId(pid: number): ProcessId | undefined {
  const stat = readStat(pid)
  return stat && { pid, started: stat.started }
}

/** Returns whether exactly this process is running. A zombie counts as ended because it only occupies its pid. */
export function isAlive(id: ProcessId): boolean {
  const stat = readStat(id.pid)
  return stat !== undefined && stat.started === id.started && stat.state !== 'Z' && stat.state !== 'X'
}
