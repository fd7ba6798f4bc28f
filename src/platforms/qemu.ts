import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
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
import {
  createNonce,
  guestOomKills,
  kernelCommandLine,
  supervisorRunArgv,
  supervisorServeArgv,
  type VmSpec,
  vmExecArgv,
} from '../vm/supervisor.ts'
import { qmp } from '../vm/vmm-api.ts'

let known: string | undefined

/** Such as `7.2.22`; empty where QEMU does not say. */
export function qemuVersion(): string {
  known ??= /version (\d[\d.]*)/.exec(
    spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' }).stdout ?? '',
  )?.[1]
  return known ?? ''
}

/** How a guest gets its /data. */
interface Share {
  /** What its first process mounts there. */
  readonly told: { readonly data: string; readonly dataOptions?: string }
  /** What QEMU is given for it. */
  readonly argv: readonly string[]
  readonly helper?: VmSpec['helper']
}

/** Arguments for a device of the machine's bus. */
type Device = (kind: string, ...properties: string[]) => string[]

/** A comma in a value of QEMU's is written twice. */
const value = (text: string) => text.replaceAll(',', ',,')

/**
 * Makes what is to be /data.
 * @param device Arguments for a device of the machine's bus.
 * @param block The block options of a file.
 */
export async function createDataShare(
  place: GuestSandbox,
  { share }: Options,
  { device, block }: { readonly device: Device; readonly block: (file: string) => string },
): Promise<Share> {
  if (share === 'block') {
    return {
      told: { data: 'ext4:/dev/vdb' },
      argv: [
        ...['-drive', `if=none,id=data,${block(await makeDataDisk(place))}`],
        ...device('virtio-blk', 'drive=data'),
      ],
    }
  }
  if (share === '9p') {
    return {
      // As Kata mounts it, with the longest messages that Linux takes for granted; `mmap`, as programs map files to write.
      told: { data: '9p:data', dataOptions: 'trans=virtio,version=9p2000.L,msize=131072,cache=mmap' },
      argv: [
        ...['-fsdev', `local,id=data,path=${value(place.dataDir)},security_model=passthrough`],
        ...device('virtio-9p', 'fsdev=data', 'mount_tag=data'),
      ],
    }
  }
  return {
    told: { data: 'virtiofs:data' },
    argv: ['-chardev', 'socket,id=data,path=helper.sock', ...device('vhost-user-fs', 'chardev=data', 'tag=data')],
    helper: virtiofsd(place.dataDir),
  }
}

/** MiB of the guest's limit that QEMU itself takes: its own code and data, and with TCG the translated code. */
const overhead: Readonly<Record<Accelerator, number>> = { kvm: 96, tcg: 160 }
const translatedMiB = 64

/** The RAM of the guest in MiB: what the limits leave beside QEMU, for both are in the same cgroup. */
export const ramMiB = (place: GuestSandbox, accel: Accelerator): number =>
  Math.floor(place.limits.memoryBytes / 1024 ** 2) - overhead[accel]

/** By what QEMU runs the guest's code, and on which CPU. */
export function acceleration(accel: Accelerator): string[] {
  if (accel === 'kvm') return ['-accel', 'kvm', '-cpu', 'host']
  // QEMU 7.2's cmpxchg16b goes wrong under load: a double fault in the guest's kmalloc, twice at the same instruction.
  const cpu = qemuVersion().startsWith('7.2.') ? 'max,cx16=off' : 'max'
  return ['-accel', `tcg,thread=multi,tb-size=${translatedMiB}`, '-cpu', cpu]
}

/**
 * Under TCG on a busy host the guest's kernel cannot calibrate its time stamp counter against a timer: it hangs, or falls back
 * to a clock of 4 ms. It counts as the host's does, so the kernel is told the rate, and to rely on it.
 */
function clock(accel: Accelerator): string[] {
  const khz = accel === 'tcg' ? hostTscKhz() : undefined
  return khz === undefined ? [] : [`tsc_early_khz=${khz}`, 'tsc=reliable']
}

/** `virtio-blk` on a machine with PCI is `virtio-blk-pci`, and `virtio-blk-device` on one with virtio-mmio. */
function devices({ machine }: Options) {
  const bus = machine === 'microvm' ? 'device' : 'pci'
  return (kind: string, ...properties: string[]) => ['-device', [`${kind}-${bus}`, ...properties].join(',')]
}

/** A file that a guest reads past the host's page cache, or through it where its file system cannot do otherwise. */
export const blockOptions = (file: string, format: 'raw' | 'qcow2' = 'raw'): string =>
  [`file=${file},format=${format}`, supportsDirectIo(file) ? 'cache=none,aio=native' : 'cache=writeback'].join(',')

/** QEMU with a guest that has nothing but a serial port, and ends through QEMU's own device for that: microvm has no other. */
export const vmmStartArgv = (kernel: string, accel: Accelerator, { machine, firmware }: Options): HostArgv => [
  'qemu-system-x86_64',
  ...['-machine', machine, '-accel', accel, '-cpu', accel === 'kvm' ? 'qemu64' : 'max', '-m', String(probeKernelMiB)],
  ...(firmware === 'qboot' ? ['-bios', 'qboot.rom'] : []),
  ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
  ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', kernel],
]

/** QEMU with a guest in a place: what the conductor is to start. */
export async function vmSpec(
  place: GuestSandbox,
  { kernel, disk, accel }: { readonly kernel: GuestKernel; readonly disk: string; readonly accel: Accelerator },
  options: Options,
): Promise<VmSpec> {
  const { machine, firmware } = options
  const tap = await place.tap()
  const nonce = createNonce()
  const device = devices(options)
  const ram = ramMiB(place, accel)
  const share = await createDataShare(place, options, { device, block: blockOptions })
  const line = kernelCommandLine(
    { root: 'ext4:/dev/vda', ...share.told, address: tap.address, channel: 'port:isobench', halt: 'reboot' },
    nonce,
    ['console=ttyS0', 'reboot=t', ...clock(accel)],
  )
  const isMicrovm = machine === 'microvm'
  const vmm: HostArgv = [
    'qemu-system-x86_64',
    ...['-machine', [machine, ...(isMicrovm ? ['auto-kernel-cmdline=on'] : []), 'memory-backend=ram'].join(',')],
    // virtio-mmio is that of before virtio 1.0 unless told otherwise, and virtio-fs has never been that.
    ...(isMicrovm ? ['-global', 'virtio-mmio.force-legacy=false'] : []),
    ...acceleration(accel),
    ...(firmware === 'qboot' ? ['-bios', 'qboot.rom'] : []),
    ...['-smp', String(place.limits.cpus.length), '-m', `${ram}M`],
    // virtiofsd reads and writes in the guest's memory.
    ...['-object', `memory-backend-memfd,id=ram,size=${ram}M,share=on`],
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-serial', `file:${join(place.stateDir, 'console.log')}`],
    ...['-qmp', `unix:qmp.sock,server=on,wait=off`],
    ...['-chardev', 'socket,id=agent,fd=3'],
    ...device('virtio-serial'),
    ...['-device', 'virtserialport,chardev=agent,name=isobench'],
    // No locks: nobody writes to it, and guests of other monitors have it too.
    ...['-drive', `if=none,id=root,readonly=on,file.locking=off,${blockOptions(disk)}`],
    ...device('virtio-blk', 'drive=root'),
    ...share.argv,
    ...[
      '-netdev',
      `tap,id=net,ifname=${tap.device},script=no,downscript=no,vhost=${existsSync('/dev/vhost-net') && accel === 'kvm' ? 'on' : 'off'}`,
    ],
    // Without a ROM: the firmware need not look for something to boot from the network.
    ...device('virtio-net', 'netdev=net', `mac=${tap.mac}`, ...(isMicrovm ? [] : ['romfile='])),
    ...['-kernel', kernel.vmlinux, '-initrd', kernel.initramfs, '-append', line],
  ]
  return { nonce, vmm, ...(share.helper && { helper: share.helper }) }
}

/** How QEMU runs the guest's code. */
export type Accelerator = 'kvm' | 'tcg'

const given = z.strictObject({
  machine: z.enum(['pc', 'q35', 'microvm']).default('pc'),
  firmware: z.enum(['seabios', 'qboot']).default('seabios'),
  /** Left out: KVM where it is usable, else TCG, QEMU's own emulation of the CPU. */
  accel: z.enum(['kvm', 'tcg']).optional(),
  ...kernelOptions,
  /** What /data is: a folder of the host's by virtio-fs or by 9p, or a disk of the guest's own. 9p needs the generic kernel. */
  share: z.enum(['virtiofs', '9p', 'block']).default('virtiofs'),
})

export const options = Object.assign(
  given
    .transform(({ kernel, ...rest }) => ({ ...rest, kernel: kernel ?? (rest.share === '9p' ? 'generic' : 'cloud') }))
    .refine(({ share, kernel }) => share !== '9p' || kernel !== 'cloud', {
      path: ['kernel'],
      message: "Debian's kernel for clouds has no 9p: use kernel: 'generic'",
    }),
  // By name, for messages.
  { shape: given.shape },
)

export type Options = z.output<typeof options>

/** How a guest's code is run: as asked, else by KVM where it is usable. */
export const accelerator = async ({ accel }: Pick<Options, 'accel'>): Promise<Accelerator> =>
  accel ?? (isUsable(await kvm()) ? 'kvm' : 'tcg')

async function prepare(place: GuestSandbox, given: Options) {
  const kernel = kernelOf(given)
  const disk = await rootDiskFor(place)
  return vmSpec(place, { kernel, disk, accel: await accelerator(given) }, given)
}

/** QEMU: a machine with devices of its own, run by KVM or emulated. */
export const qemu = defineDriver<Options>({
  kind: 'qemu',
  family: 'hypervisor',
  description: 'QEMU, a virtual machine with its own kernel',
  options,
  requirements: ({ share }) => [
    { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' },
    ...(share === 'virtiofs' ? [virtiofsdRequirement()] : []),
    ...kernelRequirements,
    ...diskRequirements,
    ...(share === 'block' ? dataDiskRequirements : []),
  ],
  version: () => ['qemu-system-x86_64', '--version'],
  cpuMode: async (given) => {
    if ((await accelerator(given)) === 'tcg') return 'emulated'
    return kvmCpuMode()
  },
  preflight: async ({ accel }) => (accel === 'kvm' ? kvmPreflight() : undefined),
  versionDetails: async (given) => [kernelName(given), given.firmware, await accelerator(given)].join(', '),
  artifacts: (given, rootfs) => guestArtifacts(rootfs, kernelSource(given)),
  vmmStart: async (_place, kernel, given) => {
    // Even where KVM is too slow for a kernel: what this guest does in kernel mode is nothing.
    const accel = given.accel ?? (opensKvm() ? 'kvm' : 'tcg')
    return { argv: vmmStartArgv(kernel, accel, given), accelerator: accel }
  },
  oneShot: async (place, argv, given) => place.wrapWithTap(supervisorRunArgv(place, await prepare(place, given), argv)),
  boot: async (place, given) => {
    await place.spawn(place.wrapWithTap(supervisorServeArgv(place, await prepare(place, given))))
    const monitor = join(place.stateDir, 'qmp.sock')
    await place.run(place.wrap(vmExecArgv(place, [])))
    return {
      execArgv: (argv) => place.wrap(vmExecArgv(place, argv)),
      oomKillCount: () => guestOomKills(place),
      pause: () => qmp(monitor, 'stop'),
      resume: () => qmp(monitor, 'cont'),
    }
  },
})
