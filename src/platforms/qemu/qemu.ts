import { join } from 'node:path'
import { MachineError } from '../../errors.ts'
import { conductOnce, conductOpen, enterGuest, memoryKillsIn } from '../../guest/vm/conductor.ts'
import { findKernel, kernelRequirements, type OwnKernel } from '../../guest/vm/kernel.ts'
import { isUsable, kvm } from '../../guest/vm/kvm.ts'
import { guestParts } from '../../guest/vm/parts.ts'
import { diskFor, diskRequirements } from '../../guest/vm/root-disk.ts'
import { virtiofsdRequirement } from '../../guest/vm/virtiofsd.ts'
import { defineDriver, type Place } from '../driver.ts'
import { machineOf } from './machine.ts'
import { type Accelerator, type Options, options } from './options.ts'
import { qmp } from './qmp.ts'

const ownKernel = ({ kernel, modules }: Options): OwnKernel | undefined =>
  kernel === undefined ? undefined : { kernel, modules }

const accelerator = async ({ accel }: Options): Promise<Accelerator> => accel ?? (isUsable(await kvm()) ? 'kvm' : 'tcg')

async function prepare(place: Place, given: Options) {
  const kernel = findKernel(ownKernel(given))
  if (!kernel) throw new MachineError('the guest kernel is not there', 'isobench image build')
  const disk = await diskFor(place)
  return machineOf(place, { kernel, disk, accel: await accelerator(given) }, given)
}

/** QEMU: a machine with devices of its own, run by KVM or emulated. */
export const qemu = defineDriver<Options>({
  kind: 'qemu',
  family: 'hypervisor',
  about: 'QEMU, a virtual machine with its own kernel',
  options,
  requirements: () => [
    { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' },
    virtiofsdRequirement(),
    ...kernelRequirements,
    ...diskRequirements,
  ],
  version: () => ['qemu-system-x86_64', '--version'],
  apart: async (given) => {
    if ((await accelerator(given)) === 'tcg') return 'emulated'
    return (await kvm()).state === 'nested' ? 'nested' : undefined
  },
  obstacle: async ({ accel }) => {
    const found = accel === 'kvm' ? await kvm() : undefined
    return found && !isUsable(found) ? `KVM is ${found.state} here: ${found.about}` : undefined
  },
  details: async (given) =>
    [`Linux ${findKernel(ownKernel(given))?.release}`, given.firmware, await accelerator(given)].join(', '),
  parts: (given, rootfs) => guestParts(rootfs, ownKernel(given)),
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
