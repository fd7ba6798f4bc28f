import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Location } from '../../dsl/errors.ts'
import { bundlePath } from '../../util/assets.ts'
import { isError, readableError } from '../../util/errors.ts'
import { linesOf } from '../../util/files.ts'
import { isProjectFile, stackLocation } from './error-location.ts'
import { thrownImportFix } from './import-fixes.ts'
import { ProjectCodeError } from './project-code-error.ts'

/**
 * Imports a compiled module.
 * @param root the project's folder
 * @throws {ProjectCodeError} if Node refuses an import of it
 */
export async function importModule(root: string, url: string): Promise<{ readonly default?: unknown }> {
  try {
    return await import(url)
  } catch (error) {
    throw withImport(error, root, fileURLToPath(url))
  }
}

/** An error of Node about an import has no frame of the module that imports. Returns one with the import's place. */
function withImport(error: unknown, root: string, output: string): unknown {
  if (!isError(error) || readableError(error) !== error || stackLocation(String(error.stack), root)) return error
  const { fix, message = error.message } = thrownImportFix(error)
  if (fix === undefined) return error
  const meant = sourcesOf(output)
    .filter((file) => isProjectFile(root, file))
    .flatMap((file) => placesOf(file, error.message))
  // Others may import the module without the name that it lacks.
  const place = meant.find(({ hasName }) => hasName) ?? meant[0]
  return place ? new ProjectCodeError(message, fix, place.location, { cause: error }) : error
}

/** The absolute paths of the files in a bundle. */
function sourcesOf(output: string): string[] {
  const map = `${output}.map`
  if (!existsSync(map)) return []
  const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { readonly sources: readonly string[] }
  return sources.map((source) => resolve(dirname(output), source))
}

/** The path of an import: `from 'path'`, `import 'path'`, `import('path')`, `require('path')`. */
const importPath = /\b(?:from|import|require)\s*\(?\s*(['"])([^'"\n]+)\1/g

/** Where a file imports what an error of Node is about, and whether the import has the name that the error is about. */
function placesOf(file: string, message: string): { readonly location: Location; readonly hasName: boolean }[] {
  const text = linesOf(file).join('\n')
  const name = / does not provide an export named '(\w+)'/.exec(message)?.[1]
  return [...text.matchAll(importPath)]
    .filter(([, , path]) => isAbout(message, path!, file))
    .map(({ 0: found, 2: path, index }) => {
      const end = index + found.length
      const start = Math.max(text.lastIndexOf('import', end), text.lastIndexOf('export', index))
      const within = name === undefined ? -1 : text.slice(start, end).search(new RegExp(`\\b${name}\\b`))
      const before = text.slice(0, within < 0 ? end - path!.length - 2 : start + within).split('\n')
      return { location: { file, line: before.length, column: before.at(-1)!.length + 1 }, hasName: within >= 0 }
    })
}

/** Whether a message of Node is about a path that a file imports. */
function isAbout(message: string, path: string, file: string): boolean {
  const protocol = / Received protocol '(.*)'/.exec(message)?.[1]
  if (protocol !== undefined) return path.startsWith(protocol)
  const own = (['driver', 'reporter'] as const).find((name) => path === `isobench/${name}`)
  const target = own ? bundlePath(own) : /^\.{0,2}\//.test(path) ? resolve(dirname(file), path) : path
  return message.split(/['"\s]/).includes(target)
}
