import type { Command } from '../tools/command.ts'
import type { CommandResult, ExecOptions } from './guest.ts'

/** A guest of a workload that saves and restores guests. It lives until the sample ends. */
export interface SnapshotGuest {
  /**
   * Milliseconds from the request of the guest until its first command had ended. Host monotonic clock. The sandbox is
   * there before.
   */
  readonly milliseconds: number
  /**
   * Runs a command in the guest.
   * @throws {CommandError} on an unexpected exit code, a signal, too much output or a timeout
   */
  exec(command: Command, options?: ExecOptions): Promise<CommandResult>
  /**
   * Returns how many page faults the guest and its host processes had so far, or null if the host does not count them.
   */
  pageFaults(): number | null
  /** Saves the guest, which ends it. */
  save(): Promise<Snapshot>
}

/** A saved guest: memory, processes and devices, but not `/data`. It is removed when the sample ends. */
export interface Snapshot {
  /** Milliseconds that the platform took to save the guest. Host monotonic clock. */
  readonly milliseconds: number
  /** Bytes that the files of the snapshot take on the host's disk. */
  readonly bytes: number
  /** Starts a guest from the snapshot and runs `first` in it. */
  restore(first: Command): Promise<SnapshotGuest>
  /**
   * Starts several guests from the snapshot at the same time and runs `first` in each.
   *
   * Unsupported if the limits of the guests add up to more memory than the host can give to guests.
   * @throws {RangeError} if `count` is no whole number of 1 or more
   */
  clone(count: number, first: Command): Promise<Clones>
}

/** Guests that were started from one snapshot at the same time. */
export interface Clones {
  readonly guests: readonly SnapshotGuest[]
  /** Milliseconds from the request until the first command had ended in every guest. Host monotonic clock. */
  readonly milliseconds: number
  /**
   * Bytes of a clone's memory that the other clones map too. It does not include page cache and kernel memory that no
   * process maps. Null if there is one clone, or if the host does not report it, or if the clones are larger than the
   * guest that was alone.
   */
  readonly sharedBytes: number | null
}
