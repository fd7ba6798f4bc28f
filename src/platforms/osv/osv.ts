import { program } from '../../entries.ts'
import { MachineError } from '../../errors.ts'
import { isUsable, kvm } from '../../guest/vm/kvm.ts'
import { defineDriver, type GuestArgv, type HostArgv, type Place } from '../driver.ts'
import { acceleration, blockOptions, ramMiB } from '../qemu/machine.ts'
import type { Accelerator } from '../qemu/options.ts'
import { accelerator } from '../qemu/qemu.ts'
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

async function prepare(place: Place, given: Options): Promise<Prepared> {
  const files = filesOf(given)
  if ('reason' in files) throw new MachineError(files.reason, files.fix)
  return { files, accel: await accelerator(given), network: await place.tap() }
}

/** `198.18.0.2/30` as OSv's `--ip` has it. */
function ipOption(address: string): string {
  const [host, prefix] = address.split('/')
  const mask = [24, 16, 8, 0].map((shift) => ((0xffffffff << (32 - Number(prefix))) >>> shift) & 255)
  return `--ip=eth0,${host},${mask.join('.')}`
}

/** Argv that boots OSv with `argv` as its program, whose console becomes its output. */
function boot(place: Place, { files, accel, network }: Prepared, { programs }: Options, argv: GuestArgv): HostArgv {
  const line = commandLine({ command: files.command, programs }, argv, [ipOption(network.address)])
  // A guest that resets itself boots again, and is then told from one that has powered off: so without -no-reboot.
  const monitor: HostArgv = [
    // What the guest writes to its disk is in a file that QEMU removes, below the place.
    ...(['env', `TMPDIR=${place.directory}`, 'qemu-system-x86_64'] as const),
    ...['-machine', 'q35', ...acceleration(accel)],
    ...['-smp', String(place.limits.cpus.length), '-m', `${ramMiB(place, accel)}M`],
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-serial', 'stdio'],
    ...['-drive', `if=none,id=root,snapshot=on,${blockOptions(files.image, formatOf(files.image))}`],
    ...['-device', 'virtio-blk-pci,drive=root', '-device', 'virtio-rng-pci'],
    ...['-netdev', `tap,id=net,ifname=${network.device},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net,mac=${network.mac},romfile=`],
    ...['-kernel', files.kernel, '-append', line],
  ]
  return place.insideTap(['perl', program('console.pl'), marker, crash, ...monitor])
}

/** OSv, a unikernel: one program in the kernel's own address space, without processes. */
export const osv = defineDriver<Options>({
  kind: 'osv',
  family: 'unikernel',
  about: 'OSv, a unikernel that runs one program of its image',
  options,
  requirements: () => [
    { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' },
    { binary: 'perl', package: 'perl-base' },
  ],
  version: () => ['qemu-system-x86_64', '--version'],
  files: (given) => {
    const files = filesOf(given)
    return 'reason' in files ? [] : [files.image, files.kernel]
  },
  obstacle: async (given) => {
    const files = filesOf(given)
    if ('reason' in files) return files
    const found = given.accel === 'kvm' ? await kvm() : undefined
    return found && !isUsable(found) ? `KVM is ${found.state} here: ${found.about}` : undefined
  },
  apart: async (given) => {
    if ((await accelerator(given)) === 'tcg') return 'emulated'
    return (await kvm()).state === 'nested' ? 'nested' : undefined
  },
  details: async (given) => {
    const files = filesOf(given)
    return ['reason' in files ? '' : `OSv ${versionOf(files.kernel)}`, given.on, await accelerator(given)].join(', ')
  },
  once: async (place, argv, given) => boot(place, await prepare(place, given), given, argv),
  open: async (place, given) => {
    const prepared = await prepare(place, given)
    return { singleProcess: true, enter: (argv) => boot(place, prepared, given, argv) }
  },
})
