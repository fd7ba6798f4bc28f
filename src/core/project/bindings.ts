import type { Node, Pattern } from 'acorn'

/** Names in a syntax tree. Pure. */

/** The names that a pattern binds: `{ a, b: [c] }` binds a and c. */
export function patternNames(pattern: Pattern | null): string[] {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern.name]
    case 'ObjectPattern':
      return pattern.properties.flatMap((one) => patternNames(one.type === 'RestElement' ? one : one.value))
    case 'ArrayPattern':
      return pattern.elements.flatMap(patternNames)
    case 'RestElement':
      return patternNames(pattern.argument)
    case 'AssignmentPattern':
      return patternNames(pattern.left)
    default:
      return []
  }
}

/** The names that a statement of the top level declares, exported ones included. */
export function boundNames(statement: Node): string[] {
  const node = statement as Fields
  switch (node.type) {
    case 'VariableDeclaration':
      return (node.declarations as { id: Pattern }[]).flatMap(({ id }) => patternNames(id))
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return patternNames(node.id as Pattern | null)
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      return isNode(node.declaration) ? boundNames(node.declaration) : []
    default:
      return []
  }
}

type Fields = Node & Readonly<Record<string, unknown>>

const isNode = (value: unknown): value is Fields => value !== null && typeof value === 'object' && 'type' in value

/** How often each name is in a list. */
export function countNames(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

/** How often each name is declared in a module, in every scope, imports included. */
export function declaredNames(program: Node): Map<string, number> {
  const declared: string[] = []
  const add = (names: readonly string[]) => void declared.push(...names)
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one)
    if (!isNode(value)) return
    if (value.type === 'VariableDeclarator') add(patternNames(value.id as Pattern))
    if (/Function/.test(value.type)) add((value.params as Pattern[]).flatMap(patternNames))
    if (/^(Function|Class)/.test(value.type)) add(patternNames(value.id as Pattern | null))
    if (value.type === 'CatchClause') add(patternNames(value.param as Pattern | null))
    if (/^Import.*Specifier$/.test(value.type)) add(patternNames(value.local as Pattern))
    for (const child of Object.values(value)) visit(child)
  }
  visit(program)
  return countNames(declared)
}

/** The names in the targets of assignments: `a.b = 1` changes a. */
export function assignedNames(program: Node): Set<string> {
  const names = new Set<string>()
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one)
    if (!isNode(value)) return
    const target =
      value.type === 'AssignmentExpression' ? value.left : value.type === 'UpdateExpression' && value.argument
    if (isNode(target)) for (const name of referencedNames(target, new Set())) names.add(name)
    for (const child of Object.values(value)) visit(child)
  }
  visit(program)
  return names
}

/** All names that a node uses, in any scope: more than it really refers to, never less. */
export function referencedNames(root: Node, without: ReadonlySet<Node>): string[] {
  const names: string[] = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one)
    if (!isNode(value) || without.has(value)) return
    if (value.type === 'Identifier') names.push(String(value.name))
    for (const [field, child] of Object.entries(value)) {
      const isPlainName = (field === 'property' || field === 'key') && value.computed === false
      // `{ name }` has one node for the key and the value.
      if (!isPlainName || value.shorthand === true) visit(child)
    }
  }
  visit(root)
  return names
}

/** Calls a function with every node of a syntax tree, outer nodes first. */
export function visitNodes(value: unknown, each: (node: Node) => void): void {
  if (Array.isArray(value)) for (const one of value) visitNodes(one, each)
  else if (isNode(value)) {
    each(value)
    for (const child of Object.values(value)) visitNodes(child, each)
  }
}
