import { join } from 'node:path'
import { guestOomKills, supervisorRunArgv, supervisorServeArgv, vmExecArgv } from '../../guest/vm/conductor.ts'
import { probeKernelMiB } from '../../guest/vm/floor.ts'
import { kernelRequirements } from '../../guest/vm/kernel.ts'
import { kvmCpuMode, kvmPreflight } from '../../guest/vm/kvm.ts'
import { vmmRequest } from '../../guest/vm/monitor-api.ts'
import { guestArtifacts } from '../../guest/vm/parts.ts'
import { diskRequirements, rootDiskFor } from '../../guest/vm/root-disk.ts'
import { virtiofsdRequirement } from '../../guest/vm/virtiofsd.ts'
import { defineDriver, type GuestSandbox } from '../driver.ts'
import { kernelName, kernelOf, kernelSource } from '../kernel-options.ts'
import { releaseRequirement } from '../release.ts'
import { apiSocket, vmSpec } from './machine.ts'
import { type Options, options } from './options.ts'

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
