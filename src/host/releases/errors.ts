import { IsobenchError } from '../../util/errors.ts'

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

/** The fix of every failed download: another place for the same file. */
export const mirrorHint = (url: string): string =>
  `get ${url} in another way and pass its folder or mirror: isobench provision --from <folder or URL>`
