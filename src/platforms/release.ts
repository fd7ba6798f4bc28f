import type { Requirement } from './driver.ts'

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
