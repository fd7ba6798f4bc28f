/** Which builds of programs the platforms use, and how old they are. */

import { missing, type Requirement } from '../../host/packages.ts'
import { runHostCommand } from '../../host/process.ts'
import type { Build } from '../../host/releases/build.ts'
import { findRelease, releases } from '../../host/releases/manifest.ts'
import { compareVersions } from '../../host/releases/release.ts'
import { installedRelease } from '../../host/releases/store.ts'
import { type ResolvedPlatform, requirementsOf } from '../project/platforms.ts'

/** A build that a platform uses. */
export interface BuildInUse extends Build {
  /** The name of the platform in the config. */
  readonly platform: string
  /** Of a program that is not provisioned, what it prints for `--version`. Absent: it prints none. */
  readonly version?: string
  /** `YYYY-MM-DD`, if it is known. */
  readonly released?: string
  /** Days since then. */
  readonly ageDays?: number
  /** The newest release that isobench can provision on this host. */
  readonly newest?: { readonly version: string; readonly released?: string }
  /** Days that it is older than that one, if it is more than a year and the config did not choose the build. */
  readonly daysBehind?: number
  /** Its date is unknown, and its version is lower than the newest one. */
  readonly isOlderVersion?: true
}

/** Returns the version in the output of `--version` of the programs in the releases. */
export function parseVersion(output: string): string | undefined {
  const line = output.split('\n').find((text) => /\d/.test(text)) ?? ''
  return /version:? (?:release-)?v?(\d[\w.+~-]*)/i.exec(line)?.[1] ?? /\bv?(\d[\w.+~-]*)/.exec(line)?.[1]
}

/** `52.0` and `52.0.0` are the same version. */
const normalized = (version: string) => version.replace(/(\.0)+$/, '')

/** Returns the day of a release: of the installed one, of isobench's list, or the day that is its version. */
export function releaseDay(release: string, version: string): string | undefined {
  const known = releases.find((one) => one.name === release && normalized(one.version) === normalized(version))
  // Debian's runsc prints 0.0~20240729.0.
  const [, ...day] = /(?:^|~)(20\d\d)(\d\d)(\d\d)(?=\D|$)/.exec(version) ?? []
  return installedRelease(release, version)?.released ?? known?.released ?? (day.length > 0 ? day.join('-') : undefined)
}

const daysBetween = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000)

/** A build that is older than the newest release by more days than this is outdated. */
const mostDaysBehind = 365

/** Adds dates and ages to a build with a known version. */
export function withAge(
  build: Omit<BuildInUse, 'ageDays' | 'daysBehind' | 'isOlderVersion'>,
  today: string,
): BuildInUse {
  const { release, version, source } = build
  const released = version === undefined ? undefined : releaseDay(release, version)
  const found = findRelease(release)
  const newest = found && { version: found.version, ...(found.released !== undefined && { released: found.released }) }
  const behind = released && newest?.released ? daysBetween(released, newest.released) : 0
  const isOlder = version !== undefined && newest !== undefined && compareVersions(version, newest.version) < 0
  const isChosen = source === 'config' || source === 'version'
  return {
    ...build,
    ...(released !== undefined && { released, ageDays: daysBetween(released, today) }),
    ...(newest && { newest }),
    ...(released === undefined && isOlder && { isOlderVersion: true as const }),
    ...(behind > mostDaysBehind && !isChosen && { daysBehind: behind }),
  }
}

async function versionOf({ binary, data = false }: Requirement): Promise<string | undefined> {
  if (data) return undefined
  try {
    return parseVersion(await runHostCommand([binary, '--version'], { timeout: 10 }))
  } catch {
    return undefined
  }
}

/** Returns the builds of the platforms, one for each platform and release. Leaves out programs that are missing. */
export async function buildsInUse(
  platforms: readonly ResolvedPlatform[],
  today = new Date().toISOString().slice(0, 10),
): Promise<BuildInUse[]> {
  const used = platforms.flatMap(({ spec, ...platform }) => {
    const requirements = requirementsOf(platform).filter((requirement) => missing([requirement]).length === 0)
    const byRelease = new Map(
      requirements.toReversed().flatMap((one) => (one.build ? [[one.build.release, one] as const] : [])),
    )
    return [...byRelease.values()].map((requirement) => ({ platform: spec.name, requirement }))
  })
  return Promise.all(
    used.map(async ({ platform, requirement }) => {
      const build = requirement.build!
      const version = build.version ?? (await versionOf(requirement))
      return withAge({ platform, ...build, ...(version !== undefined && { version }) }, today)
    }),
  )
}
