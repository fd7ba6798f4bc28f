import type { Location } from '../dsl/location.ts'
import { IsobenchError } from '../errors.ts'

/** A bench file or the config cannot be used: what is wrong, where, and how to mend it. */
export interface Problem {
  /** Relative to the project. */
  readonly file: string
  readonly message: string
  readonly fix?: string
  readonly location?: Location
}

/** The config, or every bench file that was asked for, cannot be used. */
export class ProjectError extends IsobenchError {
  readonly code = 'ISOBENCH_DEFINITION'

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(({ message }) => message).join('; '))
  }
}
