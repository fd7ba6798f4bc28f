/** Installs the releases that platforms lack: `--install`. */

import { missing, packagesOf, type Requirement } from '../../host/packages.ts'
import { type InstallEvent, installRelease } from '../../host/releases/install.ts'
import { findRelease } from '../../host/releases/manifest.ts'
import { hostArch, type PinnedDigests, type Release } from '../../host/releases/release.ts'
import { unpackRequirements } from '../../host/releases/unpack.ts'
import { IsobenchError, messageOf } from '../../util/errors.ts'
import { kvmPreflight } from '../../vm/kvm.ts'

/** Who receives progress, what ends the installation, and what installs a release. */
export interface ProvisionOptions {
  onProgress(text: string): void
  readonly signal: AbortSignal
  /** Digests of the config. */
  readonly digests?: PinnedDigests | undefined
  /** `installRelease` if left out. */
  readonly installer?: typeof installRelease
  /** Returns why KVM cannot be used here, if so. `kvmPreflight` if left out. */
  readonly testKvm?: typeof kvmPreflight
}

/** A release that a requirement names as `name` or `name@version`. */
interface Wanted {
  readonly text: string
  readonly release: Release | undefined
}

/** Returns the releases that some requirements lack, each once. */
export function lackingReleases(requirements: readonly Requirement[]): readonly Wanted[] {
  const names = new Set(missing(requirements).flatMap(({ provision }) => provision ?? []))
  return [...names].map((text) => {
    const [name = '', version] = text.split('@')
    return { text, release: findRelease(name, version) }
  })
}

/** Returns what unpacks the releases that some requirements lack, if the distribution has no package of them. */
export const unpackersFor = (requirements: readonly Requirement[]): readonly Requirement[] =>
  lackingReleases(requirements.filter((one) => packagesOf([one]).length === 0)).flatMap(
    ({ release }) => release?.files.flatMap(({ archive }) => unpackRequirements(archive)) ?? [],
  )

/** Reports each step of a release once, because downloads report their progress several times a second. */
function reporterOf(onProgress: ProvisionOptions['onProgress']): (event: InstallEvent) => void {
  const reported = new Set<string>()
  return (event) => {
    const line =
      event.kind === 'waiting'
        ? `waiting for process ${event.holder.pid}, which is ${event.holder.purpose}`
        : `${event.kind} ${event.source}`
    if (!reported.has(line)) onProgress(line)
    reported.add(line)
  }
}

/**
 * Installs the releases that some requirements lack. A release that cannot be installed is reported, with its fix, and
 * does not end the run: its platform stays unavailable. Without usable KVM, releases that need it are left out:
 * they are two gigabytes, and none of their guests could run.
 * @throws the reason of the signal if it is aborted
 */
export async function provisionMissing(
  requirements: readonly Requirement[],
  { onProgress, signal, digests, installer = installRelease, testKvm = kvmPreflight }: ProvisionOptions,
): Promise<void> {
  const lacking = lackingReleases(requirements)
  const needKvm = lacking.filter(({ release }) => release?.needsKvm)
  const obstacle = needKvm.length > 0 ? await testKvm() : undefined
  if (obstacle) {
    const names = needKvm.map(({ text }) => text)
    onProgress(
      `not installing ${names.join(', ')}: ${obstacle.reason}. ` +
        `To install without KVM: isobench provision ${names.join(' ')}`,
    )
  }
  for (const { text, release } of lacking) {
    if (obstacle && release?.needsKvm) continue
    if (!release) {
      onProgress(`isobench knows no release ${text} for ${hostArch()}. Fix: isobench provision --list`)
      continue
    }
    onProgress(`installing the release ${release.name} ${release.version}, license ${release.license}`)
    try {
      await installer(release, { onEvent: reporterOf(onProgress), signal, digests })
    } catch (error) {
      signal.throwIfAborted()
      const fix = error instanceof IsobenchError && error.fix ? ` Fix: ${error.fix}` : ''
      onProgress(`${text} could not be installed: ${messageOf(error)}${fix}`)
    }
  }
}
