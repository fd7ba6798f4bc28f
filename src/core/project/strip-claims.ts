import {
  type CallExpression,
  type ExportSpecifier,
  type ModuleDeclaration,
  type Node,
  parse,
  type Statement,
  type VariableDeclarator,
} from 'acorn'
import { boundNames, countNames, referencedNames, visitNodes } from './bindings.ts'
import { ClaimAnalysis } from './claim-analysis.ts'

/** Removes from a bench file what only states claims. Pure. */

type TopLevel = Statement | ModuleDeclaration

/**
 * Returns a canonical text of a module's work. Two modules with equal texts differ at most in claims, comments and
 * white space.
 *
 * Three things are removed if evaluating them has no other effect: statements that call `finding`, the `expect` of a
 * bench's options, and declarations that nothing else uses. The name of a bench that only claims use is removed, too,
 * unless it is exported: another module could use it. Code that this analysis does not understand stays, so the
 * worst case is that watch mode measures once more than necessary.
 * @param code an ES module without types
 * @throws {SyntaxError} if the code cannot be parsed
 */
export function stripClaims(code: string): string {
  const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true })
  const analysis = new ClaimAnalysis(program)
  if (!analysis.isReliable) return JSON.stringify(canonical(program.body, new Set()))
  const removable = removableNodes(program, analysis)
  const statements = program.body.filter((statement) => statement.type !== 'ImportDeclaration')
  const needed = reachable(statements, removable, analysis)
  const uses = countNames(needed.flatMap((statement) => referencedNames(statement, removable)))
  const imports = program.body.flatMap((statement) =>
    statement.type === 'ImportDeclaration' ? importText(statement, uses) : [],
  )
  const work = needed.map((statement) => withoutName(statement, uses, analysis))
  return JSON.stringify([imports, canonical(work, removable)])
}

/** The property `expect` in the options of a bench, anywhere in the module, and exports of claims. */
function removableNodes(program: Node, analysis: ClaimAnalysis): Set<Node> {
  const removable = new Set<Node>()
  visitNodes(program, (node) => {
    // `export { claim }`, as esbuild writes exports. No other module can use a claim for its work.
    if (node.type === 'ExportSpecifier' && analysis.isClaim((node as ExportSpecifier).local)) removable.add(node)
    if (node.type !== 'CallExpression' || !analysis.isBenchCall(node as CallExpression)) return
    const given = (node as CallExpression).arguments.at(-1)
    const options = given?.type === 'Identifier' ? analysis.optionsOf(given.name, node as CallExpression) : given
    if (options?.type !== 'ObjectExpression') return
    // `['expect']` is computed, too. bench() would run a getter.
    for (const property of options.properties)
      if (property.type === 'Property' && isNamed(property.key, 'expect', property.computed))
        if (property.kind === 'init' && analysis.isPure(property.value)) removable.add(property)
    if (options.properties.every((property) => removable.has(property))) removable.add(given!)
  })
  return removable
}

const isNamed = (key: Node, name: string, isComputed: boolean): boolean =>
  (!isComputed && key.type === 'Identifier' && (key as { name?: string }).name === name) ||
  (key.type === 'Literal' && (key as { value?: unknown }).value === name)

/** `bench(...)` instead of `const it = bench(...)` if no other work uses the name. */
function withoutName(statement: TopLevel, uses: ReadonlyMap<string, number>, analysis: ClaimAnalysis): unknown {
  if (statement.type !== 'VariableDeclaration' || statement.kind !== 'const') return statement
  const [{ id, init }, ...more] = statement.declarations as [VariableDeclarator, ...VariableDeclarator[]]
  if (more.length > 0 || id.type !== 'Identifier' || init?.type !== 'CallExpression' || !analysis.isBenchCall(init))
    return statement
  // Once: where it is declared. More often if the bench itself uses it, or a name in another scope is the same.
  return uses.get(id.name) === 1 ? { type: 'ExpressionStatement', expression: init } : statement
}

/** Statements with an effect, and the declarations that they use. */
function reachable(statements: readonly TopLevel[], removable: ReadonlySet<Node>, analysis: ClaimAnalysis): TopLevel[] {
  const needed = new Set(statements.filter((one) => !isEmptyExport(one, removable) && !analysis.hasNoEffect(one)))
  const used = new Set<string>()
  for (let waiting = [...needed]; waiting.length > 0; ) {
    for (const statement of waiting) for (const name of referencedNames(statement, removable)) used.add(name)
    waiting = statements.filter((one) => !needed.has(one) && boundNames(one).some((name) => used.has(name)))
    for (const statement of waiting) needed.add(statement)
  }
  return statements.filter((one) => needed.has(one))
}

const isEmptyExport = (statement: TopLevel, removable: ReadonlySet<Node>): boolean =>
  statement.type === 'ExportNamedDeclaration' &&
  !statement.source &&
  !statement.declaration &&
  statement.specifiers.every((one) => removable.has(one))

/** An import with the names that are used. One of isobench without any is nothing: its modules are loaded already. */
function importText(
  statement: Extract<ModuleDeclaration, { type: 'ImportDeclaration' }>,
  used: ReadonlyMap<string, number>,
) {
  const source = String(statement.source.value)
  const specifiers = statement.specifiers
    .filter(({ local }) => used.has(local.name))
    .map((specifier) => canonical(specifier, new Set()))
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return specifiers.length === 0 && /^isobench(\/|$)/.test(source) ? [] : [[source, specifiers]]
}

const positions = new Set(['start', 'end', 'loc', 'range', 'raw'])

/** The syntax tree as JSON, without positions and without the removed nodes. */
function canonical(value: unknown, removed: ReadonlySet<Node>): unknown {
  if (Array.isArray(value)) return value.filter((one) => !removed.has(one)).map((one) => canonical(one, removed))
  if (typeof value === 'bigint') return `${value}n`
  // JSON has no infinity, as which JavaScript reads 1e999, and would write null.
  if (typeof value === 'number' && !Number.isFinite(value)) return { number: String(value) }
  if (value === null || typeof value !== 'object' || value instanceof RegExp) return value
  // The raw text of a template is part of its value. For other literals it is only a spelling.
  const isTemplate = 'cooked' in value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => isTemplate || !positions.has(name))
      .map(([name, child]) => [name, canonical(child, removed)]),
  )
}
