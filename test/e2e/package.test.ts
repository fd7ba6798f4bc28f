import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Project, repository } from './support/cli.ts'

/** An empty folder outside the repository, with the packed package installed in it, and what `isobench init` writes. */
let project: Project

const inProject = (file: string, args: readonly string[]) =>
  execa(file, args, { cwd: project.root, reject: false, env: { NODE_PATH: undefined, NODE_OPTIONS: undefined } })

beforeAll(async () => {
  project = Project.with({ 'package.json': JSON.stringify({ name: 'mine', private: true, type: 'module' }) })
  // The packed files are those of dist as it is: building is not what is under test.
  const { stdout } = await execa('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project.root], {
    cwd: repository,
  })
  const [packed] = JSON.parse(stdout) as [{ filename: string }]
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
    `  platforms: [platform('native'), platform(chroot, ${options})],`,
    "  reporters: [['./mine.ts', { prefix: '- ' }]],",
    '})',
    '',
  ].join('\n')

describe('the packed package, installed in an empty folder', () => {
  test('has what it needs to run and no sources, tests or benches', async () => {
    const { stdout } = await inProject('find', ['node_modules/isobench', '-type', 'f'])
    const files = stdout.split('\n').map((name) => name.replace('node_modules/isobench/', ''))
    expect(files).toEqual(
      expect.arrayContaining(['bin/isobench.js', 'dist/bin.js', 'dist/types/index.d.ts', 'package.json']),
    )
    expect(
      files.filter((name) => !/^(bin|dist|schemas)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(name)),
    ).toEqual([])
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

  test('carries types that a strict NodeNext project compiles with, and that catch a wrong metric', async () => {
    project.write({
      'tsconfig.json': JSON.stringify({
        // Neither Node's types nor the DOM's.
        compilerOptions: { strict: true, module: 'NodeNext', noEmit: true, types: [], lib: ['ES2023'] },
        include: ['isobench.config.ts', 'benches'],
      }),
    })
    project.write({
      'benches/signal.bench.ts': [
        "import { bench, lower, workload } from 'isobench'",
        "const work = workload('served', {",
        "  metrics: { time: lower('ms') },",
        '  async run({ guest, signal }) {',
        "    await using server = await guest.serve({ argv: ['true'] }, { port: 80 })",
        '    signal.throwIfAborted()',
        '    return { time: signal.aborted ? 0 : server.port }',
        '  },',
        '})',
        "bench('served', work)",
        '',
      ].join('\n'),
    })
    const tsc = [`${repository}/node_modules/typescript/bin/tsc`, '--noEmit', '-p', '.']
    const right = await inProject(process.execPath, tsc)
    expect(right.stdout).toBe('')
    expect(right.exitCode).toBe(0)
    project.write({
      'benches/hello.bench.ts': project.read('benches/hello.bench.ts').replace('expect: { events:', 'expect: { evnts:'),
    })
    const wrong = await inProject(process.execPath, tsc)
    expect(wrong.stdout).toMatch(/benches\/hello\.bench\.ts\(\d+,\d+\): error .*evnts/)
  })

  test('takes a driver and a reporter of the project, with typed options', async () => {
    project.write({
      'tsconfig.json': JSON.stringify({
        // zod's own declarations need the DOM's URL.
        compilerOptions: {
          ...{ strict: true, module: 'NodeNext', noEmit: true, allowImportingTsExtensions: true },
          ...{ skipLibCheck: true, types: [], lib: ['ES2023'] },
        },
        include: ['*.ts', 'benches'],
      }),
      'chroot.ts': [
        "import { defineDriver, type GuestArgv, type GuestSandbox } from 'isobench/driver'",
        "import * as z from 'zod'",
        'const options = z.strictObject({ level: z.number().default(0) })',
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
      'benches/hello.bench.ts': [
        "import { bench, expect, lower, workload } from 'isobench'",
        "const work = workload('constant', {",
        "  metrics: { time: lower('ms') },",
        "  async run({ guest }) { await guest.exec({ argv: ['true'] }); return { time: 10 } },",
        '})',
        "bench('constant', work, { expect: { time: expect.withinNative(5) } })",
        '',
      ].join('\n'),
      'isobench.config.ts': configWith('{ level: 5 }'),
    })
    const tsc = [`${repository}/node_modules/typescript/bin/tsc`, '--noEmit', '-p', '.']
    const right = await inProject(process.execPath, tsc)
    expect(right.stdout).toBe('')
    project.write({ 'isobench.config.ts': configWith("{ level: 'high' }") })
    const { stdout } = await inProject(process.execPath, tsc)
    expect(stdout).toMatch(/isobench\.config\.ts\(\d+,\d+\): error [\s\S]*level/)
    project.write({ 'isobench.config.ts': configWith('{ level: 5 }') })
    const args = ['isobench', 'run', 'hello', '--rounds', '5', '--seconds', '0.2', '--wait-for-lock']
    const byConfig = await inProject('npx', ['--no-install', ...args])
    expect(byConfig.stdout, byConfig.stderr).toBe('- chroot within 5 % of native: holds')
    expect(byConfig.exitCode).toBe(0)
    const judge = ['--no-install', 'isobench', 'judge', '--reporter', './mine.ts=mine.txt']
    expect((await inProject('npx', judge)).exitCode).toBe(0)
    expect(project.read('mine.txt')).toBe('chroot within 5 % of native: holds\n')
  })

  test('refuses to be reached into: only the four entry points can be imported', async () => {
    const load = (name: string) => inProject(process.execPath, ['--input-type=module', '-e', `import '${name}'`])
    for (const entry of ['isobench', 'isobench/tools', 'isobench/driver', 'isobench/reporter'])
      expect((await load(entry)).stderr).toBe('')
    expect((await load('isobench/dist/bin.js')).stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
  })
})
