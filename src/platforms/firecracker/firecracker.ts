import * as z from 'zod'
import { conductOnce, conductOpen, enterGuest, memoryKillsIn } from '../../guest/vm/conductor.ts'
import { dataDiskRequirements, makeDataDisk } from '../../guest/vm/data-disk.ts'
import { floorMiB } from '../../guest/vm/floor.ts'
import { kernelRequirements } from '../../guest/vm/kernel.ts'
import { kvmObstacle, nestedKvm } from '../../guest/vm/kvm.ts'
import { ask } from '../../guest/vm/monitor-api.ts'
import { guestParts } from '../../guest/vm/parts.ts'
import { diskFor, diskRequirements } from '../../guest/vm/root-disk.ts'
import { defineDriver, type Place } from '../driver.ts'
import { kernelName, kernelOf, kernelSource } from '../kernel-options.ts'
import { releaseRequirement } from '../release.ts'
import { jailerOf, machineOf, microvm } from './machine.ts'
import { type Options, options } from './options.ts'

/** 1.16.0 and 1.16.1 lose the vsock of a guest that was paused, so it is the last release before them. */
export const release = {
  binary: 'firecracker',
  project: 'firecracker-microvm/firecracker',
  version: 'v1.15.1',
  file: 'firecracker-v1.15.1-x86_64.tgz',
  sha256: 'd4a32ab2322d887ca1bc4a4e7afa9cc35393e6362dfc2b3becb389d362e4275a',
}

const prepare = async (place: Place, given: Options) =>
  machineOf(place, { kernel: kernelOf(given), disk: await diskFor(place), data: await makeDataDisk(place) }, given)

/** What `GET /` answers, as far as it is used: InstanceInfo of firecracker.yaml. */
const instance = z.object({ vmm_version: z.string() })

/**
 * Whether a guest can be paused and still be spoken to. In 1.16.0 and 1.16.1 its vsock takes nothing from the host after a
 * resume without a snapshot (firecracker-microvm/firecracker#6100).
 */
export const canPause = (version: string): boolean => !/^1\.16\.[01]$/.test(version)

export const firecracker = defineDriver<Options>({
  kind: 'firecracker',
  family: 'hypervisor',
  about: 'Firecracker, a small monitor for guests with their own kernel',
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
  obstacle: kvmObstacle,
  apart: nestedKvm,
  details: async (given) => [kernelName(given), ...(given.jailer === false ? [] : ['jailed'])].join(', '),
  parts: (given, rootfs) => guestParts(rootfs, kernelSource(given)),
  floor: async (place, kernel, given) => {
    const config = {
      'boot-source': { kernel_image_path: kernel },
      'machine-config': { vcpu_count: 1, mem_size_mib: floorMiB },
      drives: [],
    }
    return { argv: (await microvm(place, config, given)).argv, accel: 'kvm' }
  },
  once: async (place, argv, given) => place.insideTap(conductOnce(place, await prepare(place, given), argv)),
  open: async (place, given) => {
    const machine = await prepare(place, given)
    await place.start(place.insideTap(conductOpen(place, machine)))
    await place.run(place.inside(enterGuest(place, [])))
    const { vmm_version } = instance.parse(await ask(machine.api, { method: 'GET', path: '/' }))
    const set = async (state: 'Paused' | 'Resumed') => {
      await ask(machine.api, { method: 'PATCH', path: '/vm', body: { state } })
    }
    return {
      enter: (argv) => place.inside(enterGuest(place, argv)),
      memoryKills: () => memoryKillsIn(place),
      ...(canPause(vmm_version) && { pause: () => set('Paused'), resume: () => set('Resumed') }),
    }
  },
})
