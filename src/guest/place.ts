import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Undoing } from '../disposable.ts'
import { IsobenchError, lastLines } from '../errors.ts'
import type { HostArgv, Place } from '../platforms/driver.ts'
import { containerGroup, inCgroup, type Limits, makeCgroup, relativeGroup } from './cgroup.ts'
import { killGroup } from './host.ts'
import type { Ledger } from './ledger.ts'
import { inNetns, type Network } from './network.ts'
import { guestsFolder } from './paths.ts'
import { makeView } from './view.ts'

/** The host process that was to boot a guest, or to stay for it, failed. */
export class BootError extends IsobenchError {
  readonly code = 'ISOBENCH_BOOT'
}

export interface PlaceOptions {
  readonly ledger: Ledger
  readonly network: Network
  readonly id: string
  readonly rootfs: string
  readonly limits: Limits
  readonly signal?: AbortSignal
  /** Seconds that booting may take. */
  readonly timeout: number
}

/** A place that was made, with how to take it down: everything in it ends first. */
export interface OpenPlace extends Place, AsyncDisposable {
  /** The cgroup's name, to freeze it. */
  readonly group: string
}

/** Makes a directory, a network namespace with a link, and a cgroup for one guest. */
export async function openPlace(options: PlaceOptions): Promise<OpenPlace> {
  const { ledger, network, id, rootfs, limits } = options
  const directory = join(guestsFolder(), id)
  const data = join(directory, 'data')
  await using stack = new Undoing()
  stack.use(await ledger.make({ kind: 'directory', path: directory }, () => mkdirSync(data, { recursive: true })))
  const { link, undo } = await network.link(id)
  stack.use(undo)
  stack.use(await ledger.make({ kind: 'cgroup', name: id }, () => makeCgroup(id, limits)))
  const made = stack.move()
  let view: Promise<string> | undefined
  const inside = (argv: HostArgv) => inCgroup(id, inNetns(link.netns, argv))
  return {
    id,
    group: id,
    directory,
    rootfs,
    data,
    limits,
    netns: `/run/netns/${link.netns}`,
    address: link.address,
    containerGroup: containerGroup(id),
    relativeGroup: (child) => relativeGroup(id, child),
    inside,
    view: () => {
      const at = join(directory, 'view')
      view ??= makeView(rootfs, at, data).then(() => at)
      return view
    },
    run: async (argv) => {
      options.signal?.throwIfAborted()
      const started = startLogged(argv, directory)
      const end = () => killGroup(started.pid)
      const timer = setTimeout(end, options.timeout * 1000)
      options.signal?.addEventListener('abort', end)
      try {
        const how = await started.ended
        if (how !== 'exit code 0') throw started.failure(how)
      } finally {
        clearTimeout(timer)
        options.signal?.removeEventListener('abort', end)
      }
    },
    start: async (argv) => {
      const started = startLogged(argv, directory)
      const early = await Promise.race([started.ended, new Promise<void>((resolve) => setImmediate(resolve))])
      if (typeof early === 'string') throw started.failure(early)
      return started.pid
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  }
}

/** Starts a host process with its output in a log, so that what it leaves running holds no pipe of ours. */
function startLogged(argv: HostArgv, directory: string) {
  const log = join(directory, 'boot.log')
  const descriptor = openSync(log, 'a')
  const [file, ...args] = argv
  const child = spawn(file, args, { detached: true, stdio: ['ignore', descriptor, descriptor] })
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
