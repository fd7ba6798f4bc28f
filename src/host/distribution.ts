/** The Linux distribution of this host, from os-release(5). */

import { existsSync, readFileSync } from 'node:fs'

/** The distributions with a column in `package-names.ts`, oldest first in each family. */
export const distributions = [
  { id: 'debian-12', family: 'debian', version: '12', codename: 'bookworm', title: 'Debian 12' },
  { id: 'debian-13', family: 'debian', version: '13', codename: 'trixie', title: 'Debian 13' },
  { id: 'ubuntu-22.04', family: 'ubuntu', version: '22.04', codename: 'jammy', title: 'Ubuntu 22.04' },
  { id: 'ubuntu-24.04', family: 'ubuntu', version: '24.04', codename: 'noble', title: 'Ubuntu 24.04' },
  { id: 'ubuntu-26.04', family: 'ubuntu', version: '26.04', codename: 'resolute', title: 'Ubuntu 26.04' },
] as const
type KnownDistribution = (typeof distributions)[number]
export type DistributionId = KnownDistribution['id']

/** The distribution of a host, and the one of the table with the package names for it. */
export interface Distribution {
  /** Its ID in os-release(5), such as `debian`. */
  readonly id: string
  /** Its name for people, such as `Linux Mint 22.1`. */
  readonly name: string
  /** The distribution in the table that it is, or that it derives from. Absent: none. */
  readonly packages?: KnownDistribution
  /** Whether the table has exactly this release. If not, `packages` is the nearest one. */
  readonly exact: boolean
}

/** Parses os-release(5): shell assignments, with or without quotes. */
export function parseOsRelease(text: string): Readonly<Record<string, string>> {
  const lines = text.matchAll(/^([A-Z0-9_]+)=(?:"((?:\\.|[^"\\])*)"|'([^']*)'|(\S*))\s*$/gm)
  return Object.fromEntries(
    [...lines].map(([, name, double, single, bare]) => [
      name!,
      double?.replace(/\\(.)/g, '$1') ?? single ?? bare ?? '',
    ]),
  )
}

/** `22.04` before `24.04` before `24.10`. */
const compareVersions = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

/** A family's newest release that is not newer than `version`, or else its oldest. Without a version, its newest. */
function nearest(family: string, version: string | undefined): KnownDistribution | undefined {
  const releases = distributions.filter((one) => one.family === family)
  if (version === undefined) return releases.at(-1)
  return releases.findLast((one) => compareVersions(one.version, version) <= 0) ?? releases[0]
}

/**
 * Returns what the fields of an os-release file describe. Derivatives name the release that they derive from by its
 * code name (Linux Mint, Pop!_OS, Raspbian), and their families in ID_LIKE.
 */
export function distributionFrom(fields: Readonly<Record<string, string>>): Distribution {
  const { ID: id = '', ID_LIKE: like = '', VERSION_ID: version } = fields
  const name = fields.PRETTY_NAME ?? (id === '' ? 'this Linux distribution' : [id, version].filter(Boolean).join(' '))
  const same = distributions.find((one) => one.family === id && one.version === version)
  if (same) return { id, name, packages: same, exact: true }
  const codenames = [fields.UBUNTU_CODENAME, fields.DEBIAN_CODENAME, fields.VERSION_CODENAME]
  const base = distributions.find(({ codename }) => codenames.includes(codename))
  if (base) return { id, name, packages: base, exact: true }
  const family = [id, ...like.split(/\s+/)].find((one) => distributions.some((known) => known.family === one))
  // The version of a derivative counts its own releases.
  const packages = family === undefined ? undefined : nearest(family, family === id ? version : undefined)
  return { id, name, exact: false, ...(packages && { packages }) }
}

/** Returns the distribution of this host. */
export function hostDistribution(file = '/etc/os-release'): Distribution {
  return distributionFrom(existsSync(file) ? parseOsRelease(readFileSync(file, 'utf8')) : {})
}
