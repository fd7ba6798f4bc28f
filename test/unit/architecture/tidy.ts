import { dirname, join } from 'node:path'
import ts from 'typescript'

/** Rules about files, lines and words. Each returns what violates it. */

export interface Violation {
  readonly file: string
  /** From 1; absent for a rule about the whole file. */
  readonly line?: number
  readonly message: string
}

export interface SourceText {
  readonly file: string
  readonly text: string
}

const isCode = (file: string): boolean => /\.(?:ts|mjs|js)$/.test(file)
const isMarkdown = (file: string): boolean => file.endsWith('.md')

/** Comments and strings of a file, or its prose. */
interface Passage {
  readonly line: number
  readonly text: string
}

const parsed = new WeakMap<SourceText, ts.SourceFile>()

function parse(source: SourceText): ts.SourceFile {
  const tree = parsed.get(source) ?? ts.createSourceFile(source.file, source.text, ts.ScriptTarget.Latest, true)
  parsed.set(source, tree)
  return tree
}

const lineOf = (tree: ts.SourceFile, position: number): number => tree.getLineAndCharacterOfPosition(position).line + 1

const known = new WeakMap<SourceText, Passage[]>()

/** Comments, string literals and the literal parts of templates, in their order. */
export function passages(source: SourceText): Passage[] {
  const found = known.get(source) ?? readPassages(source)
  known.set(source, found)
  return found
}

/** Strings, templates and regular expressions: outside them, `//` and `/*` begin a comment. */
function literals(tree: ts.SourceFile): ts.Node[] {
  const found: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isLiteralExpression(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node))
      found.push(node)
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

function readPassages(source: SourceText): Passage[] {
  const { file, text } = source
  if (!isCode(file)) return text.split('\n').map((line, index) => ({ line: index + 1, text: line }))
  const tree = parse(source)
  const found: Passage[] = []
  const add = (start: number, end: number) => found.push({ line: lineOf(tree, start), text: text.slice(start, end) })
  const comments = (start: number, end: number) => {
    for (const match of text.slice(start, end).matchAll(/\/\/.*|\/\*[\s\S]*?\*\//g))
      add(start + match.index, start + match.index + match[0].length)
  }
  let from = 0
  for (const node of literals(tree)) {
    const start = node.getStart(tree)
    comments(from, start)
    from = node.getEnd()
    const isPath = ts.isImportDeclaration(node.parent) || ts.isExportDeclaration(node.parent)
    if (!isPath && !ts.isRegularExpressionLiteral(node) && !ts.isNumericLiteral(node)) add(start, from)
  }
  comments(from, text.length)
  return found
}

/** Words of STYLE.md that no comment, message or page uses. */
export const forbiddenWords: readonly RegExp[] = [
  /\b(?:tell|tells|telling|told)\b/i,
  /\bhears? of\b/i,
  /\bmend(?:s|ed|ing)?\b/i,
  /\banew\b/i,
  /\bmeanwhile\b/i,
  /\bas far as\b/i,
  /\bof (?:its|their) own\b/i,
  /\b(?:is|are) to be\b/i,
  /\bha(?:s|ve) to stand\b/i,
  /\bwho(?:ever|se)\b/i,
  /\bwithout a say\b/i,
  /\ba word on\b/i,
  /\b(?:seen|kept) to\b/i,
  /\bc(?:omes?|ame) to\b/i,
  /\btake[ns]? for\b/i,
]

const anyForbidden = new RegExp(forbiddenWords.map(({ source }) => source).join('|'), 'i')

/** Quotes of other texts, by file: what a tool prints, or what the paper says. */
export type Quotes = Readonly<Record<string, readonly string[]>>

export function findForbiddenWords(source: SourceText, quotes: Quotes = {}): Violation[] {
  const allowed = quotes[source.file] ?? []
  return passages(source).flatMap(({ line, text }) => {
    const own = allowed.reduce((rest, quote) => rest.replaceAll(quote, ''), text)
    if (!anyForbidden.test(own)) return []
    return forbiddenWords.flatMap((word) => {
      const found = word.exec(own)
      if (!found) return []
      const at = line + own.slice(0, found.index).split('\n').length - 1
      return [{ file: source.file, line: at, message: `forbidden word "${found[0]}"` }]
    })
  })
}

/** Old names of NAMES.md that mean nothing else here, as identifiers and as whole strings. */
export function findOldNames(sourceText: SourceText, oldNames: ReadonlySet<string>): Violation[] {
  const { file } = sourceText
  if (!isCode(file)) return []
  const source = parse(sourceText)
  const found: Violation[] = []
  const visit = (node: ts.Node): void => {
    const name = ts.isIdentifier(node) || ts.isPrivateIdentifier(node) || ts.isStringLiteralLike(node) ? node.text : ''
    if (oldNames.has(name.replace(/^#/, '')))
      found.push({ file, line: lineOf(source, node.getStart(source)), message: `old name "${name}"` })
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Markdown tables and lines without a space cannot be wrapped. */
const cannotWrap = (file: string, line: string): boolean =>
  isMarkdown(file) && (/^\s*\|/.test(line) || !line.trim().includes(' '))

export const maxColumns = 120

export function findLongLines({ file, text }: SourceText): Violation[] {
  return text.split('\n').flatMap((line, index) => {
    const { length } = [...line]
    if (length <= maxColumns || cannotWrap(file, line)) return []
    return [{ file, line: index + 1, message: `${length} columns, ${maxColumns} are the limit` }]
  })
}

export const maxLines = 450

const lineCount = (text: string): number => text.replace(/\n$/, '').split('\n').length

export const findLongFiles = ({ file, text }: SourceText): Violation[] =>
  lineCount(text) > maxLines ? [{ file, message: `${lineCount(text)} lines, ${maxLines} are the limit` }] : []

export const isSmall = ({ text }: SourceText): boolean => lineCount(text) < 20

/** Paths of documentation that comments, messages and pages name. */
export function findDeadPaths(source: SourceText, exists: (file: string) => boolean): Violation[] {
  return passages(source).flatMap(({ line, text }) =>
    [...text.matchAll(/\bdocs\/[\w./-]+\.md\b/g)].flatMap(([path]) =>
      exists(path) ? [] : [{ file: source.file, line, message: `there is no ${path}` }],
    ),
  )
}

/** Files that nothing imports and that are no entry point. Programs count as imported if a file names them. */
export function findUnusedFiles(sources: readonly SourceText[], entryPoints: readonly string[]): Violation[] {
  const code = sources.filter(({ file }) => isCode(file))
  const imported = new Set(
    code.flatMap(({ file, text }) => {
      const { importedFiles } = ts.preProcessFile(text, true, true)
      return importedFiles.map(({ fileName }) => join(dirname(file), fileName)).filter((path) => path !== file)
    }),
  )
  const isNamed = (file: string) => {
    const name = file.slice(file.lastIndexOf('/') + 1)
    return sources.some(({ file: other, text }) => other !== file && text.includes(`'${name.replace(/\.pl$/, '')}`))
  }
  return sources.flatMap(({ file }) => {
    if (entryPoints.includes(file) || imported.has(file)) return []
    return !isCode(file) && isNamed(file) ? [] : [{ file, message: 'nothing imports this file' }]
  })
}
