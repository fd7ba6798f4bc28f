import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver, type SnapshotAbility } from '../driver.ts'
import { probeKernelMiB } from '../host/probe-kernel.ts'
import type { HostArgv } from '../host/process.ts'
import { findBuild } from '../host/releases/build.ts'
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
import { bootSavableVm, restoredVm, saveNonce } from '../vm/saved-vm.ts'
import { bootVm, createNonce, kernelCommandLine, resumeVm, type VmSpec, vmOneShot, vsock } from '../vm/supervisor.ts'
import { firstVmmRequest, vmmRequest } from '../vm/vmm-api.ts'
import { buildOptions, releaseRequirement, requireOneBuild } from './shared/binaries.ts'

/** MiB of the guest's memory limit that Cloud Hypervisor and its virtiofsd use. */
const overhead = 64

/** The API socket, in the sandbox's state directory. */
export const apiSocket = 'api.sock'

/**
 * Returns Cloud Hypervisor with a guest, for the VM supervisor. Uses command-line options (v52.0) instead of API
 * requests, because two more requests would make the boot longer.
 * @param share whether /data is a folder of the host; otherwise it is in the guest's memory
 */
export async function vmSpec(
  sandbox: GuestSandbox,
  { kernel, disk, share = true }: { readonly kernel: GuestKernel; readonly disk: string; readonly share?: boolean },
  options: Options,
): Promise<VmSpec> {
  const tap = await sandbox.tap()
  const nonce = createNonce()
  // Cloud Hypervisor reboots a guest that resets, so only a power-off ends the VMM. The VM supervisor ends it after a
  // reset.
  const line = kernelCommandLine(
    {
      root: 'ext4:/dev/vda',
      data: share ? 'virtiofs:data' : 'tmpfs:data',
      address: tap.address,
      channel: vsock.channel,
      halt: 'poweroff',
    },
    nonce,
    ['console=ttyS0'],
  )
  const vmm: HostArgv = [
    programOf(options),
    ...['--api-socket', `path=${apiSocket}`],
    // Serial output to vmm.log. A reset would empty a separate file, which has the reason for the reset.
    ...['--serial', 'tty', '--console', 'off'],
    ...['--event-monitor', 'path=events.log'],
    ...['--cpus', `boot=${sandbox.limits.cpus.length}`],
    // Shared, because virtiofsd accesses the guest's memory.
    ...['--memory', `size=${Math.floor(sandbox.limits.memoryBytes / 1024 ** 2) - overhead}M,shared=on`],
    ...['--disk', `path=${disk},readonly=on,direct=${supportsDirectIo(disk) ? 'on' : 'off'}`],
    ...(share ? ['--fs', 'tag=data,socket=helper.sock,num_queues=1,queue_size=1024'] : []),
    ...['--net', `tap=${tap.device},mac=${tap.mac}`],
    ...['--vsock', `cid=3,socket=${vsock.socket}`],
    ...['--kernel', kernel.vmlinux, '--initramfs', kernel.initramfs, '--cmdline', line],
  ]
  return { nonce, vmm, vsockSocket: vsock.call, ...(share && { helper: virtiofsd(sandbox.dataDir) }) }
}

export const optionsSchema = z
  .strictObject({ ...buildOptions('cloud-hypervisor', 'cloud-hypervisor v'), ...kernelOptions })
  .superRefine(requireOneBuild)

export type Options = z.output<typeof optionsSchema>

const vmm = { release: 'cloud-hypervisor', program: 'cloud-hypervisor' }

const programOf = (options: Options): string => findBuild(vmm, options).binary

const prepare = async (sandbox: GuestSandbox, options: Options) =>
  vmSpec(sandbox, { kernel: kernelOf(options), disk: await rootDiskFor(sandbox) }, options)

const api = ({ stateDir }: GuestSandbox): string => join(stateDir, apiSocket)

/** The part of `config.json` of a snapshot that differs between its guests. */
const savedConfig = z.looseObject({ net: z.tuple([z.looseObject({ tap: z.string() })]) })

/** Makes a folder like that of a snapshot, with another tap. The other files are links: Cloud Hypervisor reads them. */
function withTap(folder: string, copy: string, tap: string): string {
  mkdirSync(copy)
  const config = savedConfig.parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
  writeFileSync(join(copy, 'config.json'), JSON.stringify({ ...config, net: [{ ...config.net[0], tap }] }))
  for (const name of ['state.json', 'memory-ranges']) symlinkSync(join(folder, name), join(copy, name))
  return copy
}

/** Milliseconds that saving or loading the memory of a guest may take. */
const snapshotMs = 120_000

/** Saving guests by Cloud Hypervisor's API, as snapshot_restore.md of its repository (v53) describes it. */
const snapshots: SnapshotAbility<Options> = {
  boot: async (sandbox, options) => {
    const machine = { kernel: kernelOf(options), disk: await rootDiskFor(sandbox), share: false }
    return bootSavableVm(sandbox, await vmSpec(sandbox, machine, options))
  },
  save: async (sandbox, folder) => {
    await vmmRequest(api(sandbox), { method: 'PUT', path: '/api/v1/vm.pause' })
    const body = { destination_url: `file://${folder}` }
    await vmmRequest(api(sandbox), { method: 'PUT', path: '/api/v1/vm.snapshot', body }, snapshotMs)
    saveNonce(sandbox, folder)
  },
  restore: async (sandbox, folder, options) => {
    const tap = await sandbox.tap()
    const source = withTap(folder, join(sandbox.stateDir, 'restoring'), tap.device)
    const vmmArgv: HostArgv = [
      programOf(options),
      ...['--api-socket', `path=${apiSocket}`, '--event-monitor', 'path=events.log'],
    ]
    return resumeVm(sandbox, restoredVm(folder, vmmArgv), async () => {
      const body = { source_url: `file://${source}` }
      await firstVmmRequest(api(sandbox), { method: 'PUT', path: '/api/v1/vm.restore', body }, snapshotMs)
      await vmmRequest(api(sandbox), { method: 'PUT', path: '/api/v1/vm.resume' })
    })
  },
}

/** Cloud Hypervisor: a VMM for clouds with only virtio devices. */
export const cloudHypervisor = defineDriver({
  kind: 'cloud-hypervisor',
  family: 'hypervisor',
  description: 'Cloud Hypervisor, a VMM with only virtio devices',
  options: optionsSchema,
  requirements: (options) => [
    releaseRequirement(vmm, options),
    virtiofsdRequirement(),
    ...kernelRequirements,
    ...diskRequirements,
  ],
  version: (options) => [programOf(options), '--version'],
  preflight: kvmPreflight,
  cpuMode: kvmCpuMode,
  versionDetails: async (options) => kernelName(options),
  artifacts: (options, rootfs) => guestArtifacts(rootfs, kernelSource(options)),
  vmmStart: async (_place, kernel, options) => {
    const vmArgs = ['--cpus', 'boot=1', '--memory', `size=${probeKernelMiB}M`, '--kernel', kernel]
    return { argv: [programOf(options), '--serial', 'tty', '--console', 'off', ...vmArgs], accelerator: 'kvm' }
  },
  snapshots,
  oneShot: async (sandbox, argv, options) => vmOneShot(sandbox, await prepare(sandbox, options), argv),
  boot: async (sandbox, options) => {
    const guest = await bootVm(sandbox, await prepare(sandbox, options))
    const set = async (verb: 'pause' | 'resume') => {
      await vmmRequest(api(sandbox), { method: 'PUT', path: `/api/v1/vm.${verb}` })
    }
    return {
      ...guest,
      pause: () => set('pause'),
      resume: () => set('resume'),
    }
  },
})
