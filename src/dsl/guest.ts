import type { Command } from '../tools/command.ts'

/** The result of a command. Its output is untrusted. */
export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
  /** Milliseconds from the start of the process to its end. Host monotonic clock. */
  readonly milliseconds: number
  /** Milliseconds from the start until the first byte of stdout arrived, or `null` if there was no output. */
  readonly firstByteMs: number | null
}

/** Options of one command in a guest. */
export interface ExecOptions {
  /** Standard input, which is closed after it. */
  readonly input?: string
  /** Exit codes that count as success. Default: only 0. */
  readonly exitCodes?: readonly number[]
  /** Excludes a set-up command, such as creating a file, from the attack profile of a traced workload. */
  readonly untraced?: boolean
}

/** A server in the guest. It runs until it is disposed or the guest ends. */
export interface Service extends AsyncDisposable {
  /** Address at which the load generator reaches it. */
  readonly address: string
  readonly port: number
}

/** What a guest costs the host, in bytes. Every host process of the platform that serves only this guest counts. */
export interface GuestMemory {
  /** Bytes: the sum of the other fields. */
  readonly total: number
  /** Bytes of processes that no file backs. */
  readonly anonymous: number
  /** Bytes of shared memory and of files of a tmpfs, such as the memory of a gVisor guest. */
  readonly shared: number
  /** Bytes of the page cache of other files. The first guest that reads a page pays for it. */
  readonly pageCache: number
  /** Bytes of the host kernel, such as page tables and stacks. Absent if the kernel does not account for them. */
  readonly kernel?: number
  /**
   * Bytes by which the daemons of the guest have grown since before its boot. Absent if no daemon serves it. 0 if they
   * have shrunk: they have then freed memory of earlier guests.
   */
  readonly daemons?: number
}

/** A running guest, as a workload sees it. */
export interface Guest {
  /** A writable directory on the host's disk, outside of the image. Empty when the guest starts. */
  readonly data: string
  /**
   * Runs a command in the guest.
   * @throws {CommandError} on an unexpected exit code, a signal, too much output or a timeout
   */
  exec(command: Command, options?: ExecOptions): Promise<CommandResult>
  /**
   * Drops the host's page cache, so that a job reads from the disk. A guest with its own kernel keeps its own cache.
   * Some hosts forbid it; the sample records whether it succeeded.
   */
  dropCaches(): Promise<void>
  /**
   * Returns what the guest costs the host now.
   * @throws {UnsupportedError} if a part of the platform runs where isobench cannot attribute memory to the guest
   */
  memory(): Promise<GuestMemory>
  /**
   * Starts a server in the guest and waits until its TCP port accepts a connection.
   * @throws {RangeError} if the port is no integer from 1 to 65535
   * @throws {TypeError} if there is an option that `serve` does not have
   */
  serve(command: Command, options: { readonly port: number }): Promise<Service>
}

/** Options of a program that the load generator runs. */
export interface LoadClientOptions extends ExecOptions {
  /** Where the program comes from: the image (default), which is the same everywhere, or PATH of this host. */
  readonly rootfs?: 'image' | 'host'
}

/**
 * isobench's load generator, at the other end of the guest's network link and on its own CPUs. Its `/data` contains
 * isobench's own clients, such as the embedded YCSB.
 */
export interface LoadClient {
  exec(command: Command, options?: LoadClientOptions): Promise<CommandResult>
}
