/** What a workload of several guests receives: bursts of boots, and guests that stay beside each other. */

import type { Command } from '../tools/command.ts'
import type { Guest, LoadClient } from './guest.ts'

/**
 * The CPUs of guests that run at the same time. Each guest has as many as the config says.
 *
 * - `shared`: all guests have the same ones.
 * - `spread`: the guests are spread over all CPUs of the run, and share them if there are too few.
 * - `separate`: no guest has a CPU of another one. Unsupported if the host has too few.
 */
export type CpuPlacement = 'shared' | 'spread' | 'separate'

/** How guests are requested in a burst. */
export interface BurstOptions {
  /** Milliseconds from one request to the next, 0 or more. Default: 0, all at once. */
  readonly every?: number
  /** Seconds after its request in which a guest must be ready, more than 0. Default: what the sample has left. */
  readonly limit?: number
  /** Default: `spread`. */
  readonly cpus?: CpuPlacement
}

/** What came of the request for one guest. */
export type GuestStart = {
  /** Milliseconds from the first request of the burst to the request for this guest. */
  readonly requestedMs: number
} & (
  | {
      readonly ok: true
      /** Milliseconds from the request to the first output of the guest's command. */
      readonly readyMs: number
    }
  | {
      readonly ok: false
      /** Why the guest did not become ready. */
      readonly error: string
    }
)

/** A guest that stays until the sample ends or it is disposed of. */
export interface BootedGuest extends Guest, AsyncDisposable {
  /** Milliseconds that the platform took to boot the guest, until commands could run in it. Host monotonic clock. */
  readonly bootMs: number
  /** The load generator, at the other end of this guest's network link. */
  readonly client: LoadClient
}

/** What a workload of several guests can do. isobench removes all guests when the sample ends. */
export interface GuestsApi {
  /** Bytes that all guests together may use: a hard limit, which leaves the host what it needs. */
  readonly totalMemoryBytes: number
  /**
   * Lowers the hard limit of all guests together.
   *
   * Unsupported if `bytes` is more than `totalMemoryBytes`.
   * @throws {RangeError} if `bytes` is less than 1 or no number, or, with cgroup v1, if the guests use more already
   */
  limitMemory(bytes: number): void
  /** Returns the bytes that the host can give to new processes now, by its kernel's estimate (`MemAvailable`). */
  availableMemoryBytes(): number
  /**
   * Boots several guests, each with `command` as the only one, and waits until each has printed its first byte or has
   * failed. isobench prepares all of them before the first request, and removes them after the last one is ready. A
   * guest that fails or is late is part of the result, in the order of the requests.
   *
   * Unsupported if the limits of the guests add up to more than `totalMemoryBytes`.
   * @throws {RangeError} if `count` is no whole number of 1 or more, an option has a value that it cannot have, or the
   *   sample would end before the last request
   * @throws {TypeError} if there is an option that `burst` does not have
   */
  burst(count: number, command: Command, options?: BurstOptions): Promise<readonly GuestStart[]>
  /**
   * Boots one more guest, which stays and waits for commands. The guests may have more memory together than
   * `totalMemoryBytes`, but the kernel ends processes of theirs when they use more.
   *
   * Unsupported if the platform runs one program per guest.
   * @throws {IsobenchError} if the platform cannot boot it
   * @throws {RangeError} if `cpus` is no `CpuPlacement`
   * @throws {TypeError} if there is an option that `boot` does not have
   */
  boot(options?: Pick<BurstOptions, 'cpus'>): Promise<BootedGuest>
}
