import type { ImageConfig } from '../../dsl/config.ts'
import type { TraceSource } from '../../dsl/traced.ts'
import type { Limits } from '../../host/cgroup.ts'
import type { CpuAssignment } from '../../host/cpus.ts'
import type { Image } from '../../host/image.ts'
import type { CleanupError } from '../../host/journal.ts'
import type { Load } from '../../host/load.ts'
import type { LockOptions } from '../../host/lock.ts'
import type { OwnedGuestSandbox, TraceHooks } from '../../host/sandbox.ts'
import type { Tracer } from '../../tracing/tracer.ts'
import type { Environment } from '../model/record.ts'
import type { Project } from '../project/config.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import type { LoadClientHost } from './exec-target.ts'

/** What a session is opened for. */
export interface SessionOptions extends Pick<LockOptions, 'onWait' | 'onWaited'> {
  /** Shown to a process that waits for the host. */
  readonly purpose: string
  /** Waits if another isobench process has the host. */
  readonly wait: boolean
  readonly signal: AbortSignal
  /** Receives the failure of a command of `onCleanup()`. Default: disposing of the sandbox throws it. */
  readonly onLeft?: (error: CleanupError) => void
}

/** How `ensureArtifacts` reports and what it leaves out. */
export interface EnsureArtifactsOptions {
  readonly onLine: (line: string) => void
  /** Skips platforms with emulated CPUs. */
  readonly skipEmulated?: boolean | undefined
}

/** The guests of one sample: below one cgroup with a hard limit of memory, so that the host survives them. */
export interface GuestGroup extends AsyncDisposable {
  /** Bytes that its guests may have together, those of platforms' host processes included. */
  readonly memoryBytes: number
  /** Lowers the limit. @param bytes at most `memoryBytes` */
  limitMemory(bytes: number): void
  /** CPUs for guests that shall not share any: each has as many as a guest has. The first ones are the usual ones. */
  readonly cpuSets: readonly (readonly number[])[]
  /** Creates a sandbox in the group. The caller disposes of it before the group. See `Session.createSandbox`. */
  createSandbox(rootfs: string, timeout: number, cpus: readonly number[]): Promise<OwnedGuestSandbox>
}

/**
 * What one isobench process uses of the host. Disposing it releases everything.
 *
 * `HostSession` is the real one. Unit tests use a fake that needs no root and starts no process.
 */
export interface Session extends AsyncDisposable {
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal
  /** The limits of each guest. */
  readonly limits: Limits
  /** The CPUs of guests and of the load client. */
  readonly cpus: CpuAssignment
  /**
   * States which sample is measured, for the message if a signal ends this process: the workload may have caused it.
   * @param name absent: the sample is over
   */
  noteSample(name?: string): void
  /**
   * Creates a sandbox for one guest.
   * @param timeout seconds that a host command of the sandbox may take
   * @param hooks how the processes that boot the guest are traced
   */
  createSandbox(rootfs: string, timeout: number, hooks?: TraceHooks): Promise<OwnedGuestSandbox>
  /**
   * Creates a group for guests that run at the same time, on the CPUs of the load client too. Until it is disposed of,
   * the daemons of platforms may use all these CPUs.
   * @throws {UnsupportedError} if the host has too little memory for one guest
   */
  createGuestGroup(): Promise<GuestGroup>
  /** Starts the load client on the image. */
  loadClient(rootfs: string): Promise<LoadClientHost>
  /**
   * Returns the tracer of a source and opens it on the first call.
   * @throws {TracerUnavailableError} if the kernel refuses it
   */
  tracer(source: TraceSource): Promise<Tracer>
  /** A root file system that has busybox only, for probes. */
  busyboxRootfs(): Promise<string>
  /**
   * Starts to observe the load of the host. The returned function returns the load since then.
   * @param cpus the CPUs to observe; the session's own if left out
   */
  startLoadMeter(cpus?: CpuAssignment): () => Load
  /** Builds the image if it does not exist. */
  ensureImage(image: ImageConfig, onLine: (line: string) => void): Promise<Image>
  /** Builds what the platforms need and is missing. A failed build is reported through `onLine`. */
  ensureArtifacts(
    platforms: readonly ResolvedPlatform[],
    rootfs: string | undefined,
    options: EnsureArtifactsOptions,
  ): Promise<void>
  readEnvironment(project: Project, image: Image): Promise<Environment>
  /** The same host under another signal, for work that may end before the session. Disposing it does nothing. */
  withSignal(signal: AbortSignal): Session
  /** The same host with guests on other CPUs. Disposing it does nothing. */
  withCpus(cpus: readonly number[]): Session
}

/**
 * Opens a session.
 * @throws {LockedError} if another isobench process has the host and `wait` is false
 */
export type OpenSession = (guest: Project['guest'], options: SessionOptions) => Promise<Session>
