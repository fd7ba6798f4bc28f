import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { execa } from 'execa'
import * as isobench from 'isobench'
import * as driver from 'isobench/driver'
import * as node from 'isobench/node'
import * as reporter from 'isobench/reporter'
import * as tools from 'isobench/tools'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeBlocks, statedPath } from '../support/code-blocks.ts'
import { Project, repository } from './support/cli.ts'

/** An empty folder outside the repository, with the packed package installed in it, and what `isobench init` writes. */
let project: Project

/** Relative to the package. */
let packedFiles: readonly string[]

const inProject = (file: string, args: readonly string[]) =>
  execa(file, args, { cwd: project.root, reject: false, env: { NODE_PATH: undefined, NODE_OPTIONS: undefined } })

beforeAll(async () => {
  project = Project.with({ 'package.json': JSON.stringify({ name: 'mine', private: true, type: 'module' }) })
  // The packed files are those of dist as it is: building is not what is under test.
  const { stdout } = await execa('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project.root], {
    cwd: repository,
  })
  const [packed] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }]
  packedFiles = packed.files.map(({ path }) => path)
  const { exitCode, stderr } = await inProject('npm', [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    `./${packed.filename}`,
  ])
  expect(exitCode, stderr).toBe(0)
})

afterAll(() => project[Symbol.dispose]())

/** A config with native and the project's own driver and reporter. */
const configWith = (options: string): string =>
  [
    "import { defineConfig, platform } from 'isobench'",
    "import { chroot } from './chroot.ts'",
    'export default defineConfig({',
    `  platforms: [platform('native'), platform(chroot, { ${options} })],`,
    "  reporters: [['./mine.ts', { prefix: '- ' }]],",
    '})',
    '',
  ].join('\n')

const ownFiles = {
  'chroot.ts': [
    "import { type AssertDriverOptions, assertDriver, ConformanceError, type Driver } from 'isobench/driver'",
    "import { defineDriver, type GuestArgv, type GuestSandbox } from 'isobench/driver'",
    "import * as z from 'zod'",
    "const options = z.strictObject({ level: z.number().default(0), mode: z.enum(['a', 'b']).optional() })",
    'const argvFor = (sandbox: GuestSandbox, argv: GuestArgv, level: number) =>',
    "  sandbox.wrap(['nice', '-n', String(level), 'chroot', sandbox.rootfs, ...argv])",
    'export const chroot = defineDriver({',
    "  kind: 'chroot',",
    "  family: 'container',",
    "  description: 'chroot alone',",
    '  options,',
    "  requirements: () => [{ binary: 'chroot', package: 'coreutils' }],",
    '  oneShot: async (sandbox, argv, { level }) => argvFor(sandbox, argv, level),',
    '  boot: async (sandbox, { level }) => ({ execArgv: (argv) => argvFor(sandbox, argv, level) }),',
    '})',
    '// With a stated type in place of an inferred one.',
    'export const stated: Driver<z.output<typeof options>> = { ...chroot, options }',
    'const input: AssertDriverOptions<z.input<typeof options>> = { options: { level: 5 } }',
    'export const check = () => assertDriver(chroot, input).catch((error) => error instanceof ConformanceError)',
    '',
  ].join('\n'),
  'mine.ts': [
    "import { defineReporter, formatMatcher } from 'isobench/reporter'",
    'export default defineReporter({',
    "  name: 'mine',",
    "  description: 'a line per claim',",
    "  create({ out }, { prefix = '' }: { prefix?: string }) {",
    '    return {',
    '      onFinish({ claims }) {',
    '        for (const { claim, platforms, outcome } of claims) {',
    "          out.write(prefix + platforms[0] + ' ' + formatMatcher(claim.matcher, null))",
    "          out.write(': ' + outcome + '\\n')",
    '        }',
    '      },',
    '    }',
    '  },',
    '})',
    '',
  ].join('\n'),
  'program.mjs': [
    "import { readdirSync } from 'node:fs'",
    "import { collect, judge, readRecord, report } from 'isobench/node'",
    'const { benches } = await collect()',
    "const [file] = readdirSync('.isobench/runs').filter((name) => name.endsWith('.jsonl')).sort().reverse()",
    "const record = readRecord('.isobench/runs/' + file)",
    'const { claims } = judge(record)',
    "const html = await report(record, { reporter: 'html' })",
    'const names = benches.map(({ name }) => name).filter((name) => name !== "prime verification").join()',
    "console.log(names, claims.length, claims[0].outcome, html.startsWith('<!doctype html>'))",
    '',
  ].join('\n'),
  'benches/constant.bench.ts': [
    "import { bench, expect, lower, platform, workload } from 'isobench'",
    "export const work = workload('constant', {",
    "  metrics: { time: lower('ms') },",
    "  async run({ guest }) { await guest.exec({ argv: ['true'] }); return { time: 10 } },",
    '})',
    'export const near = expect.withinNative(5)',
    "export const constant = bench('constant', work, { expect: { time: near } })",
    "export const containers = expect(constant.time).on(platform.family('container'))",
    '',
  ].join('\n'),
  'benches/served.bench.ts': [
    "import { bench, lower, workload } from 'isobench'",
    "import { sysbench } from 'isobench/tools'",
    "const work = workload('served', {",
    "  metrics: { time: lower('ms') },",
    '  async run({ guest, signal }) {',
    '    await guest.exec(sysbench.cpu({ threads: 1, maxPrime: 10_000, seconds: 1 }))',
    "    await using server = await guest.serve({ argv: ['true'] }, { port: 80 })",
    '    signal.throwIfAborted()',
    '    return { time: signal.aborted ? 0 : server.port }',
    '  },',
    '})',
    "bench('served', work)",
    '',
  ].join('\n'),
}

/** Type-checks the project, with its own declarations and those of all packages. Returns what tsc prints. */
async function typeCheck(moduleResolution: 'Node16' | 'NodeNext' | 'Bundler' | 'Node10'): Promise<string> {
  const tsconfig = `tsconfig.${moduleResolution}.json`
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: ['Node16', 'NodeNext'].includes(moduleResolution) ? moduleResolution : 'ESNext',
    moduleResolution,
    target: 'ES2023',
    lib: ['ES2023'],
    types: [],
    // An own driver or reporter may be published with declarations.
    declaration: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: false,
    // As `tsc --init` sets it. Declarations of zod need it with node10.
    esModuleInterop: true,
  }
  project.write({ [tsconfig]: JSON.stringify({ compilerOptions, include: ['*.ts', 'benches', 'cjs'] }) })
  const tsc = `${repository}/node_modules/typescript/bin/tsc`
  return (await inProject(process.execPath, [tsc, '-p', tsconfig])).stdout
}

const entries = {
  isobench,
  'isobench/tools': tools,
  'isobench/driver': driver,
  'isobench/reporter': reporter,
  'isobench/node': node,
}

/** No declaration can have the inferred type of a schema of zod: it is too long. */
const isSchema = (name: string) => name.endsWith('Schema')

/** A module that exports the values of an entry point, their members and what they return, with inferred types. */
function inferredExports(entry: keyof typeof entries): string {
  const exported = (path: string, value: unknown): string[] => {
    const name = path.replaceAll('.', '_')
    const own = `export const ${name} = ${path}`
    // With the assertion in the exported constant, its declaration would have the text of the assertion.
    const returned = `const r_${name} = null! as Returned<typeof ${path}>; export const returned_${name} = r_${name}`
    return typeof value !== 'function' || value.prototype instanceof Error ? [own] : [own, returned]
  }
  const values = Object.entries(entries[entry]).filter(([name]) => !isSchema(name))
  return [
    `import * as entry from '${entry}'`,
    'type Returned<F> = F extends (...args: never[]) => infer R ? R : never',
    ...values.flatMap(([name, value]) => [
      ...exported(`entry.${name}`, value),
      ...(Array.isArray(value) ? [] : Object.entries(value)).flatMap(([member, one]) =>
        exported(`entry.${name}.${member}`, one),
      ),
    ]),
    '',
  ].join('\n')
}

describe('the packed package, installed in an empty folder', () => {
  test('has what it needs to run, one file of declarations per entry point, and no sources, tests or benches', () => {
    expect(packedFiles).toEqual(expect.arrayContaining(['bin/isobench.js', 'dist/bin.js', 'LICENSE', 'package.json']))
    expect(packedFiles.filter((name) => /\.d\.c?ts$/.test(name)).sort()).toEqual(
      ['driver', 'index', 'node', 'reporter', 'tools'].flatMap((name) => [`dist/${name}.d.cts`, `dist/${name}.d.ts`]),
    )
    const pages = /^(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md$/
    const known = /^(bin|dist|docs|examples|schemas)\/|^(package\.json|LICENSE|CITATION\.cff)$/
    expect(packedFiles.filter((name) => !known.test(name) && !pages.test(name))).toEqual([])
    expect(packedFiles.filter((name) => /test|\.map$|evidence.*\.(png|svg)$/.test(name))).toEqual([
      'docs/how-to/run-vm-tests.md',
    ])
  })

  test('has no dead link: every link of a packed page leads to a packed file', () => {
    const links = packedFiles
      .filter((name) => name.endsWith('.md'))
      .flatMap((page) =>
        [...project.read(`node_modules/isobench/${page}`).matchAll(/\]\((?!\w+:|#)([^)\s#]+)/g)].map(([, link]) => ({
          page,
          target: join(page, '..', link!),
        })),
      )
    expect(links.length).toBeGreaterThan(50)
    expect(links.filter(({ target }) => !packedFiles.includes(target))).toEqual([])
  })

  test('imports exactly the packages that it installs', () => {
    const { dependencies } = JSON.parse(project.read('node_modules/isobench/package.json')) as {
      dependencies: Record<string, string>
    }
    const imported = packedFiles
      .filter((name) => /^dist\/.*\.(js|d\.ts)$/.test(name))
      .flatMap((name) => [
        ...project.read(`node_modules/isobench/${name}`).matchAll(/\b(?:from|import)[\s(]*["']([\w@/:-]+)["']/g),
      ])
      .map(([, name]) => name!)
      // The files that `isobench init` writes import isobench.
      .filter((name) => !isBuiltin(name) && !/^isobench\b/.test(name))
    expect([...new Set(imported)].sort()).toEqual(Object.keys(dependencies).sort())
  })

  test('starts through npx, makes a config and a bench, and lists it', async () => {
    const made = await inProject('npx', ['--no-install', 'isobench', 'init'])
    expect(made.stdout).toContain('wrote isobench.config.ts')
    expect(made.exitCode).toBe(0)
    const listed = await inProject('npx', ['--no-install', 'isobench', 'list'])
    expect(listed.stdout).toContain('prime verification: events (events/s)')
    expect(listed.exitCode).toBe(0)
    const again = await inProject('npx', ['--no-install', 'isobench', 'init'])
    expect(again.stderr).toContain('isobench.config.ts')
    expect(again.exitCode).toBe(5)
  })

  test('has declarations for a strict project with any module resolution, also for CommonJS', async () => {
    // zod's declarations need this class of the DOM. Nothing else of the DOM or of Node may be needed.
    project.write({ ...ownFiles, 'url.d.ts': 'declare class URL {}\n', 'isobench.config.ts': configWith('level: 5') })
    const samples = ['bench', 'fio', 'defineDriver', 'defineReporter', 'judge']
    const names = Object.keys(entries) as (keyof typeof entries)[]
    project.write(Object.fromEntries(names.map((name, at) => [`inferred${at}.ts`, inferredExports(name)])))
    project.write({
      'cjs/package.json': '{ "type": "commonjs" }',
      'cjs/a.ts': names.map((entry, at) => `import * as e${at} from '${entry}'\nvoid e${at}.${samples[at]}\n`).join(''),
    })
    const resolutions = ['Node16', 'NodeNext', 'Bundler', 'Node10'] as const
    const outputs = await Promise.all(resolutions.map((moduleResolution) => typeCheck(moduleResolution)))
    expect(outputs).toEqual(['', '', '', ''])
  })

  test('has declarations that find a wrong metric and a wrong option', async () => {
    project.write({
      ...ownFiles,
      'benches/constant.bench.ts': ownFiles['benches/constant.bench.ts'].replace('{ time: near }', '{ tme: near }'),
      'isobench.config.ts': configWith("level: 'high'"),
    })
    const output = await typeCheck('NodeNext')
    expect(output).toMatch(/benches\/constant\.bench\.ts\(\d+,\d+\): error .*tme/)
    expect(output).toMatch(/isobench\.config\.ts\(\d+,\d+\): error [\s\S]*level/)
  })

  test('takes a driver and a reporter of the project', async () => {
    project.write({ ...ownFiles, 'isobench.config.ts': configWith('level: 5') })
    const args = ['isobench', 'run', 'constant', '--rounds', '5', '--seconds', '0.2', '--wait-for-lock']
    const byConfig = await inProject('npx', ['--no-install', ...args])
    expect(byConfig.stdout, byConfig.stderr).toBe('- chroot within 5 % of native: holds')
    expect(byConfig.exitCode).toBe(0)
    const judge = ['--no-install', 'isobench', 'judge', '--reporter', './mine.ts=mine.txt']
    expect((await inProject('npx', judge)).exitCode).toBe(0)
    expect(project.read('mine.txt')).toBe('chroot within 5 % of native: holds\n')
    const program = await inProject(process.execPath, ['program.mjs'])
    expect(program.stdout, program.stderr).toBe('constant,served 1 holds true')
  })

  test('runs the conformance suite on the driver of the docs, which passes', async () => {
    const page = 'docs/how-to/add-a-platform.md'
    const files = codeBlocks(page, project.read(`node_modules/isobench/${page}`))
      .filter((block) => ['unshared.ts', 'conformance.ts'].includes(statedPath(block) ?? ''))
      .map((block) => [statedPath(block)!, block.text])
    expect(files).toHaveLength(2)
    project.write(Object.fromEntries(files))
    const bundle = ['conformance.ts', '--bundle', '--packages=external', '--format=esm', '--outfile=conformance.mjs']
    expect((await inProject('npx', ['--no-install', 'esbuild', ...bundle])).exitCode).toBe(0)
    const { stderr, exitCode } = await inProject(process.execPath, ['conformance.mjs'])
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
  })

  test('refuses to be reached into: only the five entry points can be imported', async () => {
    const load = (name: string) => inProject(process.execPath, ['--input-type=module', '-e', `import '${name}'`])
    for (const entry of Object.keys(entries)) expect((await load(entry)).stderr).toBe('')
    expect((await load('isobench/dist/bin.js')).stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })
})
