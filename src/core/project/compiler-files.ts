import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { type Node, parseExpressionAt } from 'acorn'
import { withoutBom } from '../../util/text.ts'

/** Files other than code that decide how code is compiled, and which files it imports. */

/** In a folder, the first one applies to it and to the folders below. */
const compilerOptions = ['tsconfig.json', 'jsconfig.json']

/**
 * The compiler options and the package.json of each file, and what the options extend. In the project, also those that
 * do not exist and would apply.
 * @param root the folder of the project
 * @param files absolute
 */
export function compilerFiles(root: string, files: Iterable<string>): Set<string> {
  const found = new Set<string>()
  // In packages, esbuild applies no compiler options.
  const own = [...files].filter((file) => !file.includes('/node_modules/'))
  for (const folder of new Set(own.map(dirname)))
    for (const names of [compilerOptions, ['package.json']])
      for (const file of nearest(names, folder, root)) addWithBases(file, found)
  return found
}

/** The first of the files in a folder or above it, and before it those in the project that do not exist. */
function nearest(names: readonly string[], folder: string, root: string): string[] {
  const isInProject = `${folder}/`.startsWith(`${root}/`)
  const paths = names.map((name) => join(folder, name))
  const existing = paths.findIndex((path) => existsSync(path))
  const missing = isInProject ? paths.slice(0, existing < 0 ? paths.length : existing) : []
  if (existing >= 0) return [...missing, paths[existing]!]
  const parent = dirname(folder)
  return parent === folder ? missing : [...missing, ...nearest(names, parent, root)]
}

/** Adds a file, and if it has compiler options the files that it extends. */
function addWithBases(file: string, found: Set<string>): void {
  if (found.has(file)) return
  found.add(file)
  if (!file.endsWith('package.json')) for (const base of basesOf(file)) addWithBases(base, found)
}

/** The files that a tsconfig.json extends, as paths or as files of packages. */
function basesOf(file: string): string[] {
  return extendsOf(file).flatMap((given) => {
    const isPath = isAbsolute(given) || /^\.{1,2}(?:\/|$)/.test(given)
    if (isPath) {
      const path = resolve(dirname(file), given)
      return [existsSync(path) || path.endsWith('.json') ? path : `${path}.json`]
    }
    const { resolve: find } = createRequire(file)
    for (const name of [given, `${given}.json`, `${given}/tsconfig.json`])
      try {
        return [find(name)]
      } catch {
        // Another name, or a package that is not installed.
      }
    return []
  })
}

interface Properties extends Node {
  readonly properties?: readonly { readonly key?: { readonly value?: unknown }; readonly value?: Values }[]
}

interface Values extends Node {
  readonly value?: unknown
  readonly elements?: readonly ({ readonly value?: unknown } | null)[]
}

/** `extends` of a tsconfig.json: a text or a list. Comments and trailing commas make it JavaScript, but no JSON. */
function extendsOf(file: string): string[] {
  try {
    const text = withoutBom(readFileSync(file, 'utf8'))
    const { properties = [] } = parseExpressionAt(text, 0, { ecmaVersion: 'latest' }) as Properties
    const given = properties.find(({ key }) => key?.value === 'extends')?.value
    return [given, ...(given?.elements ?? [])].flatMap((one) => (typeof one?.value === 'string' ? [one.value] : []))
  } catch {
    // It does not exist, or it is being written.
    return []
  }
}
