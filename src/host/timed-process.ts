import { type ChildProcess, spawn } from 'node:child_process'
import type { Duplex, Readable, Writable } from 'node:stream'
import { IsobenchError, lastLines, messageOf } from '../util/errors.ts'
import { killProcessGroup, safeCwd } from './process.ts'

/** A command in a guest, or the guest itself, did not end as it should. */
export class CommandError extends IsobenchError {
  readonly code = 'ISOBENCH_COMMAND'
}

/** Hears each piece of standard error and answers on standard input, which it has to end. */
export type StdioHandler = (stdin: Writable, stderr: string) => void

export interface TimedOptions {
  readonly input?: string
  /** In the place of `input`. */
  readonly dialogue?: StdioHandler
  readonly exitCodes?: readonly number[]
  /** Milliseconds until the command is ended. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** What the command is called in messages: the guest's argv, not the host's. */
  readonly label: string
  readonly env?: Readonly<Record<string, string>>
}

export interface TimedResult {
  readonly stdout: string
  readonly stderr: string
  /** From the moment the process was told to exec the command until it was reaped. Host monotonic clock. */
  readonly milliseconds: number
  /** From the same start until the first byte on stdout arrived here; null where nothing was written. */
  readonly firstByteMs: number | null
}

/** More output than this is a flood: the command is ended, and the sample is an error. Bytes, each of stdout and stderr. */
export const outputLimit = 16 * 1024 * 1024

/**
 * A process that says that it is there, waits to be let go, and becomes the command. Node forks with all of its own memory,
 * which takes 1 ms and, in a large process, 30: that is not the command's, and is over when the clock starts.
 * A constant text: the command comes as positional parameters, and nothing of a user's is interpreted.
 */
const startBarrier = ['sh', '-c', 'echo >&3 && read -r _ <&3 && exec "$@" 3<&-', 'sh'] as const

type StopCause = 'timeout' | 'interrupted' | 'flood'

/**
 * Runs a command and takes its time, in a process group of its own that is ended whole.
 * @throws CommandError on another exit code, a signal, a flood of output, the time limit or an abort.
 */
export function runTimed(argv: readonly string[], options: TimedOptions): Promise<TimedResult> {
  const [file, ...args] = [...startBarrier, ...argv]
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) return reject(new CommandError(`${options.label}: interrupted before it started`))
    let child: ChildProcess & { readonly stdin: Writable; readonly stdout: Readable; readonly stderr: Readable }
    try {
      child = spawn(file, args, {
        cwd: safeCwd(),
        detached: true,
        stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, LC_ALL: 'C', HOME: '/root', ...options.env },
      }) as typeof child
    } catch (error) {
      // An argument that no process can be given, such as one with a NUL.
      return reject(new CommandError(`${options.label}: could not be started: ${messageOf(error)}`))
    }
    let started = process.hrtime.bigint()
    let ended = started
    let firstByte: bigint | undefined
    const barrierPipe = child.stdio[3] as Duplex
    barrierPipe.once('data', () => {
      started = process.hrtime.bigint()
      barrierPipe.end('\n')
    })
    barrierPipe.on('error', () => {})
    let cause: StopCause | undefined
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
    const kill = (why: StopCause) => {
      cause ??= why
      if (child.pid !== undefined) killProcessGroup(child.pid)
      // A grandchild that left the group may hold the pipes open: what has come by now must do.
      setTimeout(() => [child.stdout, child.stderr].map((stream) => stream.destroy()), 500).unref()
    }
    const timer = setTimeout(() => kill('timeout'), options.timeoutMs)
    const onAbort = () => kill('interrupted')
    options.signal?.addEventListener('abort', onAbort)
    child.stdout.once('data', () => {
      firstByte = process.hrtime.bigint()
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
    child.once('exit', () => {
      ended = process.hrtime.bigint()
    })
    const settle = () => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
    }
    child.once('error', (error) => {
      settle()
      reject(new CommandError(`${options.label}: could not be started: ${error.message}`))
    })
    child.once('close', (code, signal) => {
      settle()
      const stdout = Buffer.concat(output.stdout).toString('utf8')
      const stderr = Buffer.concat(output.stderr).toString('utf8')
      if (!cause && code !== null && (options.exitCodes ?? [0]).includes(code)) {
        const since = (at: bigint) => Number(at - started) / 1e6
        const firstByteMs = firstByte === undefined ? null : since(firstByte)
        return resolve({ stdout, stderr, milliseconds: since(ended), firstByteMs })
      }
      reject(
        new CommandError(`${options.label}: ${exitDescription(cause, code, signal, options)}${tail(stderr, stdout)}`),
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
  if (cause === 'timeout') return `no end after ${Math.round(options.timeoutMs / 100) / 10} s, so it was ended`
  if (cause === 'interrupted') return 'interrupted'
  if (cause === 'flood') return `more than ${outputLimit / 1024 / 1024} MiB of output, so it was ended`
  if (code === 137 || signal === 'SIGKILL') return 'killed (exit code 137), for want of memory or by somebody'
  return code === null ? `ended by ${signal}` : `exit code ${code}`
}

function tail(stderr: string, stdout: string): string {
  const lines = lastLines(stderr.trim() === '' ? stdout : stderr)
  return lines.length ? `: ${lines.join(' | ')}` : ''
}
