/**
 * The VM supervisor (programs/supervisor.pl): a host process that starts a VMM, relays commands to the agent in the
 * guest, and reaps the VMM.
 */

import { randomBytes } from 'node:crypto'
import type { GuestHandle } from '../driver.ts'
import { type GuestArgv, type HostArgv, runHostCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { programPath } from '../util/assets.ts'

/** Settings of the guest on the kernel's command line. programs/init.pl reads them. */
export interface GuestBootConfig {
  /** File system and source of the root: `ext4:/dev/vda`, `virtiofs:tag`. */
  readonly root: string
  /** The same for /data. */
  readonly data: string
  readonly dataOptions?: string
  /** Address of eth0 with its prefix. Omit it if the guest has no network link. */
  readonly address?: string
  /** The kernel's initial name of the link, if that is not eth0. */
  readonly link?: string
  /** `port:<name>`: a virtio serial port. `vsock:<port>`: a vsock port of the host. `tty:<device>`: a serial line. */
  readonly channel: string
  /** How to end the guest so that the VMM ends too. */
  readonly halt: 'reboot' | 'poweroff'
}

/** A VMM and its guest, as the VM supervisor starts them. */
export interface VmSpec {
  /** A secret that only this guest's kernel receives, so that no other process can answer in its place. */
  readonly nonce: string
  /** Argv of the VMM, started in the sandbox's state directory. Without `vsockSocket`, descriptor 3 is the channel. */
  readonly vmm: HostArgv
  /** Socket in the state directory that the VMM connects to when the guest calls the host. */
  readonly vsockSocket?: string
  /**
   * A process to start before the VMM. Its descriptor 4 is a listening socket, which the VMM knows as `helper.sock`.
   */
  readonly helper?: HostArgv
}

/** Each argv follows its number of words, so that no word can be mistaken for an option. */
const withCount = (argv: readonly string[] = []): string[] => [String(argv.length), ...argv]

const supervisorArgv = (
  mode: 'run' | 'serve' | 'resume',
  sandbox: GuestSandbox,
  { nonce, vmm, vsockSocket, helper }: VmSpec,
): HostArgv => [
  'perl',
  programPath('supervisor.pl'),
  mode,
  sandbox.stateDir,
  nonce,
  ...withCount(vsockSocket === undefined ? [] : [vsockSocket]),
  ...withCount(helper),
  ...withCount(vmm),
]

/** Returns argv that boots the VM, runs `argv` in it, and ends with its exit code after the VMM has ended. */
export const supervisorRunArgv = (sandbox: GuestSandbox, vm: VmSpec, argv: GuestArgv): HostArgv => [
  ...supervisorArgv('run', sandbox, vm),
  ...argv,
]

/**
 * Returns argv that runs `argv` in a VM that the supervisor serves. If `argv` is empty, it only waits until the VM is
 * ready.
 */
const vmExecArgv = (sandbox: GuestSandbox, argv: GuestArgv): HostArgv => [
  'perl',
  programPath('vm-exec.pl'),
  sandbox.stateDir,
  ...argv,
]

/**
 * The channel of VMMs that present vsock as Unix sockets: Firecracker, and VMMs that adopted its design. The guest
 * connects to the host. The other way round, the host would have to poll until the guest listens, which would make boot
 * times imprecise.
 */
export const vsock = { socket: 'vsock.sock', channel: 'vsock:1024', call: 'vsock.sock_1024' } as const

/** Creates the secret of a guest. */
export const createNonce = (): string => randomBytes(16).toString('hex')

/**
 * Returns the guest kernel's command line. `panic=-1` reboots immediately after a panic. A reboot ends every VMM here,
 * so a guest that crashed does not stay.
 */
export function kernelCommandLine(config: GuestBootConfig, nonce: string, extra: readonly string[] = []): string {
  const { dataOptions, ...rest } = config
  const settings = { ...rest, nonce, ...(dataOptions !== undefined && { dataoptions: dataOptions }) }
  const isobenchArgs = Object.entries(settings).map(([name, value]) => `isobench.${name}=${value}`)
  return ['quiet', 'panic=-1', ...extra, ...isobenchArgs].join(' ')
}

/** Returns how many processes a kernel has killed because memory ran out, given the text of its `/proc/vmstat`. */
export const oomKills = (vmstat: string): number => Number(/^oom_kill (\d+)$/m.exec(vmstat)?.[1] ?? 0)

/**
 * Returns the number of OOM kills of the guest's own kernel, which the host cannot see.
 * @throws {HostCommandError} if the guest does not respond
 */
export const guestOomKillsVia = async (execArgv: GuestHandle['execArgv']): Promise<number> =>
  oomKills(await runHostCommand(execArgv(['cat', '/proc/vmstat']), { timeout: 10 }))

/** Returns the argv of a host process that boots a VM with one command and ends with the command's exit code. */
export const vmOneShot = (sandbox: GuestSandbox, vm: VmSpec, argv: GuestArgv): HostArgv =>
  sandbox.wrapWithTap(supervisorRunArgv(sandbox, vm, argv))

/**
 * Boots a VM and waits until its agent is ready.
 * @throws {HostCommandError} if the VM does not boot
 */
export const bootVm = (sandbox: GuestSandbox, vm: VmSpec): Promise<ServedVm> => serveVm(sandbox, vm, 'serve')

/**
 * Restores a VM and waits until its agent answers. A virtio port stays open for the agent. A vsock connection does not,
 * and the agent calls again, with the nonce that it had.
 * @param resume lets the guest run, once the VMM is started
 * @throws {HostCommandError} if the agent does not answer
 */
export const resumeVm = (sandbox: GuestSandbox, vm: VmSpec, resume: () => Promise<void>): Promise<ServedVm> =>
  serveVm(sandbox, vm, vm.vsockSocket === undefined ? 'resume' : 'serve', resume)

type ServedVm = Omit<GuestHandle, 'pause' | 'resume'>

async function serveVm(
  sandbox: GuestSandbox,
  vm: VmSpec,
  mode: 'serve' | 'resume',
  resume?: () => Promise<void>,
): Promise<ServedVm> {
  await sandbox.spawn(sandbox.wrapWithTap(supervisorArgv(mode, sandbox, vm)))
  await resume?.()
  await sandbox.run(sandbox.wrap(vmExecArgv(sandbox, [])))
  const execArgv = (argv: GuestArgv) => sandbox.wrap(vmExecArgv(sandbox, argv))
  return { execArgv, oomKillCount: () => guestOomKillsVia(execArgv) }
}
