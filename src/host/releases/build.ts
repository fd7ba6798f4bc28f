/** Which build of a program a platform uses: one of the config, a provisioned release, or the one in PATH. */

import { join } from 'node:path'
import { folderOf, installedReleases } from './store.ts'

/** A program of a release: `{ release: 'gvisor', program: 'runsc' }`. */
export interface ReleaseProgram {
  readonly release: string
  readonly program: string
}

/** The options of a platform that select a build. At most one of them is set. */
export interface BuildSelection {
  /** Absolute path of a program. */
  readonly binary?: string | undefined
  /** Version of a provisioned release. */
  readonly version?: string | undefined
}

/** A build of a program. */
export interface Build extends ReleaseProgram {
  /** A path of the config, a version of the config, the newest provisioned release, or the program in PATH. */
  readonly source: 'config' | 'version' | 'provisioned' | 'path'
  /** Absolute path, or for `path` the name of the program. */
  readonly binary: string
  /** Only of a provisioned release. */
  readonly version?: string
}

/** The newest releases that this process found, by folder of all releases and name. */
const found = new Map<string, Build>()

/**
 * Finds the newest provisioned release that has the program. A process keeps its answer, so that a run does not change
 * to a release that is provisioned during it.
 */
function newestProvisioned({ release, program }: ReleaseProgram): Build | undefined {
  const key = JSON.stringify([folderOf(release, ''), program])
  const known = found.get(key)
  if (known) return known
  const newest = installedReleases(release).find(({ programs }) => Object.hasOwn(programs, program))
  if (!newest) return undefined
  const binary = join(newest.folder, newest.programs[program]!)
  const build: Build = { release, program, source: 'provisioned', binary, version: newest.version }
  found.set(key, build)
  return build
}

/**
 * Returns the build that a platform uses: `binary` of its options, `version` of its options, the newest provisioned
 * release, or the program in PATH. The program may not exist: `missing` of the requirements finds that out.
 */
export function findBuild({ release, program }: ReleaseProgram, { binary, version }: BuildSelection): Build {
  if (binary !== undefined) return { release, program, source: 'config', binary }
  if (version === undefined)
    return newestProvisioned({ release, program }) ?? { release, program, source: 'path', binary: program }
  const installed = installedReleases(release).find((one) => one.version === version)
  const path = installed?.programs[program] ?? program
  return { release, program, source: 'version', binary: join(folderOf(release, version), path), version }
}
