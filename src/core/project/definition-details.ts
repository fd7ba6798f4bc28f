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
 * A stream of a worker thread has no file descriptor that a child process could inherit. Node's error has a dump of
 * the stream, which says nothing of it.
 */
const isWorkerStream = (error: Error): boolean =>
  'code' in error && error.code === 'ERR_INVALID_ARG_VALUE' && /'stdio'.*\w*WorkerStdio \{/s.test(error.message)

const streamFix = "write 'inherit', 1 or 2 instead of process.stdout or process.stderr, and 0 instead of process.stdin"

const streamMessage =
  'a stream of the process cannot be the stdio of a child process, because isobench imports bench files in a worker ' +
  'thread'

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
  if (isWorkerStream(error)) return { fix: streamFix, message: streamMessage }
  const fixOfImport = thrownImportFix(error)
  if (fixOfImport !== undefined) return { fix: fixOfImport }
  // Not `instanceof`: a bench file may resolve another copy of isobench.
  if (error.name !== 'DefinitionError') return {}
  const { fix, location } = error as { readonly fix?: unknown; readonly location?: unknown }
  const parsed = locationSchema.safeParse(location)
  return { ...(typeof fix === 'string' && { fix }), ...(parsed.success && { location: parsed.data }) }
}
