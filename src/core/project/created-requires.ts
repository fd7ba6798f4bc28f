import { readFileSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'
import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { CallExpression, Identifier, ImportSpecifier, MemberExpression, NewExpression, Node } from 'acorn'
import { visitNodes } from './bindings.ts'
import { javaScript, parseModule } from './computed-imports.ts'
import { loaders } from './module-location.ts'

/**
 * The modules that code loads with a `require` that it has made with `createRequire`. The bundler leaves them to Node,
 * so they are in no bundle.
 */

/** Returns the absolute paths of the modules that one of the files names as a plain text. */
export type ModuleSearch = (files: readonly string[]) => Promise<string[]>

/** Creates a search that reads each file once, whatever the number of benches that import it. It skips packages. */
export function searchRequiredModules(): ModuleSearch {
  const searched = new Map<string, Promise<string[]>>()
  const search = (file: string): Promise<string[]> => {
    const known = searched.get(file) ?? modulesOf(file)
    searched.set(file, known)
    return known
  }
  return async (files) => {
    const found = await Promise.all(files.filter((file) => !file.includes('/node_modules/')).map(search))
    return [...new Set(found.flat())]
  }
}

/** Lets the next `require` of the files read them again. */
export function forgetModules(files: readonly string[]): void {
  const { cache } = createRequire(import.meta.url)
  for (const file of files) delete cache[file]
}

async function modulesOf(file: string): Promise<string[]> {
  const loader = loaders[extname(file)]
  const text = loader === undefined ? '' : readFileSync(file, 'utf8')
  if (loader === undefined || !text.includes('createRequire')) return []
  const code = loader === 'js' ? text : await javaScript(text, file, loader)
  const program = code === undefined ? undefined : parseModule(code)
  return program ? modulesIn(program, file) : []
}

function modulesIn(program: Node, file: string): string[] {
  const makers = new Set(['createRequire'])
  visitNodes(program, (node) => {
    const { imported, local } = node as ImportSpecifier
    if (node.type === 'ImportSpecifier' && (imported as Identifier).name === 'createRequire') makers.add(local.name)
  })
  /** Where the `require` resolves paths that an expression makes. */
  const placeOf = (node: Node): string | undefined => {
    if (node.type !== 'CallExpression') return undefined
    const { callee, arguments: args } = node as CallExpression
    const name = callee.type === 'MemberExpression' ? callee.property : callee
    return name.type === 'Identifier' && makers.has(name.name) && args[0] ? pathOf(args[0], file) : undefined
  }
  const places = new Map<string, string>()
  visitNodes(program, (node) => {
    const { id, init } = node as Node & { readonly id?: Node; readonly init?: Node | null }
    const place = init && placeOf(init)
    if (id?.type === 'Identifier' && place) places.set((id as Identifier).name, place)
  })
  const found: string[] = []
  visitNodes(program, (node) => {
    if (node.type !== 'CallExpression') return
    const { callee, arguments: args } = node as CallExpression
    const place = callee.type === 'Identifier' ? places.get(callee.name) : placeOf(callee)
    const request = args[0] && textOf(args[0])
    if (place !== undefined && request !== undefined && !isBuiltin(request)) found.push(...resolveFrom(place, request))
  })
  return found
}

/** The file of `import.meta.url`, `__filename` or `new URL('./lib/', import.meta.url)`. Undefined for another path. */
function pathOf(node: Node, file: string): string | undefined {
  if (node.type === 'NewExpression') {
    const [path, base] = (node as NewExpression).arguments
    const text = path && textOf(path)
    const isBeside = text !== undefined && base !== undefined && pathOf(base, file) === file
    return isBeside ? new URL(text, pathToFileURL(file)).href : undefined
  }
  const { object } = node as MemberExpression
  const isOwn = node.type === 'MemberExpression' && object.type === 'MetaProperty'
  return isOwn || (node as Identifier).name === '__filename' ? file : undefined
}

/** The value of a text without computed parts. */
function textOf(node: Node): string | undefined {
  const { value, quasis } = node as Node & {
    readonly value?: unknown
    readonly quasis?: readonly { readonly value: { readonly cooked?: string } }[]
  }
  return typeof value === 'string' ? value : quasis?.length === 1 ? quasis[0]!.value.cooked : undefined
}

function resolveFrom(place: string, request: string): string[] {
  try {
    return [createRequire(place).resolve(request)]
  } catch {
    // Node reports it when it runs the code.
    return []
  }
}
