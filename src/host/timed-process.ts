/** Runs a benchmark command and measures its time. */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex, Readable, Writable } from 'node:stream'
import { IsobenchError, keyLines, messageOf } from '../util/errors.ts'
import { withUsualUmask } from '../util/umask.ts'
import { hostEnvironment } from './environment.ts'
import { killProcessGroup, safeCwd } from './process.ts'

/** A guest, or a command in a guest, failed. */
export class CommandError extends IsobenchError {
  readonly code = 'ISOBENCH_COMMAND'
}

/** Receives each chunk of stderr and may write to stdin. It must end stdin. */
export type StdioHandler = (stdin: Writable, stderr: string) => void

export interface TimedOptions {
  readonly input?: string
  /** Used instead of `input`. */
  readonly dialogue?: StdioHandler
  readonly exitCodes?: readonly number[]
  /** Milliseconds until isobench kills the command. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Name of the command in messages: the argv of the guest, not of the host. */
  readonly label: string
  readonly env?: Readonly<Record<string, string>>
  /**
   * Called when the process is ready to execute the command. It executes the command when the promise resolves, and
   * is killed as interrupted when it rejects.
   */
  readonly gate?: () => Promise<void>
  /** Called when the first byte of stdout arrives, with the milliseconds since `exec`. The command goes on. */
  readonly onFirstByte?: (milliseconds: number) => void
  /** Called when the command is executed, with the time of the host's monotonic clock in milliseconds. */
  readonly onStart?: (milliseconds: number) => void
}

export interface TimedResult {
  readonly stdout: string
  readonly stderr: string
  /** Time from `exec` of the command until the process was reaped. Host monotonic clock. */
  readonly milliseconds: number
  /** Time from `exec` until the first byte of stdout arrived, or `null` if there was no output. */
  readonly firstByteMs: number | null
}

/** Bytes of stdout, and of stderr, after which isobench kills the command and the sample fails. */
export const outputLimit = 16 * 1024 * 1024

/**
 * A shell that reports its start on descriptor 3, waits for a line there, and then executes the command. Node's `fork`
 * copies the page tables of this process: 1 ms, or 30 ms if the process is large. With the barrier, the clock starts
 * after the fork. The script is constant. The command is passed as positional parameters, so the shell does not
 * interpret it.
 */
const startBarrier = ['sh', '-c', 'unset PWD; echo >&3 && read -r _ <&3 && exec "$@" 3<&-', 'sh'] as const

/**
 * Milliseconds after the end of a command in which its output is read if a process that it has started keeps it open.
 * Most platforms do not wait for such a process. runc does, and docker and containerd do for 2 s.
 */
const drainMs = 200

type StopCause = 'timeout' | 'interrupted' | 'flood'

/**
 * Runs a command in its own process group and measures its time. Kills the whole group if the command must end early.
 * @throws {CommandError} on an unexpected exit code, a signal, too much output, a timeout or an abort
 */
export function runTimed(argv: readonly string[], options: TimedOptions): Promise<TimedResult> {
  const [file, ...args] = [...startBarrier, ...argv]
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(new CommandError(`${options.label}: interrupted before it started`))
    let child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable; readonly stderr: Readable }
    try {
      child = withUsualUmask(() =>
        spawn(file, args, {
          cwd: safeCwd(),
          detached: true,
          stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
          env: { ...hostEnvironment(), ...options.env },
        }),
      ) as typeof child
    } catch (error) {
      // Arguments that cannot be passed to a process, for example one with a NUL character.
      return reject(new CommandError(`${options.label}: could not be started: ${messageOf(error)}`))
    }
    let started = process.hrtime.bigint()
    let ended = started
    let firstByte: bigint | undefined
    const barrierPipe = child.stdio[3] as Duplex
    const since = (at: bigint) => Number(at - started) / 1e6
    const go = () => {
      started = process.hrtime.bigint()
      barrierPipe.end('\n')
      options.onStart?.(Number(started) / 1e6)
    }
    barrierPipe.once('data', () => {
      if (options.gate) options.gate().then(go, () => kill('interrupted'))
      else go()
    })
    barrierPipe.on('error', () => {})
    let cause: StopCause | undefined
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
    const kill = (reason: StopCause) => {
      cause ??= reason
      if (child.pid !== undefined) killProcessGroup(child.pid)
      // A grandchild in another process group may keep the pipes open. Stop reading after 500 ms.
      setTimeout(() => [child.stdout, child.stderr].map((stream) => stream.destroy()), 500).unref()
    }
    const timer = setTimeout(() => kill('timeout'), options.timeoutMs)
    const onAbort = () => kill('interrupted')
    options.signal?.addEventListener('abort', onAbort)
    child.stdout.once('data', () => {
      firstByte = process.hrtime.bigint()
      options.onFirstByte?.(since(firstByte))
    })
    for (const name of ['stdout', 'stderr'] as const) {
      let size = 0
      child[name].on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size <= outputLimit) output[name].push(chunk)
        else kill('flood')
      })
    }
    child.stdin.on('error', () => {})
    const { dialogue } = options
    if (dialogue) child.stderr.on('data', (chunk: Buffer) => dialogue(child.stdin, chunk.toString('latin1')))
    else child.stdin.end(options.input ?? '')
    let drain: NodeJS.Timeout | undefined
    child.once('exit', () => {
      ended = process.hrtime.bigint()
      const stopReading = () => [child.stdout, child.stderr].map((stream) => stream.destroy())
      // What the command has written is in the pipe already. After a blocked event loop, the timer comes before a read.
      drain = setTimeout(() => setImmediate(stopReading), drainMs)
    })
    const removeListeners = () => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
    }
    child.once('error', (error) => {
      removeListeners()
      reject(new CommandError(`${options.label}: could not be started: ${error.message}`))
    })
    child.once('close', (code, signal) => {
      clearTimeout(drain)
      removeListeners()
      const stdout = Buffer.concat(output.stdout).toString('utf8')
      const stderr = Buffer.concat(output.stderr).toString('utf8')
      if (!cause && code !== null && (options.exitCodes ?? [0]).includes(code)) {
        const firstByteMs = firstByte === undefined ? null : since(firstByte)
        return resolve({ stdout, stderr, milliseconds: since(ended), firstByteMs })
      }
      reject(
        new CommandError(
          `${options.label}: ${exitDescription(cause, code, signal, options)}${outputSummary(stderr, stdout)}`,
        ),
      )
    })
  })
}

function exitDescription(
  cause: StopCause | undefined,
  code: number | null,
  signal: string | null,
  options: TimedOptions,
): string {
  if (cause === 'timeout') return `timed out after ${Math.round(options.timeoutMs / 100) / 10} s`
  if (cause === 'interrupted') return 'interrupted'
  if (cause === 'flood') return `killed because it printed more than ${outputLimit / 1024 / 1024} MiB`
  if (code === 137 || signal === 'SIGKILL')
    return 'killed (exit code 137): the memory limit was reached, or somebody sent SIGKILL'
  return code === null ? `ended by ${signal}` : `exit code ${code}`
}

/** What the process printed: its first line and its last ones. */
function outputSummary(stderr: string, stdout: string): string {
  const lines = keyLines(stderr.trim() === '' ? stdout : stderr)
  return lines.length ? `: ${lines.join(' | ')}` : ''
}
