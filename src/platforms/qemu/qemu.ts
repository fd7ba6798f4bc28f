import { join } from 'node:path'
import { conductOnce, conductOpen, enterGuest, memoryKillsIn } from '../../guest/vm/conductor.ts'
import { dataDiskRequirements } from '../../guest/vm/data-disk.ts'
import { kernelRequirements } from '../../guest/vm/kernel.ts'
import { isUsable, kvm, kvmObstacle, nestedKvm, opensKvm } from '../../guest/vm/kvm.ts'
import { guestParts } from '../../guest/vm/parts.ts'
import { diskFor, diskRequirements } from '../../guest/vm/root-disk.ts'
import { virtiofsdRequirement } from '../../guest/vm/virtiofsd.ts'
import { defineDriver, type Place } from '../driver.ts'
import { kernelName, kernelOf, kernelSource } from '../kernel-options.ts'
import { floorOf, machineOf } from './machine.ts'
import { type Accelerator, type Options, options } from './options.ts'
import { qmp } from './qmp.ts'

/** How a guest's code is run: as asked, else by KVM where it is usable. */
export const accelerator = async ({ accel }: Pick<Options, 'accel'>): Promise<Accelerator> =>
  accel ?? (isUsable(await kvm()) ? 'kvm' : 'tcg')

async function prepare(place: Place, given: Options) {
  const kernel = kernelOf(given)
  const disk = await diskFor(place)
  return machineOf(place, { kernel, disk, accel: await accelerator(given) }, given)
}

/** QEMU: a machine with devices of its own, run by KVM or emulated. */
export const qemu = defineDriver<Options>({
  kind: 'qemu',
  family: 'hypervisor',
  about: 'QEMU, a virtual machine with its own kernel',
  options,
  requirements: ({ share }) => [
    { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' },
    ...(share === 'virtiofs' ? [virtiofsdRequirement()] : []),
    ...kernelRequirements,
    ...diskRequirements,
    ...(share === 'block' ? dataDiskRequirements : []),
  ],
  version: () => ['qemu-system-x86_64', '--version'],
  apart: async (given) => {
    if ((await accelerator(given)) === 'tcg') return 'emulated'
    return nestedKvm()
  },
  obstacle: async ({ accel }) => (accel === 'kvm' ? kvmObstacle() : undefined),
  details: async (given) => [kernelName(given), given.firmware, await accelerator(given)].join(', '),
  parts: (given, rootfs) => guestParts(rootfs, kernelSource(given)),
  floor: async (_place, kernel, given) => {
    // Even where KVM is too slow for a kernel: what this guest does in kernel mode is nothing.
    const accel = given.accel ?? (opensKvm() ? 'kvm' : 'tcg')
    return { argv: floorOf(kernel, accel, given), accel }
  },
  once: async (place, argv, given) => place.insideTap(conductOnce(place, await prepare(place, given), argv)),
  open: async (place, given) => {
    await place.start(place.insideTap(conductOpen(place, await prepare(place, given))))
    const monitor = join(place.directory, 'qmp.sock')
    await place.run(place.inside(enterGuest(place, [])))
    return {
      enter: (argv) => place.inside(enterGuest(place, argv)),
      memoryKills: () => memoryKillsIn(place),
      pause: () => qmp(monitor, 'stop'),
      resume: () => qmp(monitor, 'cont'),
    }
  },
})
