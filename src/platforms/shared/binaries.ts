/** Programs of releases, and runtime binaries that the user chose. */

import { spawnSync } from 'node:child_process'
import * as z from 'zod'
import { hostEnvironment } from '../../host/environment.ts'
import type { Requirement } from '../../host/packages.ts'
import { programProblem } from '../../host/program-file.ts'
import { type BuildSelection, findBuild, type ReleaseProgram } from '../../host/releases/build.ts'
import { findRelease, releasesFor } from '../../host/releases/manifest.ts'
import { hostArch } from '../../host/releases/release.ts'
import { sanitize } from '../../util/text.ts'

/** What a requirement has if the program is also in a Debian package. */
type DebianPackage = Pick<Requirement, 'package' | 'backports' | 'isRecentEnough'>

/**
 * Returns the requirement for a program of a release. The program in PATH may come from a Debian package.
 * @param others more releases that have to be provisioned with it
 */
export function releaseRequirement(
  program: ReleaseProgram,
  selection: BuildSelection = {},
  debian: DebianPackage = {},
  others: readonly string[] = [],
): Requirement {
  const build = findBuild(program, selection)
  if (build.source === 'config') return { binary: build.binary, build }
  const provision = [program.release, ...others].map((name) =>
    selection.version === undefined ? name : `${name}@${selection.version}`,
  )
  return {
    binary: build.binary,
    build,
    provision,
    ...(build.source === 'path' && debian),
    installHint:
      unknownRelease(program.release, selection.version) ??
      `isobench provision ${provision.join(' ')} (by hand: docs/reference/platforms.md)`,
  }
}

/** The fix of a release that isobench cannot provision on this host. Undefined if it can. */
function unknownRelease(release: string, version: string | undefined): string | undefined {
  if (findRelease(release, version)) return undefined
  const known = releasesFor(hostArch()).flatMap((one) => (one.name === release ? [one.version] : []))
  if (known.length === 0)
    return `isobench knows no release of ${release} for ${hostArch()}: build it (docs/reference/platforms.md)`
  return (
    `isobench knows no release ${release} ${version}: set the option version to ${known.join(' or ')}, ` +
    'or set the option binary'
  )
}

/** Returns why the program at `path` is not the runtime `name`, or `undefined` if it is. */
function wrongProgram(name: string, path: string, versionPrefix: string): string | undefined {
  const problem = programProblem(path)
  if (problem !== undefined) return problem
  const { stdout, stderr, error } = spawnSync(path, ['--version'], {
    encoding: 'utf8',
    timeout: 10_000,
    env: hostEnvironment(),
  })
  if (error) return `${path} --version does not run: ${error.message}`
  if (stdout.startsWith(versionPrefix)) return undefined
  const output = sanitize(`${stdout}${stderr}`.trim().split('\n')[0] ?? '', 80)
  return `${path} is not ${name}: its --version prints ${output === '' ? 'nothing' : `"${output}"`}`
}

/**
 * A platform option for another build of the runtime than isobench would choose. Checked by running it with
 * `--version`.
 * @param versionPrefix start of its output; runc, crun and runsc print their name
 */
export const runtimeBinary = (name: string, versionPrefix = `${name} version `) =>
  z
    .string()
    .regex(/^\//, 'use the absolute path of the program')
    .superRefine((path, context) => {
      const problem = path.startsWith('/') ? wrongProgram(name, path, versionPrefix) : undefined
      if (problem === undefined) return
      const message = `${problem}; set the path of a build of ${name}, or omit the option to use the ${name} in PATH`
      context.addIssue({ code: 'custom', message })
    })
    .optional()

/** A platform option for a provisioned release. It need not be installed when the config is read. */
export const releaseVersion = z
  .string()
  .regex(/^\d[\w.+-]*$/, 'use the version of a release without "v", such as 1.17.0')
  .optional()

/** The options that select a build, for the schema of a driver. */
export const buildOptions = (name: string, versionPrefix?: string) => ({
  binary: runtimeBinary(name, versionPrefix),
  version: releaseVersion,
})

/** Refuses a version beside a path. For `superRefine` of a driver's options. */
export function requireOneBuild({ binary, version }: BuildSelection, context: z.RefinementCtx): void {
  if (binary === undefined || version === undefined) return
  const message = 'binary already selects the build: omit version, or omit binary to use the provisioned release'
  context.addIssue({ code: 'custom', path: ['version'], message })
}

/** Returns why a runtime binary is no longer valid. Watch mode checks it again after the file changed. */
export const runtimeBinaryProblem = (name: string, binary: string | undefined): string | undefined =>
  binary === undefined ? undefined : wrongProgram(name, binary, `${name} version `)
