import { readFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import type { Message } from 'esbuild'
import { suggestion } from '../../dsl/checked.ts'
import { bundlePath } from '../../util/assets.ts'
import { closestMatch } from '../../util/closest-match.ts'
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
  const [, module, name] = /^No matching export in "(.*)" for import "(.*)"$/.exec(text) ?? []
  if (module !== undefined && name !== undefined)
    return {
      fix:
        name === 'default'
          ? `write export default in ${module}, or import one of its names: import { name }`
          : `export it from ${module}, or correct the name`,
    }
  const [, path, asked = path] = /^Could not resolve "(.*?)"(?: \(originally "(.*)"\))?$/.exec(text) ?? []
  if (asked === undefined) return {}
  if (asked.startsWith('isobench/'))
    return { message: `isobench has no module "${asked}".`, fix: suggestion(asked, modules) }
  return { fix: missingFix(asked, notes) }
}

function missingFix(asked: string, notes: Message['notes']): string {
  if (/^\.{0,2}(\/|$)|^file:/.test(asked)) return 'correct the path, or create the file'
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
  ERR_DLOPEN_FAILED: `build it for Node.js ${process.versions.node} on this host: npm rebuild`,
  ERR_IMPORT_ASSERTION_TYPE_MISSING: "write the type: import(path, { with: { type: 'json' } })",
  ERR_IMPORT_ATTRIBUTE_MISSING: "write the type: import(path, { with: { type: 'json' } })",
}

/** The fix of a call that Node.js refuses in a worker thread, by its function. */
const workerFixes: Readonly<Record<string, string>> = {
  abort: 'throw an error',
  chdir: 'give the folder to child processes as cwd, and begin paths of files with import.meta.dirname',
  umask: 'set the mode of each file: chmodSync(path, 0o600)',
}

const userFix = 'start a child process with another user: spawn(file, args, { uid, gid })'

/** Parts of messages of Node.js about a module that it does not find. The paths of bundles say nothing to a user. */
const fromBundle = / imported from \S*\/\.isobench\/build\/\S*/
const requireStack = /\nRequire stack:[\s\S]*/

/** The fix of an error that an import throws when it runs, and a message if its own shows paths of isobench. */
export function thrownImportFix(error: Error): Partial<Pick<Problem, 'message' | 'fix'>> {
  const { message } = error
  // esbuild translates JSX into calls of React.
  if (error.name === 'ReferenceError' && message === 'React is not defined')
    return { fix: 'set "jsx" of tsconfig.json to "react-jsx" and install react, or import React in the file' }
  const [, module, name] = /^The requested module '(.*)' does not provide an export named '(.*)'$/.exec(message) ?? []
  if (module !== undefined && name !== undefined) return missingExport(module, name)
  const [, unbundled] = /^Module not found in bundle: (.*)$/.exec(message) ?? []
  if (unbundled !== undefined) return { message: `there is no module "${unbundled}"`, fix: missingFix(unbundled, []) }
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && message.includes('".node"'))
    return { fix: 'load it with createRequire(import.meta.url)(path) of node:module' }
  const [, asked] = /^Cannot find (?:module|package) '(.*?)'/.exec(message) ?? []
  if ((code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && asked !== undefined)
    return { message: message.replace(fromBundle, '').replace(requireStack, ''), fix: missingFix(asked, []) }
  const [, call] = /process\.(\w+)\(\) is not supported in workers$/.exec(message) ?? []
  if (code === 'ERR_WORKER_UNSUPPORTED_OPERATION' && call !== undefined)
    return {
      message: `isobench imports bench files in a worker thread, which has no process.${call}()`,
      fix: Object.hasOwn(workerFixes, call) ? workerFixes[call]! : userFix,
    }
  const fix = nodeFixes[code]
  return fix === undefined ? {} : { fix }
}

/** What is wrong with an import of a name that a module of Node.js or isobench does not export. */
function missingExport(module: string, name: string): Pick<Problem, 'message' | 'fix'> {
  const own = (['driver', 'reporter'] as const).find((one) => bundlePath(one) === module)
  const shown = own === undefined ? module : `isobench/${own}`
  const builtin = () => (isBuiltin(module) ? Object.keys(createRequire(import.meta.url)(module)) : [])
  const exported = own === undefined ? builtin() : exportsOf(module)
  const close = closestMatch(name, exported)
  return {
    message: `${shown} has no export "${name}".`,
    fix: close === undefined ? 'correct the name; if it is a type, write: import type' : `did you mean "${close}"?`,
  }
}

/** The names that a bundle of esbuild exports: they stand in its last statement. */
export function exportsOf(bundle: string): string[] {
  const [, list = ''] = /export ?\{([^}]*)\};?\s*$/.exec(readFileSync(bundle, 'utf8').replace(/\/\/# .*\s*$/, '')) ?? []
  return list.split(',').map((name) => name.replace(/.* as /, '').trim())
}
