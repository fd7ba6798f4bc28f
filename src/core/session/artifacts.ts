import { existsSync } from 'node:fs'
import type { Artifact } from '../../driver.ts'
import { installPackages } from '../../host/install-packages.ts'
import type { ArtifactBuildOptions } from '../../host/lock.ts'
import {
  baseRequirements,
  explainNoCandidate,
  imageRequirements,
  installCommand,
  installFix,
  missing,
  type Package,
  packagesOf,
  type Requirement,
} from '../../host/packages.ts'
import type { PinnedDigests } from '../../host/releases/release.ts'
import { HostError } from '../../util/errors.ts'
import { raceAbort } from '../../util/race-abort.ts'
import { kvm } from '../../vm/kvm.ts'
import { type ResolvedPlatform, requirementsOf } from '../project/platforms.ts'
import { messageWithPlace, ProjectCodeError } from '../project/project-code-error.ts'
import { isSkipped } from './probe.ts'
import { type ProvisionOptions, provisionMissing, unpackersFor } from './provision-missing.ts'

/** What must be installed, and who may agree to it. */
export interface EnsureDependenciesOptions {
  /** Installs without asking, also what the platforms need. */
  readonly install: boolean
  readonly needsImage: boolean
  readonly platforms: readonly ResolvedPlatform[]
  /** Asks the user. Resolves to undefined if nobody can answer. */
  confirm(question: string): Promise<boolean | undefined>
  /** Receives a line about each action. */
  onProgress(text: string): void
  readonly signal: AbortSignal
  /** Digests of the config. */
  readonly digests?: PinnedDigests | undefined
}

/**
 * Ensures that this host has the programs that isobench itself needs, and with `install` also those of the platforms:
 * first from packages, then from releases.
 * @throws {HostError} if the process is not root, or if a program is missing and nobody agreed to install it
 */
export async function ensureDependencies(options: EnsureDependenciesOptions): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new HostError('isobench makes namespaces and cgroups, and needs root', 'run it with sudo')
  const required = [...baseRequirements, ...(options.needsImage ? imageRequirements : [])]
  const base = missing(required)
  const packages = packagesOf(options.install ? [...base, ...missingOf(options.platforms)] : base)
  if (packages.length > 0) {
    const names = packages.map(({ name }) => name).join(', ')
    const command = installCommand(base)
    const agreed =
      options.install || (await options.confirm(`isobench needs ${names}. Install them with "${command}"?`))
    if (!agreed) throw new HostError(lacks(base), `${installFix(base)}, or run again with --install`)
    await install(packages, options)
  }
  // The distribution may have no package of a program, or too old a version.
  const left = missing(required)
  if (left.length > 0) throw new HostError(lacks(left), installFix(left))
  if (options.install) await provisionMissing(missingOf(options.platforms), options)
}

/** Returns what the platforms lack, and what unpacks the releases that have it. */
function missingOf(platforms: readonly ResolvedPlatform[]): readonly Requirement[] {
  const lacking = missing(platforms.flatMap(requirementsOf))
  return [...lacking, ...missing(unpackersFor(lacking))]
}

const lacks = (requirements: readonly Requirement[]) =>
  `this host lacks ${requirements.map(({ binary }) => binary).join(', ')}`

/** Who receives progress, and what ends an installation. */
type InstallOptions = ProvisionOptions

async function install(packages: readonly Package[], { onProgress, signal }: InstallOptions): Promise<void> {
  if (packages.length === 0) return
  const names = packages.map(({ name }) => name).join(', ')
  const backports = packages.filter((item) => item.backports).map(({ name }) => name)
  const source = backports.length > 0 ? ` (${backports.join(', ')} from backports, if the suite has them)` : ''
  onProgress(`installing with apt-get: ${names}${source}`)
  const absent = await installPackages(packages, { signal })
  if (absent.length === 0) return
  const { problem, fix } = explainNoCandidate(absent)
  onProgress(`${problem} Fix: ${fix}`)
}

/**
 * Installs what the platforms of a run need: packages, then releases.
 * @param skipEmulated does not install what only platforms with emulated CPUs need, because the run skips them
 */
export async function installPlatformPrograms(
  platforms: readonly ResolvedPlatform[],
  skipEmulated: boolean,
  options: InstallOptions,
): Promise<void> {
  // QEMU has to be installed to test KVM.
  const isKvmKnown = (await kvm()).state !== 'unknown'
  const wanted: ResolvedPlatform[] = []
  for (const platform of platforms) if (!isKvmKnown || !(await isSkipped(platform, skipEmulated))) wanted.push(platform)
  await install(packagesOf(missingOf(wanted)), options)
  await provisionMissing(missingOf(wanted), options)
}

/**
 * The build artifacts of the platforms with installed programs, each once.
 * @param onError receives the error of a driver of the project. Its artifacts are left out
 * @throws {ProjectCodeError} without `onError`
 */
export function requiredArtifacts(
  platforms: readonly ResolvedPlatform[],
  rootfs: string | undefined,
  onError?: (error: ProjectCodeError) => void,
): Artifact[] {
  const all = platforms.flatMap(({ driver, options }) => {
    try {
      return missing(driver.requirements(options)).length > 0 ? [] : (driver.artifacts?.(options, rootfs) ?? [])
    } catch (error) {
      if (!onError || !(error instanceof ProjectCodeError)) throw error
      onError(error)
      return []
    }
  })
  return [...new Map(all.map((artifact) => [artifact.path, artifact])).values()]
}

/** Milliseconds that a build gets to remove what it has begun after the run was interrupted. */
const interruptGraceMs = 10_000

/**
 * Builds the artifacts that are missing. A failed build is reported and does not end the run: the probe of a platform
 * that needs the artifact then fails and states why.
 * @param skipEmulated skips platforms with emulated CPUs
 */
export async function ensureArtifacts(
  platforms: readonly ResolvedPlatform[],
  rootfs: string | undefined,
  options: ArtifactBuildOptions,
  skipEmulated = false,
): Promise<void> {
  const wanted: ResolvedPlatform[] = []
  for (const platform of platforms) if (!(await isSkipped(platform, skipEmulated))) wanted.push(platform)
  const onError = (error: ProjectCodeError) => options.onLine?.(messageWithPlace(error))
  for (const { name, path, ensure } of requiredArtifacts(wanted, rootfs, onError)) {
    if (existsSync(path)) continue
    options.onLine?.(`making the ${name}`)
    try {
      const building = ensure(options)
      await (options.signal ? raceAbort(building, options.signal, interruptGraceMs) : building)
    } catch (error) {
      options.signal?.throwIfAborted()
      options.onLine?.(`the ${name} could not be made: ${messageWithPlace(error)}`)
    }
  }
}
