import { relative } from 'node:path'
import type { Location } from '../../dsl/errors.ts'
import { IsobenchError, messageOf } from '../../util/errors.ts'
import { launchFolder } from '../../util/files.ts'
import type { Problem } from '../model/suite.ts'

/** Code of the project that isobench calls, such as a driver or a reporter, failed. */
export class ProjectCodeError extends IsobenchError {
  readonly code: string = 'ISOBENCH_PROJECT_CODE'

  constructor(
    message: string,
    override readonly fix: string,
    /** Where it failed, or else where the function is written. */
    readonly location?: Location,
    options?: ErrorOptions,
  ) {
    super(message, fix, options)
  }

  /** @param file of the project, if the place is unknown */
  problem(file: string): Problem {
    const { message, fix, location } = this
    return { file, message, fix, ...(location && { location }) }
  }
}

/** The message of an error with its line, for texts that have no other place for it: `it failed (driver.ts:3:5)`. */
export function messageWithPlace(error: unknown, folder = launchFolder ?? '/'): string {
  if (!(error instanceof ProjectCodeError) || !error.location) return messageOf(error)
  const { file, line, column } = error.location
  return `${messageOf(error).replace(/\.$/, '')} (${relative(folder, file)}:${line}:${column})`
}
