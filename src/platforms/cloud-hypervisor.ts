import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { probeKernelMiB } from '../host/probe-kernel.ts'
import type { HostArgv } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { diskRequirements, rootDiskFor, supportsDirectIo, virtiofsd, virtiofsdRequirement } from '../vm/disks.ts'
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

export const options = z.strictObject({
  /** Another build than the one in PATH. */
  binary: runtimeBinary('cloud-hypervisor', 'cloud-hypervisor v'),
  ...kernelOptions,
})

export type Options = z.output<typeof options>

export const release = {
  binary: 'cloud-hypervisor',
  project: 'cloud-hypervisor/cloud-hypervisor',
  version: 'v52.0',
  file: 'cloud-hypervisor-static',
  sha256: '829af01ff075bb96c4f183905134c453a88d68cbabdc6b87df21098842581ee9',
}

const prepare = async (place: GuestSandbox, given: Options) =>
  vmSpec(place, { kernel: kernelOf(given), disk: await rootDiskFor(place) }, given)

/** Cloud Hypervisor: a monitor for clouds, with virtio devices alone. */
export const cloudHypervisor = defineDriver<Options>({
  kind: 'cloud-hypervisor',
  family: 'hypervisor',
  description: 'Cloud Hypervisor, a monitor with virtio devices alone',
  options,
  requirements: ({ binary }) => [
    releaseRequirement(release, binary),
    virtiofsdRequirement(),
    ...kernelRequirements,
    ...diskRequirements,
  ],
  version: ({ binary = 'cloud-hypervisor' }) => [binary, '--version'],
  preflight: kvmPreflight,
  cpuMode: kvmCpuMode,
  versionDetails: async (given) => kernelName(given),
  artifacts: (given, rootfs) => guestArtifacts(rootfs, kernelSource(given)),
  vmmStart: async (_place, kernel, { binary = 'cloud-hypervisor' }) => {
    const machine = ['--cpus', 'boot=1', '--memory', `size=${probeKernelMiB}M`, '--kernel', kernel]
    return { argv: [binary, '--serial', 'tty', '--console', 'off', ...machine], accelerator: 'kvm' }
  },
  oneShot: async (place, argv, given) => place.wrapWithTap(supervisorRunArgv(place, await prepare(place, given), argv)),
  boot: async (place, given) => {
    await place.spawn(place.wrapWithTap(supervisorServeArgv(place, await prepare(place, given))))
    await place.run(place.wrap(vmExecArgv(place, [])))
    const set = async (verb: 'pause' | 'resume') => {
      await vmmRequest(join(place.stateDir, apiSocket), { method: 'PUT', path: `/api/v1/vm.${verb}` })
    }
    return {
      execArgv: (argv) => place.wrap(vmExecArgv(place, argv)),
      oomKillCount: () => guestOomKills(place),
      pause: () => set('pause'),
      resume: () => set('resume'),
    }
  },
})
