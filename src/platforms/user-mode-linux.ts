import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { which } from '../host/packages.ts'
import { type HostArgv, runHostCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { HostError } from '../util/errors.ts'
import { dataDiskRequirements, diskRequirements, makeDataDisk, rootDiskFor } from '../vm/disks.ts'
import { findKernel, guestArtifacts, type KernelSource } from '../vm/kernel.ts'
import {
  createNonce,
  guestOomKills,
  kernelCommandLine,
  supervisorRunArgv,
  supervisorServeArgv,
  type VmSpec,
  vmExecArgv,
} from '../vm/supervisor.ts'

const options = z.strictObject({
  /** A user-mode Linux of the user's own, in place of Debian's. */
  kernel: z.string().optional(),
  /** The folder of its modules, where it has not built in ext4, hostfs and the vector network. */
  modules: z.string().optional(),
  /** What /data is: a disk of the guest's own, or a folder of the host's by hostfs, which knows no direct I/O. */
  share: z.enum(['block', 'hostfs']).default('block'),
})

type Options = z.output<typeof options>

const debian = 'linux.uml'

const source = ({ kernel, modules }: Pick<Options, 'kernel' | 'modules'>): KernelSource => ({
  kernel: kernel ?? which(debian) ?? `/usr/bin/${debian}`,
  modules,
})

/** MiB of the guest's limit beside its RAM: the kernel's own program, the conductor, and the page tables of the guest's processes. */
const overhead = 64

/** A user-mode Linux in a place: what the conductor is to start. */
async function vmSpec(place: GuestSandbox, given: Options): Promise<VmSpec> {
  const { cpus, memoryBytes } = place.limits
  if (cpus.length > 1)
    throw new HostError(
      `a user-mode Linux has one CPU, and guests are to have ${cpus.length}`,
      'set guest.cpus to 1 in the config',
    )
  const kernel = findKernel(source(given))
  if (!kernel) throw new HostError('the guest kernel is not there', 'isobench image build')
  const [disk, tap, nonce] = [await rootDiskFor(place), await place.tap(), createNonce()]
  const ram = Math.floor(memoryBytes / 1024 ** 2) - overhead
  // Its RAM is a file that it removes once it is open: in a file system of the place's, so that a kill before that leaves none.
  const memory = join(place.stateDir, 'ram')
  mkdirSync(memory)
  await runHostCommand(['mount', '-t', 'tmpfs', '-o', `size=${ram + 1}M,mode=0700`, 'isobench', memory])
  const line = kernelCommandLine(
    {
      root: 'ext4:/dev/ubda',
      data: given.share === 'block' ? 'ext4:/dev/ubdb' : 'hostfs:none',
      address: tap.address,
      link: 'vec0',
      channel: 'tty:/dev/ttyS0',
      // At a reboot it starts itself anew.
      halt: 'poweroff',
    },
    nonce,
  )
  const vmm: HostArgv = [
    ...(['env', `TMPDIR=${memory}`, kernel.vmlinux] as const),
    // Read-only (r), and shared (c): a lock on it would keep other monitors' guests from their root.
    ...[`mem=${ram}M`, `initrd=${kernel.initramfs}`, `ubd0rc=${disk}`],
    // Where hostfs begins: the conductor starts it in the place's directory.
    given.share === 'block' ? `ubd1=${await makeDataDisk(place)}` : 'hostfs=./data',
    ...[`uml_dir=${place.stateDir}`, 'umid=uml'],
    `vec0:transport=tap,ifname=${tap.device},mac=${tap.mac}`,
    // Its messages go to the monitor's log; the first serial line is the agent's.
    ...['con=null', 'con0=null,fd:2', 'ssl=null', 'ssl0=fd:3'],
    line,
  ]
  return { nonce, vmm }
}

/** User-mode Linux: a Linux kernel that is a program of the host's, for machines that cannot virtualise. */
export const userModeLinux = defineDriver<Options>({
  kind: 'user-mode-linux',
  family: 'hypervisor',
  description: 'user-mode Linux, a guest kernel that is a process of the host’s, without KVM',
  options,
  requirements: ({ kernel, share }) => [
    ...(kernel === undefined ? [{ binary: debian, package: 'user-mode-linux' }] : []),
    { binary: 'perl', package: 'perl-base' },
    ...diskRequirements,
    ...(share === 'block' ? dataDiskRequirements : []),
  ],
  version: ({ kernel }) => [kernel ?? debian, '--version'],
  artifacts: (given, rootfs) => guestArtifacts(rootfs, source(given)),
  oneShot: async (place, argv, given) => place.wrapWithTap(supervisorRunArgv(place, await vmSpec(place, given), argv)),
  boot: async (place, given) => {
    await place.spawn(place.wrapWithTap(supervisorServeArgv(place, await vmSpec(place, given))))
    await place.run(place.wrap(vmExecArgv(place, [])))
    // No pause: its clock is the host's, as a container's is, and goes on while both are frozen.
    return { execArgv: (argv) => place.wrap(vmExecArgv(place, argv)), oomKillCount: () => guestOomKills(place) }
  },
})
