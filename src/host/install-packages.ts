/** Installs packages on the host with apt. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostDistribution } from './distribution.ts'
import { debianKeyring } from './keyring.ts'
import { debianMirror, type Package, parseAptPolicy } from './packages.ts'
import { HostCommandError, type HostCommandOptions, runHostCommand } from './process.ts'
import { inTemporaryFolder } from './temporary-folder.ts'

const aptEnv = { DEBIAN_FRONTEND: 'noninteractive' }

/** Returns the packages that apt's lists do not have. */
async function withoutCandidate(packages: readonly Package[], options: HostCommandOptions): Promise<Package[]> {
  const policy = await runHostCommand(['apt-cache', 'policy', ...packages.map(({ name }) => name)], options)
  const candidates = parseAptPolicy(policy)
  return packages.filter(({ name }) => !candidates.has(name))
}

/**
 * Installs packages with apt. Prefers the backports suite for packages that ask for it.
 * @returns the packages that apt's lists do not have; the others are installed
 */
export async function installPackages(
  wanted: readonly Package[],
  options: HostCommandOptions = {},
): Promise<readonly Package[]> {
  const long = { timeout: 900, ...options, env: aptEnv, ofHost: true }
  await runHostCommand(['apt-get', 'update'], long)
  const absent = await withoutCandidate(wanted, long)
  const packages = wanted.filter((one) => !absent.includes(one))
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends']
  const fromSuite = packages.filter(({ backports }) => !backports).map(({ name }) => name)
  const preferBackports = packages.filter(({ backports }) => backports).map(({ name }) => name)
  if (fromSuite.length > 0) await runHostCommand([...install, ...fromSuite], long)
  if (preferBackports.length > 0) await installFromBackports(preferBackports, install, long)
  return absent
}

async function installFromBackports(
  names: readonly string[],
  install: readonly string[],
  options: HostCommandOptions,
): Promise<void> {
  await inTemporaryFolder('apt', async (folder) => {
    const suite = `${hostDistribution().packages?.codename}-backports`
    const list = join(folder, 'backports.list')
    await writeFile(list, `deb [signed-by=${debianKeyring}] ${debianMirror()} ${suite} main\n`)
    // In addition to the host's own sources, which do not change.
    const sourceOptions = ['-o', `Dir::Etc::sourcelist=${list}`]
    const onlySourceOptions = ['-o', 'Dir::Etc::sourceparts=-', '-o', 'APT::Get::List-Cleanup=0']
    try {
      await runHostCommand(['apt-get', 'update', ...sourceOptions, ...onlySourceOptions], options)
      await runHostCommand([...install, ...sourceOptions, '--target-release', suite, ...names], options)
    } catch (error) {
      // The suite has no backports, or nothing newer there: install the suite's own version.
      if (!(error instanceof HostCommandError)) throw error
      await runHostCommand([...install, ...names], options)
    }
  })
}
