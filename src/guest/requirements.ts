import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Requirement } from '../platforms/driver.ts'

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
