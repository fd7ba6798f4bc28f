import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { benchFile, config, expectNoStack, imports, type Outcome, Project, repository } from './support/cli.ts'
import { testUnless } from './support/skip.ts'

// isobench reports mistakes of authors without measuring, so these tests need neither root nor an image. Two of them
// run at a time (`maxConcurrency` in vitest.config.ts), except those with a limit of seconds.

const good = benchFile('return { time: await say(1) }', '{}', 'good')
const projects: Project[] = []

/** A project with a correct bench file and the files under test. */
function project(files: Record<string, string>): Project {
  const made = Project.with({ 'isobench.config.ts': config('native'), 'benches/good.bench.ts': good, ...files })
  projects.push(made)
  return made
}

const list = (files: Record<string, string>, ...args: string[]) => project(files).isobench(['list', ...args])

afterAll(() => {
  for (const made of projects) made[Symbol.dispose]()
})

function expectRefused(outcome: Outcome, ...said: (string | RegExp)[]): void {
  for (const text of said) expect(outcome.stderr).toMatch(text)
  expect(outcome.exitCode).toBe(5)
  expectNoStack(outcome)
}

/** isobench reports the broken file and lists the correct one. */
function expectOneBroken(outcome: Outcome, ...said: (string | RegExp)[]): void {
  expectRefused(outcome, ...said)
  expect(outcome.stdout).toContain('good: time (ms)')
}

describe('a broken bench file', () => {
  test.concurrent('with a syntax error names line and column of the TypeScript, and lists the others', async () => {
    const text = `${imports}\nconst size: number = = 1\n`
    expectOneBroken(await list({ 'benches/broken.bench.ts': text }), /benches\/broken\.bench\.ts:4:22 {2}\S/)
  })

  test.concurrent('that imports what is not there names the line', async () => {
    const text = `${imports}import { size } from './sizes.ts'\n${good.replaceAll("'good'", 'String(size)')}`
    expectOneBroken(await list({ 'benches/broken.bench.ts': text }), /benches\/broken\.bench\.ts:3:\d+ .*\.\/sizes\.ts/)
  })

  test.concurrent('that throws on import names the line of the TypeScript, also in an imported module', async () => {
    const files = {
      'lib/sizes.ts': `export interface Sizes {
  readonly small: number
}

export function sizes(): Sizes {
  throw new Error('no sizes today')
}
`,
      'benches/broken.bench.ts': `import { sizes } from '../lib/sizes.ts'\n${good}\nsizes()\n`,
    }
    expectOneBroken(await list(files), /lib\/sizes\.ts:6:9 {2}no sizes today/)
  })

  test.concurrent('that throws something other than an Error is reported with what it threw', async () => {
    expectOneBroken(
      await list({ 'benches/broken.bench.ts': `${imports}\nthrow { reason: 'odd' }\n` }),
      /"reason":"odd"/,
    )
    for (const [code, message] of [
      ['throw 5n', /it threw 5n/],
      ['const a: { a?: object } = {}; a.a = a; throw a', /it threw .*Circular/],
      ['throw Object.create(null)', /it threw \{\}/],
    ] as const)
      expectOneBroken(await list({ 'benches/broken.bench.ts': `${imports}\n${code}\n` }), message)
  })

  test('that loops or awaits forever is stopped after 10 s, and the others are listed', async () => {
    const codes = ['while (true);', 'await new Promise(() => setInterval(() => {}, 1000))']
    const outcomes = codes.map((code) => list({ 'benches/a-hang.bench.ts': `${imports}\n${code}\n` }))
    for (const outcome of await Promise.all(outcomes)) {
      expectOneBroken(outcome, /benches\/a-hang\.bench\.ts:4:\d+ .*longer than 10 s/, /loop|await/)
      expect(outcome.seconds).toBeLessThan(15)
    }
  })

  test('that awaits a promise that nothing can resolve is stopped, and the others are listed', async () => {
    const outcome = await list({ 'benches/a-hang.bench.ts': `${imports}\nawait new Promise(() => {})\n` })
    expectOneBroken(outcome, /benches\/a-hang\.bench\.ts:4:1 {2}importing it never ends/)
    expect(outcome.seconds).toBeLessThan(15)
  })

  test.concurrent('that calls process.exit is reported, and the others are listed', async () => {
    expectOneBroken(
      await list({ 'benches/a-exit.bench.ts': `${imports}\nprocess.exit(0)\n` }),
      /benches\/a-exit\.bench\.ts:\d+:\d+ .*exit/,
      /must not call process\.exit/,
    )
  })

  test.concurrent('that registers no bench is reported with how to register one', async () => {
    expectOneBroken(
      await list({ 'benches/empty.bench.ts': 'export const nothing = 1\n' }),
      /benches\/empty\.bench\.ts {2}it registers no bench/,
      /bench\('name', workload\)/,
    )
  })

  test.concurrent('with two benches of one name is reported at the second one, and keeps the first', async () => {
    const twice = benchFile('return { time: 1 }', '{}', 'same').replace(/$/, "bench('same', work)\n")
    const outcome = await list({ 'benches/twice.bench.ts': twice })
    expectOneBroken(outcome, /benches\/twice\.bench\.ts:\d+:1 {2}two benches are named "same"/)
    expect(outcome.stdout).toContain('same: time (ms)')
  })

  test.concurrent.each([
    ['an expectation of an unknown metric', '{ expect: { tine: expect.atMost("1ms") } }', /"tine"/],
    ['a negative margin', '{ expect: { time: expect.withinNative(-5) } }', /-5 % is no valid margin/],
    ['an unknown unit', '{ expect: { time: expect.atMost("5 lightyears") } }', /5 lightyears/],
    ['an unknown parameter', '{ params: { size: [1] } }', /parameter "size"/],
    ['a time limit of 0', '{ timeout: 0 }', /timeout is 0/],
  ])('with %s is reported at its line', async (_, options, said) => {
    const text = benchFile('return { time: 1 }', options, 'odd')
    expectOneBroken(await list({ 'benches/odd.bench.ts': text }), said, /benches\/odd\.bench\.ts:\d+:\d+ {2}/)
  })

  test.concurrent('is reported by run, which measures nothing if every file is broken', async () => {
    const made = project({ 'benches/good.bench.ts': `${imports}\nthrow new Error('not today')\n` })
    expectRefused(await made.isobench(['run', '--wait-for-lock']), /benches\/good\.bench\.ts:4:7 {2}not today/)
    expect(made.records()).toEqual([])
  })
})

describe('the config', () => {
  const refused = (text: string, ...args: string[]) =>
    project({ 'isobench.config.ts': text }).isobench(['list', ...args])
  const exporting = (inner: string) =>
    `import { defineConfig, platform } from 'isobench'\nexport default defineConfig(${inner})\n`

  // They take whole limits of 10 s and 20 s, so they run beside the other tests.
  let looping: Project
  let stopped: Promise<Outcome>
  let loopingLate: Project
  let stoppedLate: Promise<Outcome>
  beforeAll(() => {
    looping = Project.with({ 'isobench.config.ts': 'for (;;) {}\n' })
    stopped = looping.isobench(['list'])
    const late = `${exporting("{ platforms: [platform('native')] }")}setTimeout(() => { for (;;) {} }, 50)\n`
    loopingLate = project({ 'isobench.config.ts': late })
    stoppedLate = loopingLate.isobench(['list'])
  })
  afterAll(() => looping[Symbol.dispose]())

  test.concurrent('that fails after the command has ended makes it end with 5 instead of 0', async () => {
    const text = `${exporting("{ platforms: [platform('native')] }")}process.on('exit', () => process.exit(0))\n`
    expectOneBroken(
      await refused(text),
      'isobench.config.ts:3:34  an error that no code handles: it called process.exit',
    )
  })

  test.concurrent('that is missing is reported with how to write one', async () => {
    using empty = Project.with()
    expectRefused(await empty.isobench(['list']), /no isobench\.config\.ts/, /isobench init/)
  })

  test.concurrent('of --config that does not exist is reported with its name', async () => {
    expectRefused(await list({}, '--config', 'other.config.ts'), /other\.config\.ts/)
  })

  test.concurrent('is found from a folder below it', async () => {
    const made = project({ 'deep/down/note.txt': '' })
    const outcome = await made.isobench(['list'], { cwd: 'deep/down' })
    expect(outcome.stdout).toContain('good: time (ms)')
    expect(outcome.exitCode).toBe(0)
  })

  test.concurrent('with a syntax error names line and column', async () => {
    expectRefused(
      await refused('import { defineConfig } from "isobench"\nexport default defineConfig({\n'),
      /config\.ts:3:1/,
    )
  })

  test.concurrent('that throws names the line of the TypeScript', async () => {
    expectRefused(
      await refused('interface A {\n  a: 1\n}\nthrow new Error("no luck")\n'),
      /isobench\.config\.ts:4:7 {2}no luck/,
    )
  })

  test.concurrent('without a default export is reported with what to write', async () => {
    expectRefused(await refused('export const config = {}\n'), /no default export/, /export default defineConfig/)
  })

  test.concurrent.each([
    ['no platforms', '{ platforms: [] }', /platforms/],
    ['a guest of half a CPU', "{ platforms: [platform('native')], guest: { cpus: 0.5 } }", /guest\.cpus/],
    [
      'memory without a unit',
      "{ platforms: [platform('native')], guest: { memory: '512' } }",
      /guest\.memory: "512" is not accepted\.[\s\S]*fix: write it as "512MiB" or "1GiB"/,
    ],
    ['a word that it does not know', "{ platforms: [platform('native')], plattforms: [] }", /plattforms/],
    ['a profile without rounds', "{ platforms: [platform('native')], profiles: { quick: { rounds: 0 } } }", /rounds/],
    [
      'two platforms of one name',
      "{ platforms: [platform('runc'), platform('runc')] }",
      /isobench\.config\.ts:2:\d+ .*two platforms are named "runc"/,
    ],
    [
      'a name that is none',
      "{ platforms: [platform('runc', { name: 'My runc' })] }",
      /isobench\.config\.ts:2:\d+ .*"My runc"/,
    ],
    ['a name in capitals', "{ platforms: [platform('Docker')] }", /did you mean "docker"\?/],
  ])('with %s is refused by name', async (_, inner, said) => {
    expectRefused(await refused(exporting(inner)), said)
  })

  test.concurrent('with an unknown kind of platform names the nearest and the line', async () => {
    const made = project({
      'isobench.config.ts': exporting("{ platforms: [\n  platform('native'),\n  platform('gviser'),\n] }"),
    })
    expectRefused(
      await made.isobench(['run', '--wait-for-lock']),
      /isobench\.config\.ts:4:13/,
      /no platform "gviser"/,
      /"gvisor"\?/,
    )
  })

  test.concurrent('with an unknown option of a platform names platform, option and line', async () => {
    const made = project({ 'isobench.config.ts': exporting("{ platforms: [platform('gvisor', { mod: 'ptrace' })] }") })
    expectRefused(
      await made.isobench(['run', '--wait-for-lock']),
      /isobench\.config\.ts:2:\d+/,
      /"gvisor"/,
      /"mod"/,
      /takes mode, flags, binary/,
    )
  })

  test.concurrent('with a value that a platform cannot honour names the values that it can', async () => {
    const made = project({ 'isobench.config.ts': exporting("{ platforms: [platform('lxc', { init: 'sysv' })] }") })
    expectRefused(
      await made.isobench(['run', '--wait-for-lock']),
      /isobench\.config\.ts:2:\d+/,
      /"lxc"/,
      /init: "sysv" is not "none" or "systemd"/,
    )
  })

  test.concurrent.each([
    ['is not there', '/no/such/runc', /no program at \/no\/such\/runc/],
    ['is another program', process.execPath, /is not runc: its --version prints "v\d.*set the path of a build of runc/],
    ['is no absolute path', 'runc', /the absolute path/],
  ])("with a runtime's binary that %s is refused before anything is started", async (_, binary, said) => {
    const inner = `{ platforms: [platform('runc', { binary: ${JSON.stringify(binary)} })] }`
    const made = project({ 'isobench.config.ts': exporting(inner) })
    const outcome = await made.isobench(['run', '--wait-for-lock'])
    expectRefused(outcome, /isobench\.config\.ts:2:\d+/, said)
    expect(made.records()).toEqual([])
  })

  test.concurrent('that loops forever is stopped, although the command line imports it', async () => {
    const { stderr, exitCode } = await stopped
    expect(stderr).toMatch(/isobench\.config\.ts:\d+:\d+ .*longer than 10 s/)
    expect(exitCode).toBe(5)
  })

  test.concurrent('that loops in a timer is stopped after 20 s', async () => {
    const { stderr, exitCode } = await stoppedLate
    expect(stderr).toMatch(/isobench\.config\.ts:3:\d+ .*a timer, event or promise runs a loop without end/)
    expect(exitCode).toBe(5)
  })
})

describe('the command line', () => {
  test.concurrent.each([
    ['platform', ['run', '--platform', 'natve'], /no platform "natve"/, /did you mean "native"\?/],
    ['reporter', ['run', '--reporter', 'jsn'], /no reporter "jsn"/, /did you mean "json"\?/],
    ['profile', ['run', '--profile', 'quik'], /no profile "quik"/, /did you mean "quick"\?/],
    ['option', ['run', '--round', '3'], /unknown option "--round"/, /Did you mean "--rounds"\?/],
    ['option that turns something off', ['run', '--no-such'], /unknown option "--no-such"/, /isobench run --help/],
    ['option of list', ['list', '--jsn'], /unknown option "--jsn"/, /Did you mean "--json"\?/],
    ['number of rounds', ['run', '--rounds', 'many'], /--rounds/, /./],
    ['option given twice', ['run', '--seconds', '1', '--seconds', '2'], /--seconds is given 2 times/, /give it once/],
    ['filter that fits no file', ['run', 'nowhere'], /"nowhere"/, /benches\/\*\*/],
    ['command', ['doctr'], /"doctr"/, /Did you mean the command: isobench doctor\?/],
    ['switch with a value', ['run', '--json=false'], /--json is a switch/, /leave it out/],
    ['name that fits no bench', ['run', '--name', 'nobody'], /no bench has "nobody" in its name/, /isobench list/],
    ['action of image', ['image', 'biuld'], /unknown action "biuld"/, /build, path, remove or prune/],
    ['record', ['judge', 'nowhere.jsonl'], /nowhere\.jsonl/, /\.isobench\/runs/],
  ])('with an unknown %s is refused, with what was meant', async (_, args, said, fix) => {
    expectRefused(await project({}).isobench(args), said, fix)
  })

  test.concurrent('refuses an option that lacks its value', async () => {
    expectRefused(await project({}).isobench(['run', '--platform']), /--platform/)
  })

  test.concurrent('refuses a file that is no run record, whatever is in it', async () => {
    const made = project({
      'a.jsonl': '',
      'b.jsonl': 'hello\n',
      'c.jsonl': '{"type":"sample"}\n{}\n',
      'd.jsonl': '{"ty',
    })
    for (const name of ['a', 'b', 'c', 'd'])
      expectRefused(await made.isobench(['judge', `${name}.jsonl`]), `${name}.jsonl`)
  })
})

describe('run --findings', () => {
  const tagged = `import { defineConfig, platform } from 'isobench'
export default defineConfig({
  skipPlatformTags: ['extra'],
  platforms: ['native', 'runc', 'crun', 'gvisor'].map((kind) =>
    platform(kind as 'runc', { tags: kind === 'native' || kind === 'runc' ? [] : ['extra'] }),
  ),
})
`
  const claims = `${good}
const other = bench('other', work)
const third = bench('third', work, { tags: ['slow'] })
finding(100, 'about two', [expect(other.time).on('runc').betterThan('crun')])
const isolated = platform.family('container', 'secure-container')
finding(101, 'about families', [expect(third.time).on(isolated).withinNative(5)])
`
  const plan = async (...args: string[]) => {
    const made = project({ 'isobench.config.ts': tagged, 'benches/good.bench.ts': claims })
    const { stdout, stderr, exitCode } = await made.isobench(['run', '--dry-run', ...args])
    const shown = stdout.slice(stdout.indexOf('first round:')).split('\n').slice(1)
    const steps = shown.map((line) => line.replace(/^.*#/, '').replace(' on ', '')).filter(Boolean)
    return { steps: steps.map((step) => step.trim().replace(/ +/, ' ')).sort(), stderr, exitCode }
  }

  test.concurrent('plans what their claims need, and a tagged platform only for a claim that names it', async () => {
    expect((await plan('--findings', '100')).steps).toEqual(['other crun', 'other native', 'other runc'])
    const all = ['other crun', 'other native', 'other runc', 'third native', 'third runc']
    expect((await plan('--findings')).steps).toEqual(all)
    expect((await plan('--findings', '--all-platforms')).steps).toEqual([...all, 'third crun', 'third gvisor'].sort())
  })

  test.concurrent('refuses a number that no finding has', async () => {
    const refused = await plan('--findings', '7')
    expect([refused.exitCode, refused.stderr]).toEqual([5, expect.stringMatching(/no finding "7".*\n.*100, 101/)])
  })
})

describe('list', () => {
  test.concurrent('follows what a bench imports from a TypeScript module of the project', async () => {
    const outcome = await list({
      'lib/names.ts': `export enum Unit { A = 'from a module' }\nexport const title: string = Unit.A\n`,
      'benches/other.bench.ts': `import { title } from '../lib/names'\n${good.replace("bench('good'", 'bench(title')}`,
    })
    expect(outcome.stdout).toContain('from a module: time (ms)')
    expect(outcome.exitCode).toBe(0)
  })

  test.concurrent('shows which benches are only, skipped and still to be written', async () => {
    const modes = `${good}
bench.only('chosen', work)
bench.skip('passed over', work)
bench.skipIf(true)('passed over here', work)
bench.skipIf(false)('taken here', work)
bench.todo('to be written')
bench.each(['a', 'b'])('each %s', () => work)
`
    const { stdout, exitCode } = await list({ 'benches/good.bench.ts': modes })
    expect(stdout).toMatch(/chosen \[only\]: time/)
    expect(stdout).toMatch(/passed over \[skip\]/)
    expect(stdout).toMatch(/passed over here \[skip\]/)
    expect(stdout).toMatch(/taken here: time/)
    expect(stdout).toMatch(/to be written \[todo\]\n/)
    expect(stdout).toMatch(/each a: time[\s\S]*each b: time/)
    expect(exitCode).toBe(0)
  })

  test.concurrent('--json writes the suite as data, with the location of every bench', async () => {
    const made = project({
      'benches/good.bench.ts': `${good
        .replace('metrics: {', 'params: { size: [1, 2] },\n  metrics: {')
        .replace(', {})', ", { tags: ['x'], expect: { time: expect.atMost('5s') } })")}
finding(100, 'It is quick', [expect(it.time).on(platform.named('native')).atMost('1s')])
`,
    })
    const { stdout, exitCode } = await made.isobench(['list', '--json'])
    const suite = JSON.parse(stdout)
    expect(suite.problems).toEqual([])
    expect(suite.benches).toEqual([
      expect.objectContaining({
        id: 'benches/good.bench.ts#good',
        file: 'benches/good.bench.ts',
        mode: 'run',
        tags: ['x'],
        params: { size: [1, 2] },
        metrics: { time: { unit: 'ms', better: 'lower' } },
        workload: { name: 'good', kind: 'commands', lifecycle: 'round' },
        claims: [expect.objectContaining({ metric: 'time', matcher: { kind: 'atMost', value: 5000 } })],
        location: expect.objectContaining({ file: made.path('benches/good.bench.ts') }),
      }),
    ])
    expect(suite.findings).toEqual([
      expect.objectContaining({
        id: 100,
        parts: [
          expect.objectContaining({
            title: 'It is quick',
            claims: [
              expect.objectContaining({ bench: 'benches/good.bench.ts#good', on: { by: 'name', names: ['native'] } }),
            ],
          }),
        ],
      }),
    ])
    expect(exitCode).toBe(0)
  })

  test.concurrent('--json is JSON even if a file is broken, and includes the problem', async () => {
    const outcome = await list({ 'benches/broken.bench.ts': 'const = 1\n' }, '--json')
    expect(JSON.parse(outcome.stdout).problems).toEqual([
      expect.objectContaining({ file: 'benches/broken.bench.ts', location: expect.objectContaining({ line: 1 }) }),
    ])
    expect(outcome.exitCode).toBe(5)
  })

  test.concurrent('takes filters that are parts of the path', async () => {
    const { stdout } = await list({ 'benches/other.bench.ts': good.replaceAll("'good'", "'other'") }, 'other')
    expect(stdout).toContain('other: time')
    expect(stdout).not.toContain('good: time')
  })
})

const namespaces = (await execa('unshare', ['--user', 'true'], { reject: false })).exitCode === 0

// A user namespace without a mapping: it can read the same files, and it has no root.
testUnless(
  namespaces ? '' : 'no user namespaces',
  'host-kind',
  'without root nothing starts, and the message suggests sudo',
  async () => {
    const { root } = project({})
    const bin = join(repository, 'bin/isobench.js')
    const all = await Promise.all(
      ['run', 'doctor', 'noise'].map((name) =>
        execa('unshare', ['--user', process.execPath, bin, name], { cwd: root, reject: false }),
      ),
    )
    for (const { exitCode, stdout, stderr } of all) {
      expect(stderr).toMatch(/needs root/)
      expect(stderr).toMatch(/sudo/)
      expect(exitCode).toBe(5)
      expectNoStack({ stdout, stderr })
    }
    expect(existsSync(join(root, '.isobench/runs'))).toBe(false)
  },
)
