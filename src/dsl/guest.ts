import type { Command } from '../tools/command.ts'

/** What a command left behind. The output is data: nothing in it is trusted or interpreted. */
export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
  /** Host monotonic clock, from the moment the process was started until it had ended, in milliseconds. */
  readonly milliseconds: number
  /** From the same start until its first byte on stdout reached the host; null where it wrote nothing. */
  readonly firstByteMs: number | null
}

export interface ExecOptions {
  /** Written to the command's standard input, which is closed after it. */
  readonly input?: string
  /** Exit codes that count as success; only 0 when left out. */
  readonly exitCodes?: readonly number[]
  /** It only prepares the work, such as laying out a file: a traced workload leaves it out of what the work reaches. */
  readonly untraced?: boolean
}

/** A server that runs in the guest until it is disposed of or the guest ends. */
export interface Service extends AsyncDisposable {
  /** Where a client in isobench's own client namespace reaches it. */
  readonly address: string
  readonly port: number
}

/** One running instance of a platform, as a workload sees it. */
export interface Guest {
  /** A directory on the host's disk, writable, empty when the guest starts; never the image's own file system. */
  readonly data: string
  /**
   * Runs a command in the guest.
   * @throws CommandError when it exits with another code than expected, is killed, floods its output or exceeds the time limit.
   */
  exec(command: Command, options?: ExecOptions): Promise<CommandResult>
  /**
   * Drops what the host has cached of files, so that a job reads from the disk; a guest with a kernel of its own keeps its
   * own cache. Where the host does not let it, nothing is dropped: either is recorded with the sample.
   */
  dropCaches(): Promise<void>
  /** Starts a server in the guest and waits until its TCP port takes a connection. */
  serve(command: Command, options: { readonly port: number }): Promise<Service>
}

export interface LoadClientOptions extends ExecOptions {
  /** Whose program it is: the image's, which is the same everywhere (the default), or the one on this host's PATH. */
  readonly rootfs?: 'image' | 'host'
}

/**
 * isobench's own client at the other end of the guest's link, on CPUs of its own. Its `/data` holds isobench's own clients,
 * such as the embedded YCSB.
 */
export interface LoadClient {
  exec(command: Command, options?: LoadClientOptions): Promise<CommandResult>
}
