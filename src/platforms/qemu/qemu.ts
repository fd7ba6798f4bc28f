import { join } from 'node:path'
import { guestOomKills, supervisorRunArgv, supervisorServeArgv, vmExecArgv } from '../../guest/vm/conductor.ts'
import { dataDiskRequirements } from '../../guest/vm/data-disk.ts'
import { kernelRequirements } from '../../guest/vm/kernel.ts'
import { isUsable, kvm, kvmCpuMode, kvmPreflight, opensKvm } from '../../guest/vm/kvm.ts'
import { guestArtifacts } from '../../guest/vm/parts.ts'
import { diskRequirements, rootDiskFor } from '../../guest/vm/root-disk.ts'
import { virtiofsdRequirement } from '../../guest/vm/virtiofsd.ts'
import { defineDriver, type GuestSandbox } from '../driver.ts'
import { kernelName, kernelOf, kernelSource } from '../kernel-options.ts'
import { vmmStartArgv, vmSpec } from './machine.ts'
import { type Accelerator, type Options, options } from './options.ts'
import { qmp } from './qmp.ts'

/** How a guest's code is run: as asked, else by KVM where it is usable. */
export const accelerator = async ({ accel }: Pick<Options, 'accel'>): Promise<Accelerator> =>
  accel ?? (isUsable(await kvm()) ? 'kvm' : 'tcg')

async function prepare(place: GuestSandbox, given: Options) {
  const kernel = kernelOf(given)
  const disk = await rootDiskFor(place)
  return vmSpec(place, { kernel, disk, accel: await accelerator(given) }, given)
}

/** QEMU: a machine with devices of its own, run by KVM or emulated. */
export const qemu = defineDriver<Options>({
  kind: 'qemu',
  family: 'hypervisor',
  description: 'QEMU, a virtual machine with its own kernel',
  options,
  requirements: ({ share }) => [
    { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' },
    ...(share === 'virtiofs' ? [virtiofsdRequirement()] : []),
    ...kernelRequirements,
    ...diskRequirements,
    ...(share === 'block' ? dataDiskRequirements : []),
  ],
  version: () => ['qemu-system-x86_64', '--version'],
  cpuMode: async (given) => {
    if ((await accelerator(given)) === 'tcg') return 'emulated'
    return kvmCpuMode()
  },
  preflight: async ({ accel }) => (accel === 'kvm' ? kvmPreflight() : undefined),
  versionDetails: async (given) => [kernelName(given), given.firmware, await accelerator(given)].join(', '),
  artifacts: (given, rootfs) => guestArtifacts(rootfs, kernelSource(given)),
  vmmStart: async (_place, kernel, given) => {
    // Even where KVM is too slow for a kernel: what this guest does in kernel mode is nothing.
    const accel = given.accel ?? (opensKvm() ? 'kvm' : 'tcg')
    return { argv: vmmStartArgv(kernel, accel, given), accelerator: accel }
  },
  oneShot: async (place, argv, given) => place.wrapWithTap(supervisorRunArgv(place, await prepare(place, given), argv)),
  boot: async (place, given) => {
    await place.spawn(place.wrapWithTap(supervisorServeArgv(place, await prepare(place, given))))
    const monitor = join(place.stateDir, 'qmp.sock')
    await place.run(place.wrap(vmExecArgv(place, [])))
    return {
      execArgv: (argv) => place.wrap(vmExecArgv(place, argv)),
      oomKillCount: () => guestOomKills(place),
      pause: () => qmp(monitor, 'stop'),
      resume: () => qmp(monitor, 'cont'),
    }
  },
})
