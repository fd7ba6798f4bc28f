import type { Location } from '../../dsl/errors.ts'
import { ChangedBuiltinsError } from '../../util/builtins.ts'
import { IsobenchError } from '../../util/errors.ts'
import { locationSchema } from '../model/claim.ts'
import { thrownImportFix } from './import-fixes.ts'
import { locateAssignment } from './locate-word.ts'
import { ProjectCodeError } from './project-code-error.ts'

/** Node refuses to import it: the path is computed, so isobench could not compile the module. */
const isUncompiled = (error: Error): boolean =>
  'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?tsx?\b/.test(error.message)

const importFix =
  "begin the path with a folder, so that isobench compiles the modules in it: import('./folder/' + name + '.ts'). " +
  'Write the file of a Worker in JavaScript'

/**
 * The fix and the location of an error of isobench, or how to import a computed TypeScript path. Errors of other
 * libraries may have fields with these names and another meaning. A message replaces that of the error.
 * @param file the absolute path of the module that threw it
 */
export function definitionDetails(
  error: unknown,
  file: string,
): { readonly fix?: string; readonly location?: Location; readonly message?: string } {
  if (!(error instanceof Error)) return {}
  if (error instanceof ChangedBuiltinsError) {
    const location = locateAssignment(file, error.names)
    return { fix: error.fix!, ...(location && { location }) }
  }
  if (error instanceof ProjectCodeError) return { fix: error.fix, ...(error.location && { location: error.location }) }
  if (error instanceof IsobenchError) return error.fix === undefined ? {} : { fix: error.fix }
  if (isUncompiled(error)) return { fix: importFix }
  const ofImport = thrownImportFix(error)
  if (ofImport.fix !== undefined) return ofImport
  // Not `instanceof`: a bench file may resolve another copy of isobench.
  if (error.name !== 'DefinitionError') return {}
  const { fix, location } = error as { readonly fix?: unknown; readonly location?: unknown }
  const parsed = locationSchema.safeParse(location)
  return { ...(typeof fix === 'string' && { fix }), ...(parsed.success && { location: parsed.data }) }
}
