import { closeSync, mkdirSync, openSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'
import { defineDriver, type SnapshotAbility } from '../driver.ts'
import { unprivilegedId } from '../host/guest-folder.ts'
import { which } from '../host/packages.ts'
import { probeKernelMiB } from '../host/probe-kernel.ts'
import type { HostArgv } from '../host/process.ts'
import { type BuildSelection, findBuild } from '../host/releases/build.ts'
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
import { bootSavableVm, restoredVm, saveNonce } from '../vm/saved-vm.ts'
import { bootVm, createNonce, kernelCommandLine, resumeVm, type VmSpec, vmOneShot, vsock } from '../vm/supervisor.ts'
import { firstVmmRequest, vmmRequest } from '../vm/vmm-api.ts'
import { buildOptions, releaseRequirement, requireOneBuild } from './shared/binaries.ts'

/** Firecracker's configuration: definitions of these names in its `firecracker.yaml`, v1.15.1. */

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

/** A configuration file. Each key is the path of an API request, each value is its body. */
export interface Config {
  readonly 'boot-source': BootSource
  readonly 'machine-config': { readonly vcpu_count: number; readonly mem_size_mib: number }
  readonly drives: readonly Drive[]
  readonly 'network-interfaces'?: readonly NetworkInterface[]
  readonly vsock?: { readonly guest_cid: number; readonly uds_path: string }
}

/** The body of `PUT /snapshot/create`: SnapshotCreateParams. */
export interface SnapshotCreateParams {
  readonly snapshot_type: 'Full'
  readonly snapshot_path: string
  readonly mem_file_path: string
}

/** The body of `PUT /snapshot/load`: SnapshotLoadParams. */
export interface SnapshotLoadParams {
  readonly snapshot_path: string
  readonly mem_backend: { readonly backend_type: 'File'; readonly backend_path: string }
  readonly resume_vm: boolean
  readonly network_overrides: readonly { readonly iface_id: string; readonly host_dev_name: string }[]
}

/**
 * Firecracker logs to its standard output, like the guest's serial port. Without this, log lines would mix with the
 * output.
 */
export const logErrorsOnly = ['--level', 'Error'] as const

/**
 * Returns a disk of a guest. Firecracker always uses the host's page cache. With `Writeback`, a flush of the guest at
 * least reaches the disk.
 */
export const driveConfig = (
  id: string,
  path: string,
  flags: { readonly root: boolean; readonly readOnly: boolean },
): Drive => ({
  drive_id: id,
  path_on_host: path,
  is_root_device: flags.root,
  is_read_only: flags.readOnly,
  cache_type: 'Writeback',
  io_engine: 'Sync',
})

/** MiB of the guest's memory limit that Firecracker itself uses. */
const overhead = 32

/** RAM of the guest in MiB: its limit without the memory of Firecracker, which is in the same cgroup. */
export const ramMiB = (sandbox: GuestSandbox): number => Math.floor(sandbox.limits.memoryBytes / 1024 ** 2) - overhead

/** The API socket without a jail. */
const apiSocket = ({ stateDir }: GuestSandbox): string => join(stateDir, 'api.sock')

/** Firecracker, ready to be started in the sandbox's state directory. */
export interface Microvm {
  readonly argv: HostArgv
  /** Directory of its files and sockets relative to the state directory. Empty without a jail. */
  readonly folder: string
  /** Path of the API socket on the host. */
  readonly api: string
}

const release = 'firecracker'
const [vmm, jailerProgram] = [
  { release, program: 'firecracker' },
  { release, program: 'jailer' },
]

/** Returns Firecracker as a program of the host. */
export const firecrackerProgram = (selection: BuildSelection): string => findBuild(vmm, selection).binary

/** Returns the requirement for Firecracker. */
export const firecrackerRequirement = (selection: BuildSelection) => releaseRequirement(vmm, selection)

/** The build of the jailer that the options select: a path, or `true` for that of the release. */
const jailerSelection = ({ jailer, version }: Pick<Options, 'jailer' | 'version'>): BuildSelection =>
  typeof jailer === 'string' ? { binary: jailer } : { version }

/** Returns the jailer as a program of the host. False without a jailer. */
export const jailerOf = (options: Pick<Options, 'jailer' | 'version'>): string | false =>
  options.jailer === false ? false : findBuild(jailerProgram, jailerSelection(options)).binary

/** Bind-mounts a host file to a name in the jail. Removing the sandbox unmounts it. */
async function bindMount(sandbox: GuestSandbox, file: string, target: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true })
  closeSync(openSync(target, 'a'))
  await sandbox.run(['mount', '--bind', file, target])
}

/**
 * Returns Firecracker with a configuration. The process starts the VM, ends with it, and has the guest's serial port as
 * standard output. Paths in the configuration are paths of the host.
 */
export async function microvm(sandbox: GuestSandbox, config: Config, options: Options): Promise<Microvm> {
  const binary = firecrackerProgram(options)
  const jailer = jailerOf(options)
  const firecrackerArgs = (root: string) => [
    ...logErrorsOnly,
    ...['--api-sock', join(root, 'api.sock'), '--config-file', join(root, 'vm.json')],
  ]
  if (jailer === false) {
    writeFileSync(join(sandbox.stateDir, 'vm.json'), JSON.stringify(config))
    return { argv: [binary, ...firecrackerArgs(sandbox.stateDir)], folder: '', api: apiSocket(sandbox) }
  }
  // The jailer resolves symlinks, and names the jail after the resulting program.
  const found = which(binary)
  const program = found === undefined ? binary : realpathSync(found)
  const folder = join(basename(program), 'vm', 'root')
  const root = join(sandbox.stateDir, folder)
  mkdirSync(root, { recursive: true })
  const bindIntoJail = async (file: string, name: string) => {
    await bindMount(sandbox, file, join(root, name))
    return `/${name}`
  }
  const bootSource = config['boot-source']
  const jailed: Config = {
    ...config,
    'boot-source': {
      ...bootSource,
      kernel_image_path: await bindIntoJail(bootSource.kernel_image_path, 'kernel'),
      ...(bootSource.initrd_path !== undefined && {
        initrd_path: await bindIntoJail(bootSource.initrd_path, 'initramfs'),
      }),
    },
    drives: await Promise.all(
      config.drives.map(async (drive) => ({
        ...drive,
        path_on_host: await bindIntoJail(drive.path_on_host, drive.drive_id),
      })),
    ),
  }
  // The VMM's user must own the disks that it writes to, and the directory. The owner of the directory also
  // becomes the owner of the vsock socket.
  const written = config.drives.flatMap(({ path_on_host, is_read_only }) => (is_read_only ? [] : [path_on_host]))
  await sandbox.run(['chown', `${unprivilegedId}:${unprivilegedId}`, root, ...written])
  writeFileSync(join(root, 'vm.json'), JSON.stringify(jailed))
  // The jailer needs no options for cgroup and network namespace, because the sandbox already has them.
  const jail = [
    '--id',
    'vm',
    '--uid',
    String(unprivilegedId),
    '--gid',
    String(unprivilegedId),
    '--chroot-base-dir',
    sandbox.stateDir,
  ]
  return {
    argv: [jailer, ...jail, '--exec-file', program, '--', ...firecrackerArgs('/')],
    folder,
    api: join(root, 'api.sock'),
  }
}

const networkId = 'eth0'

/**
 * Returns Firecracker with a guest, for the VM supervisor, and its API socket.
 * @param data the disk for /data, which is in the guest's memory without it
 */
export async function vmSpec(
  sandbox: GuestSandbox,
  { kernel, disk, data }: { readonly kernel: GuestKernel; readonly disk: string; readonly data: string | undefined },
  options: Options,
): Promise<VmSpec & { readonly api: string }> {
  const tap = await sandbox.tap(jailerOf(options) === false ? undefined : unprivilegedId)
  const nonce = createNonce()
  const line = kernelCommandLine(
    {
      root: 'ext4:/dev/vda',
      data: data === undefined ? 'tmpfs:data' : 'ext4:/dev/vdb',
      address: tap.address,
      channel: vsock.channel,
      halt: 'reboot',
    },
    nonce,
    // From its default command line. Firecracker ends when the keyboard controller resets the guest, and has no PCI.
    ['console=ttyS0', 'reboot=k', 'pci=off', 'i8042.noaux', 'i8042.nomux', 'i8042.dumbkbd'],
  )
  const { argv, folder, api } = await microvm(
    sandbox,
    {
      'boot-source': { kernel_image_path: kernel.vmlinux, initrd_path: kernel.initramfs, boot_args: line },
      'machine-config': { vcpu_count: sandbox.limits.cpus.length, mem_size_mib: ramMiB(sandbox) },
      drives: [
        driveConfig('root', disk, { root: false, readOnly: true }),
        ...(data === undefined ? [] : [driveConfig('data', data, { root: false, readOnly: false })]),
      ],
      'network-interfaces': [{ iface_id: networkId, host_dev_name: tap.device, guest_mac: tap.mac }],
      vsock: { guest_cid: 3, uds_path: vsock.socket },
    },
    options,
  )
  return { nonce, vmm: argv, vsockSocket: join(folder, vsock.call), api }
}

export const optionsSchema = z
  .strictObject({
    ...buildOptions('firecracker', 'Firecracker v'),
    /** Whether to start Firecracker with its jailer: `true` for that of the release, or the absolute path of one. */
    jailer: z.union([z.boolean(), z.string().regex(/^\//, 'use the absolute path of the program')]).default(false),
    ...kernelOptions,
  })
  .superRefine(requireOneBuild)

export type Options = z.output<typeof optionsSchema>

const prepare = async (sandbox: GuestSandbox, options: Options) =>
  vmSpec(
    sandbox,
    { kernel: kernelOf(options), disk: await rootDiskFor(sandbox), data: await makeDataDisk(sandbox) },
    options,
  )

/** The files of Firecracker in the folder of a snapshot. */
const saved = (folder: string) => ({ state: join(folder, 'state'), memory: join(folder, 'memory') })

/** Milliseconds that a snapshot may take: Firecracker writes all memory of the guest. */
const saveMs = 120_000
const loadMs = 20_000

/**
 * Saving guests by Firecracker's API, as snapshot-support.md of its repository describes it. The paths
 * of the disk and of the vsock socket, which is relative, are those of the saved guest. The tap is replaced.
 */
const snapshots: SnapshotAbility<Options> = {
  preflight: async ({ jailer }) =>
    jailer === false
      ? undefined
      : { reason: 'isobench saves no guests of a jailed Firecracker', fix: "omit the platform's option jailer" },
  boot: async (sandbox, options) => {
    const machine = { kernel: kernelOf(options), disk: await rootDiskFor(sandbox), data: undefined }
    return bootSavableVm(sandbox, await vmSpec(sandbox, machine, options))
  },
  save: async (sandbox, folder) => {
    const api = apiSocket(sandbox)
    const { state, memory } = saved(folder)
    await vmmRequest(api, { method: 'PATCH', path: '/vm', body: { state: 'Paused' } })
    const body: SnapshotCreateParams = { snapshot_type: 'Full', snapshot_path: state, mem_file_path: memory }
    await vmmRequest(api, { method: 'PUT', path: '/snapshot/create', body }, saveMs)
    saveNonce(sandbox, folder)
  },
  restore: async (sandbox, folder, options) => {
    const api = apiSocket(sandbox)
    const { state, memory } = saved(folder)
    const tap = await sandbox.tap()
    const body: SnapshotLoadParams = {
      snapshot_path: state,
      mem_backend: { backend_type: 'File', backend_path: memory },
      resume_vm: true,
      network_overrides: [{ iface_id: networkId, host_dev_name: tap.device }],
    }
    const vmmArgv: HostArgv = [firecrackerProgram(options), ...logErrorsOnly, '--api-sock', api]
    return resumeVm(sandbox, restoredVm(folder, vmmArgv), async () => {
      await firstVmmRequest(api, { method: 'PUT', path: '/snapshot/load', body }, loadMs)
    })
  },
}

/** The part of the response to `GET /` that is used: InstanceInfo of firecracker.yaml. */
const instance = z.object({ vmm_version: z.string() })

/**
 * Returns whether a guest still works after a pause. In 1.16.0 and 1.16.1 its vsock receives nothing from the host
 * after a resume without a snapshot (firecracker-microvm/firecracker#6100).
 */
export const supportsPause = (version: string): boolean => !/^1\.16\.[01]$/.test(version)

/** Firecracker: a small VMM. */
export const firecracker = defineDriver({
  kind: 'firecracker',
  family: 'hypervisor',
  description: 'Firecracker, a small VMM for guests with their own kernel',
  options: optionsSchema,
  requirements: (options) => [
    firecrackerRequirement(options),
    ...(options.jailer === false ? [] : [releaseRequirement(jailerProgram, jailerSelection(options))]),
    ...kernelRequirements,
    ...diskRequirements,
    ...dataDiskRequirements,
  ],
  version: (options) => [firecrackerProgram(options), '--version'],
  preflight: kvmPreflight,
  cpuMode: kvmCpuMode,
  versionDetails: async (options) => [kernelName(options), ...(options.jailer === false ? [] : ['jailed'])].join(', '),
  artifacts: (options, rootfs) => guestArtifacts(rootfs, kernelSource(options)),
  vmmStart: async (sandbox, kernel, options) => {
    const config = {
      'boot-source': { kernel_image_path: kernel },
      'machine-config': { vcpu_count: 1, mem_size_mib: probeKernelMiB },
      drives: [],
    }
    return { argv: (await microvm(sandbox, config, options)).argv, accelerator: 'kvm' }
  },
  snapshots,
  oneShot: async (sandbox, argv, options) => vmOneShot(sandbox, await prepare(sandbox, options), argv),
  boot: async (sandbox, options) => {
    const vm = await prepare(sandbox, options)
    const guest = await bootVm(sandbox, vm)
    const { vmm_version } = instance.parse(await vmmRequest(vm.api, { method: 'GET', path: '/' }))
    const set = async (state: 'Paused' | 'Resumed') => {
      await vmmRequest(vm.api, { method: 'PATCH', path: '/vm', body: { state } })
    }
    return {
      ...guest,
      ...(supportsPause(vmm_version) && { pause: () => set('Paused'), resume: () => set('Resumed') }),
    }
  },
})
