import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { hostEnvironment } from '../host/environment.ts'
import { probeKernelMiB } from '../host/probe-kernel.ts'
import type { HostArgv } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import {
  dataDiskRequirements,
  diskRequirements,
  makeDataDisk,
  rootDiskFor,
  supportsDirectIo,
  virtiofsd,
  virtiofsdRequirement,
} from '../vm/disks.ts'
import {
  type GuestKernel,
  guestArtifacts,
  kernelName,
  kernelOf,
  kernelOptions,
  kernelRequirements,
  kernelSource,
} from '../vm/kernel.ts'
import { hostTscKhz, isUsable, kvm, kvmCpuMode, kvmPreflight, opensKvm } from '../vm/kvm.ts'
import { resumeMachine, savedMachine, saveMachine } from '../vm/qemu-state.ts'
import { bootVm, createNonce, kernelCommandLine, resumeVm, type VmSpec, vmOneShot } from '../vm/supervisor.ts'
import { qmp } from '../vm/vmm-api.ts'

let cachedVersion: string | undefined

/** Returns the version of QEMU, for example `7.2.22`, or an empty string if it is unknown. */
export function qemuVersion(): string {
  cachedVersion ??= /version (\d[\d.]*)/.exec(
    spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8', env: hostEnvironment() }).stdout ?? '',
  )?.[1]
  return cachedVersion ?? ''
}

/** How a guest gets its /data. */
interface Share {
  /** Settings for the guest's first process. */
  readonly bootConfig: { readonly data: string; readonly dataOptions?: string }
  /** Options of QEMU. */
  readonly argv: readonly string[]
  readonly helper?: VmSpec['helper']
}

/** Creates options for a device on the bus of the board. */
type Device = (kind: string, ...properties: string[]) => string[]

/** QEMU separates properties by commas; a comma in a value is doubled. */
const escapeValue = (text: string) => text.replaceAll(',', ',,')

/**
 * Creates /data.
 * @param device creates options for a device on the bus of the board
 * @param block creates the block options of a file
 */
export async function createDataShare(
  sandbox: GuestSandbox,
  { share }: Pick<MachineOptions, 'share'>,
  { device, block }: { readonly device: Device; readonly block: (file: string) => string },
): Promise<Share> {
  if (share === 'block') {
    return {
      bootConfig: { data: 'ext4:/dev/vdb' },
      argv: [
        ...['-drive', `if=none,id=data,${block(await makeDataDisk(sandbox))}`],
        ...device('virtio-blk', 'drive=data'),
      ],
    }
  }
  if (share === 'memory') return { bootConfig: { data: 'tmpfs:data' }, argv: [] }
  if (share === '9p') {
    return {
      // As Kata mounts it, with the largest message size of Linux. cache=mmap allows shared writable mappings.
      bootConfig: { data: '9p:data', dataOptions: 'trans=virtio,version=9p2000.L,msize=131072,cache=mmap' },
      argv: [
        ...['-fsdev', `local,id=data,path=${escapeValue(sandbox.dataDir)},security_model=passthrough`],
        ...device('virtio-9p', 'fsdev=data', 'mount_tag=data'),
      ],
    }
  }
  return {
    bootConfig: { data: 'virtiofs:data' },
    argv: ['-chardev', 'socket,id=data,path=helper.sock', ...device('vhost-user-fs', 'chardev=data', 'tag=data')],
    helper: virtiofsd(sandbox.dataDir),
  }
}

/** MiB of the guest's memory limit that QEMU itself uses: code, data, and with TCG the translated code. */
const overhead: Readonly<Record<Accelerator, number>> = { kvm: 96, tcg: 160 }
const translatedMiB = 64

/** RAM of the guest in MiB: its limit without the memory of QEMU, which is in the same cgroup. */
export const ramMiB = (sandbox: GuestSandbox, accel: Accelerator): number =>
  Math.floor(sandbox.limits.memoryBytes / 1024 ** 2) - overhead[accel]

/** Returns the accelerator and the CPU model. */
export function acceleration(accel: Accelerator): string[] {
  if (accel === 'kvm') return ['-accel', 'kvm', '-cpu', 'host']
  // QEMU 7.2 emulates cmpxchg16b incorrectly under load: a double fault in the guest's kmalloc, twice at the same
  // instruction.
  const cpu = qemuVersion().startsWith('7.2.') ? 'max,cx16=off' : 'max'
  return ['-accel', `tcg,thread=multi,tb-size=${translatedMiB}`, '-cpu', cpu]
}

/**
 * With TCG on a busy host, the guest's kernel fails to calibrate its time stamp counter against a timer. It then hangs,
 * or uses a clock with a resolution of 4 ms. The counter has the host's frequency, so the kernel receives that value.
 */
function clock(accel: Accelerator): string[] {
  const khz = accel === 'tcg' ? hostTscKhz() : undefined
  return khz === undefined ? [] : [`tsc_early_khz=${khz}`, 'tsc=reliable']
}

/** `virtio-blk` is `virtio-blk-pci` on a board with PCI, and `virtio-blk-device` on one with virtio-mmio. */
function devices({ machine }: MachineOptions) {
  const bus = machine === 'microvm' ? 'device' : 'pci'
  return (kind: string, ...properties: string[]) => ['-device', [`${kind}-${bus}`, ...properties].join(',')]
}

/** Bypasses the host's page cache, unless the file system of the file does not support that. */
export const blockOptions = (file: string, format: 'raw' | 'qcow2' = 'raw'): string =>
  [`file=${file},format=${format}`, supportsDirectIo(file) ? 'cache=none,aio=native' : 'cache=writeback'].join(',')

/** QEMU with the probe kernel. isa-debug-exit ends QEMU, because microvm has no other way. */
export const vmmStartArgv = (kernel: string, accel: Accelerator, { machine, firmware }: Options): HostArgv => [
  'qemu-system-x86_64',
  ...['-machine', machine, '-accel', accel, '-cpu', accel === 'kvm' ? 'qemu64' : 'max', '-m', String(probeKernelMiB)],
  ...(firmware === 'qboot' ? ['-bios', 'qboot.rom'] : []),
  ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
  ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', kernel],
]

/** Returns QEMU with a guest, for the VM supervisor. */
export async function vmSpec(
  sandbox: GuestSandbox,
  { kernel, disk, accel }: { readonly kernel: GuestKernel; readonly disk: string; readonly accel: Accelerator },
  options: MachineOptions,
): Promise<VmSpec> {
  const { machine, firmware } = options
  const tap = await sandbox.tap()
  const nonce = createNonce()
  const device = devices(options)
  const ram = ramMiB(sandbox, accel)
  const share = await createDataShare(sandbox, options, { device, block: blockOptions })
  const line = kernelCommandLine(
    { root: 'ext4:/dev/vda', ...share.bootConfig, address: tap.address, channel: 'port:isobench', halt: 'reboot' },
    nonce,
    ['console=ttyS0', 'reboot=t', ...clock(accel)],
  )
  const isMicrovm = machine === 'microvm'
  const vhost = existsSync('/dev/vhost-net') && accel === 'kvm' ? 'on' : 'off'
  const vmm: HostArgv = [
    'qemu-system-x86_64',
    ...['-machine', [machine, ...(isMicrovm ? ['auto-kernel-cmdline=on'] : []), 'memory-backend=ram'].join(',')],
    // QEMU's virtio-mmio is by default older than virtio 1.0, which virtio-fs requires.
    ...(isMicrovm ? ['-global', 'virtio-mmio.force-legacy=false'] : []),
    ...acceleration(accel),
    ...(firmware === 'qboot' ? ['-bios', 'qboot.rom'] : []),
    ...['-smp', String(sandbox.limits.cpus.length), '-m', `${ram}M`],
    // Shared, because virtiofsd accesses the guest's memory.
    ...['-object', `memory-backend-memfd,id=ram,size=${ram}M,share=on`],
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-serial', `file:${join(sandbox.stateDir, 'console.log')}`],
    ...['-qmp', `unix:qmp.sock,server=on,wait=off`],
    ...['-chardev', 'socket,id=agent,fd=3'],
    ...device('virtio-serial'),
    ...['-device', 'virtserialport,chardev=agent,name=isobench'],
    // No locks: the disk is read-only, and guests of other VMMs use it too.
    ...['-drive', `if=none,id=root,readonly=on,file.locking=off,${blockOptions(disk)}`],
    ...device('virtio-blk', 'drive=root'),
    ...share.argv,
    ...['-netdev', `tap,id=net,ifname=${tap.device},script=no,downscript=no,vhost=${vhost}`],
    // Without a ROM, the firmware does not try to boot from the network.
    ...device('virtio-net', 'netdev=net', `mac=${tap.mac}`, ...(isMicrovm ? [] : ['romfile='])),
    ...['-kernel', kernel.vmlinux, '-initrd', kernel.initramfs, '-append', line],
  ]
  return { nonce, vmm, ...(share.helper && { helper: share.helper }) }
}

/** How QEMU runs the guest's code: hardware virtualization or emulation. */
export type Accelerator = 'kvm' | 'tcg'

const baseOptions = z.strictObject({
  machine: z.enum(['pc', 'q35', 'microvm']).default('pc'),
  firmware: z.enum(['seabios', 'qboot']).default('seabios'),
  /** Default: KVM if it is usable, otherwise TCG, QEMU's emulation of the CPU. */
  accel: z.enum(['kvm', 'tcg']).optional(),
  ...kernelOptions,
  /** /data: a host directory by virtio-fs or 9p, or a disk. 9p needs the generic kernel. */
  share: z.enum(['virtiofs', '9p', 'block']).default('virtiofs'),
})

export const optionsSchema = Object.assign(
  baseOptions
    .transform(({ kernel, ...rest }) => ({ ...rest, kernel: kernel ?? (rest.share === '9p' ? 'generic' : 'cloud') }))
    .refine(({ share, kernel }) => share !== '9p' || kernel !== 'cloud', {
      path: ['kernel'],
      message: "Debian's cloud kernel does not support 9p: set kernel: 'generic'",
    }),
  // For messages that list the names of the options.
  { shape: baseOptions.shape },
)

export type Options = z.output<typeof optionsSchema>

/** The options, or those of a guest that is saved: QEMU saves no machine with virtio-fs, so its /data is in memory. */
type MachineOptions = Omit<Options, 'share'> & { readonly share: Options['share'] | 'memory' }

/** Returns the accelerator: the requested one, or else KVM if it is usable. */
export const accelerator = async ({ accel }: Pick<Options, 'accel'>): Promise<Accelerator> =>
  accel ?? (isUsable(await kvm()) ? 'kvm' : 'tcg')

async function prepare(sandbox: GuestSandbox, options: MachineOptions) {
  const kernel = kernelOf(options)
  const disk = await rootDiskFor(sandbox)
  return vmSpec(sandbox, { kernel, disk, accel: await accelerator(options) }, options)
}

const qmpSocket = ({ stateDir }: GuestSandbox): string => join(stateDir, 'qmp.sock')

/** Seconds that QEMU gets to load the memory of a guest. */
const loadSeconds = 60

/** QEMU: a VM with emulated devices, run by KVM or by emulation of the CPU. */
export const qemu = defineDriver({
  kind: 'qemu',
  family: 'hypervisor',
  description: 'QEMU, a virtual machine with its own kernel',
  options: optionsSchema,
  requirements: ({ share }) => [
    { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' },
    ...(share === 'virtiofs' ? [virtiofsdRequirement()] : []),
    ...kernelRequirements,
    ...diskRequirements,
    ...(share === 'block' ? dataDiskRequirements : []),
  ],
  version: () => ['qemu-system-x86_64', '--version'],
  cpuMode: async (options) => {
    if ((await accelerator(options)) === 'tcg') return 'emulated'
    return kvmCpuMode()
  },
  preflight: async ({ accel }) => (accel === 'kvm' ? kvmPreflight() : undefined),
  versionDetails: async (options) => [kernelName(options), options.firmware, await accelerator(options)].join(', '),
  artifacts: (options, rootfs) => guestArtifacts(rootfs, kernelSource(options)),
  vmmStart: async (_place, kernel, options) => {
    // KVM even if it is too slow for a normal kernel, because the probe kernel does almost nothing in kernel mode.
    const accel = options.accel ?? (opensKvm() ? 'kvm' : 'tcg')
    return { argv: vmmStartArgv(kernel, accel, options), accelerator: accel }
  },
  oneShot: async (sandbox, argv, options) => vmOneShot(sandbox, await prepare(sandbox, options), argv),
  boot: async (sandbox, options) => {
    const guest = await bootVm(sandbox, await prepare(sandbox, options))
    const command = (name: 'stop' | 'cont') => async () => {
      await qmp(qmpSocket(sandbox), name)
    }
    return { ...guest, pause: command('stop'), resume: command('cont') }
  },
  snapshots: {
    boot: async (sandbox, options) => bootVm(sandbox, await prepare(sandbox, { ...options, share: 'memory' })),
    save: (sandbox, folder) => saveMachine(qmpSocket(sandbox), folder),
    restore: async (sandbox, folder, options) => {
      const vm = await prepare(sandbox, { ...options, share: 'memory' })
      const restored = { ...vm, vmm: [...vm.vmm, ...savedMachine(folder)] as const }
      return resumeVm(sandbox, restored, () => resumeMachine(qmpSocket(sandbox), loadSeconds))
    },
  },
})
