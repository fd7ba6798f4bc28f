/** What the image contains, and the mmdebstrap hooks that create it. */

import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ffmpeg } from '../tools/ffmpeg.ts'
import { seedsFolder } from '../tools/seeds.ts'
import { programPath } from '../util/assets.ts'
import { programFolders } from './environment.ts'

/** Directories with content that a guest may have created itself. */
const writable = /^\/(data|dev|proc|run|sys|tmp)\//

/** Returns whether a command must fail because the image does not contain its program. */
export function imageLacksProgram(rootfs: string, program: string): boolean {
  const absolute = program.startsWith('/')
  // Relative paths depend on the directory that the command chose.
  if (writable.test(program) || (!absolute && program.includes('/'))) return false
  const paths = absolute ? [program] : programFolders.map((folder) => join(folder, program))
  // lstat, because a symlink in the image points into the image and not to a file of the host.
  return paths.every((path) => !lstatSync(join(rootfs, path), { throwIfNoEntry: false }))
}

/** The ingredients of the image. Recipes with the same digest contain the same tools. */
export interface Recipe {
  readonly suite: string
  readonly components: readonly string[]
  readonly packages: readonly string[]
  /** Files of packages that the image lacks: patterns of dpkg's option `path-exclude`. */
  readonly excludedPaths: readonly string[]
  /** Programs that are compiled from our own source, by name, because Debian has no equivalent. */
  readonly programs: Readonly<Record<string, string>>
  /** Commands that create input data for the tools, and the files that they create. */
  readonly inputs: readonly { readonly file: string; readonly argv: readonly string[] }[]
  /** The script that creates the inputs of everyday work. */
  readonly seeds: string
  /** The day of the package archives, `YYYY-MM-DD`. Absent: the day of the build. */
  readonly snapshot?: string
}

/**
 * The tools of the benches and their dependencies, a static busybox for start-up benches, and systemd for system
 * containers.
 */
const packages = [
  'busybox-static',
  'ca-certificates',
  'dbus',
  'ffmpeg',
  'fio',
  'gcc',
  'git',
  'iperf3',
  'iproute2',
  'libc6-dev',
  'libmemcached-tools',
  'libstb-dev',
  'make',
  'mariadb-server',
  'mbw',
  'memcached',
  'netperf',
  'nodejs',
  'procps',
  'python3',
  'python3-pip',
  'socat',
  'stress-ng',
  'sysbench',
  'systemd-sysv',
  'tinymembench',
]

/** Documentation, and large parts of the compiler that no bench uses: link-time optimization and sanitizers. */
const excludedPaths = [
  ...['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*'],
  ...['/usr/libexec/gcc/*/lto1', '/usr/lib/gcc/*/lib*san*', '/usr/lib/*/lib*san.so*'],
]

/** Source file by program name. */
const programs = { 'isobench-calls': programPath('calls.c'), 'isobench-memory': programPath('memory.c') }

/** The script that creates the inputs of everyday work. */
const seedsScript = programPath('seeds.mjs')

/** Input data that must be identical in every guest and takes too long to create in each. */
const inputs = Object.values(ffmpeg.clips).map((clip) => ({ file: clip.output, argv: ffmpeg.makeClip(clip).argv }))

/** Returns mmdebstrap hooks that create the input data with the tools of the image. */
export const inputHooks = ({ inputs }: Recipe): string[] => [
  ...inputs.flatMap(({ file, argv }) => [
    `mkdir -p "$1"${shellQuote(dirname(file))}`,
    `chroot "$1" ${argv.map(shellQuote).join(' ')}`,
  ]),
  `copy-in ${shellQuote(seedsScript)} /tmp`,
  `chroot "$1" node /tmp/${basename(seedsScript)} ${seedsFolder} && rm "$1"/tmp/${basename(seedsScript)}`,
]

/**
 * Returns mmdebstrap hooks that compile the programs inside the image. They are static, so that the guest's loader does
 * not matter. -fno-tree-loop-distribute-patterns keeps gcc from replacing a copy loop with a call of memcpy.
 */
export function compileHooks(): string[] {
  const flags = '-O2 -fno-tree-loop-distribute-patterns -static'
  return Object.entries(programs).flatMap(([name, file]) => [
    `copy-in ${shellQuote(file)} /tmp`,
    `chroot "$1" gcc ${flags} -o /usr/local/bin/${name} /tmp/${basename(file)} -lm && rm "$1"/tmp/${basename(file)}`,
  ])
}

// The path of the checkout may contain any character, and mmdebstrap passes hooks to a shell.
/** A word as a shell reads it. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** Increase it if the build process changes and its result with it. */
const recipeVersion = 3

/** Returns isobench's recipe with the author's extra packages. netperf is in non-free. */
export const recipe = (extra: readonly string[] = [], snapshot?: string): Recipe => ({
  suite: 'trixie',
  components: ['main', 'contrib', 'non-free'],
  packages: [...new Set([...packages, ...extra])].sort(),
  excludedPaths,
  programs: Object.fromEntries(Object.entries(programs).map(([name, file]) => [name, readFileSync(file, 'utf8')])),
  inputs,
  seeds: readFileSync(seedsScript, 'utf8'),
  ...(snapshot !== undefined && { snapshot }),
})

/**
 * Returns a hash of the packages that a root filesystem has, with their versions: 12 hexadecimal digits of SHA-256.
 * Undefined if it has no list of packages. A recipe names packages only, and their versions depend on the day.
 */
export function packagesDigest(rootfs: string): string | undefined {
  const file = join(rootfs, 'var/lib/dpkg/status')
  if (!existsSync(file)) return undefined
  const installed = readFileSync(file, 'utf8')
    .split('\n\n')
    .filter((entry) => /^Status: .* installed$/m.test(entry))
    .map((entry) => ['Package', 'Architecture', 'Version'].map((name) => fieldOf(entry, name)).join(' '))
  return createHash('sha256').update(installed.sort().join('\n')).digest('hex').slice(0, 12)
}

const fieldOf = (entry: string, name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(entry)?.[1]

/** Returns the name of a recipe's image: 16 hexadecimal digits of SHA-256. */
export const digestOf = (contents: Recipe): string =>
  createHash('sha256')
    .update(JSON.stringify([recipeVersion, contents]))
    .digest('hex')
    .slice(0, 16)
