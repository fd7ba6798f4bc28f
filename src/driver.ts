import type { PlatformFamily } from './dsl/platform.ts'
import type { ArtifactBuildOptions } from './host/lock.ts'
import type { Requirement } from './host/packages.ts'
import type { GuestArgv, HostArgv } from './host/process.ts'
import type { GuestSandbox } from './host/sandbox.ts'

/** A running guest. */
export interface GuestHandle {
  /** Whether clients call from within the guest's own network namespace, over its loopback, rather than over its link. */
  readonly loopback?: boolean
  /**
   * That it runs one program and no second beside it: every command is a boot of its own, and a server ends with the host
   * process that `enter` named, for nothing else in it could end it.
   */
  readonly singleProcess?: boolean
  /**
   * Argv of a host process that runs `argv` in the guest, with its output, its exit code and its end.
   * @throws UnsupportedError where that is, by its nature, not for this platform.
   */
  execArgv(argv: GuestArgv): HostArgv
  /** Where it is called on, if that is not its place's address. */
  readonly address?: string
  /**
   * How many processes were killed for want of memory since it booted, where the host's kernel does not count them in the
   * place's cgroup: a guest has a kernel of its own, or an engine takes the count away.
   */
  oomKillCount?(): Promise<number>
  /** Stops the guest's clock before all that the platform started is frozen; left out where nothing counts on meanwhile. */
  pause?(): Promise<void>
  /** Lets it go on, after all was thawed. */
  resume?(): Promise<void>
}

/** Why a platform cannot run here, and what mends it. */
export interface Unavailable {
  readonly reason: string
  readonly fix: string
  /** What does not need what is missing: a monitor with a guest that is nothing. */
  readonly supportedWorkloads?: readonly 'vmm-start'[]
}

export interface Driver<O = unknown> {
  readonly kind: string
  /** Where an option such as the runtime decides it, a function of the options. */
  readonly family: PlatformFamily | ((options: O) => PlatformFamily)
  /** One line for `doctor` and the docs. */
  readonly description: string
  /** Checks the options; a zod schema fits. */
  readonly options: { parse(value: unknown): O }
  requirements(options: O): readonly Requirement[]
  /** Configuration files of the host that change what is measured, absolute; watch mode measures again when one is saved. */
  configFiles?(options: O): readonly string[]
  /** Argv that prints the version, on its first line that has a digit. Left out where there is nothing to ask. */
  version?(options: O): HostArgv
  /**
   * Files that a guest cannot boot without, such as an init, with the Debian package of each. Such a platform is probed with
   * the image rather than with busybox alone.
   */
  requiredImageFiles?(options: O): readonly { readonly file: string; readonly package: string }[]
  /**
   * What makes this platform impossible here though its binaries are there, or undefined.
   * isobench also boots a guest as a probe, so only say what a boot would not show.
   */
  preflight?(options: O): Promise<string | Unavailable | undefined>
  /** Why figures from here say nothing of hardware: the CPUs are emulated in software, or a hypervisor runs in another. */
  cpuMode?(options: O): Promise<'emulated' | 'nested' | undefined>
  /** What else a boot depends on and a report must name, such as kernel and firmware. Asked after `version`. */
  versionDetails?(options: O): Promise<string>
  /** What is made once on this machine and kept, before any guest boots: a guest kernel, and of each image a disk. */
  artifacts?(options: O, rootfs: string | undefined): readonly Artifact[]
  /** Prepares a guest that runs `argv` alone: the host process that boots it, and ends when the guest is gone. */
  oneShot(sandbox: GuestSandbox, argv: GuestArgv, options: O): Promise<HostArgv>
  /**
   * The monitor with a guest that is nothing: `kernel` is isobench's own of a few hundred bytes, which says on the first serial
   * port that it has run, and ends. Left out where there is no monitor.
   */
  vmmStart?(sandbox: GuestSandbox, kernel: string, options: O): Promise<VmmStart>
  /** Boots a guest that idles until commands are entered. */
  boot(sandbox: GuestSandbox, options: O): Promise<GuestHandle>
}

/** What a monitor alone costs is the time of this process, whatever its exit code. */
export interface VmmStart {
  /** Has the serial port at its standard output, and ends with the guest. */
  readonly argv: HostArgv
  /** What runs the guest's code, in words for the record: `kvm`, `tcg`. */
  readonly accelerator: string
}

/** Something that isobench makes for a platform and keeps in its cache. */
export interface Artifact {
  /** `guest kernel`. */
  readonly name: string
  /** Where it is, made or not. */
  readonly path: string
  /** Makes it where it is not there yet. */
  ensure(options: ArtifactBuildOptions): Promise<unknown>
}

/** What is known of a platform on this machine. */
export type ProbeResult =
  | { readonly available: true; readonly version: string; readonly cpuMode?: 'emulated' | 'nested' }
  | {
      readonly available: false
      readonly reason: string
      readonly fix?: string
      readonly supportedWorkloads?: NonNullable<Unavailable['supportedWorkloads']>
      readonly version?: string
      readonly cpuMode?: 'emulated' | 'nested'
    }

/** The family of a platform with these options. */
export const platformFamily = ({ family }: Driver, options: unknown): PlatformFamily =>
  typeof family === 'function' ? family(options) : family

/** Infers the options' type from their schema. */
export const defineDriver = <O>(driver: Driver<O>): Driver<O> => driver
