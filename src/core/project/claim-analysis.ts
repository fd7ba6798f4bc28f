import type {
  CallExpression,
  Expression,
  Identifier,
  Node,
  Program,
  SpreadElement,
  Statement,
  VariableDeclarator,
} from 'acorn'
import { assignedNames, countNames, declaredNames, patternNames, referencedNames } from './bindings.ts'

/**
 * What is known of a value:
 * - `claim`: made by `expect` or `platform` of isobench, or a list of such values
 * - `plain`: literals, and lists and objects of literals
 * - `list`: an array with unknown elements
 * - `unknown`: anything else
 */
type Kind = 'claim' | 'plain' | 'list' | 'unknown'

/** The kinds of the parameters and constants of a function that is being analyzed. */
type Scope = ReadonlyMap<string, Kind>

/** An expression that may have an effect. */
class EffectError extends Error {}

type FunctionNode =
  | Extract<Expression, { type: 'ArrowFunctionExpression' | 'FunctionExpression' }>
  | FunctionDeclaration
type FunctionDeclaration = Extract<Statement, { type: 'FunctionDeclaration' }>

/** Methods that change their object. */
const mutators = new Set(
  'push pop shift unshift splice sort reverse fill copyWithin set add delete clear assign defineProperty'.split(' '),
)

/** Functions of the language without effects, by the object that has them. */
const pureGlobals: Readonly<Record<string, (name: string) => boolean>> = {
  Math: () => true,
  Object: (name) => ['keys', 'values', 'entries', 'fromEntries'].includes(name),
  Array: (name) => ['from', 'of', 'isArray'].includes(name),
  JSON: (name) => name === 'stringify',
}
const pureFunctions = ['String', 'Number', 'Boolean']

/**
 * Decides which expressions of a module only make claims. It follows values through constants, functions and array
 * methods of the module, and takes everything that it does not understand as an effect.
 */
export class ClaimAnalysis {
  /** Local names of what the module imports from isobench. */
  readonly #imported = new Map<string, string>()
  readonly #constants = new Map<string, VariableDeclarator>()
  /** Constants that are exported where they are declared. */
  readonly #exported = new Set<string>()
  readonly #functions = new Map<string, FunctionNode>()
  /** Names that the module assigns to, or to a property of their value. */
  readonly #assigned: ReadonlySet<string>
  readonly #declared: ReadonlyMap<string, number>
  /** How often each name is used, in any scope. */
  readonly #references: ReadonlyMap<string, number>
  readonly #running = new Set<FunctionNode>()
  readonly #kinds = new Map<VariableDeclarator, Kind>()
  /** False if names of the module may mean something else than they seem to. */
  readonly isReliable: boolean

  constructor(program: Program) {
    this.#declared = declaredNames(program)
    this.#assigned = assignedNames(program)
    this.#references = countNames(referencedNames(program, new Set()))
    for (const statement of program.body) {
      if (statement.type === 'ImportDeclaration' && statement.source.value === 'isobench')
        for (const one of statement.specifiers)
          if (one.type === 'ImportSpecifier' && one.imported.type === 'Identifier')
            this.#imported.set(one.local.name, one.imported.name)
      const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
      if (declaration?.type === 'FunctionDeclaration' && declaration.id)
        this.#functions.set(declaration.id.name, declaration as FunctionDeclaration)
      if (declaration?.type === 'VariableDeclaration' && declaration.kind === 'const')
        for (const one of declaration.declarations)
          if (one.id.type === 'Identifier') {
            this.#constants.set(one.id.name, one)
            if (declaration !== statement) this.#exported.add(one.id.name)
            if (one.init && isFunction(one.init)) this.#functions.set(one.id.name, one.init)
          }
    }
    const claimNames = [...this.#imported].filter(([, name]) => isClaimMaker(name) || name === 'bench')
    this.isReliable = claimNames.every(([name]) => this.#declared.get(name) === 1) && !this.#references.has('eval')
  }

  /** Whether a call registers a bench: `bench(...)`, `bench.only(...)` or `bench.each([...])(...)`. */
  isBenchCall(call: CallExpression): boolean {
    let callee: Node = call.callee
    while (callee.type === 'MemberExpression' || callee.type === 'CallExpression')
      callee = (callee as { object?: Node; callee?: Node }).object ?? (callee as CallExpression).callee
    return callee.type === 'Identifier' && this.#imported.get((callee as { name?: string }).name!) === 'bench'
  }

  /**
   * The object of a constant that only this call of bench() uses, as its options.
   * @returns undefined if it may be anything else, or if anything else may use it
   */
  optionsOf(name: string, call: CallExpression): Expression | undefined {
    const isOwn = this.#declared.get(name) === 1 && !this.#assigned.has(name) && !this.#exported.has(name)
    const isOptions = call.arguments.length > 2 && isOwn
    // Where it is declared, and in the call.
    return isOptions && this.#references.get(name) === 2 ? (this.#constants.get(name)?.init ?? undefined) : undefined
  }

  /** Whether evaluating an expression anywhere in the module has no effect. */
  isPure(expression: Expression): boolean {
    // The expression may be in a function. A name that is also declared there is not the constant of the top level.
    const ambiguous = [...this.#declared].filter(([, count]) => count > 1).map(([name]) => [name, 'unknown'] as const)
    return this.#attempt(() => this.#kind(expression, new Map(ambiguous)))
  }

  /** Whether a name of the top level is a claim, and another module does not get anything else from it. */
  isClaim(local: Node): boolean {
    return local.type === 'Identifier' && this.#kindOfName((local as Identifier).name, new Map()) === 'claim'
  }

  /**
   * Whether a statement of the top level can be removed if nothing uses its names. An exported constant can only be
   * removed if it is a claim, because another module may use it for its work.
   */
  hasNoEffect(statement: Node): boolean {
    const node = statement as Statement | { type: 'ExportNamedDeclaration'; declaration: Statement | null }
    if (node.type === 'ExportNamedDeclaration')
      return node.declaration?.type === 'VariableDeclaration' && this.#areClaims(node.declaration.declarations)
    if (node.type === 'FunctionDeclaration') return true
    return this.#attempt(() => this.#statement(node, new Map()))
  }

  #areClaims(declarations: readonly VariableDeclarator[]): boolean {
    return this.#attempt(() => {
      for (const { init } of declarations) if (!init || this.#kind(init, new Map()) !== 'claim') throw new EffectError()
    })
  }

  #attempt(analyze: () => unknown): boolean {
    try {
      analyze()
      return true
    } catch (error) {
      if (error instanceof EffectError) return false
      throw error
    }
  }

  /** The kind of what a statement returns, or undefined if it returns nothing. Adds declared constants to the scope. */
  #statement(node: Statement, scope: Map<string, Kind>): Kind | undefined {
    switch (node.type) {
      case 'ExpressionStatement':
        this.#kind(node.expression, scope)
        return undefined
      case 'EmptyStatement':
        return undefined
      case 'VariableDeclaration':
        for (const { id, init } of node.declarations) {
          const kind = init ? this.#kind(init, scope) : 'unknown'
          if (id.type === 'ArrayPattern') iteratedKind(kind)
          for (const name of patternNames(id)) scope.set(name, id.type === 'Identifier' ? kind : elementKind(kind))
        }
        return undefined
      case 'ReturnStatement':
        return node.argument ? this.#kind(node.argument, scope) : 'plain'
      case 'BlockStatement':
        return this.#statements(node.body, new Map(scope))
      case 'IfStatement': {
        this.#kind(node.test, scope)
        const branches = [node.consequent, ...(node.alternate ? [node.alternate] : [])]
        return this.#statements(branches, new Map(scope))
      }
      case 'ForOfStatement': {
        if (node.await || node.left.type !== 'VariableDeclaration') throw new EffectError()
        const inner = new Map(scope)
        const kind = iteratedKind(this.#kind(node.right, scope))
        for (const { id } of node.left.declarations) for (const name of patternNames(id)) inner.set(name, kind)
        return this.#statement(node.body, inner)
      }
      default:
        throw new EffectError()
    }
  }

  #statements(statements: readonly Statement[], scope: Map<string, Kind>): Kind | undefined {
    const returned = statements.flatMap((one) => this.#statement(one, scope) ?? [])
    return returned.length === 0 ? undefined : joined(returned)
  }

  /** @throws {EffectError} if evaluating the expression may have an effect */
  #kind(node: Expression | SpreadElement, scope: Scope): Kind {
    switch (node.type) {
      case 'Literal':
        return 'plain'
      case 'Identifier':
        return this.#kindOfName(node.name, scope)
      case 'SpreadElement':
        return iteratedKind(this.#kind(node.argument, scope))
      case 'ArrayExpression': {
        const kinds = node.elements.map((one) => (one ? this.#kind(one, scope) : 'plain'))
        return kinds.every(isKnown) ? joined(kinds) : 'list'
      }
      case 'ObjectExpression': {
        const kinds = node.properties.map((one) => {
          if (one.type === 'SpreadElement') return this.#kind(one.argument, scope)
          if (one.kind !== 'init') throw new EffectError()
          if (one.computed) this.#kind(one.key, scope)
          return this.#kind(one.value, scope)
        })
        return joined(kinds)
      }
      case 'TemplateLiteral':
        return node.expressions.every((one) => isKnown(this.#kind(one, scope))) ? 'plain' : 'unknown'
      case 'UnaryExpression':
        if (node.operator === 'delete') throw new EffectError()
        this.#kind(node.argument, scope)
        return 'plain'
      case 'BinaryExpression':
        if (node.left.type === 'PrivateIdentifier') throw new EffectError()
        this.#kind(node.left, scope)
        this.#kind(node.right, scope)
        return 'plain'
      case 'LogicalExpression':
        return joined([this.#kind(node.left, scope), this.#kind(node.right, scope)])
      case 'ConditionalExpression':
        this.#kind(node.test, scope)
        return joined([this.#kind(node.consequent, scope), this.#kind(node.alternate, scope)])
      case 'ParenthesizedExpression':
      case 'ChainExpression':
        return this.#kind(node.expression, scope)
      case 'MemberExpression': {
        if (node.object.type === 'Super' || node.property.type === 'PrivateIdentifier') throw new EffectError()
        if (node.computed) this.#kind(node.property, scope)
        const kind = this.#kind(node.object, scope)
        return kind === 'list' ? 'unknown' : kind
      }
      case 'ArrowFunctionExpression':
      case 'FunctionExpression':
        return 'unknown'
      case 'CallExpression':
        return this.#call(node, scope)
      default:
        throw new EffectError()
    }
  }

  #kindOfName(name: string, scope: Scope): Kind {
    const local = scope.get(name)
    if (local) return local
    if (name === 'undefined' && !this.#declared.has(name)) return 'plain'
    const imported = this.#imported.get(name)
    if (imported !== undefined) return isClaimMaker(imported) ? 'claim' : 'unknown'
    const constant = this.#constants.get(name)
    if (!constant?.init || this.#assigned.has(name)) return 'unknown'
    const known = this.#kinds.get(constant)
    if (known) return known
    // Until it is known, so that a constant that refers to itself ends.
    this.#kinds.set(constant, 'unknown')
    let kind: Kind = 'unknown'
    this.#attempt(() => {
      kind = this.#kind(constant.init!, new Map())
    })
    this.#kinds.set(constant, kind)
    return kind
  }

  #call(node: CallExpression, scope: Scope): Kind {
    const { callee } = node
    if (callee.type === 'Identifier') {
      const { name } = callee
      if (!scope.has(name)) {
        if (isClaimMaker(this.#imported.get(name))) {
          for (const one of node.arguments) this.#kind(one, scope)
          return 'claim'
        }
        const own = this.#functions.get(name)
        if (own) return this.#apply(own, this.#argumentKinds(node, scope))
        if (pureFunctions.includes(name) && !this.#declared.has(name)) {
          this.#argumentKinds(node, scope)
          return 'plain'
        }
      }
      throw new EffectError()
    }
    if (callee.type !== 'MemberExpression' || callee.computed || callee.property.type !== 'Identifier')
      throw new EffectError()
    const { object, property } = callee
    if (object.type === 'Super' || mutators.has(property.name)) throw new EffectError()
    if (object.type === 'Identifier' && this.#isGlobal(object.name, scope)) {
      if (!pureGlobals[object.name]!(property.name)) throw new EffectError()
      const [first, ...others] = node.arguments.map((one) => this.#argument(one, scope, 'unknown'))
      // Of an object of the module, its values are an array. Another argument could be a function that is called.
      const isObject =
        object.name === 'Object' && property.name !== 'fromEntries' && node.arguments[0]?.type !== 'SpreadElement'
      if (first && !isObject) iteratedKind(first.kind)
      if (others.some(({ kind, isCallback }) => !isCallback && !isKnown(kind))) throw new EffectError()
      const kinds = [first, ...others].flatMap((one) => one?.kind ?? [])
      return kinds.every(isKnown) ? joined(kinds) : 'list'
    }
    const receiver = this.#kind(object, scope)
    if (receiver === 'unknown') throw new EffectError()
    const results = node.arguments.map((one) => this.#argument(one, scope, elementKind(receiver)))
    for (const { kind, isCallback } of results) if (!isCallback && kind === 'unknown') throw new EffectError()
    const mapped = results.find(({ isCallback }) => isCallback)
    if (mapped && ['map', 'flatMap'].includes(property.name)) return isKnown(mapped.kind) ? mapped.kind : 'list'
    if (receiver === 'list') return ['filter', 'slice', 'concat', 'flat'].includes(property.name) ? 'list' : 'unknown'
    return receiver
  }

  #isGlobal(name: string, scope: Scope): boolean {
    return Object.hasOwn(pureGlobals, name) && !this.#declared.has(name) && !scope.has(name)
  }

  #argumentKinds(node: CallExpression, scope: Scope): Kind[] {
    return node.arguments.map((one) => {
      const kind = this.#kind(one, scope)
      // A function could be called by the callee with anything.
      if (!isKnown(kind)) throw new EffectError()
      return kind
    })
  }

  /** The kind of an argument. That of a function is the kind of what it returns for elements of this kind. */
  #argument(node: Expression | SpreadElement, scope: Scope, element: Kind): { kind: Kind; isCallback: boolean } {
    const own = node.type === 'Identifier' && !scope.has(node.name) ? this.#functions.get(node.name) : undefined
    const called = isFunction(node) ? node : own
    if (!called) return { kind: this.#kind(node, scope), isCallback: false }
    return {
      kind: this.#apply(called, [element, 'plain', 'unknown'], isFunction(node) ? scope : new Map()),
      isCallback: true,
    }
  }

  /** The kind of what a function returns. @throws {EffectError} if it may have an effect */
  #apply(node: FunctionNode, kinds: readonly Kind[], outer: Scope = new Map()): Kind {
    if (node.async || node.generator || this.#running.has(node)) throw new EffectError()
    const scope = new Map(outer)
    for (const [index, pattern] of node.params.entries()) {
      const isRest = pattern.type === 'RestElement'
      const kind = isRest ? joined(kinds.slice(index)) : (kinds[index] ?? 'unknown')
      if (pattern.type === 'AssignmentPattern') this.#kind(pattern.right, scope)
      for (const name of patternNames(pattern)) scope.set(name, kind === 'list' && !isRest ? 'unknown' : kind)
    }
    this.#running.add(node)
    try {
      if (node.body.type !== 'BlockStatement') return this.#kind(node.body, scope)
      return this.#statements(node.body.body, scope) ?? 'plain'
    } finally {
      this.#running.delete(node)
    }
  }
}

const isClaimMaker = (name: string | undefined): boolean =>
  name === 'expect' || name === 'platform' || name === 'part' || name === 'finding'

const isFunction = (node: Node): node is Extract<FunctionNode, Expression> =>
  node.type === 'ArrowFunctionExpression' || node.type === 'FunctionExpression'

const isKnown = (kind: Kind): boolean => kind === 'claim' || kind === 'plain'

const elementKind = (kind: Kind): Kind => (kind === 'list' ? 'unknown' : kind)

/** The kind of the elements of a value. @throws {EffectError} if iterating could run code of the module */
function iteratedKind(kind: Kind): Kind {
  if (kind === 'unknown') throw new EffectError()
  return elementKind(kind)
}

/** The kind of several values together. It is `claim` only if all of them are. */
function joined(kinds: readonly Kind[]): Kind {
  if (!kinds.every(isKnown)) return 'unknown'
  return kinds.length > 0 && kinds.every((kind) => kind === 'claim') ? 'claim' : 'plain'
}
