import { IsobenchError } from '../../util/errors.ts'
import { WriteError, writeProblem } from '../../util/files.ts'

/** A file of a release could not be fetched. */
export class DownloadError extends IsobenchError {
  readonly code = 'ISOBENCH_DOWNLOAD'
}

/** A downloaded file has another digest than the release. */
export class DigestError extends IsobenchError {
  readonly code = 'ISOBENCH_DIGEST'
}

/** An archive is broken, lacks a member, or would write outside its folder. */
export class ArchiveError extends IsobenchError {
  readonly code = 'ISOBENCH_ARCHIVE'
}

/**
 * The error of a write that failed: a WriteError that states what is needed, if the cause is known.
 * @param need a sentence
 * @param variable names a folder on another disk
 */
export function writeFailure(path: string, error: unknown, need: string, variable: string): unknown {
  const problem = writeProblem(path, error)
  if (problem === error || !(problem instanceof WriteError)) return error
  const isDisk = ['ENOSPC', 'EDQUOT', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')
  const fix = isDisk ? `${problem.fix}; or set ${variable} to a folder on another disk` : problem.fix
  return Object.assign(new WriteError(`${problem.message}. ${need}`, fix), { cause: error })
}

/** `1,234 MiB`. */
export const inMiB = (bytes: number, round = Math.ceil): string =>
  `${round(bytes / 1024 ** 2).toLocaleString('en-US')} MiB`

/** The fix of every failed download: another place for the same file. */
export const mirrorHint = (url: string): string =>
  `get ${url} in another way and pass its folder or mirror: isobench provision --from <folder or URL>`
