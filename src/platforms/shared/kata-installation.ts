import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import type { Limits } from '../../host/cgroup.ts'
import { which } from '../../host/packages.ts'
import type { HostSandbox } from '../../host/sandbox.ts'
import { runtimeBinary } from './binaries.ts'
import type { Bind } from './namespaces.ts'

/** A table of TOML, by its name. */
export type Tables = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>

/** MiB of the guest's limit that are not the machine's: the shim, the monitor and virtiofsd, and the guest's containerd. */
const overhead = 192

/**
 * What isobench sets in a configuration of Kata's; names and types are those of release 4.1's templates
 * (`configuration-*.toml.in` of its two runtimes). The machine has its size from the start, for it is the guest's limit, and all
 * processes of Kata's are in the guest's cgroup.
 */
export function kataConfigDropIn(
  { hypervisor, sharedFs }: Pick<Options, 'hypervisor' | 'sharedFs'>,
  limits: Limits,
): Tables {
  return {
    [`hypervisor.${hypervisor}`]: {
      default_vcpus: limits.cpus.length,
      default_maxvcpus: limits.cpus.length,
      default_memory: Math.floor(limits.memoryBytes / 1024 ** 2) - overhead,
      // Dragonball serves it itself rather than by a virtiofsd.
      shared_fs: hypervisor === 'dragonball' ? `inline-${sharedFs}` : sharedFs,
    },
    runtime: { sandbox_cgroup_only: true, static_sandbox_resource_mgmt: true },
  }
}

/** As TOML: a string, a number and a truth value are written there as in JSON. */
export const toToml = (tables: Tables): string =>
  Object.entries(tables)
    .map(([name, values]) =>
      [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`), ''].join(
        '\n',
      ),
    )
    .join('\n')

/**
 * A copy of an installation's configuration in `folder`, with its drop-ins, and above them isobench's own: Kata reads the files
 * of `config.d` beside its configuration in the order of their names, and later ones win. The installation stays as it is.
 * Resolves with the file to give to the shim.
 */
export function writeConfiguration(folder: string, installed: string, ours: Tables): string {
  const [file, dropIns] = [join(folder, 'configuration.toml'), join(folder, 'config.d')]
  mkdirSync(dropIns, { recursive: true })
  copyFileSync(installed, file)
  const theirs = join(dirname(installed), 'config.d')
  const names = existsSync(theirs) ? readdirSync(theirs).filter((name) => name.endsWith('.toml')) : []
  for (const name of names) copyFileSync(join(theirs, name), join(dropIns, name))
  writeFileSync(join(dropIns, 'zz-isobench.toml'), toToml(ours))
  return file
}

/** The release that this was written for, from its documentation and its configuration templates. */
export const release = '4.1.0'

const shim = 'containerd-shim-kata-v2'

/** Where releases are unpacked, and where distributions put the files of it. */
const prefixes = ['/opt/kata', '/usr']

/** The shim that a platform runs: its own, that of an unpacked release, or the one in PATH. */
export function findShim({ binary, runtime }: Pick<Options, 'binary' | 'runtime'>): string {
  const folder = runtime === 'rust' ? 'runtime-rs/bin' : 'bin'
  return binary ?? which(join('/opt/kata', folder, shim)) ?? which(shim) ?? shim
}

/** Which of the two runtimes a shim says it is: both have the same name. */
export function runtimeOf(shim: string): Runtime | undefined {
  const said = spawnSync(shim, ['--version'], { encoding: 'utf8', timeout: 10_000 }).stdout ?? ''
  if (said.includes('(Rust)')) return 'rust'
  return said.includes('(Golang)') ? 'go' : undefined
}

/** Where an installation's configuration for a runtime and a hypervisor may be, the preferred first. */
export function configurationFiles({ config, runtime, hypervisor }: Options): string[] {
  if (config !== undefined) return [config]
  // Dragonball is the Rust runtime's alone, and needs no word to tell.
  const suffix = runtime === 'rust' && hypervisor !== 'dragonball' ? '-runtime-rs' : ''
  const folders = runtime === 'rust' ? ['runtime-rs', '.'] : ['.']
  return prefixes.flatMap((prefix) =>
    folders.map((folder) =>
      join(prefix, 'share/defaults/kata-containers', folder, `configuration-${hypervisor}${suffix}.toml`),
    ),
  )
}

/** The one that is there. */
export const configurationOf = (options: Options): string | undefined => configurationFiles(options).find(existsSync)

/** How to come by it: nothing of it is in Debian, and isobench downloads nothing. */
export function howToInstall({ runtime }: Pick<Options, 'runtime'>): string {
  const file = `${runtime === 'rust' ? 'kata-static' : 'kata-go-static'}-${release}-amd64.tar.zst`
  const after =
    runtime === 'rust' ? '' : `, beside kata-static-${release}-amd64.tar.zst, which has what both runtimes share`
  return (
    `take ${file} of release ${release} of github.com/kata-containers/kata-containers${after}; ` +
    `compare sha256sum with the digest that the release's page shows beside the file; tar --zstd -xf ${file} -C /`
  )
}

/** What Kata Containers 4.1 shares folders by, with each of its runtimes and hypervisors; none by Firecracker. */
const shares = {
  rust: { qemu: ['virtio-fs'], clh: ['virtio-fs'], dragonball: ['virtio-fs'], firecracker: [] },
  go: { qemu: ['virtio-fs', 'virtio-9p'], clh: ['virtio-fs'], dragonball: undefined, firecracker: [] },
} as const

export type Runtime = keyof typeof shares
export type Hypervisor = keyof (typeof shares)[Runtime]

/** Why these cannot be had together, and what can. */
function refusal(runtime: Runtime, hypervisor: Hypervisor, sharedFs: string): string | undefined {
  const can: readonly string[] | undefined = shares[runtime][hypervisor]
  if (can === undefined) return `${hypervisor} is a part of the Rust runtime: give runtime: 'rust'`
  if (can.length === 0) {
    return `by ${hypervisor}, Kata shares no folders and boots from block devices of containerd's devmapper alone: give hypervisor: 'qemu' or 'clh'`
  }
  if (can.includes(sharedFs)) return undefined
  const others = sharedFs === 'virtio-9p' ? ", or runtime: 'go' with hypervisor: 'qemu'" : ''
  return `Kata's ${runtime} runtime has no ${sharedFs} with ${hypervisor}: give sharedFs: ${can.map((one) => `'${one}'`).join(' or ')}${others}`
}

export const options = z
  .strictObject({
    /** Which of Kata's two runtimes: in Rust, its default since release 4, or the former one in Go. */
    runtime: z.enum(['rust', 'go']).default('rust'),
    hypervisor: z.enum(['qemu', 'clh', 'dragonball', 'firecracker']).default('qemu'),
    /** How the image and /data get into the guest; virtio-9p is the Go runtime's alone. */
    sharedFs: z.enum(['virtio-fs', 'virtio-9p']).default('virtio-fs'),
    /** The shim: another containerd-shim-kata-v2 than the release's or the one in PATH. */
    binary: runtimeBinary('shim of Kata', 'Kata Containers containerd shim'),
    /** The configuration of an installation that is somewhere else. It is read, never written. */
    config: z.string().regex(/^\//, 'give the whole path of the file').optional(),
  })
  .superRefine(({ runtime, hypervisor, sharedFs }, context) => {
    const wrong = refusal(runtime, hypervisor, sharedFs)
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })

export type Options = z.output<typeof options>

/** Where Go's `log/syslog` looks for one that listens, in this order. */
const places = ['/dev/log', '/var/run/syslog', '/var/run/log']

/** The socket of the host's syslog, wherever links lead to it. */
export function syslog(): string | undefined {
  const found = places.find(existsSync)
  return found === undefined ? undefined : realpathSync(found)
}

/**
 * Kata's Go runtime does not start without a syslog, and the usual one listens in `/run`, over which a place's own is mounted:
 * so the socket is mounted into that.
 */
export function syslogBinds(
  { stateDir: directory }: Pick<HostSandbox, 'stateDir'>,
  socket: string | undefined,
): readonly Bind[] {
  return socket?.startsWith('/run/') ? [['rbind', socket, join(directory, socket)]] : []
}
