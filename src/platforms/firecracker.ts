import { closeSync, mkdirSync, openSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { which } from '../host/packages.ts'
import { probeKernelMiB } from '../host/probe-kernel.ts'
import type { HostArgv } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { dataDiskRequirements, diskRequirements, makeDataDisk, rootDiskFor } from '../vm/disks.ts'
import {
  type GuestKernel,
  guestArtifacts,
  kernelName,
  kernelOf,
  kernelOptions,
  kernelRequirements,
  kernelSource,
} from '../vm/kernel.ts'
import { kvmCpuMode, kvmPreflight } from '../vm/kvm.ts'
import {
  createNonce,
  guestOomKills,
  kernelCommandLine,
  supervisorRunArgv,
  supervisorServeArgv,
  type VmSpec,
  vmExecArgv,
  vsock,
} from '../vm/supervisor.ts'
import { vmmRequest } from '../vm/vmm-api.ts'
import { releaseRequirement, runtimeBinary } from './shared/binaries.ts'

/** What Firecracker is told: the definitions of these names in its `firecracker.yaml`, as of v1.15.1. */

export interface BootSource {
  readonly kernel_image_path: string
  readonly initrd_path?: string
  readonly boot_args?: string
}

export interface Drive {
  readonly drive_id: string
  readonly path_on_host: string
  readonly is_root_device: boolean
  readonly is_read_only: boolean
  readonly cache_type: 'Unsafe' | 'Writeback'
  readonly io_engine: 'Sync' | 'Async'
}

export interface NetworkInterface {
  readonly iface_id: string
  readonly host_dev_name: string
  readonly guest_mac: string
}

/** A configuration file: the body of each request that sets a machine up, under the name of its path. */
export interface Config {
  readonly 'boot-source': BootSource
  readonly 'machine-config': { readonly vcpu_count: number; readonly mem_size_mib: number }
  readonly drives: readonly Drive[]
  readonly 'network-interfaces'?: readonly NetworkInterface[]
  readonly vsock?: { readonly guest_cid: number; readonly uds_path: string }
}

/**
 * What it logs of itself goes to its standard output, where the guest's serial port is as well: that it runs, and, after the
 * guest's last word, that it has ended.
 */
export const logErrorsOnly = ['--level', 'Error'] as const

/**
 * A disk of a guest's. Firecracker reads and writes through the host's page cache and has no option to go past it; `Writeback`
 * at least has a guest's flush reach the disk.
 */
export const driveConfig = (
  id: string,
  path: string,
  what: { readonly root: boolean; readonly readOnly: boolean },
): Drive => ({
  drive_id: id,
  path_on_host: path,
  is_root_device: what.root,
  is_read_only: what.readOnly,
  cache_type: 'Writeback',
  io_engine: 'Sync',
})

/** Nobody's on a host: whom the jailer has Firecracker run as. */
const jailUser = 65519

/** MiB of the guest's limit that Firecracker itself takes. */
const overhead = 32

/** The RAM of a guest in MiB: what the limits leave beside Firecracker, for both are in the same cgroup. */
export const ramMiB = (place: GuestSandbox): number => Math.floor(place.limits.memoryBytes / 1024 ** 2) - overhead

/** Firecracker, ready to be started in the place's directory. */
export interface Microvm {
  readonly argv: HostArgv
  /** Where it looks for its files and makes its sockets, from the place's directory: empty where that is the same. */
  readonly folder: string
  /** Its API socket, on the host. */
  readonly api: string
}

export const jailerOf = ({ jailer }: Pick<Options, 'jailer'>) => (jailer === true ? 'jailer' : jailer)

/** Puts a file of the host's at a name in the jail. What is mounted in a place is unmounted with it. */
async function show(place: GuestSandbox, file: string, at: string): Promise<void> {
  mkdirSync(dirname(at), { recursive: true })
  closeSync(openSync(at, 'a'))
  await place.run(['mount', '--bind', file, at])
}

/**
 * Firecracker with a configuration: a process that starts the machine, ends with it, and has its serial port at its standard
 * output. Paths of the configuration are the host's.
 */
export async function microvm(place: GuestSandbox, config: Config, options: Options): Promise<Microvm> {
  const { binary = 'firecracker' } = options
  const jailer = jailerOf(options)
  const own = (root: string) => [
    ...logErrorsOnly,
    ...['--api-sock', join(root, 'api.sock'), '--config-file', join(root, 'vm.json')],
  ]
  if (jailer === false) {
    writeFileSync(join(place.stateDir, 'vm.json'), JSON.stringify(config))
    return { argv: [binary, ...own(place.stateDir)], folder: '', api: join(place.stateDir, 'api.sock') }
  }
  // The jailer follows links, and calls the jail by the program that it comes to.
  const found = which(binary)
  const program = found === undefined ? binary : realpathSync(found)
  const folder = join(basename(program), 'vm', 'root')
  const root = join(place.stateDir, folder)
  mkdirSync(root, { recursive: true })
  const shown = async (file: string, name: string) => {
    await show(place, file, join(root, name))
    return `/${name}`
  }
  const boot = config['boot-source']
  const jailed: Config = {
    ...config,
    'boot-source': {
      ...boot,
      kernel_image_path: await shown(boot.kernel_image_path, 'kernel'),
      ...(boot.initrd_path !== undefined && { initrd_path: await shown(boot.initrd_path, 'initramfs') }),
    },
    drives: await Promise.all(
      config.drives.map(async (one) => ({ ...one, path_on_host: await shown(one.path_on_host, one.drive_id) })),
    ),
  }
  // Its user's are the files that it writes to, and the folder: the conductor's socket there belongs to whom that belongs to.
  const written = config.drives.flatMap(({ path_on_host, is_read_only }) => (is_read_only ? [] : [path_on_host]))
  await place.run(['chown', `${jailUser}:${jailUser}`, root, ...written])
  writeFileSync(join(root, 'vm.json'), JSON.stringify(jailed))
  // The place has the cgroup and the network namespace that the jailer would make or join.
  const jail = ['--id', 'vm', '--uid', String(jailUser), '--gid', String(jailUser), '--chroot-base-dir', place.stateDir]
  return { argv: [jailer, ...jail, '--exec-file', program, '--', ...own('/')], folder, api: join(root, 'api.sock') }
}

/** Firecracker with a guest of isobench's in a place: what the conductor is to start, and its API. */
export async function vmSpec(
  place: GuestSandbox,
  { kernel, disk, data }: { readonly kernel: GuestKernel; readonly disk: string; readonly data: string },
  options: Options,
): Promise<VmSpec & { readonly api: string }> {
  const tap = await place.tap(jailerOf(options) === false ? undefined : jailUser)
  const nonce = createNonce()
  const line = kernelCommandLine(
    { root: 'ext4:/dev/vda', data: 'ext4:/dev/vdb', address: tap.address, channel: vsock.channel, halt: 'reboot' },
    nonce,
    // It has a keyboard controller for a reset alone, and ends at one; and no PCI unless told to. From its own default line.
    ['console=ttyS0', 'reboot=k', 'pci=off', 'i8042.noaux', 'i8042.nomux', 'i8042.dumbkbd'],
  )
  const { argv, folder, api } = await microvm(
    place,
    {
      'boot-source': { kernel_image_path: kernel.vmlinux, initrd_path: kernel.initramfs, boot_args: line },
      'machine-config': { vcpu_count: place.limits.cpus.length, mem_size_mib: ramMiB(place) },
      drives: [
        driveConfig('root', disk, { root: false, readOnly: true }),
        driveConfig('data', data, { root: false, readOnly: false }),
      ],
      'network-interfaces': [{ iface_id: 'eth0', host_dev_name: tap.device, guest_mac: tap.mac }],
      vsock: { guest_cid: 3, uds_path: vsock.socket },
    },
    options,
  )
  return { nonce, vmm: argv, vsockSocket: join(folder, vsock.call), api }
}

export const options = z.strictObject({
  /** Another build than the one in PATH. */
  binary: runtimeBinary('firecracker', 'Firecracker v'),
  /** Starts it through its jailer: `true` for the one in PATH, or the whole path of one. */
  jailer: z.union([z.boolean(), z.string().regex(/^\//, 'give the whole path of the program')]).default(false),
  ...kernelOptions,
})

export type Options = z.output<typeof options>

/** 1.16.0 and 1.16.1 lose the vsock of a guest that was paused, so it is the last release before them. */
export const release = {
  binary: 'firecracker',
  project: 'firecracker-microvm/firecracker',
  version: 'v1.15.1',
  file: 'firecracker-v1.15.1-x86_64.tgz',
  sha256: 'd4a32ab2322d887ca1bc4a4e7afa9cc35393e6362dfc2b3becb389d362e4275a',
}

const prepare = async (place: GuestSandbox, given: Options) =>
  vmSpec(place, { kernel: kernelOf(given), disk: await rootDiskFor(place), data: await makeDataDisk(place) }, given)

/** What `GET /` answers, as far as it is used: InstanceInfo of firecracker.yaml. */
const instance = z.object({ vmm_version: z.string() })

/**
 * Whether a guest can be paused and still be spoken to. In 1.16.0 and 1.16.1 its vsock takes nothing from the host after a
 * resume without a snapshot (firecracker-microvm/firecracker#6100).
 */
export const supportsPause = (version: string): boolean => !/^1\.16\.[01]$/.test(version)

export const firecracker = defineDriver<Options>({
  kind: 'firecracker',
  family: 'hypervisor',
  description: 'Firecracker, a small monitor for guests with their own kernel',
  options,
  requirements: (given) => [
    releaseRequirement(release, given.binary),
    ...(given.jailer === false
      ? []
      : [releaseRequirement({ ...release, binary: 'jailer' }, jailerOf(given) || undefined)]),
    ...kernelRequirements,
    ...diskRequirements,
    ...dataDiskRequirements,
  ],
  version: ({ binary = 'firecracker' }) => [binary, '--version'],
  preflight: kvmPreflight,
  cpuMode: kvmCpuMode,
  versionDetails: async (given) => [kernelName(given), ...(given.jailer === false ? [] : ['jailed'])].join(', '),
  artifacts: (given, rootfs) => guestArtifacts(rootfs, kernelSource(given)),
  vmmStart: async (place, kernel, given) => {
    const config = {
      'boot-source': { kernel_image_path: kernel },
      'machine-config': { vcpu_count: 1, mem_size_mib: probeKernelMiB },
      drives: [],
    }
    return { argv: (await microvm(place, config, given)).argv, accelerator: 'kvm' }
  },
  oneShot: async (place, argv, given) => place.wrapWithTap(supervisorRunArgv(place, await prepare(place, given), argv)),
  boot: async (place, given) => {
    const machine = await prepare(place, given)
    await place.spawn(place.wrapWithTap(supervisorServeArgv(place, machine)))
    await place.run(place.wrap(vmExecArgv(place, [])))
    const { vmm_version } = instance.parse(await vmmRequest(machine.api, { method: 'GET', path: '/' }))
    const set = async (state: 'Paused' | 'Resumed') => {
      await vmmRequest(machine.api, { method: 'PATCH', path: '/vm', body: { state } })
    }
    return {
      execArgv: (argv) => place.wrap(vmExecArgv(place, argv)),
      oomKillCount: () => guestOomKills(place),
      ...(supportsPause(vmm_version) && { pause: () => set('Paused'), resume: () => set('Resumed') }),
    }
  },
})
