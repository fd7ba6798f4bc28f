import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { loadWithoutRegistrations } from '../../dsl/registry.ts'
import { rememberBuiltins, withRestoredBuiltins } from '../../util/builtins.ts'
import { isError, messageOf, readableError } from '../../util/errors.ts'
import { handleStrayErrors, StrayError } from '../../util/stray-errors.ts'
import { type Problem, ProjectError } from '../model/suite.ts'
import { type Compiled, compile } from './compile.ts'
import { forgetModules } from './created-requires.ts'
import { definitionDetails } from './definition-details.ts'
import { stackLocation } from './error-location.ts'
import { importModule } from './import-module.ts'
import { locateAwait } from './locate-word.ts'
import { neverEnds, withinLimit } from './time-limit.ts'

/**
 * Compiles and imports a TypeScript module of the project: its config, or a reporter.
 * @param file relative to `root`
 * @param missing how to fix a module without a default export
 * @returns the default export, the digest of the module's code, the files in its bundle, and what the bundler warns of
 * @throws {ProjectError} if the module does not compile, throws, takes too long, or has no default export
 */
export async function importDefault(
  root: string,
  file: string,
  missing: string,
): Promise<{ readonly value: unknown } & Pick<Compiled, 'digest' | 'inputs' | 'warnings'>> {
  const result = await compile(root, file)
  if (!result.ok) throw new ProjectError(result.problems, root)
  const { output, digest, inputs, warnings } = result.compiled
  rememberBuiltins()
  // With the digest, changed code is a new module for Node: watch mode loads it again.
  const url = `${pathToFileURL(output).href}?${digest}`
  forgetModules(inputs)
  const loaded = await loadWithoutRegistrations(() => importCompiled(root, file, url))
  if (loaded.default === undefined)
    throw new ProjectError([{ file, message: 'it has no default export', fix: missing }], root)
  return { value: loaded.default, digest, inputs, warnings }
}

/**
 * Imports a compiled module into this process.
 * @param file for messages, relative to `root`
 * @throws {ProjectError} if the module throws, leaves an error that nothing handles, calls `process.exit`, changes
 *   builtins or takes too long
 */
export async function importCompiled(root: string, file: string, url: string): Promise<{ readonly default?: unknown }> {
  process.setSourceMapsEnabled(true)
  try {
    return await withoutStrayErrors(() =>
      withinLimit(
        { root, file, what: 'importing it', fix: neverEnds, location: () => locateAwait(join(root, file)) },
        () => withRestoredBuiltins('it', () => importModule(root, url)),
      ),
    )
  } catch (thrown) {
    const error = readableError(thrown)
    throw new ProjectError([importProblem(error, root, file)], root)
  }
}

/** With quotes around a text. */
const quoted = (thrown: unknown): string => (typeof thrown === 'string' ? `"${messageOf(thrown)}"` : messageOf(thrown))

/** What is wrong with a module of the project that threw an error. */
export function importProblem(error: unknown, root: string, file: string): Problem {
  const { fix, location, message: clear } = definitionDetails(error, join(root, file))
  const thrown = error instanceof StrayError ? error.thrown : error
  const at = location ?? (isError(thrown) ? stackLocation(String(thrown.stack), root) : undefined)
  const message = clear ?? (isError(error) ? messageOf(error) : `it threw ${quoted(error)}`)
  return { file, message, ...(fix && { fix }), ...(at && { location: at }) }
}

/** Rejects with an error that no code handles, while the work runs and in the next turn. */
export async function withoutStrayErrors<T>(work: () => Promise<T>): Promise<T> {
  let fail!: (error: Error) => void
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  using _strayErrors = handleStrayErrors(fail)
  const result = await Promise.race([work(), failed])
  // Node reports a rejection that nothing handles in a later turn.
  await Promise.race([new Promise((resolve) => setTimeout(resolve, 1)), failed])
  return result
}
