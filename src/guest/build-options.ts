import type { CleanupJournal } from './ledger.ts'

/** For making what is kept in the cache: an image, a kernel, a disk. */
export interface ArtifactBuildOptions {
  readonly ledger: CleanupJournal
  /** Called with each step, for whoever waits. */
  readonly onLine?: (line: string) => void
  readonly signal?: AbortSignal
}
