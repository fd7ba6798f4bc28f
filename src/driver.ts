/** The driver contract: the interface between isobench and a platform. isobench's own drivers implement it too. */

import type { CpuMode, PlatformFamily } from './dsl/platform.ts'
import type { ProgramRole } from './dsl/process-roles.ts'
import type { ArtifactBuildOptions } from './host/lock.ts'
import type { Requirement } from './host/packages.ts'
import type { GuestArgv, HostArgv } from './host/process.ts'
import type { ProcessSecurity } from './host/process-security.ts'
import type { GuestSandbox } from './host/sandbox.ts'

/** What a driver may know of a command. */
export interface ExecArgvOptions {
  /** Whether isobench closes the standard input at once, without writing to it. Absent: the command may have input. */
  readonly noInput?: boolean
}

/** A running guest. */
export interface GuestHandle {
  /** Whether clients connect from the guest's network namespace over its loopback, rather than over its link. */
  readonly loopback?: boolean
  /**
   * Whether the guest runs one program and no second one beside it. Every command then boots a guest, and isobench ends
   * a server by ending the host process of `execArgv`.
   */
  readonly singleProcess?: boolean
  /**
   * Returns the argv of a host process that runs `argv` in the guest. The process has the command's input, output and
   * exit code, and ends with the command.
   * @throws {UnsupportedError} if the platform cannot do such work by its nature
   */
  execArgv(argv: GuestArgv, options?: ExecArgvOptions): HostArgv
  /** The guest's address, if it is not the address of its sandbox. */
  readonly address?: string
  /**
   * Returns how many processes were killed since the boot because memory ran out. Only needed if the host kernel does
   * not count them in the cgroup of the sandbox, for example because the guest has its own kernel.
   */
  oomKillCount?(): Promise<number>
  /**
   * What serves the guest outside of the cgroups of the sandbox and of the run, such as the host's own daemon. isobench
   * then refuses to state the guest's memory, because it would miss a part.
   */
  readonly servedOutside?: string
  /**
   * Pauses the guest's clock. isobench calls it before it freezes the cgroup. Omit it if the guest has no own clock.
   */
  pause?(): Promise<void>
  /** Resumes the guest's clock. isobench calls it after it thawed the cgroup. */
  resume?(): Promise<void>
}

/** Why a platform does not work on this host, and how to fix that. */
export interface Unavailable {
  readonly reason: string
  readonly fix: string
  /** Workloads that work nevertheless: a VMM may start although it cannot run a kernel. */
  readonly supportedWorkloads?: readonly 'vmm-start'[]
}

/**
 * Checks the options of a driver. A zod schema is one, and so is any other Standard Schema (standardschema.dev) that
 * has `parse`. `O` is what the driver gets, and `I` is what authors may write.
 */
export interface OptionsSchema<O, I> {
  /** @throws {Error} if the options are not valid; its `issues` are reported if it has any */
  parse(value: unknown): O
  readonly '~standard'?: { readonly types?: { readonly input: I; readonly output: O } | undefined }
}

// A schema without options has an index signature of `never`. The input types of zod include `undefined`, which counts
// under `exactOptionalPropertyTypes`.
type Optional<O> = unknown extends O
  ? Record<string, unknown>
  : { readonly [K in keyof O as string extends K ? never : K]?: O[K] | undefined }

/** A kind of platform. `O` is the type of its options, and `I` is what authors may write for them. */
export interface Driver<O = unknown, I = Optional<O>> {
  /** The name of the driver, and the default name of its platforms. */
  readonly kind: string
  /** A function of the options if one of them decides it, such as the runtime of an engine. */
  readonly family: PlatformFamily | ((options: O) => PlatformFamily)
  /** One line for `doctor` and the docs. */
  readonly description: string
  /** Why nobody should rely on it yet. `doctor` and `list` mark the platform. Omit it for tested platforms. */
  readonly experimental?: string
  /** The schema of the options. `name`, `tags` and `watchFiles` belong to every platform, and never reach it. */
  readonly options: OptionsSchema<O, I>
  /** Programs that must be on the host. */
  requirements(options: O): readonly Requirement[]
  /** Absolute paths of host files that change what is measured. Watch mode measures again when one of them is saved. */
  configFiles?(options: O): readonly string[]
  /** Argv that prints the version, on the first line of its output that has a digit. */
  version?(options: O): HostArgv
  /**
   * Files that a guest needs to boot, such as an init, with their Debian packages. isobench then probes with the image.
   */
  requiredImageFiles?(options: O): readonly { readonly file: string; readonly package: string }[]
  /**
   * Returns why the platform does not work on this host although its programs are there, or undefined if it works.
   * isobench also boots a guest as a probe, so report only what a boot would not show.
   */
  preflight?(options: O): Promise<string | Unavailable | undefined>
  /**
   * Returns whether a seccomp filter must confine the processes of a guest. isobench then refuses the platform if the
   * probe has none, as with a runtime that was built without seccomp and ignores the profile. Default: false.
   */
  requiresSeccomp?(options: O): boolean
  /**
   * Returns the roles of the platform's host programs that isobench does not know, for attack profiles. A program that
   * no row names is the guest's.
   */
  programRoles?(options: O): readonly ProgramRole[]
  /** Returns how guest code is executed on this host. Default: `hardware`. */
  cpuMode?(options: O): Promise<CpuMode>
  /** Returns what else belongs into a report, such as kernel and firmware. isobench calls it after `version`. */
  versionDetails?(options: O): Promise<string>
  /** Things that are built once on this host and cached before any guest boots, such as a guest kernel. */
  artifacts?(options: O, rootfs: string | undefined): readonly Artifact[]
  /** Returns the host process that boots a guest, runs `argv` in it, and ends when the guest is gone. */
  oneShot(sandbox: GuestSandbox, argv: GuestArgv, options: O): Promise<HostArgv>
  /**
   * Returns a boot like that of `oneShot` in separate commands, of which isobench times each. Omit it if the platform
   * boots a guest with one command.
   */
  bootSteps?(sandbox: GuestSandbox, argv: GuestArgv, options: O): Promise<BootSteps>
  /**
   * Returns the start of the VMM with an empty guest. `kernel` is a file of isobench with a few hundred bytes: it
   * prints a line to the first serial port and ends. Omit it if there is no VMM.
   */
  vmmStart?(sandbox: GuestSandbox, kernel: string, options: O): Promise<VmmStart>
  /**
   * Returns how many milliseconds after a boot the guest's kernel calibrates its clock. Until then, it is slow to read.
   * isobench waits so long before a workload uses the guest, but not in workloads that boot their guests. Default: 0.
   */
  clockCalibrationMs?(options: O): number
  /** Boots a guest that stays and waits for commands. */
  boot(sandbox: GuestSandbox, options: O): Promise<GuestHandle>
  /** Saving guests and starting others from what was saved. Omit it if the platform cannot do that. */
  readonly snapshots?: SnapshotAbility<O>
}

/** How a platform saves a guest, and starts guests from what it saved. */
export interface SnapshotAbility<O = unknown> {
  /** Returns why it does not work on this host although the platform does, or undefined if it works. */
  preflight?(options: O): Promise<{ readonly reason: string; readonly fix?: string } | undefined>
  /** Boots a guest that `save` can save. Default: `boot` of the driver. */
  boot?(sandbox: GuestSandbox, options: O): Promise<GuestHandle>
  /**
   * Saves the guest of `sandbox` into `folder`, an empty directory. The snapshot need not include `/data`. The guest
   * may end: isobench ends it afterwards. isobench measures how long this takes.
   */
  save(sandbox: GuestSandbox, folder: string, options: O): Promise<void>
  /**
   * Starts a guest in a new sandbox from a folder of `save`. isobench calls it several times for one folder, also at
   * the same time, so the folder must not change.
   */
  restore(sandbox: GuestSandbox, folder: string, options: O): Promise<GuestHandle>
}

/** The commands of a boot, which isobench runs one after the other. */
export interface BootSteps {
  /** Creates the guest, without running its command. */
  readonly create: HostArgv
  /** Starts the command of the guest. */
  readonly start: HostArgv
  /** Removes the guest after its command has ended. */
  readonly remove: HostArgv
  /**
   * The step that has the guest's output. `create`: the guest inherits its output. `start`: it relays the output and
   * ends after the guest.
   */
  readonly output: 'create' | 'start'
}

/** The start of a VMM: isobench measures how long the process runs. Its exit code is ignored. */
export interface VmmStart {
  /** Its standard output is the serial port, and it ends with the guest. */
  readonly argv: HostArgv
  /** What executes the guest's code, for the record: `kvm`, `tcg`. */
  readonly accelerator: string
}

/** Something that isobench builds for a platform and keeps in its cache. */
export interface Artifact {
  /** What it is, for messages: `guest kernel`. */
  readonly name: string
  /** Its path, whether it exists or not. */
  readonly path: string
  /** Builds it if it does not exist. */
  ensure(options: ArtifactBuildOptions): Promise<unknown>
}

/** The result of probing a platform on this host. */
export type ProbeResult =
  | {
      readonly available: true
      readonly version: string
      readonly cpuMode: CpuMode
      /** What confines the first process of a guest. Absent: the guest does not report it. */
      readonly security?: ProcessSecurity
    }
  | {
      readonly available: false
      readonly reason: string
      readonly fix?: string
      readonly supportedWorkloads?: NonNullable<Unavailable['supportedWorkloads']>
      readonly version?: string
      readonly cpuMode: CpuMode
    }

/** Returns the family of a platform with these options. */
export const platformFamily = ({ family }: Driver, options: unknown): PlatformFamily =>
  typeof family === 'function' ? family(options) : family

/** Defines a driver. Infers the types of its options from their schema. */
export const defineDriver = <O, I = Optional<O>>(driver: Driver<O, I>): Driver<O, I> => driver
