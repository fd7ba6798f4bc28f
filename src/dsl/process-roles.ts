/**
 * What a host process of a platform is for. A pure table of programs: isobench looks up each program that a process
 * executes, and follows the processes from the command that isobench itself starts.
 */

/**
 * The roles of host processes.
 *
 * - `guest`: a program of the guest that calls the host's kernel itself.
 * - `sentry`: a kernel in user space that serves the guest's system calls, such as gVisor's, with its stub processes.
 * - `gofer`: a file server of a guest, such as gVisor's gofer or virtiofsd.
 * - `vmm`: a virtual machine monitor with its vCPU and vhost threads, and user-mode Linux.
 * - `shim`: a process that stays beside the guest to supervise it, such as conmon or containerd's shim.
 * - `daemon`: a service of several guests, such as dockerd.
 * - `client`: a program that runs for one command, such as `docker exec` or runc before the guest's program.
 * - `scaffold`: a program of isobench, such as cgexec, nsenter, or the shell that waits at a barrier.
 */
export const processRoles = ['guest', 'sentry', 'gofer', 'vmm', 'shim', 'daemon', 'client', 'scaffold'] as const
/** The role of a host process of a platform. */
export type ProcessRole = (typeof processRoles)[number]

/**
 * How near a process is to the guest. `guest-reachable`: the guest makes it call the host's kernel. `control-plane`: it
 * works for the platform's operator. `scaffold`: it belongs to isobench and not to the platform.
 */
export const roleParts = ['guest-reachable', 'control-plane', 'scaffold'] as const
/** The part of a platform that a role belongs to. */
export type RolePart = (typeof roleParts)[number]

/** The part that a role belongs to. */
export const rolePart = (role: ProcessRole): RolePart =>
  role === 'scaffold'
    ? 'scaffold'
    : role === 'shim' || role === 'daemon' || role === 'client'
      ? 'control-plane'
      : 'guest-reachable'

/** A program as a process executes it. */
export interface Program {
  /** The path that was executed, or the target of `/proc/PID/exe`. */
  readonly file: string
  /** The arguments, as in `/proc/PID/cmdline`. Absent: unknown, because the process has ended. */
  readonly argv?: readonly string[]
}

/** A row of the table: the role of the programs with this name. */
export interface ProgramRole {
  /** The name of the file, without its folders. */
  readonly name: RegExp
  /** What the first argument must match, if the same file has several roles. */
  readonly argv0?: RegExp
  readonly role: ProcessRole
  /** Whether the program that it executes in its place, or in a child, is the guest's. */
  readonly entersGuest?: boolean
}

/** The role of a process, and whether the next program that it executes is the guest's. */
export interface Classified {
  readonly role: ProcessRole
  readonly entersGuest: boolean
}

/** The programs of isobench's own drivers. The first row that matches counts. */
const known: readonly ProgramRole[] = [
  // gVisor executes one file under several names.
  { name: /^(?:runsc|exe)/, argv0: /^runsc-sandbox$/, role: 'sentry' },
  { name: /^(?:runsc|exe)/, argv0: /^runsc-gofer$/, role: 'gofer' },
  { name: /^(?:runsc-|gvisor-)?sentry$/, role: 'sentry' },
  { name: /^(?:runsc-|gvisor-)?gofer$|^virtiofsd$/, role: 'gofer' },
  { name: /^runsc(?:-[\da-f]+)?$/, role: 'client' },
  { name: /^(?:runc|crun|youki)(?:-[\da-f]+)?$|^lxc-(?:attach|execute)$/, role: 'client', entersGuest: true },
  { name: /^lxc-start$|^bwrap$|^systemd-nspawn$/, role: 'shim', entersGuest: true },
  { name: /^conmon(?:rs)?$|^containerd-shim/, role: 'shim' },
  { name: /^(?:docker|podman|ctr|nerdctl|kubectl|crictl)$|^lxc-/, role: 'client' },
  { name: /^(?:dockerd|containerd|docker-proxy|k3s|kubelet|crio)$/, role: 'daemon' },
  { name: /^jailer$/, role: 'shim' },
  { name: /^qemu-system-|^firecracker$|^cloud-hypervisor(?:-static)?$|^linux\.uml$|^dragonball$/, role: 'vmm' },
]

/** Programs of isobench around the platform's command. */
const scaffold: readonly ProgramRole[] = [
  { name: /^chroot$/, role: 'scaffold', entersGuest: true },
  { name: /^(?:sh|dash|bash|busybox|cgexec|nsenter|unshare|env|ip|u?mount|perl|sleep)$/, role: 'scaffold' },
]

/** The name of an executed file. A copy in memory, as runc makes of itself, has the name of the original. */
export const programName = (file: string): string => {
  const copy = /^\/?memfd:([^:/]+?)(?:_cloned)?(?:[:/ ]|$)/.exec(file)
  return copy ? copy[1]! : file.replace(/ \(deleted\)$/, '').replace(/^.*\//, '')
}

/** What copies the input of a command behind a barrier. The path is an unusual one, which no other program executes. */
export const inputProgram = '/usr/bin/./head'

/** A path by which a program executes itself again. */
const itself = /^\/(?:proc\/(?:self|thread-self|\d+)\/(?:exe|fd\/\d+)|dev\/fd\/\d+)$/

const lookUp = (rows: readonly ProgramRole[], { file, argv }: Program): Classified | undefined => {
  // runc executes itself from a mount without a path, which `/proc` shows as `/`.
  const name = programName(file) || programName(argv?.[0] ?? '')
  const row = rows.find((one) => one.name.test(name) && (!one.argv0 || one.argv0.test(argv?.[0] ?? '')))
  return row && { role: row.role, entersGuest: row.entersGuest === true }
}

/** The shell that isobench starts and adds to the traced processes. Everything that it executes is traced. */
export const launched: Classified = { role: 'scaffold', entersGuest: false }

/**
 * Returns the role of a process after it executed a program. Guests and everything that they execute stay guests.
 * @param before its role, or that of its parent
 * @param own rows of the driver, which precede those of isobench
 */
export function roleAfterExec(program: Program, before: Classified, own: readonly ProgramRole[] = []): Classified {
  if (before.role === 'guest') return before
  if (program.file === inputProgram) return { role: 'scaffold', entersGuest: false }
  if (before.entersGuest && !itself.test(program.file)) {
    // runc executes a copy of itself before the guest's program.
    const again = lookUp([...own, ...known], program)
    return again?.role === before.role && again.entersGuest ? again : { role: 'guest', entersGuest: false }
  }
  const found = lookUp([...own, ...known], program)
  if (found) return found
  if (itself.test(program.file)) return before
  if (before.role !== 'scaffold') return before
  return lookUp(scaffold, program) ?? { role: 'guest', entersGuest: false }
}

/**
 * Returns the role of a process that already ran when isobench found it, or undefined if only its parent shows that.
 * @param place `guest`: its root is not that of the host; `daemon`: it belongs to a daemon; `host`: anything else
 */
export function roleOfRunning(
  program: Program,
  place: 'guest' | 'daemon' | 'host',
  own: readonly ProgramRole[] = [],
): Classified | undefined {
  const found = lookUp([...own, ...known], program)
  // A guest may have programs with any name. A sentry and a VMM can have a root without files.
  if (found && (place !== 'guest' || found.entersGuest || rolePart(found.role) === 'guest-reachable')) return found
  // A program of the platform inside of a root is a helper of its parent, or the guest runs it.
  return place === 'host' || (found && place === 'guest') ? undefined : { role: place, entersGuest: false }
}
