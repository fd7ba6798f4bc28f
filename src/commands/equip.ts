import type { ResolvedPlatform } from '../core/probe.ts'
import { HostError } from '../errors.ts'
import { installPackages } from '../guest/apt.ts'
import { baseRequirements, imageRequirements, installCommand, missing, packagesOf } from '../guest/requirements.ts'
import type { CommandIo } from './command.ts'
import { confirm } from './confirm.ts'

export interface EnsureDependenciesOptions {
  /** Install without asking. */
  readonly install: boolean
  readonly needsImage: boolean
  readonly platforms: readonly ResolvedPlatform[]
  readonly tell: (what: string) => void
  readonly signal: AbortSignal
}

/**
 * Sees to it that this machine has what isobench itself needs, and with `install` also what the platforms need.
 * @throws MachineError with the command to run, when something is missing and nobody agreed to install it.
 */
export async function ensureDependencies(options: EnsureDependenciesOptions, io: CommandIo): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new HostError('isobench makes namespaces and cgroups, and needs root', 'run it with sudo')
  const own = missing([...baseRequirements, ...(options.needsImage ? imageRequirements : [])])
  const theirs = missing(options.platforms.flatMap(({ driver, options: given }) => driver.requirements(given)))
  const wanted = options.install ? [...own, ...theirs] : own
  const packages = packagesOf(wanted)
  if (packages.length === 0) return
  const names = packages.map(({ name }) => name).join(', ')
  if (!options.install) {
    const command = installCommand(own)
    const agreed = await confirm(`isobench needs ${names}. Install them with "${command}"?`, io)
    if (!agreed)
      throw new HostError(
        `this machine lacks ${own.map(({ binary }) => binary).join(', ')}`,
        `${command}, or run again with --install`,
      )
  }
  const backported = packages.filter(({ backports }) => backports).map(({ name }) => name)
  const where = backported.length > 0 ? ` (${backported.join(', ')} from the suite's backports, where it has them)` : ''
  options.tell(`installing with apt-get: ${names}${where}`)
  await installPackages(packages, { signal: options.signal })
}
