import { createNonce, kernelCommandLine, type VmSpec, vsock } from '../../guest/vm/conductor.ts'
import type { GuestKernel } from '../../guest/vm/kernel.ts'
import { supportsDirectIo } from '../../guest/vm/root-disk.ts'
import { virtiofsd } from '../../guest/vm/virtiofsd.ts'
import type { GuestSandbox, HostArgv } from '../driver.ts'
import type { Options } from './options.ts'

/** MiB of the guest's limit that Cloud Hypervisor and its virtiofsd take. */
const overhead = 64

/** Its API socket, in the place's directory. */
export const apiSocket = 'api.sock'

/**
 * Cloud Hypervisor with a guest in a place: what the conductor is to start. Its options, of v52.0, are what it is told rather than
 * requests of its API, which say the same and would make a boot two requests longer.
 */
export async function vmSpec(
  place: GuestSandbox,
  { kernel, disk }: { readonly kernel: GuestKernel; readonly disk: string },
  { binary = 'cloud-hypervisor' }: Options,
): Promise<VmSpec> {
  const tap = await place.tap()
  const nonce = createNonce()
  // A guest that resets is booted again: only a power-off ends the monitor, and the conductor at that event.
  const line = kernelCommandLine(
    { root: 'ext4:/dev/vda', data: 'virtiofs:data', address: tap.address, channel: vsock.channel, halt: 'poweroff' },
    nonce,
    ['console=ttyS0'],
  )
  const vmm: HostArgv = [
    binary,
    ...['--api-socket', `path=${apiSocket}`],
    // To vmm.log: a file of its own would be emptied when the guest resets, of all that it said of why.
    ...['--serial', 'tty', '--console', 'off'],
    ...['--event-monitor', 'path=events.log'],
    ...['--cpus', `boot=${place.limits.cpus.length}`],
    // virtiofsd reads and writes in the guest's memory.
    ...['--memory', `size=${Math.floor(place.limits.memoryBytes / 1024 ** 2) - overhead}M,shared=on`],
    ...['--disk', `path=${disk},readonly=on,direct=${supportsDirectIo(disk) ? 'on' : 'off'}`],
    ...['--fs', 'tag=data,socket=helper.sock,num_queues=1,queue_size=1024'],
    ...['--net', `tap=${tap.device},mac=${tap.mac}`],
    ...['--vsock', `cid=3,socket=${vsock.socket}`],
    ...['--kernel', kernel.vmlinux, '--initramfs', kernel.initramfs, '--cmdline', line],
  ]
  return { nonce, vmm, vsockSocket: vsock.call, helper: virtiofsd(place.dataDir) }
}
