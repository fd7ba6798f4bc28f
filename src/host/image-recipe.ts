import { createHash } from 'node:crypto'
import { lstatSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { ffmpeg } from '../tools/ffmpeg.ts'
import { programPath } from '../util/assets.ts'

/** Where guests look for programs: the PATH that they have on every platform. */
const path = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** What a guest may have put there itself. */
const writable = /^\/(data|dev|proc|run|sys|tmp)\//

/** Whether a command can only fail because the image has no such program. */
export function imageLacksProgram(rootfs: string, program: string): boolean {
  const absolute = program.startsWith('/')
  // Relative to a folder that the command chose.
  if (writable.test(program) || (!absolute && program.includes('/'))) return false
  const places = absolute ? [program] : path.map((folder) => join(folder, program))
  // A link of the image's points into the image, not to the host's file of that name.
  return places.every((place) => !lstatSync(join(rootfs, place), { throwIfNoEntry: false }))
}

/** What the image is made of. Two recipes with the same digest give the same tools. */
export interface Recipe {
  readonly suite: string
  readonly components: readonly string[]
  readonly packages: readonly string[]
  /** Programs that are compiled from our own source, by name: Debian has none that does the same. */
  readonly programs: Readonly<Record<string, string>>
  /** Commands that make what the tools work on, and the files that they make. */
  readonly inputs: readonly { readonly file: string; readonly argv: readonly string[] }[]
}

/**
 * The tools that the suite's benches measure with, what they need, a static busybox for start-up tests, and systemd for
 * system containers.
 */
const packages = [
  'busybox-static',
  'ca-certificates',
  'dbus',
  'ffmpeg',
  'fio',
  'iperf3',
  'iproute2',
  'libmemcached-tools',
  'mariadb-server',
  'mbw',
  'memcached',
  'netperf',
  'nodejs',
  'procps',
  'socat',
  'stress-ng',
  'sysbench',
  'systemd-sysv',
  'tinymembench',
]

/** By the name of the program in the image: the file that it is compiled from. */
const programs = { 'isobench-memory': programPath('memory.c') }

/** What is the same bytes in every guest, and takes too long to be made in each. */
const inputs = Object.values(ffmpeg.clips).map((clip) => ({ file: clip.output, argv: ffmpeg.makeClip(clip).argv }))

/** What compiles the programs, and leaves the image afterwards. */
const compilers = ['gcc', 'libc6-dev'] as const

/** mmdebstrap's hooks that make the inputs with the image's own tools. */
export const inputHooks = ({ inputs }: Recipe): string[] =>
  inputs.flatMap(({ file, argv }) => [
    `mkdir -p "$1"${quoted(dirname(file))}`,
    `chroot "$1" ${argv.map(quoted).join(' ')}`,
  ])

/**
 * mmdebstrap's hooks that compile the programs inside the image. Static, so that a guest's loader plays no part; and a loop
 * that copies stays one rather than becoming a call of the C library's memcpy.
 */
export function compileHooks(of: Recipe): { readonly packages: readonly string[]; readonly hooks: readonly string[] } {
  const kept = compilers.filter((name) => of.packages.includes(name))
  const unwanted = compilers.filter((name) => !kept.includes(name)).join(' ')
  const flags = '-O2 -fno-tree-loop-distribute-patterns -static'
  const each = Object.entries(programs).flatMap(([name, file]) => [
    `copy-in ${quoted(file)} /tmp`,
    `chroot "$1" gcc ${flags} -o /usr/local/bin/${name} /tmp/${basename(file)} -lm && rm "$1"/tmp/${basename(file)}`,
  ])
  // What was installed for them only, too, though something that stays may suggest it.
  const alone = '-o APT::AutoRemove::RecommendsImportant=false -o APT::AutoRemove::SuggestsImportant=false'
  const remove = `chroot "$1" apt-get --yes --purge --autoremove ${alone} remove ${unwanted}`
  return { packages: compilers, hooks: [...each, ...(unwanted === '' ? [] : [remove])] }
}

// The path of the checkout may hold anything, and mmdebstrap gives hooks to a shell.
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** Counts up when the way of building changes what comes out. */
const version = 2

/** isobench's recipe, with an author's packages beside its own. netperf is in non-free. */
export const recipe = (extra: readonly string[] = []): Recipe => ({
  suite: 'trixie',
  components: ['main', 'contrib', 'non-free'],
  packages: [...new Set([...packages, ...extra])].sort(),
  programs: Object.fromEntries(Object.entries(programs).map(([name, file]) => [name, readFileSync(file, 'utf8')])),
  inputs,
})

/** Names the image that a recipe gives: 16 hexadecimal digits of SHA-256. */
export const digestOf = (of: Recipe): string =>
  createHash('sha256')
    .update(JSON.stringify([version, of]))
    .digest('hex')
    .slice(0, 16)

/** The environment of every process in a container: the same on each, and nothing of the host's. */
export const guestEnv: readonly string[] = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'LC_ALL=C',
]
