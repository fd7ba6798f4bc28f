import type { Exec } from '../../src/core/session/exec-target.ts'
import type { OpenSession } from '../../src/core/session/session.ts'
import { seeded } from '../../src/core/stats/index.ts'
import { type Driver, defineDriver } from '../../src/driver.ts'
import type { PlatformFamily } from '../../src/dsl/platform.ts'
import type { Load } from '../../src/host/load.ts'
import type { GuestSandbox } from '../../src/host/sandbox.ts'
import { CommandError, type TimedOptions, type TimedResult } from '../../src/host/timed-process.ts'
import { UnsupportedError } from '../../src/util/errors.ts'
import { type FakeHostState, type FakeSandbox, FakeSession } from './fake-session.ts'

/** How a fake platform behaves. Commands are counted from 1, over all guests of the platform. */
export interface FakeBehavior {
  /** What a command reports as its time. No time passes in the test. */
  readonly ms?: number
  /** The standard deviation of that time, as a share of it. */
  readonly jitter?: number
  /** Every command of this number fails. */
  readonly failEvery?: number
  /** The kernel kills this command because memory runs out. */
  readonly oomAt?: number
  /** The kernel kills a process that this command has started, and the command succeeds. */
  readonly oomBehindAt?: number
  /** The kernel refuses a process that this command starts, and the command does not report it. */
  readonly bombAt?: number
  /** This command ends only when it is killed. */
  readonly hangAt?: number
  /** This command does not even end when it is killed. */
  readonly stuckAt?: number
  /** Every boot but that of the probe fails. */
  readonly failBoots?: boolean
  /** The probe fails: the platform cannot run on this host. */
  readonly failProbe?: boolean
  /** The platform refuses to run commands. */
  readonly unsupported?: boolean
  readonly family?: PlatformFamily
}

/** A host with fake platforms. */
export interface FakeHost extends FakeHostState {
  readonly drivers: Readonly<Record<string, Driver>>
  readonly openSession: OpenSession
  readonly exec: Exec
  /** Called after each event, with the number of events so far. */
  onEvent: (event: string, count: number) => void
  /** The events that start with one of these words. */
  eventsOf(...words: string[]): string[]
}

/**
 * Creates a host on which platforms cost nothing and need neither root nor processes.
 *
 * Guests run `echo`, which every host has: a program that the image lacks is recognized by looking for its file.
 */
export function fakeHost(
  platforms: Readonly<Record<string, FakeBehavior>>,
  { seed = 1 }: { readonly seed?: number } = {},
): FakeHost {
  const random = seeded(String(seed))
  const counts = new Map<string, number>()
  const host: FakeHost = {
    events: [],
    sandboxes: new Map<string, FakeSandbox>(),
    loads: [] as Load[],
    drivers: Object.fromEntries(
      Object.entries(platforms).map(([name, behavior]) => [name, createDriver(name, behavior)]),
    ),
    onEvent: () => {},
    openSession: async (_guest, { signal }) => new FakeSession(host, signal),
    exec: (argv, options) => exec(argv, options),
    record(event) {
      host.events.push(event)
      host.onEvent(event, host.events.length)
    },
    eventsOf: (...words) => host.events.filter((event) => words.includes(event.split(' ')[0]!)),
  }

  function createDriver(name: string, behavior: FakeBehavior): Driver {
    const own = (sandbox: GuestSandbox) => host.sandboxes.get(sandbox.id)
    return defineDriver({
      kind: name,
      family: behavior.family ?? (name === 'native' ? 'native' : 'container'),
      description: `fake ${name}`,
      options: { parse: (value) => value },
      requirements: () => [],
      oneShot: async (sandbox, argv) => {
        own(sandbox)!.name = name
        return ['fake', name, sandbox.id, ...argv]
      },
      boot: async (sandbox) => {
        own(sandbox)!.name = name
        host.record(`boot ${name}`)
        if (behavior.failBoots) throw new CommandError(`${name} did not boot`)
        return {
          execArgv: (argv) => {
            if (behavior.unsupported) throw new UnsupportedError(`${name} runs no commands`)
            return ['fake', name, sandbox.id, ...argv]
          },
          pause: async () => host.record(`pause ${name}`),
          resume: async () => host.record(`resume ${name}`),
        }
      },
    }) as Driver
  }

  async function exec([, name, ...rest]: readonly string[], options: TimedOptions): Promise<TimedResult> {
    const interrupted = () => new CommandError(`${options.label}: interrupted`)
    if (options.signal?.aborted) throw interrupted()
    if (name === 'client') {
      host.record(`exec client ${rest[0]}`)
      return { stdout: '', stderr: '', milliseconds: 1, firstByteMs: null }
    }
    const [id, program] = rest as [string, string]
    await options.gate?.()
    if (program === '/bin/busybox' && platforms[name!]!.failProbe) throw new CommandError(`${name} did not start`)
    if (program === '/bin/busybox') return { stdout: '', stderr: '', milliseconds: 1, firstByteMs: null }
    host.record(`exec ${name} ${program}`)
    const { ms = 100, jitter = 0, failEvery, oomAt, oomBehindAt, bombAt, hangAt, stuckAt } = platforms[name!]!
    const count = (counts.get(name!) ?? 0) + 1
    counts.set(name!, count)
    if (count === stuckAt) return new Promise(() => {})
    if (count === hangAt) return hang(options)
    // As in reality, a command ends in a later turn.
    await Promise.resolve()
    if (options.signal?.aborted) throw interrupted()
    if (program === 'no-such-program') throw new CommandError(`${options.label}: exit code 127`)
    if (count === oomAt) {
      host.sandboxes.get(id)!.oomKills++
      throw new CommandError(`${options.label}: exit code 137`)
    }
    if (count === oomBehindAt) host.sandboxes.get(id)!.oomKills++
    if (count === bombAt) host.sandboxes.get(id)!.exceededLimit = 'processes'
    if (failEvery !== undefined && count % failEvery === 0) throw new CommandError(`${options.label}: exit code 1`)
    // The sum of 12 uniform numbers is almost normal, with a variance of 1.
    const normal = Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6)
    const milliseconds = ms * (1 + jitter * normal)
    options.onFirstByte?.(milliseconds)
    return { stdout: `${program}\n`, stderr: '', milliseconds, firstByteMs: null }
  }

  return host
}

/** A command that ends at its time limit or when it is interrupted. */
function hang({ timeoutMs, signal, label }: TimedOptions): Promise<TimedResult> {
  return new Promise((_, reject) => {
    const timer = setTimeout(() => reject(new CommandError(`${label}: no end after ${timeoutMs / 1000} s`)), timeoutMs)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(new CommandError(`${label}: interrupted`))
    })
  })
}
