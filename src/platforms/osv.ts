import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { defineDriver, type Unavailable } from '../driver.ts'
import type { GuestArgv, HostArgv } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { programPath } from '../util/assets.ts'
import { HostError, UnsupportedError } from '../util/errors.ts'
import { kvmCpuMode, kvmPreflight } from '../vm/kvm.ts'
import { type Config, driveConfig, ramMiB as firecrackerMiB, logErrorsOnly, release } from './firecracker.ts'
import { type Accelerator, acceleration, accelerator, blockOptions, ramMiB } from './qemu.ts'
import { releaseRequirement } from './shared/binaries.ts'

/** What an OSv guest can be asked for. */
export interface Programs {
  /** OSv's own options, `--rootfs=rofs`, and the command that stands for a boot. */
  readonly command: string
  /** What of the image stands for a workload's program. */
  readonly programs: Readonly<Record<string, string>>
}

/** A word as OSv's parser takes it (`core/commands.cc`): in quotes, in which `\` escapes. */
const quoted = (word: string): string =>
  `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`

/** OSv's own options are split at spaces, which `\` escapes. */
const escaped = (option: string): string => option.replaceAll('\\', '\\\\').replaceAll(' ', '\\ ')

/** OSv's options are the words before the program. */
function parted(command: string): { readonly options: readonly string[]; readonly program: string } {
  const words = command.trim().split(/\s+/)
  const at = words.findIndex((word) => !word.startsWith('--'))
  return {
    options: words.slice(0, at < 0 ? words.length : at),
    program: words.slice(at < 0 ? words.length : at).join(' '),
  }
}

/** `env -C folder NAME=value program …`, by which isobench sets a command's environment and folder, as OSv's own options. */
function withoutEnv(argv: readonly string[]): {
  readonly options: readonly string[]
  readonly argv: readonly string[]
} {
  if (argv[0] !== 'env') return { options: [], argv }
  const rest = argv.slice(1)
  const options = rest[0] === '-C' ? [`--cwd=${rest.splice(0, 2)[1]}`] : []
  while (/^\w+=/.test(rest[0] ?? '')) options.push(`--env=${rest.shift()}`)
  return { options, argv: rest }
}

/**
 * The command line of an OSv kernel that runs `argv`. isobench's own programs for a boot are the image's command.
 * @throws UnsupportedError for a program that the image has nothing for.
 */
export function commandLine(
  { command, programs }: Programs,
  argv: readonly string[],
  network: readonly string[],
): string {
  const own = parted(command)
  const wanted = withoutEnv(argv)
  const [name = '', ...args] = wanted.argv
  // It takes what follows for the name of a variable, in quotes too, and nothing escapes it.
  if (args.some((word) => word.includes('$'))) {
    throw new UnsupportedError(`OSv's command line can have no "$", which ${name} is given`)
  }
  const options = [...own.options, ...network, ...wanted.options].map(escaped)
  if (Object.hasOwn(programs, name)) return [...options, programs[name], ...args.map(quoted)].join(' ')
  if (name === '/bin/busybox' && own.program !== '') return [...options, own.program].join(' ')
  throw new UnsupportedError(
    `OSv runs one program of its image and forks none, and nothing in the image stands for ${name}`,
    `name it in the platform's options: programs: { '${name}': '/…' }`,
  )
}

/** Where OSv's `scripts/build` puts what it makes, beside the image: `build/last`. */
const kernelName = 'loader-stripped.elf'

export interface OsvFiles {
  readonly image: string
  readonly kernel: string
  readonly command: string
}

interface Given {
  readonly image?: string | undefined
  readonly kernel?: string | undefined
  readonly command?: string | undefined
}

export const howToBuild =
  "build one with OSv's own tools: in a checkout of github.com/cloudius-systems/osv, with its submodules, " +
  'scripts/setup.py, then scripts/build fs=rofs image=<app>; and name what it leaves: ' +
  "platform('osv', { image: '/…/build/last/usr.img' })"

/** An image of OSv's with its kernel and its command line; or what of them is not there. */
export function filesOf({ image, kernel, command }: Given): OsvFiles | Unavailable {
  if (image === undefined) return { reason: 'no OSv image', fix: howToBuild }
  const beside = (name: string) => join(dirname(image), name)
  const loader = kernel ?? beside(kernelName)
  const absent = [image, loader].find((file) => !existsSync(file))
  if (absent !== undefined) return { reason: `no OSv image: there is no ${absent}`, fix: howToBuild }
  const line = command ?? (existsSync(beside('cmdline')) ? readFileSync(beside('cmdline'), 'utf8') : '')
  return { image, kernel: loader, command: line.trim() }
}

/** QEMU's own name for an image's format: qcow2 by its first bytes, else raw. */
export function formatOf(image: string): 'qcow2' | 'raw' {
  const file = openSync(image, 'r')
  try {
    const bytes = Buffer.alloc(4)
    readSync(file, bytes, 0, 4, 0)
    return bytes.toString('latin1') === 'QFI\xfb' ? 'qcow2' : 'raw'
  } finally {
    closeSync(file)
  }
}

/** OSv's kernels say what they are when they start: `OSv v0.57.0-398-g0e34e4dc`. */
export const versionOf = (kernel: string): string =>
  /OSv (v\d[\w.-]+)/.exec(readFileSync(kernel, 'latin1'))?.[1] ?? 'of no known version'

const file = z.string().regex(/^\//, 'give the whole path of the file')

export const options = z.strictObject({
  /** The monitor that boots it. Firecracker takes raw images alone. */
  on: z.enum(['qemu', 'firecracker']).default('qemu'),
  /** An image of OSv's own tools, qcow2 or raw: `build/last/usr.img`. It is never written to. */
  image: file.optional(),
  /** OSv's kernel; left out: `loader-stripped.elf` beside the image. */
  kernel: file.optional(),
  /** OSv's options and the command that stands for a boot; left out: what is in the file `cmdline` beside the image. */
  command: z.string().optional(),
  /** What of the image stands for a workload's program: `{ sysbench: '/sysbench.so' }`. */
  programs: z.record(z.string(), z.string()).default({}),
  /** On QEMU; left out: KVM where it is usable, else TCG. */
  accel: z.enum(['kvm', 'tcg']).optional(),
})

export type Options = z.output<typeof options>

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
  return place.wrapWithTap(['perl', programPath('console-guest.pl'), marker, crash, ...vmm])
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
