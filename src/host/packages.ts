/** Packages and programs of the host: Debian's apt, what is installed, and what is missing. */

import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { HostError } from '../util/errors.ts'
import { hostDistribution } from './distribution.ts'
import { pathFolders } from './environment.ts'
import { debianKeyring, newerKeyringHint, verifiesImage } from './keyring.ts'
import { packageIn } from './package-names.ts'
import { HostCommandError, type HostCommandOptions, runHostCommand } from './process.ts'
import type { Build } from './releases/build.ts'

/** A program that must be installed on the host. */
export interface Requirement {
  readonly binary: string
  /** Whether `binary` is the path of a file that isobench reads, not of a program. */
  readonly data?: boolean
  /** The package of Debian 13 that contains it. Omit it if there is none. Other distributions: `package-names.ts`. */
  readonly package?: string
  /** Prefer the backports suite, because the version in Debian stable is too old. */
  readonly backports?: boolean
  /** Checks the installed version. Omit it if every version works. */
  isRecentEnough?(): boolean
  /** Where to get the program if Debian has no package. */
  readonly installHint?: string | undefined
  /** The build, if a release has the program. */
  readonly build?: Build
  /** Arguments of `isobench provision` that install it: `firecracker@1.17.0`. */
  readonly provision?: readonly string[]
}

const sourcesFolder = '/etc/apt/sources.list.d'

/** Reads apt's source lists, one-line and deb822 style, without comments and without files that apt ignores. */
function aptSources(): string[] {
  const files = existsSync(sourcesFolder) ? readdirSync(sourcesFolder).map((name) => join(sourcesFolder, name)) : []
  return ['/etc/apt/sources.list', ...files]
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .map((file) => readFileSync(file, 'utf8').replace(/^\s*#.*$/gm, ''))
}

/** The address of an archive in apt sources: `debian`, or `debian-security`. */
function findArchive(name: 'debian' | 'debian-security', sources: readonly string[]): string | undefined {
  const entry = new RegExp(`(?:^URIs:\\s*|^deb\\s+(?:\\[[^\\]]*\\]\\s*)?)(\\S+/${name})/?(?=\\s|$)`, 'm')
  return sources.map((text) => entry.exec(text)?.[1]).find((address) => address !== undefined)
}

/** Addresses of Debian's archives. Absent: the host's apt sources have none. */
export interface DebianMirrors {
  readonly main?: string | undefined
  readonly security?: string | undefined
}

/** Returns the Debian mirrors of apt sources. Hosts of other distributions that have none get Debian's own. */
export function debianMirrors(sources = aptSources(), distribution = hostDistribution()): DebianMirrors {
  const [main, security] = [findArchive('debian', sources), findArchive('debian-security', sources)]
  if (main !== undefined || distribution.id === 'debian') return { main, security }
  return { main: 'https://deb.debian.org/debian', security: 'https://deb.debian.org/debian-security' }
}

/** What the sources of a Debian suite are made of. */
export interface SourceOptions {
  readonly suite: string
  readonly components: readonly string[]
  /** The state of the archives on a day, `YYYY-MM-DD`, from snapshot.debian.org. Absent: today's from the mirror. */
  readonly snapshot?: string | undefined
}

/**
 * Returns the apt sources of a suite: the archive, and the security archive if there is an address of one.
 * @throws {HostError} if there is no snapshot, and the host has no Debian mirror configured
 */
export function debianSources({ suite, components, snapshot }: SourceOptions): readonly string[] {
  const at = snapshot?.replaceAll('-', '')
  const archive = (name: string) => `https://snapshot.debian.org/archive/${name}/${at}T000000Z`
  const main = at === undefined ? debianMirror() : archive('debian')
  const security = at === undefined ? debianMirrors().security : archive('debian-security')
  const line = (address: string, of: string) =>
    `deb [signed-by=${debianKeyring}] ${address} ${of} ${components.join(' ')}`
  return [line(main, suite), ...(security === undefined ? [] : [line(security, `${suite}-security`)])]
}

/** Settings of apt for a snapshot: its lists have expired. */
export const snapshotSetting = 'Acquire::Check-Valid-Until "false"'

/** Settings that keep apt away from the sources, lists and packages of the host. All its files are in `folder`. */
const isolatedSettings = (folder: string, list: string): readonly string[] => [
  `Dir::Etc::sourcelist=${list}`,
  'Dir::Etc::sourceparts=-',
  `Dir::State::Lists=${join(folder, 'lists')}`,
  'Dir::State::status=/dev/null',
  `Dir::Cache=${folder}`,
  'Acquire::Languages=none',
  // Without this, apt drops root and cannot write to the directory.
  'APT::Sandbox::User=root',
]

/**
 * Returns the sources that apt can reach, in the order given. The first one is required, so it is not tried.
 * @param folder an empty directory for apt's files
 * @param options `onLine` receives the sources that are left out, because the image stays without them
 */
export async function reachableSources(
  lines: readonly string[],
  folder: string,
  { signal, onLine }: Pick<HostCommandOptions, 'signal' | 'onLine'>,
): Promise<readonly string[]> {
  const [main = '', ...others] = lines
  const reachable = [main]
  const list = join(folder, 'sources.list')
  await mkdir(join(folder, 'lists/partial'), { recursive: true })
  const settings = [
    ...isolatedSettings(folder, list),
    'APT::Update::Error-Mode=any',
    'Acquire::Check-Valid-Until=false',
  ]
  const update = ['apt-get', ...settings.flatMap((setting) => ['-o', setting]), 'update']
  for (const line of others) {
    await writeFile(list, `${line}\n`)
    try {
      await runHostCommand(update, { timeout: 60, ...(signal && { signal }) })
      reachable.push(line)
    } catch (error) {
      if (!(error instanceof HostCommandError)) throw error
      onLine?.(`apt cannot reach "${line}", so the image does not get its packages`)
      onLine?.('to add them later: isobench image remove && isobench image build')
    }
  }
  return reachable
}

/**
 * Returns the Debian mirror of the host's apt sources.
 * @throws {HostError} if the host is a Debian and has no mirror configured
 */
export function debianMirror(): string {
  const { main } = debianMirrors()
  if (main !== undefined) return main
  throw new HostError(
    'the apt sources of this host contain no Debian mirror.',
    'add one to /etc/apt/sources.list.d, or set image: { rootfs } in isobench.config.ts',
  )
}

/** Parses the output of `apt-cache policy`: the version that apt would install, by package. */
export function parseAptPolicy(text: string): ReadonlyMap<string, string> {
  const entries = text.matchAll(/^(\S+):\n {2}Installed: .*\n {2}Candidate: (.*)$/gm)
  return new Map([...entries].filter(([, , candidate]) => candidate !== '(none)').map(([, name, one]) => [name!, one!]))
}

/** Explains packages that apt does not find: `apt finds no crun. ...` and the fix. */
export function explainNoCandidate(packages: readonly Package[]): { readonly problem: string; readonly fix: string } {
  const names = packages.map(({ name }) => name).join(', ')
  return packages.some((one) => one.universe)
    ? {
        problem: `apt finds no package ${names}, because the component universe is not enabled on this host.`,
        fix: 'apt-get install software-properties-common && add-apt-repository universe',
      }
    : { problem: `apt finds no package ${names}.`, fix: "check this host's apt sources" }
}

export interface PackageDownload {
  readonly suite: string
  readonly name: string
  /** For an empty metapackage: download the dependency that matches instead. */
  readonly preferDependency?: RegExp
  /** Directory for the package and for apt's own files. */
  readonly folder: string
  readonly signal?: AbortSignal
}

/**
 * Downloads a package of any Debian suite and returns its path. apt checks its signature. Does not change the host's
 * apt sources and lists.
 */
export async function downloadPackage(options: PackageDownload): Promise<string> {
  const { suite, name, preferDependency, folder, signal } = options
  const list = join(folder, 'sources.list')
  await writeFile(list, `deb [signed-by=${debianKeyring}] ${debianMirror()} ${suite} main\n`)
  await mkdir(join(folder, 'lists/partial'), { recursive: true })
  const isolated = isolatedSettings(folder, list).flatMap((setting) => ['-o', setting])
  const commandOptions = { timeout: 300, cwd: folder, ...(signal && { signal }) }
  await runHostCommand(['apt-get', ...isolated, 'update'], commandOptions)
  const depends =
    /^Depends: (.*)$/m.exec(await runHostCommand(['apt-cache', ...isolated, 'show', name], commandOptions))?.[1] ?? ''
  const dependencies = depends.split(',').map((dependency) => dependency.trim().split(' ')[0]!)
  const chosen = (preferDependency && dependencies.find((dependency) => preferDependency.test(dependency))) ?? name
  await runHostCommand(['apt-get', ...isolated, 'download', chosen], commandOptions)
  const file = readdirSync(folder).find((entry) => entry.endsWith('.deb'))
  if (!file) throw new HostError(`apt did not download the package ${chosen}.`)
  return join(folder, file)
}

/**
 * Where Debian installs helpers that are not in PATH (virtiofsd). Drivers start these by their whole path. The package
 * virtiofsd has the Rust implementation in both folders, and QEMU's older packages the one in C only in the second.
 */
const extraFolders = ['/usr/libexec', '/usr/lib/qemu']

const searchFolders = () => [...pathFolders(), ...extraFolders]

/** Returns the path of a program, given its name or an absolute path, or `undefined`. */
export function which(binary: string): string | undefined {
  return (binary.startsWith('/') ? [binary] : searchFolders().map((folder) => join(folder, binary))).find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return statSync(file).isFile()
    } catch {
      return false
    }
  })
}

const isInstalled = ({ binary, data }: Requirement) =>
  data ? isAbsolute(binary) && existsSync(binary) : which(binary) !== undefined

/** Returns the requirements that are not installed or too old. */
export const missing = (requirements: readonly Requirement[]): Requirement[] =>
  requirements.filter((one) => !isInstalled(one) || one.isRecentEnough?.() === false)

/** Describes them for users: `crun is not installed, runsc is too old`. */
export const describeMissing = (requirements: readonly Requirement[]): string =>
  requirements.map((one) => `${one.binary} ${isInstalled(one) ? 'is too old' : 'is not installed'}`).join(', ')

/** Needed for every platform. */
export const baseRequirements: readonly Requirement[] = [
  { binary: 'ip', package: 'iproute2' },
  { binary: 'nsenter', package: 'util-linux' },
  { binary: 'flock', package: 'util-linux' },
  { binary: 'mount', package: 'mount' },
  { binary: 'cgexec', package: 'cgroup-tools' },
  { binary: 'busybox', package: 'busybox-static' },
]

/** Additionally needed to build the image. */
export const imageRequirements: readonly Requirement[] = [
  { binary: 'mmdebstrap', package: 'mmdebstrap' },
  {
    binary: debianKeyring,
    data: true,
    package: 'debian-archive-keyring',
    isRecentEnough: () => verifiesImage(debianKeyring),
    get installHint() {
      return existsSync(debianKeyring) ? newerKeyringHint : undefined
    },
  },
]

/** Returns the command that installs missing requirements, or `undefined` if this host's distribution packages none. */
export function installCommand(
  requirements: readonly Requirement[],
  distribution = hostDistribution(),
): string | undefined {
  const packages = packagesOf(requirements, distribution)
  if (packages.length === 0) return undefined
  return packages.some(({ backports }) => backports)
    ? 'isobench doctor --install'
    : `apt-get install --no-install-recommends ${packages.map(({ name }) => name).join(' ')}`
}

/** Returns how to install missing requirements: by command, by hand, or both. Empty if nothing is known. */
export function installFix(requirements: readonly Requirement[], distribution = hostDistribution()): string {
  const isPackaged = (one: Requirement) => packagesOf([one], distribution).length > 0
  const hints = requirements.flatMap((one) => {
    if (one.installHint === undefined) return []
    return one.provision !== undefined && isPackaged(one) ? `or ${one.installHint}` : one.installHint
  })
  const unpackaged = requirements.filter(
    (one) => one.package !== undefined && one.provision === undefined && !isPackaged(one),
  )
  const binaries = unpackaged.map(({ binary, package: name }) => (binary === name ? binary : `${binary} (${name})`))
  const byHand =
    unpackaged.length === 0
      ? undefined
      : distribution.packages === undefined
        ? `isobench does not know the packages of ${distribution.name}. It works if these are in PATH ` +
          `(in brackets: Debian's package): ${binaries.join(', ')}`
        : `${distribution.packages.title} has no package of ${binaries.join(', ')}: put it into PATH`
  return [installCommand(requirements, distribution), ...hints, byHand].filter(Boolean).join('; ')
}

/** A package of this host's distribution, and whether to prefer the backports suite. */
export interface Package {
  readonly name: string
  readonly backports: boolean
  /** Whether it is in Ubuntu's component universe. */
  readonly universe: boolean
}

/** Returns the packages of some requirements in this host's distribution, without duplicates. */
export function packagesOf(requirements: readonly Requirement[], distribution = hostDistribution()): Package[] {
  const { packages: known } = distribution
  if (known === undefined) return []
  const found = new Map<string, Package>()
  for (const { package: debianName, backports = false } of requirements) {
    const entry = debianName === undefined ? undefined : packageIn(known.id, debianName)
    if (entry === undefined) continue
    // A nearest release is not the host's own: its backports can be older than what the host's suite has.
    const hasBackports = distribution.exact && known.family === 'debian'
    const preferred = hasBackports && (backports || found.get(entry.name)?.backports === true)
    found.set(entry.name, { name: entry.name, backports: preferred, universe: entry.universe })
  }
  return [...found.values()]
}
