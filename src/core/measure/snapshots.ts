/** Guests that a workload saves and starts again from what was saved. */

import { lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { GuestHandle, SnapshotAbility } from '../../driver.ts'
import { checkNoMoreArguments, describeValue } from '../../dsl/checked.ts'
import type { ExecOptions } from '../../dsl/guest.ts'
import type { Clones, Snapshot, SnapshotGuest } from '../../dsl/snapshot.ts'
import type { ParamSpace, SnapshotContext } from '../../dsl/workload.ts'
import { killProcesses } from '../../host/cgroup.ts'
import { pageFaults, proportionalBytes, sharedBytes } from '../../host/guest-memory.ts'
import { checkMemoryOfGuests, memoryForGuests, readMemory } from '../../host/memory-info.ts'
import type { OwnedGuestSandbox } from '../../host/sandbox.ts'
import type { Command } from '../../tools/command.ts'
import { AsyncDisposableStack } from '../../util/async-disposable-stack.ts'
import { UnsupportedError } from '../../util/errors.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { remaining } from '../session/exec-target.ts'
import type { Session } from '../session/session.ts'
import type { TimeBreakdown } from './context.ts'
import { checkExecOptions, enterCgroup, execInGuest, guestTarget, withinLimits } from './guest-api.ts'
import type { SampleScope } from './sample-scope.ts'

/** What the guests of a sample need. */
export interface SnapshotGuestsOptions {
  readonly platform: ResolvedPlatform
  readonly session: Session
  readonly rootfs: string
  readonly scope: SampleScope
  readonly times: TimeBreakdown
}

/** Starts a guest in a sandbox. */
type Start = (sandbox: OwnedGuestSandbox) => Promise<GuestHandle>

/**
 * The guests and snapshots of one sample. Disposing it removes them. A snapshot lies in the directory of the sandbox of
 * the guest that was saved, which the cleanup journal names.
 */
export class SnapshotGuests implements AsyncDisposable {
  readonly #sandboxes = new AsyncDisposableStack()
  #disposed = false

  constructor(private readonly options: SnapshotGuestsOptions) {}

  /** See `SnapshotContext.boot`. */
  readonly boot: SnapshotContext<ParamSpace>['boot'] = async (first, ...more: unknown[]) => {
    checkNoMoreArguments('boot()', more)
    const { driver, options } = this.options.platform
    const ability = this.#ability
    const obstacle = await ability.preflight?.(options)
    if (obstacle) throw new UnsupportedError(obstacle.reason, obstacle.fix)
    const start: Start = (sandbox) => (ability.boot ?? driver.boot)(sandbox, options)
    return this.#start(await this.#sandbox(), start, first)
  }

  get #ability(): SnapshotAbility {
    const { spec, driver } = this.options.platform
    if (!driver.snapshots) throw new UnsupportedError(`${spec.name} cannot save a guest`)
    return driver.snapshots
  }

  /** Creates a sandbox that has run a process. */
  async #sandbox(): Promise<OwnedGuestSandbox> {
    const { session, rootfs, scope } = this.options
    const sandbox = this.#sandboxes.use(await session.createSandbox(rootfs, remaining(scope) / 1000))
    if (this.#disposed) {
      await this[Symbol.asyncDispose]()
      throw new Error('the sample has ended')
    }
    await enterCgroup(sandbox)
    return sandbox
  }

  async #start(sandbox: OwnedGuestSandbox, start: Start, first: Command): Promise<SnapshotGuest> {
    const { platform, rootfs, scope, times } = this.options
    const { name } = platform.spec
    const requested = performance.now()
    const handle = await times.command(() => start(sandbox))
    const target = guestTarget({ name, rootfs }, sandbox, handle)
    let isSaved = false
    const exec = async (command: Command, options: ExecOptions = {}) => {
      checkExecOptions(options)
      if (isSaved) throw new Error('exec(): save() has ended this guest. Use the one that restore() returns')
      return withinLimits(name, sandbox, () => times.command(() => execInGuest(target, command, options, scope)))
    }
    await exec(first)
    const milliseconds = performance.now() - requested
    const save = async () => {
      if (isSaved) throw new Error('save(): the guest has been saved before, which ended it')
      isSaved = true
      return this.#save(sandbox)
    }
    return { milliseconds, ...scope.calls({ exec, save }), pageFaults: () => pageFaults(sandbox.group) ?? null }
  }

  async #save(sandbox: OwnedGuestSandbox): Promise<Snapshot> {
    const { platform, scope, times } = this.options
    const ability = this.#ability
    const folder = join(sandbox.stateDir, 'snapshot')
    mkdirSync(folder, { mode: 0o700 })
    const requested = performance.now()
    await times.command(() => ability.save(sandbox, folder, platform.options))
    const milliseconds = performance.now() - requested
    // Some platforms only pause the guest.
    killProcesses(sandbox.group)
    const restoring: Start = (target) => ability.restore(target, folder, platform.options)
    const guests: Pick<Snapshot, 'restore' | 'clone'> = {
      restore: async (first, ...more: unknown[]) => {
        checkNoMoreArguments('restore()', more)
        return this.#start(await this.#sandbox(), restoring, first)
      },
      clone: async (count, first, ...more: unknown[]) => {
        checkNoMoreArguments('clone()', more)
        return this.#clone(count, restoring, first)
      },
    }
    return { milliseconds, bytes: diskBytes(folder), ...scope.calls(guests) }
  }

  async #clone(count: number, restoring: Start, first: Command): Promise<Clones> {
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`clone(): expected a whole number of guests, 1 or more, not ${describeValue(count)}`)
    checkMemoryOfGuests(count, this.options.session.limits.memoryBytes, memoryForGuests(readMemory()))
    // Before the clock starts, because a sandbox is isobench's own work.
    const places: OwnedGuestSandbox[] = []
    while (places.length <= count) places.push(await this.#sandbox())
    // A guest that is alone, to compare with.
    const [alone, ...rest] = places
    await this.#start(alone!, restoring, first)
    const aloneBytes = proportionalBytes(alone!.group)
    await alone![Symbol.asyncDispose]()
    const requested = performance.now()
    const guests = await allOrFirstError(rest.map((sandbox) => this.#start(sandbox, restoring, first)))
    const milliseconds = performance.now() - requested
    const sizes = rest.flatMap(({ group }) => proportionalBytes(group) ?? [])
    const isKnown = aloneBytes !== undefined && sizes.length === count && count > 1
    const together = sizes.reduce((sum, bytes) => sum + bytes, 0)
    return { guests, milliseconds, sharedBytes: isKnown ? sharedBytes(aloneBytes, together, count) : null }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    return this.#sandboxes[Symbol.asyncDispose]()
  }
}

/** Awaits all, so that none goes on unobserved. @throws the first error */
async function allOrFirstError<T>(all: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all)
  return Promise.all(all)
}

/** Bytes that the files of a folder, and of those below it, take on the disk: `st_blocks` has units of 512 bytes. */
function diskBytes(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, item) => {
    const path = join(folder, item.name)
    return sum + (item.isDirectory() ? diskBytes(path) : lstatSync(path).blocks * 512)
  }, 0)
}
