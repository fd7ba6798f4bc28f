import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import * as z from 'zod'
import type { Requirement } from '../../host/packages.ts'
import { sanitizeLine } from '../../util/errors.ts'

/** A release of a program that Debian does not have. isobench downloads nothing of it: it says where it is. */
export interface Release {
  readonly binary: string
  /** `owner/name` on GitHub. */
  readonly project: string
  /** The tag that isobench was written for. */
  readonly version: string
  /** What to take of that release, and its SHA-256. */
  readonly file: string
  readonly sha256: string
}

/** That program, wanted on the host; with how to come by it, in a line. */
export function releaseRequirement({ binary, project, version, file, sha256 }: Release, at?: string): Requirement {
  const hint = `take ${file} of release ${version} of github.com/${project}, check it (sha256sum: ${sha256}), and put ${binary} into PATH or name it by the option binary`
  return { binary: at ?? binary, installHint: hint }
}

/** Why the program at `path` is not the runtime `name`, whose version begins with `says`, or undefined. */
function mistaken(name: string, path: string, says: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
  } catch {
    return `there is no program at ${path}`
  }
  const { stdout, stderr, error } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  if (error) return `${path} --version: ${error.message}`
  if (stdout.startsWith(says)) return undefined
  const said = sanitizeLine(`${stdout}${stderr}`.trim().split('\n')[0] ?? '', 80)
  return `${path} is no ${name}: asked for its version, it said ${said === '' ? 'nothing' : `"${said}"`}`
}

/**
 * The option of a platform that runs another build of its runtime than the one in PATH. Checked by asking its version.
 * @param says What it begins with: runc, crun and runsc with their own name.
 */
export const runtimeBinary = (name: string, says = `${name} version `) =>
  z
    .string()
    .regex(/^\//, 'give the whole path of the program')
    .superRefine((path, context) => {
      const wrong = path.startsWith('/') ? mistaken(name, path, says) : undefined
      if (wrong === undefined) return
      const message = `${wrong}; give the path of a build of ${name}, or leave it out for the ${name} in PATH`
      context.addIssue({ code: 'custom', message })
    })
    .optional()

/** Why a platform's own runtime is none any more: watch mode measures again whenever its file changes, without the config. */
export const runtimeBinaryProblem = (name: string, binary: string | undefined): string | undefined =>
  binary === undefined ? undefined : mistaken(name, binary, `${name} version `)
