import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Requirement } from '../platforms/driver.ts'

const folders = () => [...new Set([...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'])].filter(Boolean)

/** Where a program is, or undefined. */
export function which(binary: string): string | undefined {
  return folders()
    .map((folder) => join(folder, binary))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return statSync(file).isFile()
      } catch {
        return false
      }
    })
}

/** Those that this host lacks. */
export const missing = (requirements: readonly Requirement[]): Requirement[] =>
  requirements.filter(({ binary }) => which(binary) === undefined)

/** What isobench needs whatever the platform. */
export const ownRequirements: readonly Requirement[] = [
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
  const packages = packagesOf(requirements)
  return packages.length > 0 ? `apt-get install --no-install-recommends ${packages.join(' ')}` : undefined
}

export const packagesOf = (requirements: readonly Requirement[]): string[] => [
  ...new Set(requirements.flatMap((requirement) => requirement.package ?? [])),
]
