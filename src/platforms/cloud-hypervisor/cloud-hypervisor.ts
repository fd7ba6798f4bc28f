import { join } from 'node:path'
import { conductOnce, conductOpen, enterGuest, memoryKillsIn } from '../../guest/vm/conductor.ts'
import { floorMiB } from '../../guest/vm/floor.ts'
import { kernelRequirements } from '../../guest/vm/kernel.ts'
import { kvmObstacle, nestedKvm } from '../../guest/vm/kvm.ts'
import { ask } from '../../guest/vm/monitor-api.ts'
import { guestParts } from '../../guest/vm/parts.ts'
import { diskFor, diskRequirements } from '../../guest/vm/root-disk.ts'
import { virtiofsdRequirement } from '../../guest/vm/virtiofsd.ts'
import { defineDriver, type Place } from '../driver.ts'
import { kernelName, kernelOf, kernelSource } from '../kernel-options.ts'
import { releaseRequirement } from '../release.ts'
import { apiSocket, machineOf } from './machine.ts'
import { type Options, options } from './options.ts'

export const release = {
  binary: 'cloud-hypervisor',
  project: 'cloud-hypervisor/cloud-hypervisor',
  version: 'v52.0',
  file: 'cloud-hypervisor-static',
  sha256: '829af01ff075bb96c4f183905134c453a88d68cbabdc6b87df21098842581ee9',
}

const prepare = async (place: Place, given: Options) =>
  machineOf(place, { kernel: kernelOf(given), disk: await diskFor(place) }, given)

/** Cloud Hypervisor: a monitor for clouds, with virtio devices alone. */
export const cloudHypervisor = defineDriver<Options>({
  kind: 'cloud-hypervisor',
  family: 'hypervisor',
  about: 'Cloud Hypervisor, a monitor with virtio devices alone',
  options,
  requirements: ({ binary }) => [
    releaseRequirement(release, binary),
    virtiofsdRequirement(),
    ...kernelRequirements,
    ...diskRequirements,
  ],
  version: ({ binary = 'cloud-hypervisor' }) => [binary, '--version'],
  obstacle: kvmObstacle,
  apart: nestedKvm,
  details: async (given) => kernelName(given),
  parts: (given, rootfs) => guestParts(rootfs, kernelSource(given)),
  floor: async (_place, kernel, { binary = 'cloud-hypervisor' }) => {
    const machine = ['--cpus', 'boot=1', '--memory', `size=${floorMiB}M`, '--kernel', kernel]
    return { argv: [binary, '--serial', 'tty', '--console', 'off', ...machine], accel: 'kvm' }
  },
  once: async (place, argv, given) => place.insideTap(conductOnce(place, await prepare(place, given), argv)),
  open: async (place, given) => {
    await place.start(place.insideTap(conductOpen(place, await prepare(place, given))))
    await place.run(place.inside(enterGuest(place, [])))
    const set = async (verb: 'pause' | 'resume') => {
      await ask(join(place.directory, apiSocket), { method: 'PUT', path: `/api/v1/vm.${verb}` })
    }
    return {
      enter: (argv) => place.inside(enterGuest(place, argv)),
      memoryKills: () => memoryKillsIn(place),
      pause: () => set('pause'),
      resume: () => set('resume'),
    }
  },
})
