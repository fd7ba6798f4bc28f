import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GuestHandle } from '../../driver.ts'
import { checkOptions, describeValue } from '../../dsl/checked.ts'
import type { CommandResult, ExecOptions, Guest, GuestMemory, LoadClient, Service } from '../../dsl/guest.ts'
import { isPort } from '../../dsl/rules.ts'
import type { Limits } from '../../host/cgroup.ts'
import { imageLacksProgram } from '../../host/image-recipe.ts'
import { dropCaches } from '../../host/mounts.ts'
import type { GuestArgv } from '../../host/process.ts'
import type { ExceededLimit, GuestSandbox, OwnedGuestSandbox } from '../../host/sandbox.ts'
import { CommandError, type StdioHandler } from '../../host/timed-process.ts'
import type { Command } from '../../tools/command.ts'
import { IsobenchError, messageOf, UnsupportedError } from '../../util/errors.ts'
import type { BenchData } from '../model/suite.ts'
import { compileForGuest } from '../project/compile.ts'
import {
  type CommandBounds,
  type ExecTarget,
  type LoadClientHost,
  type LoadClientTarget,
  remaining,
} from '../session/exec-target.ts'
import { guestArgv } from './guest-argv.ts'

/**
 * Waits until the client can connect to a TCP port.
 * @param ended resolves with the server's failure when the server ends
 * @throws {CommandError} if the server ends, or the time is up, before that
 */
export async function waitForPort(
  client: ExecTarget,
  { address, port }: { readonly address: string; readonly port: number },
  { until, signal, exec }: CommandBounds,
  ended: Promise<Error>,
): Promise<void> {
  const connect = client.execArgv(['socat', '-u', '/dev/null', `TCP4:${address}:${port},connect-timeout=1`])
  let failure: Error | undefined
  void ended.then((error) => {
    failure = error
  })
  while (performance.now() < until) {
    try {
      // socat gives up after 1 s. On an emulated host it takes longer to start.
      await exec(connect, { timeoutMs: 20_000, signal, label: `connecting to port ${port}` })
      return
    } catch {
      if (failure) throw failure
      signal.throwIfAborted()
      await sleep(50)
    }
  }
  throw new CommandError(`nothing answered at port ${port} within the time limit`)
}

/** The client that reaches a guest, and the guest's address for it. */
export function routeToGuest(
  client: LoadClientHost,
  sandbox: Pick<GuestSandbox, 'netns' | 'address'>,
  { loopback = false, address = sandbox.address }: Pick<GuestHandle, 'loopback' | 'address'>,
): { readonly caller: LoadClientTarget; readonly address: string } {
  return loopback ? { caller: client.inNetns(sandbox.netns), address: '127.0.0.1' } : { caller: client, address }
}

/** Returns a function that says whether a count has grown since the last call. */
export function oomMonitor({ oomKillCount }: Pick<OwnedGuestSandbox, 'oomKillCount'>): () => boolean {
  let known = oomKillCount()
  return () => {
    const before = known
    known = oomKillCount()
    return known > before
  }
}

/** Like `oomMonitor`, and also asks the guest's kernel if it is not the host's. */
export function guestOomMonitor(
  sandbox: Pick<OwnedGuestSandbox, 'oomKillCount'>,
  handle: Pick<GuestHandle, 'oomKillCount'>,
): () => Promise<boolean> {
  const onHost = oomMonitor(sandbox)
  let known = 0
  return async () => {
    if (onHost()) return true
    // A guest that is gone does not answer. Its failure has another cause.
    const asked = Promise.resolve().then(() => handle.oomKillCount?.())
    const kills = (await asked.catch(() => known)) ?? known
    const grown = kills > known
    known = kills
    return grown
  }
}

/**
 * Returns what a guest costs the host.
 * @throws {UnsupportedError} if that would miss a part of the platform, or the guest runs only while a command does
 */
function guestMemory(
  name: string,
  { memory }: Pick<OwnedGuestSandbox, 'memory'>,
  { servedOutside, singleProcess }: Pick<GuestHandle, 'servedOutside' | 'singleProcess'>,
): GuestMemory {
  if (singleProcess) throw new UnsupportedError(`${name} has no guest that stays between two commands`)
  if (servedOutside !== undefined)
    throw new UnsupportedError(`${servedOutside} serves the guests of ${name}, and isobench cannot measure its share`)
  return memory()
}

/** A booted guest, as a target of commands. */
export interface GuestTarget extends ExecTarget {
  readonly sandbox: OwnedGuestSandbox
  readonly handle: GuestHandle
}

/**
 * Returns a booted guest as a target of commands.
 * @param name of the platform
 */
export const guestTarget = (
  { name, rootfs }: Pick<ExecTarget, 'name' | 'rootfs'>,
  sandbox: OwnedGuestSandbox,
  handle: GuestHandle,
): GuestTarget => ({
  name,
  rootfs,
  sandbox,
  handle,
  singleProcess: handle.singleProcess === true,
  execArgv: (argv, options) => handle.execArgv(argv, options),
  ranOutOfMemory: guestOomMonitor(sandbox, handle),
  memory: () => guestMemory(name, sandbox, handle),
})

/**
 * Runs a first process in the cgroup of a sandbox, because the kernel then initializes the cgroup. That takes a third
 * of the time of a runc boot and does not belong to the platform.
 */
export const enterCgroup = (sandbox: OwnedGuestSandbox): Promise<void> => sandbox.run(sandbox.wrap(['true']))

/** A guest tried to exceed its limit of processes, of memory or of `/data`, so its sample has no result. */
export class GuestLimitError extends IsobenchError {
  readonly code = 'ISOBENCH_LIMIT'
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`

/** How a guest exceeded a limit, and which setting to raise. */
function limitReason(name: string, limit: ExceededLimit | 'memory', limits: Limits): string {
  switch (limit) {
    case 'processes':
      return (
        `${name} reached its limit of ${limits.processes} processes, and the kernel refused more. ` +
        'Raise guest.processes in isobench.config.ts.'
      )
    case 'memory':
      return (
        `${name} went over its memory limit of ${mebibytes(limits.memoryBytes)}, and the kernel killed a process in ` +
        'it. Raise guest.memory in isobench.config.ts.'
      )
    case 'data':
      return (
        `${name} wrote more to /data than its limit of ${mebibytes(limits.dataBytes!)} (less if the disk is nearly ` +
        'full), and isobench ended it. Raise guest.data in isobench.config.ts.'
      )
  }
}

/**
 * Runs work in a guest that may not exceed its limits. Such work has no result, even if all of its commands succeeded:
 * a fork bomb in the background, or the end of a background process by the kernel, is not noticed otherwise.
 * @param handle of the guest, if its own kernel may end processes
 * @throws {GuestLimitError} naming the limit and what failed
 */
export async function withinLimits<T>(
  name: string,
  sandbox: Pick<OwnedGuestSandbox, 'exceededLimit' | 'limits' | 'oomKillCount'>,
  work: () => Promise<T>,
  handle: Pick<GuestHandle, 'oomKillCount'> = {},
): Promise<T> {
  const ranOutOfMemory = guestOomMonitor(sandbox, handle)
  const onHost = oomMonitor(sandbox)
  let result: T
  try {
    result = await work()
  } catch (error) {
    // `explainFailure` names the memory if a command failed.
    const limit = sandbox.exceededLimit() ?? (!(error instanceof CommandError) && onHost() ? 'memory' : undefined)
    if (limit === undefined) throw error
    throw new GuestLimitError(`${limitReason(name, limit, sandbox.limits)} First failure: ${messageOf(error)}`)
  }
  const limit = sandbox.exceededLimit() ?? ((await ranOutOfMemory()) ? 'memory' : undefined)
  if (limit !== undefined) throw new GuestLimitError(limitReason(name, limit, sandbox.limits))
  return result
}

/** The image lacks a program, so no platform can run it. */
export class MissingProgramError extends IsobenchError {
  readonly code = 'ISOBENCH_PROGRAM'

  constructor(
    readonly program: string,
    platform: string,
  ) {
    super(
      `the image has no program "${program}", wanted in ${platform}: ` +
        'add its Debian package to image.packages in the config',
    )
  }
}

/** Gives a missing program and an out-of-memory kill the same message on every platform. */
export async function explainFailure(
  error: unknown,
  program: string,
  target: Omit<ExecTarget, 'execArgv'>,
): Promise<unknown> {
  if (!(error instanceof CommandError)) return error
  if (await target.ranOutOfMemory?.())
    return new CommandError(
      `${program} in ${target.name} went over the memory that guests have ` +
        `(${target.memorySetting?.() ?? 'guest.memory in the config'}), and the kernel killed it: ${error.message}`,
    )
  if (!imageLacksProgram(target.rootfs, program)) return error
  return new MissingProgramError(program, target.name)
}

/** @throws {TypeError} if there is an option that `exec` does not have */
export const checkExecOptions = (given: unknown, more: readonly string[] = []): void =>
  checkOptions('exec()', given, ['input', 'exitCodes', 'untraced', ...more])

/**
 * Runs a command in a guest or the client, within the bounds of the sample.
 * @throws {CommandArgumentError} if the command is none
 * @throws {CommandError} if the command fails, or its time is up
 * @throws {MissingProgramError} if the image has no such program
 */
export async function execInGuest(
  target: ExecTarget,
  command: Command,
  options: ExecOptions,
  bounds: CommandBounds,
  { dialogue, label: given }: { readonly dialogue?: StdioHandler; readonly label?: string } = {},
): Promise<CommandResult> {
  // First, because a workload may pass something without argv.
  const argv = guestArgv(command)
  const label = given ?? command.argv[0]
  try {
    const noInput = !dialogue && (options.input ?? '') === ''
    return await bounds.exec(target.execArgv(argv, { noInput }), {
      timeoutMs: remaining(bounds),
      signal: bounds.signal,
      label: `${label} in ${target.name}`,
      ...(options.input !== undefined && { input: options.input }),
      ...(dialogue && { dialogue }),
      ...(options.exitCodes && { exitCodes: options.exitCodes }),
    })
  } catch (error) {
    throw await explainFailure(error, label, target)
  }
}

// A constant text: the command comes as positional parameters, so no user input is interpreted. The pid is the guest's
// own, so the same kill works on every platform.
const recordPid = (file: string, argv: GuestArgv): GuestArgv => [
  '/bin/sh',
  '-c',
  'echo $$ > "$0" && exec "$@"',
  file,
  ...argv,
]

/** Facts about a sample that are recorded with it. */
export interface SampleNotes {
  /** Whether every request to drop the host's caches succeeded; absent if there was none. */
  cachesDropped?: boolean
  /** What ran the code of a VMM's guest, such as `kvm`. */
  accelerator?: string
  /** The server that took longest to end, if it took more than `slowStopMs`. */
  slowServerStop?: { readonly program: string; readonly ms: number }
}

/** Milliseconds. isobench kills servers, which takes some milliseconds, or a second on emulated CPUs. */
const slowStopMs = 5000

/** Milliseconds that ending a server may take, also on emulated CPUs. */
const stopLimitMs = 60_000

/** The guest as a workload sees it. */
export function workloadGuest(
  target: ExecTarget,
  client: ExecTarget,
  address: string,
  bounds: CommandBounds,
  notes: SampleNotes = {},
): Guest {
  let services = 0
  const exec = async (command: Command, options: ExecOptions = {}) => {
    checkExecOptions(options)
    return execInGuest(target, command, options, bounds)
  }
  return {
    data: '/data',
    exec,
    dropCaches: async () => {
      notes.cachesDropped = (await dropCaches()) && notes.cachesDropped !== false
    },
    memory: async () => {
      if (!target.memory) throw new UnsupportedError(`the memory of ${target.name} is unknown`)
      return target.memory()
    },
    serve: async (command, options): Promise<Service> => {
      checkOptions('serve()', options, ['port'])
      const { port } = options
      if (!isPort(port))
        throw new RangeError(`serve(): expected an integer from 1 to 65535 as port, not ${describeValue(port)}`)
      const argv = guestArgv(command)
      const pidFile = `/tmp/isobench-service-${services++}`
      const ending = new AbortController()
      const serving = target.singleProcess ? argv : recordPid(pidFile, argv)
      const server = bounds.exec(target.execArgv(serving, { noInput: true }), {
        timeoutMs: remaining(bounds),
        signal: AbortSignal.any([bounds.signal, ending.signal]),
        label: `${command.argv[0]} serving in ${target.name}`,
      })
      const ended = server.then(
        () => new CommandError(`${command.argv[0]} in ${target.name} ended before a client connected to it`),
        (error: Error) => explainFailure(error, command.argv[0]!, target) as Promise<Error>,
      )
      const stop = async () => {
        const started = performance.now()
        try {
          await end()
        } finally {
          const ms = Math.round(performance.now() - started)
          if (ms > Math.max(slowStopMs, notes.slowServerStop?.ms ?? 0))
            notes.slowServerStop = { program: command.argv[0], ms }
        }
      }
      const end = async () => {
        // The pool ends the guest of an aborted sample, so no command can run in it.
        if (target.singleProcess || bounds.signal.aborted) {
          ending.abort()
          await ended
          return
        }
        const kill: Command = { argv: ['/bin/sh', '-c', 'kill -9 "$(cat "$0")"', pidFile] }
        const until = performance.now() + stopLimitMs
        await execInGuest(target, kill, { exitCodes: [0, 1] }, { ...bounds, exec: bounds.exec, until })
        await ended
      }
      try {
        await waitForPort(client, { address, port }, bounds, ended)
      } catch (error) {
        await stop().catch(() => {})
        throw error
      }
      return { address, port, [Symbol.asyncDispose]: stop }
    },
  }
}

/** Seconds. The CPU share of a shorter command is mostly that of its start. */
const minCpuShareSeconds = 0.3

/**
 * The load client at the other end of the guest's link.
 * @param onCpuShare receives the share of its CPUs, 0 to 1, that the client used during each long enough command
 */
export const workloadClient = (
  client: LoadClientTarget,
  bounds: CommandBounds,
  onCpuShare: (share: number) => void,
): LoadClient => ({
  exec: async (command, given = {}) => {
    checkExecOptions(given, ['rootfs'])
    const { rootfs = 'image', ...options } = given
    const target = rootfs === 'host' ? { ...client, rootfs: '/', execArgv: client.enterHost } : client
    const before = client.cpuSeconds()
    const completed = await execInGuest(target, command, options, bounds)
    const after = client.cpuSeconds()
    const seconds = completed.milliseconds / 1000
    if (before !== null && after !== null && seconds >= minCpuShareSeconds)
      onCpuShare(Math.min(1, (after - before) / seconds / client.cpus))
    return completed
  },
})

/** A function that the guest timed failed, or the guest printed no outcome. */
export class InGuestError extends IsobenchError {
  readonly code = 'ISOBENCH_IN_GUEST'
}

/** The bundles of bench files for guests, each compiled once. */
export class GuestBundles {
  readonly #bundles = new Map<string, Promise<string>>()

  /** @param root the project's folder */
  constructor(readonly root: string) {}

  of(file: string): Promise<string> {
    const known = this.#bundles.get(file) ?? compileForGuest(this.root, file)
    this.#bundles.set(file, known)
    return known
  }
}

/**
 * Times a bench's function inside the guest. The bundle is copied through a command's standard input, because the /data
 * of some guests is no directory of the host.
 * @param onOutput receives what the function printed, also if it failed
 * @throws {InGuestError} if the function fails, or the guest prints no outcome
 */
export async function runInGuest(
  bench: BenchData,
  bundle: string,
  { exec, seconds, onOutput }: InGuestOptions,
): Promise<unknown> {
  const file = '/data/isobench-bench.mjs'
  await exec({ argv: ['dd', 'status=none', `of=${file}`] }, { input: bundle, untraced: true })
  // A random marker, because the function may print as well.
  const marker = `isobench-${randomUUID()}:`
  const command = { argv: ['node', file, bench.name, String(seconds), marker] as const }
  const { stdout, stderr } = await exec(command)
  const at = stdout.indexOf(`\n${marker}`)
  onOutput('stdout', at < 0 ? stdout : stdout.slice(0, at))
  onOutput('stderr', stderr)
  if (at < 0)
    throw new InGuestError(
      `the guest printed no outcome for "${bench.name}"`,
      'a bench function must not end the process',
    )
  const outcome = JSON.parse(stdout.slice(at + 1 + marker.length).split('\n', 1)[0]!) as Partial<InGuestFailure>
  if (typeof outcome.error === 'string')
    throw new InGuestError(outcome.error, typeof outcome.fix === 'string' ? outcome.fix : undefined)
  return outcome
}

interface InGuestOptions {
  readonly exec: Guest['exec']
  readonly seconds: number
  readonly onOutput: (stream: 'stdout' | 'stderr', text: string) => void
}

/** What in-guest.ts prints of a function that failed. */
interface InGuestFailure {
  readonly error: string
  readonly fix?: string
}
