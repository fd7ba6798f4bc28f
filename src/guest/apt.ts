import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HostError } from '../errors.ts'
import { HostCommandError, type HostCommandOptions, runHostCommand } from './host.ts'
import type { Package } from './requirements.ts'

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
