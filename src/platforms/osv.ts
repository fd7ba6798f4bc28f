/** OSv, a unikernel, on QEMU or Firecracker. */

import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { defineDriver, type Unavailable } from '../driver.ts'
import type { GuestArgv, HostArgv } from '../host/process.ts'
import { findBuild } from '../host/releases/build.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { programPath } from '../util/assets.ts'
import { HostError, UnsupportedError } from '../util/errors.ts'
import { kvmCpuMode, kvmPreflight } from '../vm/kvm.ts'
import {
  type Config,
  driveConfig,
  ramMiB as firecrackerMiB,
  firecrackerProgram,
  firecrackerRequirement,
  logErrorsOnly,
} from './firecracker.ts'
import { type Accelerator, acceleration, accelerator, blockOptions, ramMiB } from './qemu.ts'
import { releaseRequirement, releaseVersion } from './shared/binaries.ts'
import { bootCommand, bootProgram, osvDisk, osvDiskPath, osvPrograms, unsupportedPrograms } from './shared/osv-image.ts'

/** What an OSv image can run. */
export interface Programs {
  /** OSv's own options, for example `--rootfs=rofs`, and the command to run for a boot. */
  readonly command: string
  /** Program of the image for each program name that a workload uses. */
  readonly programs: Readonly<Record<string, string>>
}

/** Quotes a word for OSv's parser (`core/commands.cc`): in quotes, in which `\` escapes. */
const quoted = (word: string): string =>
  `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`

/** Escapes one of OSv's own options, which are split at unescaped spaces. */
const escaped = (option: string): string => option.replaceAll('\\', '\\\\').replaceAll(' ', '\\ ')

/** OSv's options are the words before the program. */
function splitCommand(command: string): { readonly options: readonly string[]; readonly program: string } {
  const words = command.trim().split(/\s+/)
  const at = words.findIndex((word) => !word.startsWith('--'))
  return {
    options: words.slice(0, at < 0 ? words.length : at),
    program: words.slice(at < 0 ? words.length : at).join(' '),
  }
}

/**
 * Converts `env -C folder NAME=value program ...`, by which isobench sets environment and directory, to OSv's own
 * options.
 */
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
 * Returns the kernel command line of an OSv guest that runs `argv`. For a boot, isobench runs busybox; OSv runs the
 * image's command instead.
 * @throws {UnsupportedError} if the image has no such program
 */
export function commandLine(
  { command, programs }: Programs,
  argv: readonly string[],
  network: readonly string[],
): string {
  const imageCommand = splitCommand(command)
  const requested = withoutEnv(argv)
  const [name = '', ...args] = requested.argv
  // OSv replaces "$" and the following name by a variable, even in quotes, and there is no escape.
  if (args.some((word) => word.includes('$'))) {
    throw new UnsupportedError(`OSv's command line cannot contain "$", which is in the arguments of ${name}.`)
  }
  const options = [...imageCommand.options, ...network, ...requested.options].map(escaped)
  if (Object.hasOwn(programs, name)) return [...options, programs[name], ...args.map(quoted)].join(' ')
  if (name === '/bin/busybox' && imageCommand.program !== '') return [...options, imageCommand.program].join(' ')
  const reason = Object.hasOwn(unsupportedPrograms, name) ? unsupportedPrograms[name] : 'its image has no such program'
  throw new UnsupportedError(
    `OSv runs one program of its image, and cannot run ${name}: ${reason}.`,
    `if your image has one: programs: { '${name}': '/...' } in the platform's options`,
  )
}

/** The kernel that OSv's `scripts/build` creates next to the image in `build/last`. */
const kernelName = 'loader-stripped.elf'

export interface OsvFiles extends Programs {
  readonly image: string
  readonly kernel: string
}

const howToBuild = 'set the path of an image, or omit the option image: isobench then writes one'

const loader = { release: 'osv', program: 'loader.elf' }

/** The kernel for disks that isobench writes: the option `kernel`, or that of a provisioned release. */
const loaderOf = ({ kernel, version }: Pick<Options, 'kernel' | 'version'>): string =>
  kernel ?? findBuild(loader, { version }).binary

/** What the disk of isobench is made of. */
const diskOf = (options: Options, rootfs: string) => ({
  rootfs,
  loader: loaderOf(options),
  programs: Object.values({ ...osvPrograms, ...options.programs }),
})

/** Returns the disk that isobench writes from a root filesystem. */
export const ownFiles = (options: Options, rootfs: string): OsvFiles => ({
  image: osvDiskPath(diskOf(options, rootfs)),
  kernel: loaderOf(options),
  command: options.command ?? bootCommand,
  programs: { ...osvPrograms, ...options.programs },
})

/** Returns a user's image with its kernel and its command line, or what is missing. */
export function filesOf({
  image,
  kernel,
  command,
  programs,
}: Pick<Options, 'kernel' | 'command' | 'programs'> & { readonly image: string }): OsvFiles | Unavailable {
  const beside = (name: string) => join(dirname(image), name)
  const elf = kernel ?? beside(kernelName)
  const absent = [image, elf].find((file) => !existsSync(file))
  if (absent !== undefined) return { reason: `no OSv image: there is no file ${absent}`, fix: howToBuild }
  const line = command ?? (existsSync(beside('cmdline')) ? readFileSync(beside('cmdline'), 'utf8') : '')
  return { image, kernel: elf, command: line.trim(), programs }
}

/** Returns QEMU's name of an image's format: qcow2 according to its first bytes, otherwise raw. */
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

/** Returns the version that the kernel prints at its start: `OSv v0.57.0-398-g0e34e4dc`. */
export const versionOf = (kernel: string): string =>
  /OSv (v\d[\w.-]+)/.exec(readFileSync(kernel, 'latin1'))?.[1] ?? 'of unknown version'

const absolutePath = z.string().regex(/^\//, 'use the absolute path of the file')

export const optionsSchema = z
  .strictObject({
    /** The VMM. Firecracker reads only raw images. */
    on: z.enum(['qemu', 'firecracker']).default('qemu'),
    /** An image of OSv's tools, qcow2 or raw: `build/last/usr.img`. isobench does not write to it. */
    image: absolutePath.optional(),
    /** OSv's kernel. Default: `loader-stripped.elf` next to the image; without an image, the one of a release. */
    kernel: absolutePath.optional(),
    /** Version of a provisioned release. */
    version: releaseVersion,
    /**
     * OSv's options and the command to run for a boot. Default: the content of the file `cmdline` next to the image,
     * without an image a program that prints a line.
     */
    command: z.string().optional(),
    /**
     * Program of the image for each program name of a workload: `{ sysbench: '/sysbench.so' }`. Without an image,
     * isobench puts these files of the guests' image into the disk.
     */
    programs: z.record(z.string(), z.string()).default({}),
    /** Only for QEMU. Default: KVM if it is usable, otherwise TCG. */
    accel: z.enum(['kvm', 'tcg']).optional(),
  })
  .superRefine(({ image, kernel, version }, context) => {
    const other = image !== undefined ? 'image' : kernel !== undefined ? 'kernel' : undefined
    if (version === undefined || other === undefined) return
    const message = `the option ${other} already selects the kernel: omit version or ${other}`
    context.addIssue({ code: 'custom', path: ['version'], message })
  })

export type Options = z.output<typeof optionsSchema>

/** OSv prints its command line, followed by the program's output. After a crash it prints one of these texts. */
const [marker, crash] = [
  'Cmdline: ',
  '^(Aborted|\\[backtrace\\]|Assertion failed: |Failed to load object: |Out of memory: )',
]

/** Files of the host that the options name or that are provisioned, or what is missing of them. */
function userFiles(options: Options): { readonly image?: string; readonly kernel: string } | Unavailable {
  if (options.image === undefined) {
    const kernel = loaderOf(options)
    return existsSync(kernel) ? { kernel } : { reason: `there is no file ${kernel}`, fix: 'fix the option kernel' }
  }
  const files = filesOf({ ...options, image: options.image })
  return 'reason' in files ? files : { image: files.image, kernel: files.kernel }
}

/** Everything that is known before the guest receives its command. */
interface Prepared {
  readonly files: OsvFiles
  readonly accel: Accelerator
  readonly network: { readonly device: string; readonly mac: string; readonly address: string }
}

/** Firecracker requires KVM. */
const accelOf = async (options: Options): Promise<Accelerator> =>
  options.on === 'firecracker' ? 'kvm' : accelerator(options)

const filesFor = (options: Options, rootfs: string): OsvFiles | Unavailable => {
  const { image } = options
  return image === undefined ? ownFiles(options, rootfs) : filesOf({ ...options, image })
}

async function prepare(sandbox: GuestSandbox, options: Options): Promise<Prepared> {
  const files = filesFor(options, sandbox.rootfs)
  if ('reason' in files) throw new HostError(files.reason, files.fix)
  return { files, accel: await accelOf(options), network: await sandbox.tap() }
}

/** Converts `198.18.0.2/30` to OSv's option `--ip`. */
function ipOption(address: string): string {
  const [host, prefix] = address.split('/')
  const mask = [24, 16, 8, 0].map((shift) => ((0xffffffff << (32 - Number(prefix))) >>> shift) & 255)
  return `--ip=eth0,${host},${mask.join('.')}`
}

/** QEMU with the image. Its standard output is the guest's serial port. */
function onQemu(sandbox: GuestSandbox, { files, accel, network }: Prepared, line: string): HostArgv {
  // Without -no-reboot: console-guest.pl recognizes a guest that reset itself by its second boot.
  return [
    // snapshot=on writes to a temporary file that QEMU has already deleted. Keep it in the sandbox.
    ...(['env', `TMPDIR=${sandbox.stateDir}`, 'qemu-system-x86_64'] as const),
    ...['-machine', 'q35', ...acceleration(accel)],
    ...['-smp', String(sandbox.limits.cpus.length), '-m', `${ramMiB(sandbox, accel)}M`],
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-serial', 'stdio'],
    ...['-drive', `if=none,id=root,snapshot=on,${blockOptions(files.image, formatOf(files.image))}`],
    ...['-device', 'virtio-blk-pci,drive=root', '-device', 'virtio-rng-pci'],
    ...['-netdev', `tap,id=net,ifname=${network.device},script=no,downscript=no`],
    ...['-device', `virtio-net-pci,netdev=net,mac=${network.mac},romfile=`],
    ...['-kernel', files.kernel, '-append', line],
  ]
}

/**
 * Firecracker's configuration. Firecracker has no PCI, so OSv must not search for it (OSv's `scripts/firecracker.py`).
 */
export const firecrackerConfig = (
  sandbox: GuestSandbox,
  { files, network }: Pick<Prepared, 'files' | 'network'>,
  line: string,
): Config => ({
  'boot-source': { kernel_image_path: files.kernel, boot_args: `--nopci ${line}` },
  'machine-config': { vcpu_count: sandbox.limits.cpus.length, mem_size_mib: firecrackerMiB(sandbox) },
  drives: [driveConfig('root', files.image, { root: false, readOnly: true })],
  'network-interfaces': [{ iface_id: 'eth0', host_dev_name: network.device, guest_mac: network.mac }],
})

let commands = 0

/**
 * Firecracker without its API, with a configuration file per command. Its standard output is the guest's serial port.
 */
function onFirecracker(sandbox: GuestSandbox, prepared: Prepared, line: string): HostArgv {
  const file = join(sandbox.stateDir, `osv-${commands++}.json`)
  writeFileSync(file, JSON.stringify(firecrackerConfig(sandbox, prepared, line)))
  return [firecrackerProgram({}), ...logErrorsOnly, '--no-api', '--config-file', file]
}

/** Returns argv that boots OSv with `argv` as its program and prints the output of the program. */
function boot(sandbox: GuestSandbox, prepared: Prepared, { on }: Options, argv: GuestArgv): HostArgv {
  const { files, network } = prepared
  const line = commandLine(files, argv, [ipOption(network.address)])
  const vmm = on === 'qemu' ? onQemu(sandbox, prepared, line) : onFirecracker(sandbox, prepared, line)
  return sandbox.wrapWithTap(['perl', programPath('console-guest.pl'), marker, crash, ...vmm])
}

/** OSv, a unikernel: one program in the address space of the kernel, without processes. */
export const osv = defineDriver({
  kind: 'osv',
  family: 'unikernel',
  description: 'OSv, a unikernel that runs one program of its image',
  options: optionsSchema,
  requirements: ({ on, image, kernel, version }) => [
    on === 'qemu' ? { binary: 'qemu-system-x86_64', package: 'qemu-system-x86' } : firecrackerRequirement({}),
    { binary: 'perl', package: 'perl-base' },
    ...(image === undefined && kernel === undefined
      ? [{ ...releaseRequirement(loader, { version }), data: true }]
      : []),
  ],
  requiredImageFiles: ({ image }) => (image === undefined ? [{ file: bootProgram, package: 'mawk' }] : []),
  artifacts: (options, rootfs) =>
    options.image === undefined && rootfs !== undefined ? [osvDisk(diskOf(options, rootfs))] : [],
  version: ({ on }) => [on === 'qemu' ? 'qemu-system-x86_64' : firecrackerProgram({}), '--version'],
  configFiles: (options) => {
    const files = userFiles(options)
    return 'reason' in files ? [] : Object.values(files)
  },
  preflight: async (options) => {
    const files = userFiles(options)
    if ('reason' in files) return files
    if (options.on === 'firecracker' && files.image !== undefined && formatOf(files.image) === 'qcow2') {
      const fix = `run qemu-img convert -O raw ${files.image} ${files.image}.raw, and set that file as the image`
      return { reason: `Firecracker cannot read ${files.image}, which is qcow2`, fix }
    }
    return options.on === 'firecracker' || options.accel === 'kvm' ? kvmPreflight() : undefined
  },
  cpuMode: async (options) => ((await accelOf(options)) === 'tcg' ? 'emulated' : kvmCpuMode()),
  versionDetails: async (options) => {
    const files = userFiles(options)
    return ['reason' in files ? '' : `OSv ${versionOf(files.kernel)}`, options.on, await accelOf(options)].join(', ')
  },
  oneShot: async (sandbox, argv, options) => boot(sandbox, await prepare(sandbox, options), options, argv),
  boot: async (sandbox, options) => {
    const prepared = await prepare(sandbox, options)
    return { singleProcess: true, execArgv: (argv) => boot(sandbox, prepared, options, argv) }
  },
})
