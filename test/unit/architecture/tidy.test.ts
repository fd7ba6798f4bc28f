import { existsSync, readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { findPoorDocstrings } from './docstrings.ts'
import { oldNames } from './old-names.ts'
import {
  findDeadPaths,
  findForbiddenWords,
  findLongFiles,
  findLongLines,
  findOldNames,
  findUnusedFiles,
  isSmall,
  type Quotes,
  type SourceText,
  type Violation,
} from './tidy.ts'

/** Files that something other than an import starts. */
const entryPoints = [
  'src/bin.ts',
  'src/index.ts',
  'src/driver.ts',
  'src/driver-api.ts',
  'src/node.ts',
  'src/reporter.ts',
  'src/in-guest.ts',
  'src/tools/index.ts',
  'src/tools/ycsb/program.ts',
  'src/core/project/collector.ts',
  'src/host/programs/seeds.mjs',
]

/** What other texts say: output of tools, and the paper. Only these words are allowed, and only in these files. */
const quotes: Quotes = {}

/** The rules are about these words and names. */
const aboutRules = [
  'test/unit/architecture/old-names.ts',
  'test/unit/architecture/tidy.ts',
  'test/unit/architecture/tidy.test.ts',
]

const sources: readonly SourceText[] = globSync(
  [
    '{src,test,benches,scripts}/**/*.{ts,mjs,js,pl,c}',
    'docs/**/*.md',
    '*.{md,ts}',
    'bin/*.js',
    '.ci/*',
    '.github/**/*.{md,yml}',
  ],
  { ignore: ['test/fixtures/**'], dot: true },
)
  .sort()
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }))

const inSrc = sources.filter(({ file }) => file.startsWith('src/'))
const prose = sources.filter(({ file }) => !aboutRules.includes(file))

/** Violations, a line each. */
const report = (violations: readonly Violation[]): string[] =>
  violations.map(({ file, line, message }) => `${file}${line === undefined ? '' : `:${line}`} ${message}`)

describe('tidy', { timeout: 120_000 }, () => {
  it('no file of src that nothing imports', () => {
    expect(report(findUnusedFiles(inSrc, entryPoints))).toEqual([])
  })

  it('no line over 120 columns', () => {
    expect(report(sources.flatMap(findLongLines))).toEqual([])
  })

  it('no file of src over 450 lines, and at most 10 under 20', () => {
    expect(report(inSrc.flatMap(findLongFiles))).toEqual([])
    expect(inSrc.filter(isSmall).length).toBeLessThanOrEqual(10)
  })

  it('no forbidden word in comments, messages and docs', () => {
    expect(report(prose.flatMap((source) => findForbiddenWords(source, quotes)))).toEqual([])
  })

  it('no old name', () => {
    expect(report(prose.flatMap((source) => findOldNames(source, oldNames)))).toEqual([])
  })

  it('no path of a page that does not exist', () => {
    expect(report(prose.flatMap((source) => findDeadPaths(source, existsSync)))).toEqual([])
  })

  it('every public export has a docstring with units and errors', () => {
    const entries = ['src/index.ts', 'src/tools/index.ts', 'src/driver-api.ts', 'src/node.ts', 'src/reporter.ts']
    const { config } = ts.readConfigFile('tsconfig.json', (file) => readFileSync(file, 'utf8'))
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd())
    const program = ts.createProgram(entries, options)
    expect(report(entries.flatMap((entry) => findPoorDocstrings(program, entry)))).toEqual([])
  })
})

describe('each rule finds a planted violation', { timeout: 60_000 }, () => {
  const messages = (violations: readonly Violation[]) =>
    violations.map(({ line, message }) => `${line ?? ''} ${message}`)
  const code = (text: string, file = 'src/planted.ts'): SourceText => ({ file, text })

  it('a file that nothing imports', () => {
    const files = [
      code(`import './b.ts'`, 'src/a.ts'),
      code('', 'src/b.ts'),
      code('', 'src/c.ts'),
      code('', 'src/d.pl'),
    ]
    expect(findUnusedFiles(files, ['src/a.ts']).map(({ file }) => file)).toEqual(['src/c.ts', 'src/d.pl'])
  })

  it('a long line, but not a table of Markdown', () => {
    const line = 'word '.repeat(25)
    expect(messages(findLongLines(code(`\n${line}`)))).toEqual(['2 125 columns, 120 are the limit'])
    expect(findLongLines(code(`| ${line}`, 'docs/a.md'))).toEqual([])
    expect(findLongLines(code(`| ${line}`, 'src/a.ts'))).toHaveLength(1)
  })

  it('a long file and a small one', () => {
    expect(findLongFiles(code('\n'.repeat(450)))).toEqual([])
    expect(findLongFiles(code('\n'.repeat(451)))).toHaveLength(1)
    expect([isSmall(code('\n'.repeat(19))), isSmall(code('\n'.repeat(20)))]).toEqual([true, false])
  })

  it.each([
    ['a comment', '// It tells why.\nconst a = 1', '1 forbidden word "tells"'],
    ['a docstring', '/**\n * The guest\n * whose clock stops.\n */\nconst a = 1', '3 forbidden word "whose"'],
    ['a comment at the end', 'const a = 1\n// See it anew.', '2 forbidden word "anew"'],
    ['a comment before a brace', 'function a() {\n  b()\n  // As whoever likes.\n}', '3 forbidden word "whoever"'],
    ['a string', "throw new Error('it is to be fixed')", '1 forbidden word "is to be"'],
    ['a template', 'const a = `as far as`', '1 forbidden word "as far as"'],
    ['the end of a template', 'const a = `$' + '{b}\n meanwhile`', '2 forbidden word "meanwhile"'],
  ])('a forbidden word in %s', (_, text, message) => {
    expect(messages(findForbiddenWords(code(text)))).toEqual([message])
  })

  it('a forbidden word in prose, but not in code or in a quote', () => {
    expect(messages(findForbiddenWords(code('# A\n\nWhoever reads', 'docs/a.md')))).toEqual([
      '3 forbidden word "Whoever"',
    ])
    expect(findForbiddenWords(code('const told = tells'))).toEqual([])
    const quoted = code("const a = 'whose of the paper'")
    expect(findForbiddenWords(quoted, { [quoted.file]: ['whose of the paper'] })).toEqual([])
    expect(findForbiddenWords(quoted, { 'src/other.ts': ['whose of the paper'] })).toHaveLength(1)
  })

  it('an old name as identifier, private field or string, but not inside a word', () => {
    const text = "const Ledger = { code: 'crowded-host' }\nclass A { #told = 1 }\nconst LedgerLine = 'told so'"
    expect(messages(findOldNames(code(text), oldNames))).toEqual([
      '1 old name "Ledger"',
      '1 old name "crowded-host"',
      '2 old name "#told"',
    ])
  })

  it('a path of a page that does not exist', () => {
    const source = code('// See docs/reference/gone.md and docs/reference/here.md.')
    expect(messages(findDeadPaths(source, (file) => file.endsWith('here.md')))).toEqual([
      '1 there is no docs/reference/gone.md',
    ])
  })

  it('a poor docstring', () => {
    const text = `
export const bare = 1
/** Fails. */
export function fails() { throw new Error() }
/** Fails. @throws {Error} always */
export function warns() { throw new Error() }
/** Options. */
export interface Options {
  limit: number
  /** Seconds. */
  wait: number
  waitMs: number
}
/** Calls back. */
export const lazy = () => () => { throw new Error() }
`
    const host = ts.createCompilerHost({})
    const { getSourceFile } = host
    host.getSourceFile = (name, ...rest) =>
      name === 'planted.ts'
        ? ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true)
        : getSourceFile(name, ...rest)
    const program = ts.createProgram(['planted.ts'], { noLib: true }, host)
    expect(messages(findPoorDocstrings(program, 'planted.ts')).sort()).toEqual([
      '2 bare has no docstring',
      '4 fails throws, and its docstring has no @throws',
      '9 Options.limit is a number without a unit',
    ])
  })
})
