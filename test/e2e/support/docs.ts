/** The pages of the documentation, and the folders in which their code blocks run. */

import { accessSync, constants, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { type CodeBlock, codeBlocks } from '../../support/code-blocks.ts'
import { benchFile, config, Project, repository } from './cli.ts'

export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync(join(repository, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .sort(),
]

export const readPage = (page: string): string => readFileSync(join(repository, page), 'utf8')

export const blocksByPage: ReadonlyMap<string, readonly CodeBlock[]> = new Map(
  pages.map((page) => [page, codeBlocks(page, readPage(page))]),
)

export const allBlocks: readonly CodeBlock[] = [...blocksByPage.values()].flat()

/** What `needs=` of a `sh` block may name. `ISOBENCH_DOCS_NEEDS=network,hours` allows what takes long or downloads. */
const allowed = (process.env.ISOBENCH_DOCS_NEEDS ?? '').split(',')
export const needs: Readonly<Record<string, () => boolean>> = {
  root: () => process.getuid?.() === 0,
  kvm: () => isWritable('/dev/kvm'),
  repository: () => true,
  record: () => true,
  network: () => allowed.includes('network'),
  hours: () => allowed.includes('hours'),
  terminal: () => allowed.includes('terminal'),
  cluster: () => allowed.includes('cluster'),
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

export const blockNeeds = ({ attributes }: CodeBlock): string[] => attributes.needs?.split(',') ?? []

/** The needs of a block that this run lacks. An empty list: the block can run. */
export const missingNeeds = (block: CodeBlock): string[] => blockNeeds(block).filter((need) => !needs[need]!())

/** A claim that always holds, for pages that run isobench and have no bench. */
const defaultBench = benchFile('return { time: await say(100) }', '{ expect: { time: expect.withinNative(5) } }')

/** Bench files may be anywhere in the project of a page. */
const defaultConfig = config('native', 'runc').replace('platforms:', "include: ['**/*.bench.ts'],\n  platforms:")

/**
 * The stored record of the fixtures, without its findings and without the platform that contradicts claims, so that
 * judging it exits with 0.
 * @param year of the date on which it was measured, which makes it another run
 */
function storedRecord(year: number): string {
  const [first = '', ...others] = readFileSync(
    join(repository, 'test/fixtures/records/prime-latency-boot.jsonl'),
    'utf8',
  ).split('\n')
  const start = JSON.parse(first) as {
    environment: { startedAt: string }
    plan: { findings: unknown[]; platforms: { name: string }[] }
  }
  start.environment.startedAt = start.environment.startedAt.replace(/^\d+/, String(year))
  start.plan.findings = []
  start.plan.platforms = start.plan.platforms.filter(({ name }) => name !== 'gvisor')
  const samples = others.filter((line) => !line.includes('"platform":"gvisor"'))
  return [JSON.stringify(start), ...samples].join('\n')
}

/**
 * The folder in which a page's blocks run. Beside it is the folder `isobench`, a copy of the checkout. It is also the
 * package that the project uses.
 */
export class PageProject {
  readonly #folder: Project
  readonly #files = new Map<string, string>()

  private constructor(folder: Project) {
    this.#folder = folder
  }

  static async create(blocks: readonly CodeBlock[]): Promise<PageProject> {
    const folder = Project.with({
      'project/package.json': '{ "type": "module" }',
      'project/isobench.config.ts': defaultConfig,
    })
    const project = new PageProject(folder)
    if (blocks.some((block) => blockNeeds(block).includes('repository') && missingNeeds(block).length === 0))
      await project.#copyCheckout()
    else symlinkSync(repository, folder.path('isobench'))
    const modules = folder.path('project/node_modules')
    mkdirSync(join(modules, '.bin'), { recursive: true })
    symlinkSync('../../isobench', join(modules, 'isobench'))
    symlinkSync('../isobench/bin/isobench.js', join(modules, '.bin/isobench'))
    symlinkSync(join(repository, 'node_modules/zod'), join(modules, 'zod'))
    if (!blocks.some((block) => statedBench(block))) folder.write({ 'project/benches/default.bench.ts': defaultBench })
    if (blocks.some((block) => blockNeeds(block).includes('record')))
      folder.write({
        'project/.isobench/runs/20210101-000000-stored.jsonl': storedRecord(2021),
        'project/records/1.jsonl': storedRecord(2021),
        'project/records/2.jsonl': storedRecord(2022),
      })
    return project
  }

  get root(): string {
    return this.#folder.path('project')
  }

  /** Writes a file into the project, and into the checkout if blocks of the page run there. */
  write(name: string, text: string): void {
    this.#files.set(name, text)
    this.#folder.write({ [`project/${name}`]: text })
  }

  /** Runs a block of shell commands, which ends at the first command that fails, and returns what it printed. */
  async run(block: CodeBlock): Promise<{ readonly exitCode: number; readonly output: string }> {
    const inCheckout = blockNeeds(block).includes('repository')
    if (inCheckout) this.#folder.write(prefixKeys('isobench/', this.#files))
    // Another test, or another person, may use this host.
    const script = block.text.replace(/\bisobench (?:run|noise|doctor)\b[^\n#&|>]*/g, '$& --wait-for-lock ')
    const { exitCode, all } = await execa('sh', ['-e', '-c', script], {
      cwd: inCheckout ? this.#folder.path('isobench') : this.root,
      env: { VITEST: undefined, NODE_OPTIONS: undefined, FORCE_COLOR: undefined },
      reject: false,
      all: true,
      stdin: 'ignore',
    })
    return { exitCode: exitCode ?? -1, output: all }
  }

  /** Whether isobench decided nothing in the latest run because other processes used the CPUs. */
  async isOverloaded(): Promise<boolean> {
    const { stdout } = await execa('npx', ['isobench', 'judge', '--json'], { cwd: this.root, reject: false })
    return stdout.includes('"host-overloaded')
  }

  async #copyCheckout(): Promise<void> {
    const to = this.#folder.path('isobench')
    const { stdout } = await execa('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: repository,
    })
    for (const name of [...stdout.split('\n'), 'dist'].filter((one) => existsSync(join(repository, one)))) {
      mkdirSync(dirname(join(to, name)), { recursive: true })
      cpSync(join(repository, name), join(to, name), { recursive: true })
    }
    // A block with `npm ci` empties the folder behind a link.
    if (needs.network!()) await execa('cp', ['-a', join(repository, 'node_modules'), to])
    else symlinkSync(join(repository, 'node_modules'), join(to, 'node_modules'))
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]()
  }
}

const statedBench = ({ language, text }: CodeBlock) => language === 'ts' && /^\/\/ \S+\.bench\.ts\n/.test(text)

const prefixKeys = (prefix: string, files: ReadonlyMap<string, string>): Record<string, string> =>
  Object.fromEntries([...files].map(([name, text]) => [prefix + name, text]))
