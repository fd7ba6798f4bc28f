/** The releases that are installed: `<home>/<name>/<version>` with a `release.json` each. Reads files only. */

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { HostError } from '../../util/errors.ts'
import { readOwnFile } from '../../util/files.ts'
import { releasesFolder } from '../paths.ts'
import { compareVersions } from './release.ts'

/** The file that makes a folder an installed release. It is written before the folder gets its name. */
export const recordName = 'release.json'

/** A path below the release's folder: `runsc`, `runtime-rs/bin/containerd-shim-kata-v2`. */
const pathInside = z.string().regex(/^(?!\/)(?!(?:.*\/)?\.\.?(?:\/|$)).+$/, 'must stay in the folder of the release')

const recordSchema = z.strictObject({
  arch: z.string(),
  /** `YYYY-MM-DD`. */
  released: z.string().optional(),
  license: z.string(),
  /** ISO 8601. */
  installed: z.string(),
  files: z.array(
    z.strictObject({
      /** Where the project publishes it. */
      url: z.string(),
      /** Where it came from: the same, or a mirror, without its password. */
      source: z.string(),
      /** `sha256:` or `sha512:` and the digest of the file. */
      digest: z.string(),
      /** Whether the digest was not known before, see `--trust-first-download`. */
      trustedFirst: z.boolean(),
    }),
  ),
  programs: z.record(z.string(), pathInside),
  /** isobench made the folder of all releases, and removes it with the last one. Absent: the user made it. */
  madeHome: z.literal(true).optional(),
})

/** What `release.json` of an installed release contains. */
export type ReleaseRecord = z.output<typeof recordSchema>

/** An installed release. */
export interface InstalledRelease extends ReleaseRecord {
  readonly name: string
  readonly version: string
  /** Absolute path. */
  readonly folder: string
}

/** The paths of the programs that an installed release lacks. */
export const missingPrograms = ({ folder, programs }: InstalledRelease): readonly string[] =>
  Object.values(programs).filter((path) => !existsSync(join(folder, path)))

/** Names of releases and versions. The names of unfinished installations end with `.tmp`. */
const validName = /^\w[\w.+-]*(?<!\.tmp)$/

/** @throws {HostError} if this user must not read the folder */
function names(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return []
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && validName.test(entry.name))
      .map((entry) => entry.name)
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    throw new HostError(`this user must not read ${folder}.`, 'run isobench as root, or set ISOBENCH_HOME')
  }
}

/** The folder of a release, whether it is installed or not. */
export const folderOf = (name: string, version: string): string => join(releasesFolder(), name, version)

/** Returns an installed release. Undefined if it is not installed, or if its `release.json` cannot be read. */
export function installedRelease(name: string, version: string): InstalledRelease | undefined {
  const folder = folderOf(name, version)
  try {
    const record = recordSchema.parse(JSON.parse(readOwnFile(join(folder, recordName))))
    return { name, version, folder, ...record }
  } catch {
    return undefined
  }
}

/** Returns the installed releases, of one name or of all: by name, and the newest version of a name first. */
export function installedReleases(name?: string): readonly InstalledRelease[] {
  return (name === undefined ? names(releasesFolder()) : [name]).flatMap((one) =>
    names(join(releasesFolder(), one))
      .sort((a, b) => compareVersions(b, a))
      .flatMap((version) => installedRelease(one, version) ?? []),
  )
}

/**
 * Returns the absolute path of a program or file of an installed release: `installedProgram('gvisor', 'runsc')`.
 * @param version by default the newest one that has the program
 */
export function installedProgram(name: string, program: string, version?: string): string | undefined {
  const candidates =
    version === undefined
      ? installedReleases(name)
      : [installedRelease(name, version)].filter((one) => one !== undefined)
  return candidates
    .flatMap(({ folder, programs }) => (Object.hasOwn(programs, program) ? [join(folder, programs[program]!)] : []))
    .find((path) => existsSync(path))
}
