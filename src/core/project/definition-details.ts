import type { Location } from '../../dsl/errors.ts'
import { locationSchema } from '../model/claim.ts'

/** Node refuses to import it: the path is computed, so isobench could not compile the module. */
const isUncompiled = (error: Error): boolean =>
  'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?tsx?\b/.test(error.message)

const importFix =
  "begin the path with a folder, so that isobench compiles the modules in it: import('./folder/' + name + '.ts')"

/**
 * The fix and the location of a `DefinitionError`, or how to import a computed TypeScript path. Errors of other
 * libraries may have fields with these names and another meaning.
 */
export function definitionDetails(error: unknown): { readonly fix?: string; readonly location?: Location } {
  // Not `instanceof`: a bench file may resolve another copy of isobench.
  if (!(error instanceof Error)) return {}
  if (isUncompiled(error)) return { fix: importFix }
  if (error.name !== 'DefinitionError') return {}
  const { fix, location } = error as { readonly fix?: unknown; readonly location?: unknown }
  const parsed = locationSchema.safeParse(location)
  return { ...(typeof fix === 'string' && { fix }), ...(parsed.success && { location: parsed.data }) }
}
