/** The installation of Kata Containers: shims, configuration files, and the options that they support. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import type { Limits } from '../../host/cgroup.ts'
import { hostEnvironment } from '../../host/environment.ts'
import { type Requirement, which } from '../../host/packages.ts'
import { type Build, findBuild } from '../../host/releases/build.ts'
import { folderOf } from '../../host/releases/store.ts'
import type { HostSandbox } from '../../host/sandbox.ts'
import { buildOptions, releaseRequirement, requireOneBuild } from './binaries.ts'
import type { Bind } from './namespaces.ts'

/** TOML tables by name. */
export type Tables = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>

/** MiB of the guest's limit that are not part of the VM: shim, VMM, virtiofsd, and the guest's containerd. */
const overhead = 192

/**
 * Returns the settings that isobench overrides in a Kata configuration. Names and types are those of the 4.1 templates
 * (`configuration-*.toml.in` of both runtimes). The VM gets its full size at the start, because that is the guest's
 * limit. All processes of Kata are in the guest's cgroup.
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
      // Dragonball implements it itself, without virtiofsd.
      shared_fs: hypervisor === 'dragonball' ? `inline-${sharedFs}` : sharedFs,
    },
    runtime: { sandbox_cgroup_only: true, static_sandbox_resource_mgmt: true },
  }
}

/** Converts to TOML, which has the same syntax as JSON for strings, numbers and booleans. */
export const toToml = (tables: Tables): string =>
  Object.entries(tables)
    .map(([name, values]) =>
      [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`), ''].join(
        '\n',
      ),
    )
    .join('\n')

/** Where releases expect to be unpacked. Their configurations have paths below it. */
const releasePrefix = '/opt/kata'

/**
 * Returns a configuration with paths of provisioned releases instead of /opt/kata. A file of both runtimes is only in
 * the release of the Rust runtime.
 * @param folders of the releases, preferred one first
 */
export const relocated = (configuration: string, folders: readonly string[]): string =>
  configuration.replace(/"\/opt\/kata\/([^"]*)"/g, (path, inside: string) => {
    const folder = folders.find((one) => existsSync(join(one, inside)))
    return folder === undefined ? path : JSON.stringify(join(folder, inside))
  })

/**
 * Copies an installation's configuration and its drop-ins to `folder`, and adds a drop-in of isobench. Kata reads the
 * files in `config.d` next to the configuration in alphabetical order, and later values win. Does not change the
 * installation.
 * @returns the file to pass to the shim
 */
export function writeConfiguration(folder: string, options: Options, installed: string, overrides: Tables): string {
  const [file, dropIns] = [join(folder, 'configuration.toml'), join(folder, 'config.d')]
  mkdirSync(dropIns, { recursive: true })
  const folders = provisionedFolders(options)
  const copy = (from: string, to: string) => writeFileSync(to, relocated(readFileSync(from, 'utf8'), folders))
  copy(installed, file)
  const installedDropIns = join(dirname(installed), 'config.d')
  const names = existsSync(installedDropIns)
    ? readdirSync(installedDropIns).filter((name) => name.endsWith('.toml'))
    : []
  for (const name of names) copy(join(installedDropIns, name), join(dropIns, name))
  writeFileSync(join(dropIns, 'zz-isobench.toml'), toToml(overrides))
  return file
}

const shim = 'containerd-shim-kata-v2'

/** What selects the shim of a platform. */
export type ShimOptions = Pick<Options, 'binary' | 'runtime' | 'version'>

/** The build of the shim. Both runtimes have one with the same file name, in separate releases. */
const shimBuild = ({ runtime, ...selection }: ShimOptions): Build =>
  findBuild({ release: runtime === 'rust' ? 'kata' : 'kata-go', program: shim }, selection)

/**
 * Returns the shim of a platform: of the options or a provisioned release, otherwise that of a release unpacked in
 * /opt/kata or the one in PATH. Since release 4.1, that of the Rust runtime is in runtime-rs/bin.
 */
export function findShim(options: ShimOptions): string {
  const build = shimBuild(options)
  if (build.source !== 'path') return build.binary
  const folder = options.runtime === 'rust' ? 'runtime-rs/bin' : 'bin'
  return which(join(releasePrefix, folder, shim)) ?? which(shim) ?? shim
}

/** Returns the requirement for the shim. The Go runtime uses files of the other release. */
export function shimRequirement(options: ShimOptions): Requirement {
  const { runtime, ...selection } = options
  const [release, others] = runtime === 'rust' ? ['kata', []] : ['kata-go', ['kata']]
  return { ...releaseRequirement({ release, program: shim }, selection, {}, others), binary: findShim(options) }
}

/** Returns the folders of the provisioned releases that a platform uses, preferred one first. */
function provisionedFolders(options: ShimOptions): readonly string[] {
  const { version } = shimBuild(options)
  if (version === undefined) return []
  return (options.runtime === 'rust' ? ['kata'] : ['kata-go', 'kata']).map((name) => folderOf(name, version))
}

/** Returns which of the two runtimes a shim is, according to its version text. Both have the same file name. */
export function runtimeOf(shim: string): Runtime | undefined {
  const output =
    spawnSync(shim, ['--version'], { encoding: 'utf8', timeout: 10_000, env: hostEnvironment() }).stdout ?? ''
  if (output.includes('(Rust)')) return 'rust'
  return output.includes('(Golang)') ? 'go' : undefined
}

/** Lists where the configuration for a runtime and a hypervisor may be, preferred path first. */
export function configurationFiles(options: Options): string[] {
  const { config, runtime, hypervisor } = options
  if (config !== undefined) return [config]
  // A provisioned release has its configuration in its folder. Others unpack in /opt/kata, or are a package.
  const provisioned = provisionedFolders(options)
  const prefixes = provisioned.length > 0 ? provisioned : [releasePrefix, '/usr']
  // Only the Rust runtime supports Dragonball, so that file name has no suffix.
  const suffix = runtime === 'rust' && hypervisor !== 'dragonball' ? '-runtime-rs' : ''
  const folders = runtime === 'rust' ? ['runtime-rs', '.'] : ['.']
  return prefixes.flatMap((prefix) =>
    folders.map((folder) =>
      join(prefix, 'share/defaults/kata-containers', folder, `configuration-${hypervisor}${suffix}.toml`),
    ),
  )
}

/** Returns the first of them that exists. */
export const configurationOf = (options: Options): string | undefined => configurationFiles(options).find(existsSync)

/** Shared file systems of Kata Containers 4.1 by runtime and hypervisor. Firecracker supports none. */
const shares = {
  rust: { qemu: ['virtio-fs'], clh: ['virtio-fs'], dragonball: ['virtio-fs'], firecracker: [] },
  go: { qemu: ['virtio-fs', 'virtio-9p'], clh: ['virtio-fs'], dragonball: undefined, firecracker: [] },
} as const

export type Runtime = keyof typeof shares
export type Hypervisor = keyof (typeof shares)[Runtime]

/** Returns why a combination of options is not supported, and what is. */
function unsupportedCombination(runtime: Runtime, hypervisor: Hypervisor, sharedFs: string): string | undefined {
  const supported: readonly string[] | undefined = shares[runtime][hypervisor]
  if (supported === undefined) return `only the Rust runtime supports ${hypervisor}: set runtime: 'rust'`
  if (supported.length === 0) {
    return (
      `with ${hypervisor}, Kata cannot share directories and boots only from block devices of containerd's ` +
      `devmapper: set hypervisor: 'qemu' or 'clh'`
    )
  }
  if (supported.includes(sharedFs)) return undefined
  const others = sharedFs === 'virtio-9p' ? ", or runtime: 'go' with hypervisor: 'qemu'" : ''
  const values = supported.map((value) => `'${value}'`).join(' or ')
  return `Kata's ${runtime} runtime does not support ${sharedFs} with ${hypervisor}: set sharedFs: ${values}${others}`
}

export const optionsSchema = z
  .strictObject({
    /** Kata's runtime: the one in Rust, the default since release 4, or the older one in Go. */
    runtime: z.enum(['rust', 'go']).default('rust'),
    hypervisor: z.enum(['qemu', 'clh', 'dragonball', 'firecracker']).default('qemu'),
    /** How the guest gets the image and /data. Only the Go runtime supports virtio-9p. */
    sharedFs: z.enum(['virtio-fs', 'virtio-9p']).default('virtio-fs'),
    ...buildOptions('a shim of Kata', 'Kata Containers containerd shim'),
    /** The configuration of an installation in another directory. isobench does not change it. */
    config: z.string().regex(/^\//, 'use the absolute path of the file').optional(),
  })
  .superRefine(requireOneBuild)
  .superRefine(({ runtime, hypervisor, sharedFs }, context) => {
    const problem = unsupportedCombination(runtime, hypervisor, sharedFs)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })

export type Options = z.output<typeof optionsSchema>

/** Where Go's `log/syslog` looks for a syslog socket, in this order. */
const syslogPaths = ['/dev/log', '/var/run/syslog', '/var/run/log']

/** Returns the socket of the host's syslog, with symlinks resolved. */
export function syslog(): string | undefined {
  const found = syslogPaths.find(existsSync)
  return found === undefined ? undefined : realpathSync(found)
}

/**
 * Kata's Go runtime needs a syslog. Its socket is usually in `/run`, which the sandbox's own /run hides. Returns a bind
 * mount of the socket.
 */
export function syslogBinds(
  { stateDir: directory }: Pick<HostSandbox, 'stateDir'>,
  socket: string | undefined,
): readonly Bind[] {
  return socket?.startsWith('/run/') ? [['rbind', socket, join(directory, socket)]] : []
}
