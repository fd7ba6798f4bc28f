import * as z from 'zod'
import { guestOomKills, supervisorRunArgv, supervisorServeArgv, vmExecArgv } from '../../guest/vm/conductor.ts'
import { dataDiskRequirements, makeDataDisk } from '../../guest/vm/data-disk.ts'
import { probeKernelMiB } from '../../guest/vm/floor.ts'
import { kernelRequirements } from '../../guest/vm/kernel.ts'
import { kvmCpuMode, kvmPreflight } from '../../guest/vm/kvm.ts'
import { vmmRequest } from '../../guest/vm/monitor-api.ts'
import { guestArtifacts } from '../../guest/vm/parts.ts'
import { diskRequirements, rootDiskFor } from '../../guest/vm/root-disk.ts'
import { defineDriver, type GuestSandbox } from '../driver.ts'
import { kernelName, kernelOf, kernelSource } from '../kernel-options.ts'
import { releaseRequirement } from '../release.ts'
import { jailerOf, microvm, vmSpec } from './machine.ts'
import { type Options, options } from './options.ts'

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
