import type { Message } from 'esbuild'
import { suggestion } from '../../dsl/checked.ts'
import type { Problem } from '../model/suite.ts'

/** How to fix an import that esbuild or Node.js refuses. Their messages say only what is wrong. */

const modules = ['isobench', 'isobench/tools', 'isobench/driver', 'isobench/reporter', 'isobench/node']

/** The name of a package at the start of an import: `@scope/name`, `name`. */
const packageName = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*(?=\/|$)/i

/** The fix of an error of esbuild about an import, and a message if its own shows paths of isobench. */
export function importFix({
  text,
  notes,
  location,
}: Pick<Message, 'text' | 'notes' | 'location'>): Partial<Pick<Problem, 'message' | 'fix'>> {
  if (text.startsWith('No loader is configured for ')) {
    const written = location?.lineText.slice(location.column, location.column + location.length) ?? 'path'
    return { fix: `read it: readFileSync(new URL(${written}, import.meta.url)), or import it with { type: 'bytes' }` }
  }
  const [, path, asked = path] = /^Could not resolve "(.*?)"(?: \(originally "(.*)"\))?$/.exec(text) ?? []
  if (asked === undefined) return {}
  if (asked.startsWith('isobench/'))
    return { message: `isobench has no module "${asked}".`, fix: suggestion(asked, modules) }
  return { fix: missingFix(asked, notes) }
}

function missingFix(asked: string, notes: Message['notes']): string {
  if (/^\.{0,2}(\/|$)/.test(asked)) return 'correct the path, or create the file'
  if (asked.startsWith('#')) return 'correct the name, or add it to "imports" of package.json'
  const name = packageName.exec(asked)?.[0]
  if (notes.some((note) => note.text.includes('is not exported by package')))
    return `import a path of "exports" in the package.json of ${name}`
  const install = `npm install --save-dev ${name}`
  return name === undefined
    ? 'correct the name, or add the alias to "paths" of tsconfig.json'
    : `correct the name, or install the package: ${install}`
}

/** The fix of an error of Node.js about an import, by its code. */
const nodeFixes: Readonly<Record<string, string>> = {
  ERR_UNKNOWN_BUILTIN_MODULE: `correct the name: Node.js ${process.versions.node} has no such module`,
  ERR_UNSUPPORTED_ESM_URL_SCHEME: 'import a file of the project or an installed package instead of an address',
}

/** The fix of an error that an import throws when it runs. */
export function thrownImportFix(error: Error): string | undefined {
  // esbuild translates JSX into calls of React.
  if (error.name === 'ReferenceError' && error.message === 'React is not defined')
    return 'set "jsx" of tsconfig.json to "react-jsx" and install react, or import React in the file'
  return 'code' in error ? nodeFixes[String(error.code)] : undefined
}
