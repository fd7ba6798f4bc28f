import type { Location } from './location.ts'

/** A mistake in a bench file or the config: says what is wrong, where it was written, and how to mend it. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError'
  readonly code = 'ISOBENCH_DEFINITION'

  constructor(
    message: string,
    readonly fix: string,
    readonly location?: Location,
  ) {
    super(message)
  }
}
