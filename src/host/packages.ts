import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HostError } from '../util/errors.ts'
import { HostCommandError, type HostCommandOptions, runHostCommand } from './process.ts'

const quiet = { DEBIAN_FRONTEND: 'noninteractive' }
const sourcesFolder = '/etc/apt/sources.list.d'

/** The texts of apt's own sources, one-line style and deb822 alike; those that apt itself ignores are left out. */
function sources(): string[] {
  const files = existsSync(sourcesFolder) ? readdirSync(sourcesFolder).map((name) => join(sourcesFolder, name)) : []
  return ['/etc/apt/sources.list', ...files]
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .map((file) => readFileSync(file, 'utf8').replace(/^\s*#.*$/gm, ''))
}

/**
 * Where this host gets Debian from, as its own apt sources say. No address is written into isobench.
 * @throws MachineError on a host that has no Debian archive configured.
 */
export function debianMirror(): string {
  for (const text of sources()) {
    const address = /(?:^URIs:\s*|^deb\s+(?:\[[^\]]*\]\s*)?)(\S+\/debian)\/?(?=\s|$)/m.exec(text)?.[1]
    if (address) return address
  }
  throw new HostError(
    "apt's sources name no Debian archive",
    'add one to /etc/apt/sources.list.d, or give an own root filesystem: image: { rootfs } in the config',
  )
}

function codename(): string {
  return /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? ''
}

/** Installs packages; those that want it from the suite's backports, where these have them. */
export async function installPackages(packages: readonly Package[], options: HostCommandOptions = {}): Promise<void> {
  const long = { timeout: 900, ...options, env: quiet }
  await runHostCommand(['apt-get', 'update'], long)
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends']
  const plain = packages.filter(({ backports }) => !backports).map(({ name }) => name)
  const preferred = packages.filter(({ backports }) => backports).map(({ name }) => name)
  if (plain.length > 0) await runHostCommand([...install, ...plain], long)
  if (preferred.length > 0) await fromBackports(preferred, install, long)
}

async function fromBackports(
  names: readonly string[],
  install: readonly string[],
  options: HostCommandOptions,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'isobench-apt-'))
  try {
    const suite = `${codename()}-backports`
    const list = join(folder, 'backports.list')
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
    await writeFile(list, `deb [signed-by=${keyring}] ${debianMirror()} ${suite} main\n`)
    // Beside the host's own sources, which stay as they are.
    const from = ['-o', `Dir::Etc::sourcelist=${list}`]
    const only = ['-o', 'Dir::Etc::sourceparts=-', '-o', 'APT::Get::List-Cleanup=0']
    try {
      await runHostCommand(['apt-get', 'update', ...from, ...only], options)
      await runHostCommand([...install, ...from, '--target-release', suite, ...names], options)
    } catch (error) {
      // A suite without backports, or with nothing newer there: what it has itself must do.
      if (!(error instanceof HostCommandError)) throw error
      await runHostCommand([...install, ...names], options)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export interface Download {
  readonly suite: string
  readonly name: string
  /** What to take of the things that the package depends on, where the package itself is empty. */
  readonly instead?: RegExp
  /** Where the package and apt's own files go. */
  readonly folder: string
  readonly signal?: AbortSignal
}

/**
 * Downloads a package of a suite, whatever suite the host is, and resolves with the file. apt checks its signature. The host's
 * own sources and lists are not touched.
 */
export async function downloadPackage({ suite, name, instead, folder, signal }: Download): Promise<string> {
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const list = join(folder, 'sources.list')
  await writeFile(list, `deb [signed-by=${keyring}] ${debianMirror()} ${suite} main\n`)
  await mkdir(join(folder, 'lists/partial'), { recursive: true })
  const apart = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::Lists=${join(folder, 'lists')}`,
    'Dir::State::status=/dev/null',
    `Dir::Cache=${folder}`,
    'Acquire::Languages=none',
    // The folder is root's: there is nobody to change to.
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting])
  const options = { timeout: 300, cwd: folder, ...(signal && { signal }) }
  await runHostCommand(['apt-get', ...apart, 'update'], options)
  const depends =
    /^Depends: (.*)$/m.exec(await runHostCommand(['apt-cache', ...apart, 'show', name], options))?.[1] ?? ''
  const named = depends.split(',').map((one) => one.trim().split(' ')[0]!)
  const chosen = (instead && named.find((one) => instead.test(one))) ?? name
  await runHostCommand(['apt-get', ...apart, 'download', chosen], options)
  const file = readdirSync(folder).find((entry) => entry.endsWith('.deb'))
  if (!file) throw new HostError(`apt did not leave the package ${chosen} behind`)
  return join(folder, file)
}

const file = '/etc/os-release'

/** A host without the file is no Debian that is known here. */
const release = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')

/** Whether this host is Debian 12, whose packages are cut another way than those of later releases. */
export const isDebian12 = (): boolean => /^VERSION_ID="12"/m.test(release())

/** Whether it is a Debian, not one of the distributions that come from it. */
export const isDebian = (): boolean => /^ID=debian$/m.test(release())

/** Besides PATH: where Debian puts programs for root, and those that other programs start (virtiofsd). */
const others = ['/usr/sbin', '/sbin', '/usr/lib/qemu', '/usr/libexec']

const folders = () => [...new Set([...(process.env.PATH ?? '').split(':'), ...others])].filter(Boolean)

/** Where a program is, by its name or its whole path, or undefined. */
export function which(binary: string): string | undefined {
  return (binary.startsWith('/') ? [binary] : folders().map((folder) => join(folder, binary))).find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return statSync(file).isFile()
    } catch {
      return false
    }
  })
}

/** Those that this host lacks, or has too old. */
export const missing = (requirements: readonly Requirement[]): Requirement[] =>
  requirements.filter(({ binary, isRecentEnough: recent }) => which(binary) === undefined || recent?.() === false)

/** The same, as a reader needs it: what is not there, and what is too old. */
export const describeMissing = (requirements: readonly Requirement[]): string =>
  requirements
    .map(({ binary }) => `${binary} ${which(binary) === undefined ? 'is not installed' : 'is too old'}`)
    .join(', ')

/** What isobench needs whatever the platform. */
export const baseRequirements: readonly Requirement[] = [
  { binary: 'ip', package: 'iproute2' },
  { binary: 'nsenter', package: 'util-linux' },
  { binary: 'mount', package: 'mount' },
  { binary: 'cgexec', package: 'cgroup-tools' },
  { binary: 'busybox', package: 'busybox-static' },
]

/** What building the image needs beside them. */
export const imageRequirements: readonly Requirement[] = [{ binary: 'mmdebstrap', package: 'mmdebstrap' }]

/** The command that installs what is missing, or undefined when Debian has none of it. */
export function installCommand(requirements: readonly Requirement[]): string | undefined {
  const packages = packagesOf(requirements).map(({ name }) => name)
  if (packages.length === 0) return undefined
  const backports = requirements.some((requirement) => requirement.backports)
  return backports ? 'isobench doctor --install' : `apt-get install --no-install-recommends ${packages.join(' ')}`
}

/** A package of Debian, and whether the suite's backports are to be preferred. */
export interface Package {
  readonly name: string
  readonly backports: boolean
}

export function packagesOf(requirements: readonly Requirement[]): Package[] {
  const backported = new Map<string, boolean>()
  for (const { package: name, backports = false } of requirements) {
    if (name !== undefined) backported.set(name, backports || backported.get(name) === true)
  }
  return [...backported].map(([name, backports]) => ({ name, backports }))
}

/** The contract between isobench and a platform. isobench's own drivers use this and nothing else. */

/** Something that must be on the host. */
export interface Requirement {
  readonly binary: string
  /** The Debian package that has it; left out where Debian has none. */
  readonly package?: string
  /** Debian's stable suites have one that is too old: take the suite's backports where they have it. */
  readonly backports?: boolean
  /** Where being there is not enough: whether it is new enough. */
  isRecentEnough?(): boolean
  /** Where to get it when Debian has none. */
  readonly installHint?: string
}
