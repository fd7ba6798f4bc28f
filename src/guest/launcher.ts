import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IsobenchError, lastLines } from '../errors.ts'
import type { HostArgv, HostSandbox } from '../platforms/driver.ts'
import { killProcessGroup, safeCwd } from './host.ts'

/** The host process that was to boot a guest, or to stay for it, failed. */
export class BootError extends IsobenchError {
  readonly code = 'ISOBENCH_BOOT'
}

/** `timeout`: seconds that a command may take. */
export interface LaunchOptions {
  readonly timeout: number
  readonly signal?: AbortSignal
  /** Wraps the argv of each. */
  readonly launch?: (argv: HostArgv) => HostArgv
}

/** Runs and starts host processes whose output goes to a log in `directory`. */
export function sandboxProcesses(
  directory: string,
  { timeout, signal, launch = (argv) => argv }: LaunchOptions,
): Pick<HostSandbox, 'run' | 'spawn'> {
  return {
    run: async (argv) => {
      signal?.throwIfAborted()
      const started = startLogged(launch(argv), directory)
      const end = () => killProcessGroup(started.pid)
      const timer = setTimeout(end, timeout * 1000)
      signal?.addEventListener('abort', end)
      try {
        const how = await started.ended
        if (how !== 'exit code 0') throw started.failure(how)
      } finally {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
      }
    },
    spawn: async (argv) => {
      const started = startLogged(launch(argv), directory)
      const early = await Promise.race([started.ended, new Promise<void>((resolve) => setImmediate(resolve))])
      if (typeof early === 'string') throw started.failure(early)
      return started.pid
    },
  }
}

/** Starts a host process with its output in a log, so that what it leaves running holds no pipe of ours. */
function startLogged(argv: HostArgv, directory: string) {
  const log = join(directory, 'boot.log')
  const descriptor = openSync(log, 'a')
  const [file, ...args] = argv
  const child = spawn(file, args, {
    cwd: safeCwd(),
    detached: true,
    stdio: ['ignore', descriptor, descriptor],
  })
  closeSync(descriptor)
  child.unref()
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(code === null ? `ended by ${signal}` : `exit code ${code}`))
  })
  return {
    pid: child.pid ?? -1,
    ended,
    failure: (how: string) => {
      const said = lastLines(readFileSync(log, 'utf8')).join(' | ')
      return new BootError(`${argv.join(' ')}: ${how}${said ? `: ${said}` : ''}`)
    },
  }
}
