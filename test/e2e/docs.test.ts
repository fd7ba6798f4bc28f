/**
 * Every code block of the documentation is checked, by the words after its three backticks:
 *
 * - `ts`: the first line is a comment with the path. All blocks of a page are the files of one project. They must
 *   compile, and `isobench list` must list a `*.bench.ts`. An `isobench.config.ts` replaces the default config.
 * - `json file=lab.json`: a file of the page's project.
 * - `yaml file=PATH`: must equal that file of the repository. Other `yaml` is a fragment.
 * - `sh`: runs in the page's project, in page order, and must exit with 0.
 *   `exit=1` or `exit=any` states another exit code. `no-run` only checks commands and options.
 *   `needs=root,...` runs the block only if the run has all of these (see `needs` in support/docs.ts). With
 *   `repository`, the block runs in a checkout instead of the project.
 * - `text`: output, not checked.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CodeBlock, statedPath } from '../support/code-blocks.ts'
import { Project, repository } from './support/cli.ts'
import {
  allBlocks,
  blockNeeds,
  blocksByPage,
  missingNeeds,
  needs,
  PageProject,
  pages,
  readPage,
} from './support/docs.ts'
import { ensureImage } from './support/host.ts'
import { skip } from './support/skip.ts'

const bin = join(repository, 'bin/isobench.js')
const namesIn = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name]) => name!)
const at = ({ page, line }: CodeBlock) => `${page}:${line}`
const scripts = allBlocks.filter(({ language }) => language === 'ts')

describe('the code blocks', () => {
  test.each(pages)('of %s are all found', (page) => {
    const fences = readPage(page).match(/^\s*```/gm) ?? []
    expect(blocksByPage.get(page)).toHaveLength(fences.length / 2)
  })

  test('have only languages and attributes that this test understands', () => {
    const known: Readonly<Record<string, readonly string[]>> = {
      ts: [],
      json: ['file'],
      yaml: ['file'],
      sh: ['needs', 'exit', 'no-run'],
      text: [],
    }
    const wrong = allBlocks.flatMap((block) => {
      const attributes = known[block.language]
      if (!attributes) return [`${at(block)}: language "${block.language}"`]
      const names = Object.keys(block.attributes).filter((name) => !attributes.includes(name))
      const unknownNeeds = blockNeeds(block).filter((need) => !Object.hasOwn(needs, need))
      const { exit } = block.attributes
      return [
        ...names.map((name) => `${at(block)}: attribute "${name}"`),
        ...unknownNeeds.map((need) => `${at(block)}: need "${need}"`),
        ...(exit === undefined || exit === 'any' || /^\d+$/.test(exit) ? [] : [`${at(block)}: exit=${exit}`]),
        ...(block.language === 'json' && !block.attributes.file ? [`${at(block)}: json without file=`] : []),
        ...(block.language === 'ts' && !statedPath(block) ? [`${at(block)}: no path in the first line`] : []),
      ]
    })
    expect(wrong).toEqual([])
  })

  test('with yaml of a file equal that file', () => {
    const copies = allBlocks.filter(({ language, attributes }) => language === 'yaml' && attributes.file)
    expect(copies.length).toBeGreaterThan(0)
    for (const block of copies)
      expect(block.text, at(block)).toBe(readFileSync(join(repository, block.attributes.file!), 'utf8'))
  })
})

describe('the TypeScript of the pages', () => {
  test('compiles in strict mode, with the published types', async () => {
    const folderOf = (page: string) => page.replace(/\W+/g, '-')
    const registering = new Set(
      scripts.filter(({ text }) => text.includes('interface Register')).map(({ page }) => folderOf(page)),
    )
    using project = Project.with({
      'package.json': '{ "type": "module" }',
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          strict: true,
          noUncheckedIndexedAccess: true,
          module: 'NodeNext',
          target: 'ES2023',
          lib: ['ES2023', 'ESNext.Disposable'],
          noEmit: true,
          allowImportingTsExtensions: true,
          skipLibCheck: true,
          types: ['node'],
          typeRoots: [join(repository, 'node_modules/@types')],
        },
        include: ['*/**/*.ts'],
        exclude: [...registering],
      }),
      // Its names of platforms would apply to all pages.
      'tsconfig.registering.json': JSON.stringify({
        extends: './tsconfig.json',
        include: [...registering],
        exclude: [],
      }),
    })
    await execa('mkdir', [project.path('node_modules')])
    await execa('ln', ['-s', repository, project.path('node_modules/isobench')])
    await execa('ln', ['-s', join(repository, 'node_modules/zod'), project.path('node_modules/zod')])
    const files = new Map(scripts.map((block) => [`${folderOf(block.page)}/${statedPath(block)}`, block]))
    expect(files.size).toBeGreaterThan(10)
    project.write(Object.fromEntries([...files].map(([file, { text }]) => [file, text])))
    const tsc = join(repository, 'node_modules/typescript/bin/tsc')
    const check = (config: string) => execa(process.execPath, [tsc, '-p', config], { cwd: project.root, reject: false })
    const outputs = await Promise.all(['tsconfig.json', 'tsconfig.registering.json'].map(check))
    const errors = outputs
      .map(({ stdout }) => stdout)
      .join('')
      .replace(/^([^\s(]+)\((\d+),/gm, (whole, file: string, line: string) => {
        const block = files.get(file)
        return block ? `${block.page}:${block.line + Number(line) - 1} (${file}, column ` : whole
      })
    expect(errors).toBe('')
  })

  const withBenches = pages.filter((page) => blocksByPage.get(page)!.some((block) => isBench(block)))

  test.concurrent.each(withBenches)('of %s: isobench lists each bench file', async (page) => {
    const blocks = blocksByPage.get(page)!
    using project = await PageProject.create(blocks)
    for (const block of blocks) writeBlock(project, block)
    const { stdout, stderr } = await execa(process.execPath, [bin, 'list'], { cwd: project.root, reject: false })
    expect(stderr).toBe('')
    // A file with findings only is imported, but it has no row.
    for (const block of blocks.filter((one) => isBench(one) && /\bbench(\.\w+)*\(/.test(one.text)))
      expect(stdout).toContain(statedPath(block))
  })

  test('of the tutorial is what isobench init writes', async () => {
    using project = Project.with()
    expect((await project.isobench(['init'])).exitCode).toBe(0)
    const tutorial = scripts.filter(({ page }) => page === 'docs/tutorial.md')
    for (const name of ['isobench.config.ts', 'benches/hello.bench.ts']) {
      const block = tutorial.find((one) => statedPath(one) === name)
      expect(block?.text, name).toBe(`// ${name}\n${project.read(name)}`)
    }
  })
})

function isBench(block: CodeBlock): boolean {
  return block.language === 'ts' && statedPath(block)?.endsWith('.bench.ts') === true
}

function writeBlock(project: PageProject, block: CodeBlock): void {
  const path = block.language === 'ts' ? statedPath(block) : block.language === 'json' && block.attributes.file
  if (path) project.write(path, block.text)
}

describe('the shell blocks', () => {
  const notRun: string[] = []
  const shell = allBlocks.filter(({ language }) => language === 'sh')
  const canRun = (block: CodeBlock) => missingNeeds(block).length === 0 && block.attributes['no-run'] === undefined

  beforeAll(() => {
    if (shell.some((block) => canRun(block) && blockNeeds(block).includes('root'))) ensureImage()
  })

  for (const page of pages.filter((one) => shell.some((block) => block.page === one)))
    test(`of ${page} exit as stated`, async (context) => {
      const blocks = blocksByPage.get(page)!
      using project = await PageProject.create(blocks)
      for (const block of blocks) {
        writeBlock(project, block)
        if (block.language !== 'sh') continue
        if (!canRun(block)) {
          const why = missingNeeds(block).map((need) => `needs ${need}`)
          notRun.push(`${at(block)}: ${why.join(', ') || 'no-run'}`)
          continue
        }
        const { exitCode, output } = await project.run(block)
        const { exit = '0' } = block.attributes
        if (exit === '1' && exitCode === 0 && (await project.isOverloaded()))
          skip(context, 'busy-host', `${at(block)}: nothing was contradicted`)
        if (exit !== 'any') expect(exitCode, `${at(block)}:\n${output}`).toBe(Number(exit))
      }
    })

  afterAll(() => {
    console.log(`${shell.length - notRun.length} of ${shell.length} shell blocks of the docs ran. Not run:`)
    for (const line of notRun) console.log(`  ${line}`)
  })
})

describe('the command lines', () => {
  /** `isobench ...` in shell and YAML blocks and in inline code, with its words. */
  const lines = pages.flatMap((page) => {
    const blocks = blocksByPage
      .get(page)!
      .filter(({ language }) => language === 'sh' || language === 'yaml')
      .flatMap(({ text, line }) =>
        text
          .replace(/\\\n\s*/g, ' ')
          .split('\n')
          .map((command, index) => ({ page, line: line + index, command })),
      )
    return [...blocks, ...inlineCode(page)].flatMap(({ command, ...where }) => {
      const prefix =
        /^(?:[-\s$#]*|.*(?:&&|;|\|)\s*|.*\brun:\s*|.*\benv (?:"[^"]*"|\S+=\S+ )*)(?:sudo\s+)?(?:npx\s+)?isobench\s+/
      const match = new RegExp(`${prefix.source}([^#|&;>]*)`).exec(command)
      return match ? [{ ...where, words: match[1]!.trim().split(/\s+/).filter(Boolean) }] : []
    })
  })

  async function help(command: string): Promise<string> {
    const { stdout } = await execa(process.execPath, [bin, ...(command ? [command] : []), '--help'])
    return stdout
  }

  test('use only commands and options that exist', async () => {
    const commands = [...(await help('')).matchAll(/^ {2}([a-z]+(?:-[a-z]+)*)\b.* {2,}\S/gm)].map(([, name]) => name!)
    const helps = new Map(await Promise.all(commands.map(async (name) => [name, await help(name)] as const)))
    const benches = await execa('git', ['ls-files', 'benches'], { cwd: repository })
    const wrong: string[] = []
    for (const { page, line, words } of lines) {
      const [first = ''] = words
      const isCommand = commands.includes(first)
      // A word that is not a command is a filter of `run`. It must be part of the path of a bench file.
      if (!isCommand && /^[a-z]+$/.test(first) && !benches.stdout.includes(first))
        wrong.push(`${page}:${line}: isobench has no command ${first}`)
      const text = helps.get(isCommand ? first : 'run')!
      for (const word of words) {
        const option = /^(--[a-z][a-z-]*)/.exec(word)?.[1]
        if (option && !['--help', '--version'].includes(option) && !new RegExp(`${option}(?![a-z-])`).test(text))
          wrong.push(`${page}:${line}: isobench ${isCommand ? first : 'run'} has no ${option}`)
      }
    }
    expect(lines.length).toBeGreaterThan(50)
    expect(wrong).toEqual([])
  })

  test('name npm scripts, measurements, VM tests and files that exist', () => {
    const { scripts: npmScripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const wrong = pages.flatMap((page) => {
      const commands = [
        ...blocksByPage
          .get(page)!
          .filter(({ language }) => language === 'sh')
          .map(({ text }) => text),
        ...inlineCode(page).map(({ command }) => command),
      ]
      return commands.flatMap((text) =>
        [
          ...namesIn(text, /\bnpm run ([\w:-]+)/g).filter((name) => !Object.hasOwn(npmScripts, name)),
          ...namesIn(text, /\bnpm run evidence -- ([\w-]+)/g)
            .map((name) => `scripts/evidence/${name}.ts`)
            .filter((file) => !existsSync(join(repository, file))),
          ...namesIn(text, /\bnpm run test:vm -- ([\w-]+)/g)
            .map((name) => `test/vm/${name}.test.ts`)
            .filter((file) => !existsSync(join(repository, file))),
          ...namesIn(text, /(?:^|\s)((?:src|test|docs)\/[\w./-]+|scripts\/[\w./-]+\.\w+)(?=\s|$)/g).filter(
            (file) => !existsSync(join(repository, file)),
          ),
        ].map((name) => `${page}: ${name}`),
      )
    })
    expect(wrong).toEqual([])
  })
})

/** The text between single backticks, outside of code blocks. */
function inlineCode(page: string): { readonly page: string; readonly line: number; readonly command: string }[] {
  const prose = readPage(page).replace(/^\s*```[\s\S]*?^\s*```/gm, (block) => block.replace(/[^\n]/g, ''))
  return prose
    .split('\n')
    .flatMap((text, index) => namesIn(text, /`([^`]+)`/g).map((command) => ({ page, line: index + 1, command })))
}

describe('the links', () => {
  /** As GitHub makes the anchor of a heading. */
  const anchors = (page: string) =>
    [...readFileSync(join(repository, page), 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/ /g, '-'),
    )

  test('lead to files and headings that exist', () => {
    const wrong = [...pages, 'CHANGELOG.md'].flatMap((page) =>
      namesIn(readPage(page), /\]\((?!https?:|mailto:)([^)\s]+)\)/g)
        .filter((link) => {
          const [target, anchor] = link.split('#')
          const file = target ? join(page, '..', target) : page
          if (!existsSync(join(repository, file))) return true
          return anchor !== undefined && file.endsWith('.md') && !anchors(file).includes(anchor)
        })
        .map((link) => `${page}: ${link}`),
    )
    expect(wrong).toEqual([])
  })
})
