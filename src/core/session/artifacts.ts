import { existsSync } from 'node:fs'
import type { CommandIo } from '../../commands/command.ts'
import { confirm } from '../../commands/setup.ts'
import type { Artifact } from '../../driver.ts'
import type { ArtifactBuildOptions } from '../../host/image.ts'
import {
  baseRequirements,
  imageRequirements,
  installCommand,
  installPackages,
  missing,
  packagesOf,
} from '../../host/packages.ts'
import { HostError, messageOf } from '../../util/errors.ts'
import type { ResolvedPlatform } from '../project/platforms.ts'
import { isSkipped } from './probe.ts'

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

/** What the platforms that could run here are made of, each thing once. */
export function requiredArtifacts(platforms: readonly ResolvedPlatform[], rootfs: string | undefined): Artifact[] {
  const parts = platforms.flatMap(({ driver, options }) =>
    missing(driver.requirements(options)).length > 0 ? [] : (driver.artifacts?.(options, rootfs) ?? []),
  )
  return [...new Map(parts.map((part) => [part.path, part])).values()]
}

/**
 * Makes what is not there yet. What cannot be made is told and does not end the run: the platforms that need it then cannot
 * run, and their probe says so.
 */
export async function ensureArtifacts(
  platforms: readonly ResolvedPlatform[],
  rootfs: string | undefined,
  options: ArtifactBuildOptions,
  skipEmulated = false,
): Promise<void> {
  const wanted: ResolvedPlatform[] = []
  for (const platform of platforms) if (!(await isSkipped(platform, skipEmulated))) wanted.push(platform)
  for (const { name, path, ensure } of requiredArtifacts(wanted, rootfs)) {
    if (existsSync(path)) continue
    options.onLine?.(`making the ${name}`)
    try {
      await ensure(options)
    } catch (error) {
      options.signal?.throwIfAborted()
      options.onLine?.(`the ${name} could not be made: ${messageOf(error)}`)
    }
  }
}
