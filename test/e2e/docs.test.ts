import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { config, Project, repository } from './support/cli.ts'

const docs = existsSync(join(repository, 'docs'))
  ? readdirSync(join(repository, 'docs')).map((name) => `docs/${name}`)
  : []
const documents = ['README.md', ...docs].filter((name) => name.endsWith('.md') && existsSync(join(repository, name)))

interface Block {
  readonly document: string
  readonly line: number
  readonly language: string
  readonly text: string
}

function blocksOf(document: string): Block[] {
  const blocks: Block[] = []
  let open: { line: number; language: string; text: string[]; fence: string } | undefined
  for (const [at, line] of readFileSync(join(repository, document), 'utf8').split('\n').entries()) {
    const fence = /^\s*(`{3,})\s*([\w-]*)/.exec(line)
    if (!open && fence) open = { line: at + 2, language: fence[2]!, text: [], fence: fence[1]! }
    else if (open && line.trim() === open.fence) {
      blocks.push({ document, line: open.line, language: open.language, text: `${open.text.join('\n')}\n` })
      open = undefined
    } else open?.text.push(line)
  }
  return blocks
}

const blocks = documents.flatMap(blocksOf)

/** `// benches/mine.bench.ts` on the first line says what the block's file is called. */
const nameOf = ({ text }: Block) => /^\/\/\s*([\w./-]+\.ts)\b/.exec(text)?.[1]
const scripts = blocks.filter(({ language }) => ['ts', 'typescript'].includes(language))

/** Where each block goes: a folder per document, so that its named files see each other. */
const placed = scripts.map((block) => {
  const folder = block.document.replace(/\W+/g, '-')
  return { ...block, folder, file: `${folder}/${nameOf(block) ?? `benches/line-${block.line}.ts`}` }
})

describe.skipIf(placed.length === 0)('the TypeScript in the documents', () => {
  test('compiles, strictly, as an author would compile it', async () => {
    using project = Project.with({
      'package.json': '{ "type": "module" }',
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          strict: true,
          module: 'NodeNext',
          target: 'ES2023',
          lib: ['ES2023', 'ESNext.Disposable'],
          noEmit: true,
          allowImportingTsExtensions: true,
          skipLibCheck: true,
          // Two blocks of one document may name the same thing, each in its own file.
          moduleDetection: 'force',
          types: ['node'],
          typeRoots: [join(repository, 'node_modules/@types')],
          paths: {
            isobench: [join(repository, 'dist/types/index.d.ts')],
            'isobench/tools': [join(repository, 'dist/types/tools/index.d.ts')],
            zod: [join(repository, 'node_modules/zod')],
          },
        },
        include: ['**/*.ts'],
      }),
    })
    project.write(Object.fromEntries(placed.map(({ file, text }) => [file, text])))
    const tsc = join(repository, 'node_modules/typescript/bin/tsc')
    const { stdout } = await execa(process.execPath, [tsc, '-p', '.'], { cwd: project.root, reject: false })
    const where = stdout.replace(/^([^\s(]+)\((\d+),/gm, (whole, file: string, line: string) => {
      const block = placed.find((one) => one.file === file)
      return block ? `${block.document}:${block.line + Number(line) - 1} (${file}, column ` : whole
    })
    expect(where).toBe('')
  })

  const folders = [
    ...new Set(placed.filter((block) => nameOf(block)?.endsWith('.bench.ts')).map(({ folder }) => folder)),
  ]

  test.skipIf(folders.length === 0)('is listed by isobench where it is a bench', async () => {
    for (const folder of folders) {
      const files = placed.filter((block) => block.folder === folder && nameOf(block) !== undefined)
      using project = Project.with({ 'isobench.config.ts': config('native', 'runc') })
      project.write(Object.fromEntries(files.map((block) => [nameOf(block)!, block.text])))
      // A file may only state findings about another's benches: it is read, and not listed.
      const benches = files.filter(({ text }) => /\bbench(\.\w+)*\(/.test(text)).map((block) => nameOf(block)!)
      // Wherever the document puts its benches, they are to be found.
      project.write({
        'isobench.config.ts': config('native', 'runc').replace(
          'platforms:',
          "include: ['**/*.bench.ts'],\n  platforms:",
        ),
      })
      const { stdout, stderr, exitCode } = await project.isobench(['list'])
      expect(stderr, folder).toBe('')
      for (const name of benches.filter((file) => file.endsWith('.bench.ts'))) expect(stdout).toContain(name)
      expect(exitCode).toBe(0)
    }
  })
})

describe('the command lines in the documents', () => {
  /** `isobench …` in shell blocks and in inline code, one each, with where it stands. */
  const lines = documents.flatMap((document) => {
    const shell = blocksOf(document)
      .filter(({ language }) => ['sh', 'bash', 'shell', 'console', 'yaml', 'yml', ''].includes(language))
      .flatMap(({ text, line }) =>
        text
          .replace(/\\\n\s*/g, ' ')
          .split('\n')
          .map((command, at) => ({ document, line: line + at, command })),
      )
    const prose = readFileSync(join(repository, document), 'utf8').replace(/^\s*```[\s\S]*?^\s*```/gm, (block) =>
      block.replace(/[^\n]/g, ''),
    )
    const inline = prose
      .split('\n')
      .flatMap((text, at) =>
        [...text.matchAll(/`([^`]+)`/g)].map(([, command]) => ({ document, line: at + 1, command: command! })),
      )
    return [...shell, ...inline].flatMap(({ command, ...where }) => {
      const match =
        /^(?:[-\s$#]*|.*(?:&&|;|\|)\s*|.*\brun:\s*)(?:sudo\s+(?:-E\s+)?)?(?:npx\s+)?isobench\s+([^#|&;>]*)/.exec(
          command,
        )
      return match ? [{ ...where, words: match[1]!.trim().split(/\s+/).filter(Boolean) }] : []
    })
  })

  const helps = new Map<string, string>()
  async function help(command: string): Promise<string> {
    const known = helps.get(command)
    if (known !== undefined) return known
    const { stdout } = await execa(process.execPath, [
      join(repository, 'bin/isobench.js'),
      ...(command ? [command] : []),
      '--help',
    ])
    helps.set(command, stdout)
    return stdout
  }

  test('use only commands and options that there are', async () => {
    const commands = [...(await help('')).matchAll(/^ {2}([a-z]+)\b.* {2,}\S/gm)].map(([, name]) => name!)
    const wrong: string[] = []
    for (const { document, line, words } of lines) {
      const [first = ''] = words
      const isCommand = commands.includes(first)
      // What is no command is a filter of run: a word that looks like neither a path nor an option is a mistake.
      if (!isCommand && /^[a-z]+$/.test(first) && (await help('run')).includes('run')) {
        const paths = await execa('git', ['ls-files', 'benches'], { cwd: repository })
        if (!paths.stdout.includes(first)) wrong.push(`${document}:${line}: isobench has no command ${first}`)
      }
      const text = await help(isCommand ? first : 'run')
      for (const word of words) {
        const option = /^(--[a-z][a-z-]*)/.exec(word)?.[1]
        if (option && !new RegExp(`${option}(?![a-z-])`).test(text))
          wrong.push(`${document}:${line}: isobench ${isCommand ? first : 'run'} has no ${option}`)
      }
    }
    expect(wrong).toEqual([])
  })
})

test('every file that a document links to is there', () => {
  const missing = documents.flatMap((document) =>
    [...readFileSync(join(repository, document), 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
      .map(([, target]) => target!)
      .filter((target) => !existsSync(join(repository, document, '..', target)))
      .map((target) => `${document} → ${target}`),
  )
  expect(missing).toEqual([])
})
