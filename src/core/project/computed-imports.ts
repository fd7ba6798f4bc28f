import { isBuiltin } from 'node:module'
import { type CallExpression, type Expression, type ImportExpression, type Node, parse } from 'acorn'
import { type Loader, transform } from 'esbuild'
import { declaredNames } from './bindings.ts'

/**
 * Calls of `import` and `require` with a computed path or an address. The bundler leaves them to Node, which would
 * resolve a relative path from the place of the bundle. Its errors do not say where an import is.
 */

/** Functions around the calls. */
export interface OwnResolvers {
  /** Returns what to import. */
  readonly importPath: string
  /** Calls a function that imports, and rejects with its errors. */
  readonly load: string
  /** Replaces `require`. */
  readonly require: string
}

/** A call with anything but a plain path. Most modules have none and need no parser. */
const computedCall = /\b(?:import|require)\s*\((?!\s*(?:'(?!https?:|node:)[^'\n]*'|"(?!https?:|node:)[^"\n]*")\s*[,)])/

/**
 * Returns the module with computed paths that start from its own place. Lines keep their numbers.
 * @param loader how to read the text; the result is JavaScript if `isChanged`
 */
export async function resolveComputedImports(
  text: string,
  path: string,
  loader: Loader,
  names: OwnResolvers,
): Promise<{ readonly text: string; readonly isChanged: boolean }> {
  const same = { text, isChanged: false }
  if (!computedCall.test(text)) return same
  const code = loader === 'js' ? text : ((await javaScript(text, path, loader)) ?? '')
  const program = parseModule(code)
  if (!program) return same
  const edits = editsOf(program, names)
  if (edits.length === 0) return same
  const changed = edits
    // From the end. At one place, what replaces a name comes before what is inserted ahead of it.
    .sort((a, b) => b.at - a.at || b.until - a.until)
    .reduce((now, { at, until, insert }) => now.slice(0, at) + insert + now.slice(until), code)
  return { text: changed, isChanged: true }
}

/** Without types. Undefined if the text has an error, which the bundler reports. */
export async function javaScript(text: string, path: string, loader: Loader): Promise<string | undefined> {
  try {
    const options = { loader, sourcefile: path, sourcemap: 'inline', target: 'node20', charset: 'utf8' } as const
    return (await transform(text, options)).code
  } catch {
    return undefined
  }
}

/** A module or a CommonJS file. Undefined if it is neither. */
export function parseModule(code: string): Node | undefined {
  for (const sourceType of ['module', 'script'] as const)
    try {
      const options = { ecmaVersion: 'latest', allowHashBang: true, allowReturnOutsideFunction: true } as const
      return parse(code, { ...options, sourceType })
    } catch {
      // The other kind.
    }
  return undefined
}

interface Edit {
  readonly at: number
  readonly until: number
  readonly insert: string
}

function editsOf(program: Node, names: OwnResolvers): Edit[] {
  const edits: Edit[] = []
  // A module may have made its own, with createRequire.
  const isOwnRequire = declaredNames(program).has('require')
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one)
    if (value === null || typeof value !== 'object' || !('type' in value)) return
    const node = value as Node
    if (node.type === 'ImportExpression') {
      const around = (part: Node, before: string) =>
        edits.push(
          { at: part.start, until: part.start, insert: before },
          { at: part.end, until: part.end, insert: ')' },
        )
      const { source } = node as ImportExpression
      const paths = alternatives(source)
      // No function within a generator can contain its yield.
      if (!paths.every(isCertain) && !contains(source, 'YieldExpression')) around(node, `${names.load}(async () => `)
      for (const path of paths.filter((one) => !isBundled(one))) around(path, `${names.importPath}(`)
    }
    if (node.type === 'CallExpression' && !isOwnRequire) {
      const {
        callee,
        arguments: [path],
      } = node as CallExpression
      if (callee.type === 'Identifier' && callee.name === 'require' && path && path.type !== 'SpreadElement')
        if (!alternatives(path).every(isBundled))
          edits.push({ at: callee.start, until: callee.end, insert: names.require })
    }
    for (const child of Object.values(node)) visit(child)
  }
  visit(program)
  return edits
}

/** The paths of `condition ? a : b`, which esbuild reads as two calls. */
function alternatives(path: Expression): readonly Expression[] {
  if (path.type !== 'ConditionalExpression') return [path]
  return [...alternatives(path.consequent), ...alternatives(path.alternate)]
}

/** Whether esbuild bundles what the path may name: a constant text, or one that begins with `./` or `../`. */
function isBundled(path: Expression): boolean {
  const { text, isWhole } = beginning(path)
  return isWhole || /^\.\.?\//.test(text)
}

/** Whether no error of Node about the path is possible. esbuild reports one about a file that it does not find. */
function isCertain(path: Expression): boolean {
  const { text, isWhole } = beginning(path)
  return isWhole && (!/^(?:https?|node):/.test(text) || isBuiltin(text))
}

/** Whether a node has a part of a type. */
const contains = (value: unknown, type: string): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (('type' in value && value.type === type) || Object.values(value).some((part) => contains(part, type)))

/** The constant text that an expression begins with, and whether it is all of it. */
function beginning(node: Node): { readonly text: string; readonly isWhole: boolean } {
  const fields = node as Node & Readonly<Record<string, unknown>>
  if (node.type === 'Literal') return { text: String(fields.value), isWhole: true }
  if (node.type === 'TemplateLiteral') {
    const quasis = fields.quasis as readonly { readonly value: { readonly cooked?: string } }[]
    return { text: quasis[0]!.value.cooked ?? '', isWhole: quasis.length === 1 }
  }
  if (node.type !== 'BinaryExpression') return { text: '', isWhole: false }
  const [left, right] = [beginning(fields.left as Node), beginning(fields.right as Node)]
  return left.isWhole ? { text: left.text + right.text, isWhole: right.isWhole } : left
}
