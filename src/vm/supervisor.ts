import { randomBytes } from 'node:crypto'
import type { GuestHandle } from '../driver.ts'
import { type GuestArgv, type HostArgv, runHostCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { programPath } from '../util/assets.ts'

/** What a guest's first process is told on the kernel's command line; `perl/agent.pl` reads it. */
export interface GuestBootConfig {
  /** `ext4:/dev/vda`, `virtiofs:tag`: a file system of the kernel's, and what it is on. */
  readonly root: string
  /** The same for /data. */
  readonly data: string
  readonly dataOptions?: string
  /** Of eth0, with its prefix; left out where there is no link. */
  readonly address?: string
  /** What the guest's kernel calls the link at first, if that is not eth0. */
  readonly link?: string
  /** `port:<name>`, of a virtio serial port; `vsock:<port>`, of the host; `tty:<device>`, a serial line. */
  readonly channel: string
  /** How the guest ends so that its monitor does, too. */
  readonly halt: 'reboot' | 'poweroff'
}

/** A monitor with its guest, ready to be started by the conductor. */
export interface VmSpec {
  /** The guest's own secret: its kernel alone is told, so nobody else's answer is taken for its. */
  readonly nonce: string
  /** Started in the place's directory. Without `call` it finds the channel to its guest at descriptor 3. */
  readonly vmm: HostArgv
  /** The socket in the place's directory that the monitor connects to when its guest calls the host. */
  readonly vsockSocket?: string
  /** Started before it: finds a listening socket at descriptor 4, which is `helper.sock` for the monitor. */
  readonly helper?: HostArgv
}

/** The conductor finds the words of each by their number, so that none of them can be taken for something else. */
const counted = (argv: readonly string[] = []): string[] => [String(argv.length), ...argv]

const supervisorArgv = (
  mode: 'once' | 'open',
  place: GuestSandbox,
  { nonce, vmm, vsockSocket, helper }: VmSpec,
): HostArgv => [
  'perl',
  programPath('supervisor.pl'),
  mode,
  place.stateDir,
  nonce,
  ...counted(vsockSocket === undefined ? [] : [vsockSocket]),
  ...counted(helper),
  ...counted(vmm),
]

/** Argv that boots the machine, runs `argv` in it, and ends as that does when the monitor has ended. */
export const supervisorRunArgv = (place: GuestSandbox, machine: VmSpec, argv: GuestArgv): HostArgv => [
  ...supervisorArgv('once', place, machine),
  ...argv,
]

/** Argv that boots the machine and stays, for `enterGuest`. */
export const supervisorServeArgv = (place: GuestSandbox, machine: VmSpec): HostArgv =>
  supervisorArgv('open', place, machine)

/** Argv that runs `argv` in the machine that `conductOpen` started; without a word of argv it only waits until that is ready. */
export const vmExecArgv = (place: GuestSandbox, argv: GuestArgv): HostArgv => [
  'perl',
  programPath('vm-exec.pl'),
  place.stateDir,
  ...argv,
]

/**
 * The channel of monitors whose vsock is a set of Unix sockets: Firecracker, and those that took it over. The guest calls, not
 * the host: a host would have to try until the guest listens, and a boot would end at one of its tries.
 */
export const vsock = { socket: 'vsock.sock', channel: 'vsock:1024', call: 'vsock.sock_1024' } as const

export const createNonce = (): string => randomBytes(16).toString('hex')

/**
 * The kernel's command line for a guest. `panic=-1` reboots at once, which ends every monitor here, so a guest that cannot go on
 * does not stay.
 */
export function kernelCommandLine(told: GuestBootConfig, nonce: string, more: readonly string[] = []): string {
  const { dataOptions, ...rest } = told
  const all = { ...rest, nonce, ...(dataOptions !== undefined && { dataoptions: dataOptions }) }
  const ours = Object.entries(all).map(([name, value]) => `isobench.${name}=${value}`)
  return ['quiet', 'panic=-1', ...more, ...ours].join(' ')
}

/** How many processes a kernel has killed for want of memory, by its `/proc/vmstat`. */
export const oomKills = (vmstat: string): number => Number(/^oom_kill (\d+)$/m.exec(vmstat)?.[1] ?? 0)

/**
 * How many processes a guest's own kernel, which tells nobody, has killed for want of memory.
 * @throws HostCommandError when the guest does not answer.
 */
export const guestOomKillsVia = async (enter: GuestHandle['execArgv']): Promise<number> =>
  oomKills(await runHostCommand(enter(['cat', '/proc/vmstat']), { timeout: 10 }))

/** The same of a guest that runs isobench's agent. @throws HostCommandError when the guest does not answer. */
export const guestOomKills = (place: GuestSandbox): Promise<number> =>
  guestOomKillsVia((argv) => place.wrap(vmExecArgv(place, argv)))
