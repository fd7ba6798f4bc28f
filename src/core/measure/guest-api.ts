import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GuestHandle } from '../../driver.ts'
import type { CommandResult, ExecOptions, Guest, LoadClient, Service } from '../../dsl/guest.ts'
import { oomMonitor } from '../../host/cgroup.ts'
import { imageLacksProgram } from '../../host/image-recipe.ts'
import { dropCaches } from '../../host/mounts.ts'
import type { GuestArgv } from '../../host/process.ts'
import type { GuestSandbox } from '../../host/sandbox.ts'
import { CommandError, runTimed, type StdioHandler } from '../../host/timed-process.ts'
import type { Command } from '../../tools/command.ts'
import { IsobenchError } from '../../util/errors.ts'
import type { BenchData } from '../model/suite.ts'
import { compileForGuest } from '../project/compile.ts'
import type { Deadline, ExecTarget, LoadClientHost, LoadClientTarget } from '../session/exec-target.ts'

/**
 * Waits until a TCP port takes a connection from the client's side.
 * @throws CommandError when the server ends, or the sample's time is up, before that.
 */
export async function waitForPort(
  client: ExecTarget,
  { address, port }: { readonly address: string; readonly port: number },
  { until, signal }: Deadline,
  ended: Promise<Error>,
): Promise<void> {
  const knock = client.execArgv(['socat', '-u', '/dev/null', `TCP4:${address}:${port},connect-timeout=1`])
  let over: Error | undefined
  void ended.then((error) => {
    over = error
  })
  while (performance.now() < until) {
    try {
      // It gives up after a second by itself; on an emulated host it takes longer to get there.
      await runTimed(knock, { timeoutMs: 20_000, signal, label: `knocking at port ${port}` })
      return
    } catch {
      if (over) throw over
      signal.throwIfAborted()
      await sleep(50)
    }
  }
  throw new CommandError(`nothing answered at port ${port} within the time limit`)
}

/** Who calls on a guest, and at which address. */
export function routeToGuest(
  client: LoadClientHost,
  place: Pick<GuestSandbox, 'netns' | 'address'>,
  { loopback = false, address = place.address }: Pick<GuestHandle, 'loopback' | 'address'>,
): { readonly caller: LoadClientTarget; readonly address: string } {
  return loopback ? { caller: client.inNetns(place.netns), address: '127.0.0.1' } : { caller: client, address }
}

/** A command as argv in the guest: `env` of the image sets what it wants, so that no driver has to know of it. */
export function guestArgv({ argv, env = {}, cwd }: Command): GuestArgv {
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return settings.length === 0 && cwd === undefined
    ? argv
    : ['env', ...(cwd === undefined ? [] : ['-C', cwd]), ...settings, ...argv]
}

const remaining = ({ until }: Deadline) => Math.max(1, until - performance.now())

/** Asks the host's kernel, and the guest's where that is another, whether either has killed for want of memory since it was last asked. */
export function guestOomMonitor(group: string, handle: Pick<GuestHandle, 'oomKillCount'>): () => Promise<boolean> {
  const onHost = oomMonitor(group)
  let known = 0
  return async () => {
    if (onHost()) return true
    // A guest that is gone does not answer: then its failure is another.
    const kills = (await handle.oomKillCount?.().catch(() => known)) ?? known
    const more = kills > known
    known = kills
    return more
  }
}

/** The image has no such program: no guest of any platform can run it. */
export class MissingProgramError extends IsobenchError {
  readonly code = 'ISOBENCH_PROGRAM'

  constructor(
    readonly program: string,
    platform: string,
  ) {
    super(
      `the image has no program "${program}", wanted in ${platform}: add its Debian package to image.packages in the config`,
    )
  }
}

/** Every platform has words of its own for a missing program and for want of memory: this says it in the same ones. */
export async function explainFailure(
  error: unknown,
  program: string,
  where: Omit<ExecTarget, 'execArgv'>,
): Promise<unknown> {
  if (!(error instanceof CommandError)) return error
  if (await where.ranOutOfMemory?.())
    return new CommandError(
      `${program} in ${where.name} went over the memory that guests have (guest.memory in the config), and the kernel killed it: ${error.message}`,
    )
  if (!imageLacksProgram(where.rootfs, program)) return error
  return new MissingProgramError(program, where.name)
}

/** Runs a command through `enter`, within the sample's bounds. `label`: the program that it is about, where it wraps one. */
export async function execInGuest(
  where: ExecTarget,
  command: Command,
  options: ExecOptions,
  bounds: Deadline,
  { dialogue, label = command.argv[0] }: { readonly dialogue?: StdioHandler; readonly label?: string } = {},
): Promise<CommandResult> {
  try {
    return await runTimed(where.execArgv(guestArgv(command)), {
      timeoutMs: remaining(bounds),
      signal: bounds.signal,
      label: `${label} in ${where.name}`,
      ...(options.input !== undefined && { input: options.input }),
      ...(dialogue && { dialogue }),
      ...(options.exitCodes && { exitCodes: options.exitCodes }),
    })
  } catch (error) {
    throw await explainFailure(error, label, where)
  }
}

// A constant text: the command comes as positional parameters, and nothing of a user's is interpreted. The pid is the
// guest's own, so the same kill works on every platform.
const recordPid = (file: string, argv: GuestArgv): GuestArgv => [
  '/bin/sh',
  '-c',
  'echo $$ > "$0" && exec "$@"',
  file,
  ...argv,
]

/** What a workload had done that belongs to its sample. */
export interface SampleNotes {
  /** Whether every wish to drop the host's caches was granted; absent when there was none. */
  cachesDropped?: boolean
  /** What ran the code of a monitor's guest. */
  accelerator?: string
}

/** Milliseconds that ending a server may take: a command more in the guest, on emulated CPUs too. */
const endingMs = 60_000

/** The guest as a workload sees it. */
export function workloadGuest(
  where: ExecTarget,
  client: ExecTarget,
  address: string,
  bounds: Deadline,
  notes: SampleNotes = {},
): Guest {
  let services = 0
  const exec = (command: Command, options: ExecOptions = {}) => execInGuest(where, command, options, bounds)
  return {
    data: '/data',
    exec,
    dropCaches: async () => {
      notes.cachesDropped = (await dropCaches()) && notes.cachesDropped !== false
    },
    serve: async (command, { port }): Promise<Service> => {
      const pidFile = `/tmp/isobench-service-${services++}`
      const ending = new AbortController()
      const argv = guestArgv(command)
      const server = runTimed(where.execArgv(where.singleProcess ? argv : recordPid(pidFile, argv)), {
        timeoutMs: remaining(bounds),
        signal: AbortSignal.any([bounds.signal, ending.signal]),
        label: `${command.argv[0]} serving in ${where.name}`,
      })
      const ended = server.then(
        () => new CommandError(`${command.argv[0]} in ${where.name} ended before anybody called on it`),
        (error: Error) => explainFailure(error, command.argv[0]!, where) as Promise<Error>,
      )
      const stop = async () => {
        if (where.singleProcess) {
          ending.abort()
          await ended
          return
        }
        const kill: Command = { argv: ['/bin/sh', '-c', 'kill -9 "$(cat "$0")"', pidFile] }
        await execInGuest(
          where,
          kill,
          { exitCodes: [0, 1] },
          { until: performance.now() + endingMs, signal: new AbortController().signal },
        )
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

/** Shorter commands are left out: their start is most of them, and it keeps a CPU busy. */
const leastSeconds = 0.3

/**
 * The client at the other end of the guest's link.
 * @param tell gets the share of its CPUs that it used during each command that was long enough
 */
export const workloadClient = (
  client: LoadClientTarget,
  bounds: Deadline,
  tell: (share: number) => void,
): LoadClient => ({
  exec: async (command, { rootfs: from = 'image', ...options } = {}) => {
    const where = from === 'host' ? { ...client, rootfs: '/', execArgv: client.enterHost } : client
    const before = client.cpuSeconds()
    const completed = await execInGuest(where, command, options, bounds)
    const after = client.cpuSeconds()
    const seconds = completed.milliseconds / 1000
    if (before !== null && after !== null && seconds >= leastSeconds)
      tell(Math.min(1, (after - before) / seconds / client.cpus))
    return completed
  },
})

/** tinybench's outcome did not come out of the guest. */
export class InGuestError extends IsobenchError {
  readonly code = 'ISOBENCH_IN_GUEST'
}

/** Bundles of bench files for guests, each made once a run. */
export class GuestBundles {
  readonly #bundles = new Map<string, Promise<string>>()

  constructor(private readonly root: string) {}

  of(file: string): Promise<string> {
    const known = this.#bundles.get(file) ?? compileForGuest(this.root, file)
    this.#bundles.set(file, known)
    return known
  }
}

/**
 * Times a bench's function inside the guest. The bundle goes there by a command's input: not every guest's /data is a folder of
 * the host's.
 */
export async function runInGuest(
  bench: BenchData,
  bundle: string,
  { exec, seconds }: { readonly exec: Guest['exec']; readonly seconds: number },
): Promise<unknown> {
  const file = '/data/isobench-bench.mjs'
  await exec({ argv: ['dd', 'status=none', `of=${file}`] }, { input: bundle, untraced: true })
  // What a function prints cannot be taken for the outcome: it does not know this word.
  const marker = `isobench-${randomUUID()}:`
  const command = { argv: ['node', file, bench.name, String(seconds), marker] as const }
  const { stdout } = await exec(command)
  const line = stdout.split('\n').find((text) => text.startsWith(marker))
  if (line === undefined)
    throw new InGuestError(
      `the guest printed no outcome for "${bench.name}"`,
      'a bench function must not end the process',
    )
  return JSON.parse(line.slice(marker.length))
}
