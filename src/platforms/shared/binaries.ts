/** Programs that Debian does not package, and runtime binaries that the user chose. */

import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import * as z from 'zod'
import { hostEnvironment } from '../../host/environment.ts'
import type { Requirement } from '../../host/packages.ts'
import { sanitize } from '../../util/text.ts'

/** A release of a program that Debian does not package. isobench does not download it, but explains how to get it. */
export interface Release {
  readonly binary: string
  /** `owner/name` on GitHub. */
  readonly project: string
  /** The tag that isobench was tested with. */
  readonly version: string
  /** The file of the release, and its SHA-256. */
  readonly file: string
  readonly sha256: string
}

/** Returns the requirement for a program of a release, with instructions to install it. */
export function releaseRequirement({ binary, project, version, file, sha256 }: Release, path?: string): Requirement {
  const hint =
    `download ${file} of release ${version} of github.com/${project}, check it (sha256sum: ${sha256}), ` +
    `and put ${binary} into PATH or set the option binary`
  return { binary: path ?? binary, installHint: hint }
}

/** Returns why the program at `path` is not the runtime `name`, or `undefined` if it is. */
function wrongProgram(name: string, path: string, versionPrefix: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return `there is no program at ${path}`
  }
  const { stdout, stderr, error } = spawnSync(path, ['--version'], {
    encoding: 'utf8',
    timeout: 10_000,
    env: hostEnvironment(),
  })
  if (error) return `${path} --version: ${error.message}`
  if (stdout.startsWith(versionPrefix)) return undefined
  const output = sanitize(`${stdout}${stderr}`.trim().split('\n')[0] ?? '', 80)
  return `${path} is not ${name}: its --version prints ${output === '' ? 'nothing' : `"${output}"`}`
}

/**
 * A platform option for another build of the runtime than the one in PATH. Checked by running it with `--version`.
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

/** Returns why a runtime binary is no longer valid. Watch mode checks it again after the file changed. */
export const runtimeBinaryProblem = (name: string, binary: string | undefined): string | undefined =>
  binary === undefined ? undefined : wrongProgram(name, binary, `${name} version `)
