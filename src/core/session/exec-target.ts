import type { GuestArgv, HostArgv } from '../../host/process.ts'

/** Where the commands of a sample run, and what bounds them. */

/** The time and the signal that bound one sample. */
export interface Deadline {
  /** performance.now() at which the sample's time is up. */
  readonly until: number
  readonly signal: AbortSignal
}

/** Where commands are entered: a guest or the client. */
export interface ExecTarget {
  readonly name: string
  /** The image that it runs on. */
  readonly rootfs: string
  /** Asked after a failure: whether the kernel has killed something in it for want of memory since it was last asked. */
  ranOutOfMemory?(): boolean | Promise<boolean>
  execArgv(argv: GuestArgv): HostArgv
  /** See `GuestHandle`. */
  readonly singleProcess?: boolean
}

/** Where the client's commands are entered. */
export interface LoadClientTarget extends ExecTarget {
  /** The same namespace and CPUs with the host's file system rather than the image. */
  enterHost(argv: GuestArgv): HostArgv
  readonly cpus: number
  /** CPU time that it has had so far; null where this host does not tell. */
  cpuSeconds(): number | null
}

/** isobench's client: in its own network namespace, at the other end of every guest's link. */
export interface LoadClientHost extends LoadClientTarget {
  /** The same client in a guest's network namespace, `/run/netns/…`. */
  inNetns(netns: string): LoadClientTarget
}
