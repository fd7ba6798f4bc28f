import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createNonce, kernelCommandLine, type VmSpec } from '../../guest/vm/conductor.ts'
import { probeKernelMiB } from '../../guest/vm/floor.ts'
import { hostTscKhz } from '../../guest/vm/host-tsc.ts'
import type { GuestKernel } from '../../guest/vm/kernel.ts'
import { supportsDirectIo } from '../../guest/vm/root-disk.ts'
import type { GuestSandbox, HostArgv } from '../driver.ts'
import type { Accelerator, Options } from './options.ts'
import { createDataShare } from './share.ts'
import { qemuVersion } from './version.ts'

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
