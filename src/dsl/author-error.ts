import type { Location } from './location.ts'

/** A mistake in a bench file or the config: says what is wrong, where it was written, and how to mend it. */
export class AuthorError extends Error {
  override readonly name = 'AuthorError'
  readonly code = 'ISOBENCH_AUTHOR'

  constructor(
    message: string,
    readonly fix: string,
    readonly location?: Location,
  ) {
    super(message)
  }
}
