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
import { bootVm, createNonce, kernelCommandLine, type VmSpec, vmOneShot } from '../vm/supervisor.ts'

const optionsSchema = z.strictObject({
  /** A user-mode Linux kernel instead of Debian's. */
  kernel: z.string().optional(),
  /** Directory of its modules. Needed unless ext4, hostfs and the vector network are built in. */
  modules: z.string().optional(),
  /** /data: a disk, or a host directory by hostfs, which does not support direct I/O. */
  share: z.enum(['block', 'hostfs']).default('block'),
})

type Options = z.output<typeof optionsSchema>

const debian = 'linux.uml'

const kernelSource = ({ kernel, modules }: Pick<Options, 'kernel' | 'modules'>): KernelSource => ({
  kernel: kernel ?? which(debian) ?? `/usr/bin/${debian}`,
  modules,
})

/** MiB of the guest's memory limit without its RAM: kernel, VM supervisor, and page tables of the guest's processes. */
const overhead = 64

/** Returns a user-mode Linux with a guest, for the VM supervisor. */
async function vmSpec(sandbox: GuestSandbox, options: Options): Promise<VmSpec> {
  const { cpus, memoryBytes } = sandbox.limits
  if (cpus.length > 1)
    throw new HostError(
      `user-mode Linux supports one CPU, but guest.cpus is ${cpus.length}.`,
      'set guest.cpus to 1 in isobench.config.ts',
    )
  const kernel = findKernel(kernelSource(options))
  if (!kernel) throw new HostError('the guest kernel has not been built.', 'isobench image build')
  const [disk, tap, nonce] = [await rootDiskFor(sandbox), await sandbox.tap(), createNonce()]
  const ram = Math.floor(memoryBytes / 1024 ** 2) - overhead
  // UML's RAM is a file that UML deletes after opening it. On a private tmpfs, a kill before that leaves nothing
  // behind.
  const memory = join(sandbox.stateDir, 'ram')
  mkdirSync(memory)
  await runHostCommand(['mount', '-t', 'tmpfs', '-o', `size=${ram + 1}M,mode=0700`, 'isobench', memory])
  const line = kernelCommandLine(
    {
      root: 'ext4:/dev/ubda',
      data: options.share === 'block' ? 'ext4:/dev/ubdb' : 'hostfs:none',
      address: tap.address,
      link: 'vec0',
      channel: 'tty:/dev/ttyS0',
      // After a reboot, UML would start again.
      halt: 'poweroff',
    },
    nonce,
  )
  const vmm: HostArgv = [
    ...(['env', `TMPDIR=${memory}`, kernel.vmlinux] as const),
    // Read-only (r) and shared (c), because a lock would keep guests of other VMMs from their root disk.
    ...[`mem=${ram}M`, `initrd=${kernel.initramfs}`, `ubd0rc=${disk}`],
    // hostfs paths are relative to the sandbox's state directory, where the VM supervisor starts UML.
    options.share === 'block' ? `ubd1=${await makeDataDisk(sandbox)}` : 'hostfs=./data',
    ...[`uml_dir=${sandbox.stateDir}`, 'umid=uml'],
    // Without `gro`, transfers from the host stall. Documentation/virt/uml/user_mode_linux_howto_v2.rst of the kernel
    // says to enable it where the host has segmentation offloads, as taps have.
    `vec0:transport=tap,ifname=${tap.device},mac=${tap.mac},gro=1`,
    // Kernel messages go to the VMM's log. The first serial line is the agent's channel.
    ...['con=null', 'con0=null,fd:2', 'ssl=null', 'ssl0=fd:3'],
    line,
  ]
  return { nonce, vmm }
}

/** User-mode Linux: a Linux kernel that runs as a host process, for hosts without virtualization. */
export const userModeLinux = defineDriver({
  kind: 'user-mode-linux',
  family: 'hypervisor',
  description: 'user-mode Linux, a guest kernel that runs as a host process, without KVM',
  options: optionsSchema,
  requirements: ({ kernel, share }) => [
    ...(kernel === undefined ? [{ binary: debian, package: 'user-mode-linux' }] : []),
    { binary: 'perl', package: 'perl-base' },
    ...diskRequirements,
    ...(share === 'block' ? dataDiskRequirements : []),
  ],
  version: ({ kernel }) => [kernel ?? debian, '--version'],
  // It executes the kernel that isobench has built from its file.
  programRoles: () => [{ name: /^(?:vmlinux|linux)/, role: 'vmm' }],
  artifacts: (options, rootfs) => guestArtifacts(rootfs, kernelSource(options)),
  oneShot: async (sandbox, argv, options) => vmOneShot(sandbox, await vmSpec(sandbox, options), argv),
  // No pause: like a container, it uses the host's clock, which continues while it is frozen.
  boot: async (sandbox, options) => bootVm(sandbox, await vmSpec(sandbox, options)),
})
