import ts from 'typescript'
import type { Violation } from './tidy.ts'

/** Public exports need a docstring that states units and errors. */

/** Words that give a number its unit, or say that it counts or divides something. */
const unitWords = [
  'seconds?|ms|milliseconds?|microseconds?|nanoseconds?|ns|minutes?|hours?|bytes?|[KMG]i?B',
  'pixels?|percent|ratios?|factor|share|probability|weight|count|numbers?|how many|times|size|rank|index|unit',
  'CPUs?|rounds?|samples?|records?|operations?|threads?|connections?|blocks?',
  'port|pid|exit codes?|line|column|version|least|most|first|last',
]
const unit = new RegExp(`\\b(?:${unitWords.join('|')})\\b|%`, 'i')

/** Names that say their unit themselves. */
const namesUnit = /(?:ms|seconds|bytes|MiB|percent|count|cpus|rounds|threads|port|pid|line|column|version|perSecond)$/i

/** Suffixes that end other words in lower case, such as `status`. */
const unitSuffix = /(?:Us|Ns|MBs)$/

const hasDoc = (symbol: ts.Symbol, checker: ts.TypeChecker): boolean =>
  ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() !== ''

const docText = (symbol: ts.Symbol, checker: ts.TypeChecker): string =>
  ts.displayPartsToString(symbol.getDocumentationComment(checker)) +
  symbol
    .getJsDocTags(checker)
    .map(({ text }) => ts.displayPartsToString(text))
    .join(' ')

/** Whether a function throws in its own body, not in a function inside it. */
function throwsItself(node: ts.Node): boolean {
  if (ts.isFunctionLike(node)) return false
  let found = false
  const visit = (child: ts.Node): void => {
    if (ts.isThrowStatement(child)) found = true
    if (!ts.isFunctionLike(child)) ts.forEachChild(child, visit)
  }
  ts.forEachChild(node, visit)
  return found
}

const functionOf = (declaration: ts.Declaration): ts.Node | undefined => {
  if (ts.isFunctionDeclaration(declaration)) return declaration.body
  if (!ts.isVariableDeclaration(declaration)) return undefined
  const value = declaration.initializer
  return value && (ts.isArrowFunction(value) || ts.isFunctionExpression(value)) ? value.body : undefined
}

const isNumber = ({ type }: ts.PropertySignature): boolean => type?.kind === ts.SyntaxKind.NumberKeyword

/** What the exports of a file, re-exports included, lack. */
export function findPoorDocstrings(program: ts.Program, entry: string): Violation[] {
  const checker = program.getTypeChecker()
  const source = program.getSourceFile(entry)!
  return checker.getExportsOfModule(checker.getSymbolAtLocation(source)!).flatMap((exported) => {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    const violation = (node: ts.Node, message: string): Violation => {
      const file = node.getSourceFile()
      const { line } = file.getLineAndCharacterOfPosition(node.getStart())
      return { file: file.fileName.replace(`${process.cwd()}/`, ''), line: line + 1, message }
    }
    const own = (symbol.declarations ?? []).filter((node) => !node.getSourceFile().fileName.includes('/node_modules/'))
    const [first] = own
    if (!first) return []
    const documented = hasDoc(symbol, checker) ? [] : [violation(first, `${exported.name} has no docstring`)]
    const tags = symbol.getJsDocTags(checker).map(({ name }) => name)
    const silent = own.filter((node) => {
      const body = functionOf(node)
      return body && throwsItself(body) && !tags.includes('throws')
    })
    const members = own.flatMap((node) =>
      ts.isInterfaceDeclaration(node) ? node.members.filter(ts.isPropertySignature) : [],
    )
    const unitless = members.filter((member) => {
      const field = checker.getSymbolAtLocation(member.name)!
      return (
        isNumber(member) &&
        ![namesUnit, unitSuffix].some((rule) => rule.test(field.name)) &&
        !unit.test(docText(field, checker))
      )
    })
    return [
      ...documented,
      ...silent.map((node) => violation(node, `${exported.name} throws, and its docstring has no @throws`)),
      ...unitless.map((node) => violation(node, `${exported.name}.${node.name.getText()} is a number without a unit`)),
    ]
  })
}
