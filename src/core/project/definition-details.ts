import type { Location } from '../../dsl/errors.ts'
import { locationSchema } from '../model/claim.ts'

/**
 * The fix and the location of a `DefinitionError`. Errors of other libraries may have fields with these names and
 * another meaning.
 */
export function definitionDetails(error: unknown): { readonly fix?: string; readonly location?: Location } {
  // Not `instanceof`: a bench file may resolve another copy of isobench.
  if (!(error instanceof Error) || error.name !== 'DefinitionError') return {}
  const { fix, location } = error as { readonly fix?: unknown; readonly location?: unknown }
  const parsed = locationSchema.safeParse(location)
  return { ...(typeof fix === 'string' && { fix }), ...(parsed.success && { location: parsed.data }) }
}
