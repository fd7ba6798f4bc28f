import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { programPath } from '../../entries.ts'
import { HostError } from '../../errors.ts'
import { kvmCpuMode, kvmPreflight } from '../../guest/vm/kvm.ts'
import { defineDriver, type GuestArgv, type GuestSandbox, type HostArgv } from '../driver.ts'
import { type Config, driveConfig, logErrorsOnly } from '../firecracker/config.ts'
import { release } from '../firecracker/firecracker.ts'
import { ramMiB as firecrackerMiB } from '../firecracker/machine.ts'
import { acceleration, blockOptions, ramMiB } from '../qemu/machine.ts'
import type { Accelerator } from '../qemu/options.ts'
import { accelerator } from '../qemu/qemu.ts'
import { releaseRequirement } from '../release.ts'
import { commandLine } from './command-line.ts'
import { filesOf, formatOf, type OsvFiles, versionOf } from './image.ts'
import { type Options, options } from './options.ts'

/** OSv prints the command line, and what comes after it is the program's; and these when it cannot go on. */
const [marker, crash] = [
  'Cmdline: ',
  '^(Aborted|\\[backtrace\\]|Assertion failed: |Failed to load object: |Out of memory: )',
]

/** All that is known before a guest has something to run. */
interface Prepared {
  readonly files: OsvFiles
  readonly accel: Accelerator
  readonly network: { readonly device: string; readonly mac: string; readonly address: string }
}

/** Firecracker runs nothing without KVM. */
const accelOf = async (given: Options): Promise<Accelerator> =>
  given.on === 'firecracker' ? 'kvm' : accelerator(given)

async function prepare(place: GuestSandbox, given: Options): Promise<Prepared> {
  const files = filesOf(given)
  if ('reason' in files) throw new HostError(files.reason, files.fix)
  return { files, accel: await accelOf(given), network: await place.tap() }
}

/** `198.18.0.2/30` as OSv's `--ip` has it. */
function ipOption(address: string): string {
  const [host, prefix] = address.split('/')
  const mask = [24, 16, 8, 0].map((shift) => ((0xffffffff << (32 - Number(prefix))) >>> shift) & 255)
  return `--ip=eth0,${host},${mask.join('.')}`
}

/** QEMU with the image, whose serial port is its standard output. */
function onQemu(place: GuestSandbox, { files, accel, network }: Prepared, line: string): HostArgv {
  // A guest that resets itself boots again, and is then told from one that has powered off: so without -no-reboot.
  return [
    // What the guest writes to its disk is in a file that QEMU removes, below the place.
    ...(['env', `TMPDIR=${place.stateDir}`, 'qemu-system-x86_64'] as const),
    ...['-machine', 'q35', ...acceleration(accel)],
    ...['-smp', String(place.limits.cpus.length), '-m', `${ramMiB(place, accel)}M`],
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-serial', 'stdio'],
    ...['-drive', `if=none,id=root,snapshot=on,${blockOptions(files.image, formatOf(files.image))}`],
    ...['-device', 'virtio-blk-pci,drive=root', '-device', 'virtio-rng-pci'],
    ...['-netdev', `tap,id=net,ifname=${network.device},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net,mac=${network.mac},romfile=`],
    ...['-kernel', files.kernel, '-append', line],
  ]
}

/** What Firecracker is told; it has no PCI, and OSv is not to look for it (OSv's `scripts/firecracker.py`). */
export const firecrackerConfig = (
  place: GuestSandbox,
  { files, network }: Pick<Prepared, 'files' | 'network'>,
  line: string,
): Config => ({
  'boot-source': { kernel_image_path: files.kernel, boot_args: `--nopci ${line}` },
  'machine-config': { vcpu_count: place.limits.cpus.length, mem_size_mib: firecrackerMiB(place) },
  drives: [driveConfig('root', files.image, { root: false, readOnly: true })],
  'network-interfaces': [{ iface_id: 'eth0', host_dev_name: network.device, guest_mac: network.mac }],
})

let commands = 0

/** Firecracker from a configuration of the command's own, without its API: its serial port is its standard output. */
function onFirecracker(place: GuestSandbox, prepared: Prepared, line: string): HostArgv {
  const file = join(place.stateDir, `osv-${commands++}.json`)
  writeFileSync(file, JSON.stringify(firecrackerConfig(place, prepared, line)))
  return ['firecracker', ...logErrorsOnly, '--no-api', '--config-file', file]
}

/** Argv that boots OSv with `argv` as its program, whose console becomes its output. */
function boot(place: GuestSandbox, prepared: Prepared, { on, programs }: Options, argv: GuestArgv): HostArgv {
  const { files, network } = prepared
  const line = commandLine({ command: files.command, programs }, argv, [ipOption(network.address)])
  const vmm = on === 'qemu' ? onQemu(place, prepared, line) : onFirecracker(place, prepared, line)
  return place.wrapWithTap(['perl', programPath('console.pl'), marker, crash, ...vmm])
}

/** OSv, a unikernel: one program in the kernel's own address space, without processes. */
export const osv = defineDriver<Options>({
  kind: 'osv',
  family: 'unikernel',
  description: 'OSv, a unikernel that runs one program of its image',
  options,
  requirements: ({ on }) => [
    on === 'qemu' ? { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' } : releaseRequirement(release),
    { binary: 'perl', package: 'perl-base' },
  ],
  version: ({ on }) => [on === 'qemu' ? 'qemu-system-x86_64' : 'firecracker', '--version'],
  configFiles: (given) => {
    const files = filesOf(given)
    return 'reason' in files ? [] : [files.image, files.kernel]
  },
  preflight: async (given) => {
    const files = filesOf(given)
    if ('reason' in files) return files
    if (given.on === 'firecracker' && formatOf(files.image) === 'qcow2') {
      const fix = `qemu-img convert -O raw ${files.image} ${files.image}.raw, and name that as the image`
      return { reason: `Firecracker reads no qcow2, which ${files.image} is`, fix }
    }
    return given.on === 'firecracker' || given.accel === 'kvm' ? kvmPreflight() : undefined
  },
  cpuMode: async (given) => ((await accelOf(given)) === 'tcg' ? 'emulated' : kvmCpuMode()),
  versionDetails: async (given) => {
    const files = filesOf(given)
    return ['reason' in files ? '' : `OSv ${versionOf(files.kernel)}`, given.on, await accelOf(given)].join(', ')
  },
  oneShot: async (place, argv, given) => boot(place, await prepare(place, given), given, argv),
  boot: async (place, given) => {
    const prepared = await prepare(place, given)
    return { singleProcess: true, execArgv: (argv) => boot(place, prepared, given, argv) }
  },
})
