import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, relative } from 'node:path'
import { transform } from 'esbuild'
import { bundlePath } from '../../util/assets.ts'
import { type Compiled, sha256 } from '../project/compile.ts'

/** What identifies the work of a bench file, apart from what is claimed of it. */

/** Strings and templates are passed over whole, so that nothing inside them is taken for a claim. */
const tokens =
  /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|(?<![\w$.])(?:expect:|expect(?=[.(])|finding(?=\())|import\{[^}]*\}from"isobench"/g

/** Where one of the three names is bound, or passed on, other than by an import from isobench. */
const ownNames =
  /(?:\b(?:function|const|let|var|class|import|as)\b[ *]*|\* ?as |[({,] ?)(?:expect|finding|platform)(?=[\s,})=;]|from)|=(?:expect|finding|platform)\b|\b(?:function|class) (?:expect|finding|platform)\b/

/** An expression that does nothing: literals, names, brackets, and calls of what makes claims. */
const harmless = /^(?:[\w$.,:()[\]{}\s-]|"")*$/
const calls = /([\w$]+)\(/g
const makesClaims = new Set(
  'expect finding warn on where withinNative equivalentTo fasterThan slowerThan atMost atLeast ranked peaksAt flat family tag all platform'.split(
    ' ',
  ),
)

/** Where the expression that starts at `from` ends: before a `,`, `;` or closing bracket of what it stands in. */
function endOf(code: string, from: number): number {
  let depth = 0
  for (let at = from; at < code.length; at++) {
    const char = code[at]!
    if (char === '"' || char === "'" || char === '`') {
      for (at++; at < code.length && code[at] !== char; at++) if (code[at] === '\\') at++
    } else if ('([{'.includes(char)) depth++
    else if (')]}'.includes(char) && --depth < 0) return at
    else if (depth === 0 && (char === ',' || char === ';' || char === '\n')) return at
  }
  return code.length
}

/** An arrow, an assignment or a call of anything else could be part of the work: that stays as it is. */
function onlyClaims(expression: string): boolean {
  const bare = expression.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, '""')
  if (!harmless.test(bare) || /--/.test(bare)) return false
  return [...bare.matchAll(calls)].every(([, name]) => makesClaims.has(name!))
}

/**
 * Code, as esbuild prints it without white space, with every claim taken out. A claim that is more than literals and names
 * stays, which at worst measures again what need not be.
 */
export function stripClaims(code: string): string {
  // A file's own `expect`, or somebody else's, may be anything.
  if (ownNames.test(code.replace(/import\{[^}]*\}from"isobench"/g, (text) => text.match(/\bas \w+/g)?.join() ?? '')))
    return code
  let kept = ''
  let at = 0
  tokens.lastIndex = 0
  for (let match = tokens.exec(code); match; match = tokens.exec(code)) {
    const [text] = match
    if (text.startsWith('import{')) {
      const names = text.slice(7, text.indexOf('}')).split(',')
      const others = names.filter((name) => !['expect', 'finding', 'platform'].includes(name))
      kept += `${code.slice(at, match.index)}import{${others.join()}}from"isobench"`
      at = match.index + text.length
    } else if (/^[ef]/.test(text)) {
      const from = match.index + (text === 'expect:' ? text.length : 0)
      const end = endOf(code, from)
      const expression = code.slice(from, end)
      // Another tool's option may be called `expect` too.
      if (text === 'expect:' && !/^\{\w+:\[?expect[.(]/.test(expression)) continue
      if (!onlyClaims(expression)) continue
      kept += code.slice(at, match.index)
      // The comma or semicolon goes with it, so that adding a claim is no change either.
      at = code[end] === ',' || code[end] === ';' ? end + 1 : end
      tokens.lastIndex = at
    }
  }
  // What was the last property or statement left a comma or nothing behind; both mean the same.
  return (kept + code.slice(at))
    .replace(/,(?=[}\])])/g, '')
    .replace(/[;\n]+/g, ';')
    .replace(/,\{\}(?=\))/g, '')
}

const own = dirname(bundlePath('index'))

/** Not isobench's own: this process has loaded those, and does not load them again. */
export const isUserFile = (file: string): boolean => isAbsolute(file) && relative(own, file).startsWith('..')

const parsed = new Map<string, Promise<string>>()

/** The work in one source file; what is known of a content is not parsed again. */
function workIn(file: string): Promise<string> {
  const content = readFileSync(file, 'utf8')
  const key = sha256(content)
  const known = parsed.get(key) ?? read(file, content, key)
  if (parsed.size > 500) parsed.clear()
  parsed.set(key, known)
  return known
}

async function read(file: string, content: string, key: string): Promise<string> {
  if (!/\.[cm]?[jt]s$/.test(file) || file.includes('/node_modules/')) return key
  const { code } = await transform(content, {
    loader: /\.[cm]?ts$/.test(file) ? 'ts' : 'js',
    minifyWhitespace: true,
    legalComments: 'none',
    target: 'node20',
    format: 'esm',
  })
  return sha256(stripClaims(code))
}

/**
 * Of the bench file and all that it imports: equal when nothing but claims, comments and white space differ.
 * isobench's own files, which this process has loaded already, are left out.
 */
export async function workDigest({ inputs }: Pick<Compiled, 'inputs'>, root: string): Promise<string> {
  const foreign = inputs.filter(isUserFile).sort()
  const parts = await Promise.all(foreign.map(async (file) => [relative(root, file), await workIn(file)]))
  return sha256(JSON.stringify(parts))
}
