import type { GuestHandle } from '../../driver.ts'
import type { GuestMemory } from '../../dsl/guest.ts'
import type { GuestArgv, HostArgv } from '../../host/process.ts'
import type { TimedOptions, TimedResult } from '../../host/timed-process.ts'

/** Runs a host process and measures its time. `runTimed` in production. */
export type Exec = (argv: HostArgv, options: TimedOptions) => Promise<TimedResult>

/** What bounds one sample. */
export interface Deadline {
  /** When the time is up, as `performance.now()`. */
  readonly until: number
  readonly signal: AbortSignal
}

/** Milliseconds that are left, at least 1. */
export const remaining = ({ until }: Deadline): number => Math.max(1, until - performance.now())

/** How the commands of a sample run, and until when. */
export interface CommandBounds extends Deadline {
  readonly exec: Exec
}

/** A guest or the load client, as a target of commands. */
export interface ExecTarget {
  readonly name: string
  /** The image that it runs on. */
  readonly rootfs: string
  /** Whether the kernel has killed a process of the target, because memory ran out, since the last call. */
  ranOutOfMemory?(): boolean | Promise<boolean>
  /** What sets its limit of memory, for messages. Default: `guest.memory` of the config. */
  memorySetting?(): string
  execArgv: GuestHandle['execArgv']
  /** See `GuestHandle`. */
  readonly singleProcess?: boolean
  /** What a guest costs the host. Absent for the load client. */
  memory?(): GuestMemory
}

/** The load client in one network namespace. */
export interface LoadClientTarget extends ExecTarget {
  /** The same namespace and CPUs with the host's file system instead of the image. */
  enterHost(argv: GuestArgv): HostArgv
  readonly cpus: number
  /** Seconds of CPU time that the client has used; null if the host does not account for it. */
  cpuSeconds(): number | null
}

/** isobench's load client: in its own network namespace, at the other end of every guest's link. */
export interface LoadClientHost extends LoadClientTarget {
  /** The same client in a guest's network namespace, `/run/netns/...`. */
  inNetns(netns: string): LoadClientTarget
}
