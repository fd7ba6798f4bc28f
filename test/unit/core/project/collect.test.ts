import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  benchFiles,
  brokenLinks,
  filterFiles,
  overlookedFiles,
  unreadableFolders,
} from '../../../../src/core/project/bench-files.ts'
import { collect, SpareWorker } from '../../../../src/core/project/collect.ts'
import { loadProject } from '../../../../src/core/project/config.ts'
import { inGuestDigest } from '../../../../src/core/project/work-digest.ts'
import { bundlePath } from '../../../../src/util/assets.ts'

const bin = fileURLToPath(new URL('../../../../bin/isobench.js', import.meta.url))

/** Bench files are imported by a worker that is built. */
const built = existsSync(bundlePath('collector'))

const config = `import { defineConfig, platform } from 'isobench'
export default defineConfig({ platforms: [platform('native')] })`
const head = `import { bench, expect, finding, higher, platform, workload } from 'isobench'
const w = (name = 'w') => workload(name, { metrics: { e: higher('ops/s') }, run: async () => ({ e: 1 }) })\n`
const helper = `${head}export const make = (n: string) => bench(n, w())
export const state = (id: number, ref) => finding(id, 'stated', [expect(ref.e).on('runc').withinNative(5)])`

let folder: string
let root: string
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-collect-')))
  root = join(folder, 'p')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(files: Record<string, string>, at = root): void {
  for (const [name, text] of Object.entries({ 'isobench.config.ts': config, ...files })) {
    mkdirSync(dirname(join(at, name)), { recursive: true })
    writeFileSync(join(at, name), text)
  }
}

async function listed(at = root, given?: string) {
  const project = await loadProject(at, given)
  const { suite } = await collect(project.root, await benchFiles(project))
  return {
    benches: suite.benches.map(({ id }) => id).sort(),
    findings: suite.findings.map(({ id, file }) => `${id} ${file}`),
    problems: suite.problems.map(({ file, message }) => `${file}: ${message}`),
    locations: suite.benches.map(({ location }) => location?.file),
    suite,
  }
}

describe('a file that looks like a bench file', () => {
  const overlooked = async () => {
    const project = await loadProject(root)
    return (await overlookedFiles(project, await benchFiles(project))).map(({ file, message }) => `${file} ${message}`)
  }

  it('is named if no pattern includes its ending', async () => {
    write({
      'benches/a.bench.ts': '',
      'benches/b.bench.js': '',
      'benches/in/c.bench.mts': '',
      'benches/d.bench.cts': '',
      'benches/f.bench.tsx': '',
      'benches/.hidden.bench.ts': '',
      'benches/.copy/a.bench.ts': '',
      'benches/.dir/g.bench.ts': '',
      '.copy/benches/h.bench.ts': '',
      'benches/UPPER.BENCH.TS': '',
    })
    expect(await overlooked()).toEqual([
      'benches/.dir/g.bench.ts no pattern of the config includes it, so its benches do not run.',
      'benches/.hidden.bench.ts no pattern of the config includes it, so its benches do not run.',
      'benches/UPPER.BENCH.TS no pattern of the config includes it, so its benches do not run.',
      'benches/b.bench.js no pattern of the config includes it, so its benches do not run.',
      'benches/d.bench.cts no pattern of the config includes it, so its benches do not run.',
      'benches/f.bench.tsx no pattern of the config includes it, so its benches do not run.',
      'benches/in/c.bench.mts no pattern of the config includes it, so its benches do not run.',
    ])
  })

  it.each(['b.bench.ts', 'a.bench.ts/x', 'nothing.bench.ts'])(
    'is a problem if it is a link that leads nowhere and that the config includes: to %s',
    async (target) => {
      write({ 'benches/a.bench.ts': '' })
      symlinkSync(target, join(root, 'benches/b.bench.ts'))
      expect(await benchFiles(await loadProject(root))).toEqual(['benches/a.bench.ts'])
      symlinkSync('user@host.1', join(root, 'benches/.#a.bench.ts'))
      symlinkSync('.', join(root, 'benches/loop'))
      expect(await overlooked()).toEqual([])
      expect(await brokenLinks(await loadProject(root))).toEqual([
        { file: 'benches/b.bench.ts', message: 'it is a link to a file that does not exist.', fix: expect.anything() },
      ])
    },
  )

  it('is named if it is a FIFO, a link to a device or has a name that is not UTF-8, and no bench file', async () => {
    write({ 'benches/a.bench.ts': '' })
    execFileSync('mkfifo', [join(root, 'benches/b.bench.ts')])
    symlinkSync('/dev/zero', join(root, 'benches/c.bench.ts'))
    writeFileSync(
      Buffer.concat([Buffer.from(join(root, 'benches/')), Buffer.from([0xff]), Buffer.from('.bench.ts')]),
      '',
    )
    expect(await benchFiles(await loadProject(root))).toEqual(['benches/a.bench.ts'])
    expect(await overlooked()).toEqual([
      'benches/b.bench.ts it is no regular file, so nothing imports it.',
      'benches/c.bench.ts it is no regular file, so nothing imports it.',
      'benches/\ufffd.bench.ts its name is not UTF-8, so nothing imports it.',
    ])
  })

  it('is not named if it is a bench file, was compiled from one, or only helps one', async () => {
    write({ 'benches/a.bench.ts': '', 'benches/out/a.bench.js': '', 'benches/a.bench.d.ts': '', 'benches/b.js': '' })
    mkdirSync(join(root, 'benches/c.bench.mts'))
    symlinkSync('a.bench.ts', join(root, 'benches/d.bench.ts'))
    expect(await overlooked()).toEqual([])
  })

  it('is named once if links lead to it in several ways', async () => {
    write({ 'benches/a.bench.ts': '', 'benches/b.bench.js': '' })
    symlinkSync('.', join(root, 'benches/loop'))
    expect(await overlooked()).toEqual([
      'benches/b.bench.js no pattern of the config includes it, so its benches do not run.',
    ])
  })
})

describe('a folder that isobench cannot read', () => {
  it('is named if it is a link that leads nowhere, in a folder that the config includes', async () => {
    const include = `include: ['benches/**/*.bench.ts', 'packages/*/benches/*.bench.ts', '!**/old/**']`
    write({
      'isobench.config.ts': config.replace('{ p', `{ ${include}, p`),
      'benches/a.bench.ts': '',
      'benches/deep/er/a.txt': '',
      'benches/old/a.txt': '',
      'packages/a/a.txt': '',
      'src/a.txt': '',
    })
    const links = ['benches/sub', 'benches/deep/er/v1.2', 'packages/a/benches', 'packages/b']
    const others = ['benches/old/sub', 'benches/.#a', 'benches/b.bench.ts', 'packages/a/src', 'src/sub', 'sub']
    for (const link of [...links, ...others]) symlinkSync('nowhere', join(root, link))
    symlinkSync('.', join(root, 'benches/loop'))
    const message = 'it is a link that leads nowhere. If it is one to a folder, its benches are missing.'
    expect((await unreadableFolders(await loadProject(root))).map((one) => [one.file, one.message])).toEqual(
      links.toSorted().map((link) => [link, message]),
    )
  })

  it('is named if no pattern matches its name', async () => {
    write({ 'benches/a.bench.ts': '', 'benches/a\nb/b.bench.ts': '', 'benches/c\u2028d/b.bench.ts': '' })
    const message = 'its name has a line break, or is not UTF-8, so no pattern finds bench files in it.'
    expect(await unreadableFolders(await loadProject(root))).toMatchObject([
      { file: 'benches/a\nb', message },
      { file: 'benches/c\u2028d', message },
    ])
  })

  it.skipIf(process.getuid?.() !== 0)('is named if this user may not read it', async () => {
    write({ 'benches/a.bench.ts': '', 'benches/locked/b.bench.ts': '' })
    chmodSync(folder, 0o755)
    chmodSync(join(root, 'benches/locked'), 0o700)
    const project = await loadProject(root)
    process.seteuid!(65534)
    try {
      expect(await unreadableFolders(project)).toMatchObject([
        { file: 'benches/locked', message: 'this user may not read the folder.' },
      ])
    } finally {
      process.seteuid!(0)
    }
  })
})

describe.skipIf(!built)('each()', () => {
  it('without rows is a warning at its place, and other benches stay', async () => {
    write({ 'benches/a.bench.ts': `${head}bench.each([])('%i threads', () => w())\nbench('b', w())` })
    const { suite, warnings } = await collect(root, ['benches/a.bench.ts'])
    expect(suite.benches.map(({ name }) => name)).toEqual(['b'])
    expect(suite.problems).toEqual([])
    expect(warnings).toMatchObject([
      {
        file: 'benches/a.bench.ts',
        message: 'bench.each() has no rows for "%i threads", so it registers no bench.',
        location: { file: join(root, 'benches/a.bench.ts'), line: 3 },
      },
    ])
  })

  it('is a problem at its place without a second call, unless it is at the top of another module', async () => {
    write({
      'lib/rows.ts': `${head}export const later = bench.each([1])\nexport const never = () => void bench.for([1])`,
      'benches/a.bench.ts': `${head}import { never } from '../lib/rows.ts'\nbench('a', w())\nbench.each([1])\nnever()`,
      'benches/b.bench.ts': `${head}import { later } from '../lib/rows.ts'\nlater('b', () => w())`,
    })
    const { benches, suite } = await listed()
    expect(benches).toEqual(['benches/a.bench.ts#a', 'benches/b.bench.ts#b'])
    expect(suite.problems.map(({ file, message, location }) => [file, message, location?.line])).toEqual([
      ['benches/a.bench.ts', 'bench.each() registers no bench without a second call.', 5],
      ['benches/a.bench.ts', 'bench.for() registers no bench without a second call.', 4],
    ])
  })
})

describe.skipIf(!built)('a spare worker', () => {
  it('reads once, a new one each time, and files are read without it too', async () => {
    write({ 'benches/a.bench.ts': `${head}bench('x', w())` })
    using spare = new SpareWorker()
    for (let read = 0; read < 3; read++) {
      if (read < 2) spare.start()
      const { suite } = await collect(root, ['benches/a.bench.ts'], { printOutput: false, spare })
      expect(suite.benches.map(({ name }) => name)).toEqual(['x'])
      expect(spare.take()).toBeUndefined()
    }
  })
})

describe.skipIf(!built)('a bench file that never ends', () => {
  it.each([
    ['while (true);', 'importing it took longer than 1 s', 2],
    ['const f = () => process.nextTick(f)\nf()', 'importing it took longer than 1 s', 2],
    ['const f = () => Promise.resolve().then(f)\nawait f()', 'importing it took longer than 1 s', 2],
    ['function f() {\n  for (;;) Math.random()\n}\nf()', 'importing it took longer than 1 s', 3],
    ['await new Promise(() => setInterval(() => {}, 100))', 'importing it took longer than 1 s', 2],
    ["await new Promise(() => setInterval(() => console.log('.'), 300))", 'importing it took longer than 1 s', 2],
    ['await new Promise(() => {})', 'importing it never ends', 2],
  ])('is one problem at its line: %s', async (code, message, line) => {
    vi.stubEnv('ISOBENCH_IMPORT_SECONDS', '1')
    write({ 'benches/a.bench.ts': `\n${code}`, 'benches/b.bench.ts': `${head}bench('x', w())` })
    const { suite } = await listed()
    // The worker ends in a later turn.
    await new Promise((resolve) => setTimeout(resolve, 50))
    vi.unstubAllEnvs()
    const file = join(root, 'benches/a.bench.ts')
    expect(suite.problems).toMatchObject([{ file: 'benches/a.bench.ts', message, location: { file, line } }])
    expect(suite.benches.map(({ name }) => name)).toEqual(['x'])
  })
})

describe.skipIf(!built)('a bench file in the worker', () => {
  it.each([
    ['posts', "postMessage({ kind: 'collected', file: 'benches/a.bench.ts' })"],
    ['posts no object', 'postMessage(null)'],
    ['closes its port', 'close()'],
  ])('%s without an effect', async (_, call) => {
    const code = `import { parentPort } from 'node:worker_threads'\nparentPort?.${call}\n${head}bench('x', w())`
    write({ 'benches/a.bench.ts': code, 'benches/b.bench.ts': `${head}bench('y', w())` })
    expect(await listed()).toMatchObject({
      benches: ['benches/a.bench.ts#x', 'benches/b.bench.ts#y'],
      problems: [],
    })
  })

  it.each([
    ['Array.prototype.filter = () => []', 'Array.prototype.filter', 1],
    ['globalThis.Map = undefined', 'Map', 12],
    ['JSON.parse = String; JSON.stringify = String', 'JSON.parse, JSON.stringify', 1],
    ["Object.defineProperty(Object.prototype, 'get', { value: 1, configurable: true })", 'Object.prototype.get', 1],
    ['setTimeout(() => { Set.prototype.has = () => true }, 1)', 'Set.prototype.has', 20],
  ])('that changes builtins is a problem, and no other file is: %s', async (code, name, column) => {
    write({
      'benches/a.bench.ts': `${code}\n${head}bench('x', w())`,
      'benches/b.bench.ts': `${head}bench('y', w())`,
    })
    const { benches, suite } = await listed()
    expect(benches).toContain('benches/b.bench.ts#y')
    expect(suite.problems).toEqual([
      {
        file: 'benches/a.bench.ts',
        message: `it changed ${name}, which isobench uses, too`,
        fix: 'restore it before the import or the workload ends, or change it in a child process',
        location: { file: join(root, 'benches/a.bench.ts'), line: 1, column },
      },
    ])
  })
})

describe.skipIf(!built)('what a bench file registers', () => {
  it('belongs to it if a helper function of another module registers it', async () => {
    const nested = 'export const deep = (n: number, f: () => unknown): unknown => (n === 0 ? f() : deep(n - 1, f))'
    const uses = `import { make, state } from '../lib/make.ts'
import { deep } from '../lib/deep.ts'
bench('direct', w()); state(900, make('one')); deep(30, () => make('two'))`
    write({ 'lib/make.ts': helper, 'lib/deep.ts': nested, 'benches/a.bench.ts': head + uses })
    expect(await listed()).toMatchObject({
      benches: ['benches/a.bench.ts#direct', 'benches/a.bench.ts#one', 'benches/a.bench.ts#two'],
      findings: ['900 benches/a.bench.ts'],
      problems: [],
    })
  })

  it('belongs to it if a function of a package registers it', async () => {
    write({
      'node_modules/shared/package.json': '{ "name": "shared", "type": "module", "exports": "./index.ts" }',
      'node_modules/shared/index.ts': helper,
      'benches/a.bench.ts': "import { make } from 'shared'\nmake('one')",
    })
    expect(await listed()).toMatchObject({ benches: ['benches/a.bench.ts#one'], problems: [] })
  })

  it('belongs to the bench file that registers it, not to one that imports that file', async () => {
    write({
      'benches/b.bench.ts': `${head}export const startup = bench('startup', w())`,
      'benches/c.bench.ts':
        head +
        "import { startup } from './b.bench.ts'\n" +
        "const own = bench('startup', w('v'), { expect: { e: expect.withinNative(5) } })\n" +
        "finding(901, 'both', [startup, own].map(({ e }) => expect(e).on('runc').withinNative(5)))",
    })
    const { suite, ...rest } = await listed()
    expect(rest).toMatchObject({
      benches: ['benches/b.bench.ts#startup', 'benches/c.bench.ts#startup'],
      findings: ['901 benches/c.bench.ts'],
      problems: [],
    })
    const [finding] = suite.findings
    expect(finding!.parts[0]!.claims.map(({ bench }) => bench)).toEqual(rest.benches)
    expect(suite.benches.find(({ file }) => file.includes('c.'))!.claims[0]!.bench).toBe('benches/c.bench.ts#startup')
  })

  it('is a problem if two benches of a file have the same name, also through a helper', async () => {
    write({
      'lib/make.ts': helper,
      'benches/a.bench.ts': `${head}import { make } from '../lib/make.ts'\nbench('one', w()); make('one')`,
    })
    const { benches, problems } = await listed()
    expect(benches).toEqual(['benches/a.bench.ts#one'])
    expect(problems).toEqual(['benches/a.bench.ts: two benches are named "one".'])
  })

  it.each(['a(1)', 'a%20b', 'a%b', 'a\\b', '(group)/x', 'a#b', 'a?b', "it's [id] {a,b} $1 !"])(
    'is found in a file named %s.bench.ts',
    async (name) => {
      write({ [`benches/${name}.bench.ts`]: `${head}bench('one', w())` })
      const { benches, problems, locations } = await listed()
      expect({ benches, problems }).toEqual({ benches: [`benches/${name}.bench.ts#one`], problems: [] })
      // Source maps have URLs, in which a backslash is a slash.
      if (!name.includes('\\')) expect(locations).toEqual([join(root, `benches/${name}.bench.ts`)])
    },
  )

  it.each(['p#hash', 'p?q', 'p%41pct', 'p 100% sure', 'p (paren)', 'feature%2Fx', 'pü – ñ'])(
    'is found in a project folder named %s',
    (name) => {
      root = join(folder, name)
      write({ 'benches/a.bench.ts': `${head}bench('one', w())` })
      // A process, because Vitest resolves `import()` by other rules.
      const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'list', '--json'], {
        cwd: root,
        encoding: 'utf8',
      })
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(stdout).toContain('benches/a.bench.ts#one')
    },
  )

  it('is refused in a folder with a backslash, from which Node.js imports nothing', async () => {
    root = join(folder, 'p\\bs')
    write({ 'benches/a.bench.ts': `${head}bench('one', w())` })
    await expect(listed()).rejects.toThrow('has a backslash in its path')
  })

  it('is found through links: of a file, a folder, and the project', async () => {
    write({ 'benches/a.bench.ts': `${head}bench('one', w())` }, join(folder, 'real'))
    write({})
    symlinkSync('../real/benches', join(root, 'benches'))
    symlinkSync('p', join(folder, 'link'))
    const wanted = { benches: ['benches/a.bench.ts#one'], problems: [] }
    expect(await listed()).toMatchObject(wanted)
    expect(await listed(folder, 'link/isobench.config.ts')).toMatchObject(wanted)
    rmSync(join(root, 'benches'))
    mkdirSync(join(root, 'benches'))
    symlinkSync('../../real/benches/a.bench.ts', join(root, 'benches/x.bench.ts'))
    symlinkSync('../../real/benches/a.bench.ts', join(root, 'benches/y.bench.ts'))
    expect((await listed()).benches).toEqual(['benches/x.bench.ts#one'])
  })

  it('is one bench file, whatever links lead to it, and every path of it selects it', async () => {
    write({ 'benches/deep/a.bench.ts': `${head}bench('one', w())` })
    symlinkSync('.', join(root, 'benches/self'))
    symlinkSync('..', join(root, 'benches/deep/up'))
    symlinkSync('deep/a.bench.ts', join(root, 'benches/first.bench.ts'))
    symlinkSync('deep', join(root, 'benches/copy'))
    expect(await listed()).toMatchObject({ benches: ['benches/deep/a.bench.ts#one'], problems: [] })
    const project = await loadProject(root)
    const files = await benchFiles(project)
    expect(await overlookedFiles(project, files)).toEqual([])
    for (const filter of ['benches/first.bench.ts', 'benches/copy', 'benches/self/deep', 'deep'])
      expect(filterFiles(project, files, [filter])).toEqual(['benches/deep/a.bench.ts'])
  })

  it('may depend on files beside the module, by import.meta and by __dirname', async () => {
    const text = (place: string) => `readFileSync(${place}, 'utf8')`
    const names = [
      text("new URL('./name.txt', import.meta.url)"),
      text("join(import.meta.dirname, 'name.txt')"),
      text("join(import.meta.filename, '../name.txt')"),
      text("__dirname + '/name.txt'"),
    ]
    const start = "import { readFileSync } from 'node:fs'\nimport { join } from 'node:path'\n"
    write({
      'benches/name.txt': 'beside',
      'benches/a.bench.ts': `${head}${start}import { own } from 'old'
for (const [at, name] of [own, ${names.join(', ')}].entries()) bench(name + at, w())`,
      'node_modules/old/package.json': '{ "name": "old", "main": "index.js" }',
      'node_modules/old/own.txt': 'package',
      'node_modules/old/index.js': "exports.own = require('fs').readFileSync(__dirname + '/own.txt', 'utf8')",
    })
    expect(await listed()).toMatchObject({
      benches: ['beside1', 'beside2', 'beside3', 'beside4', 'package0'].map((name) => `benches/a.bench.ts#${name}`),
      problems: [],
    })
  })

  it('has the same digest in another folder', async () => {
    const files = { 'benches/a.bench.ts': `${head}export const place = import.meta.url\nbench('one', w())` }
    write(files)
    write(files, join(folder, 'copy'))
    const [one, copy] = await Promise.all([listed(), listed(join(folder, 'copy'))])
    expect(one.suite.benches[0]!.digest).toBe(copy.suite.benches[0]!.digest)
  })

  it('has the program that times functions inside guests in the digest of such a bench only', async () => {
    write({ 'benches/a.bench.ts': `${head}bench('one', w())\nbench('two', workload.inGuest('in', () => 1))` })
    const [one, two] = (await listed()).suite.benches.map(({ digest }) => digest)
    expect(two).toBe(inGuestDigest(one!))
    expect(two).not.toBe(one)
  })

  it('has a digest of its work, which an edited margin does not change', async () => {
    const digestOf = async (code: string) => {
      write({ 'benches/a.bench.ts': `${head}${code}` })
      return (await listed()).suite.benches[0]!.digest
    }
    const before = await digestOf("bench('one', w(), { expect: { e: expect.withinNative(5) } })")
    expect(await digestOf("bench('one', w(), { expect: { e: expect.withinNative(9) } })")).toBe(before)
    expect(await digestOf("bench('one', w(), { timeout: 7, expect: { e: expect.withinNative(5) } })")).not.toBe(before)
  })

  it('is found in a file with a long path', async () => {
    const long = Array.from({ length: 9 }, (_, at) => `a-rather-long-folder-name-with-number-${at}`).join('/')
    write({ [`benches/${long}/a.bench.ts`]: `${head}bench('one', w())` })
    expect(await listed()).toMatchObject({ benches: [`benches/${long}/a.bench.ts#one`], problems: [] })
  })
})

describe.skipIf(!built)('an error of a bench file', () => {
  const sound = `${head}bench('sound', w())`

  it.each([
    ["Promise.reject(new Error('db not reachable'))", 'db not reachable'],
    ["Promise.reject(new Error('')); await new Promise(() => {})", 'importing it never ends'],
    ["queueMicrotask(() => { throw 'text' })", 'it threw "text"'],
    ['queueMicrotask(() => { throw null })', 'it threw null'],
    ["throw Object.assign(new Error('fn'), { fix: () => 1 })", 'fn'],
    ["Promise.reject(new Error('x')); await new Promise((r) => setTimeout(r, 50))", 'x'],
    ["throw Object.assign(new SyntaxError('end'), { location: { start: { line: 3, column: 4 } } })", 'end'],
    ["throw Object.assign(new Error('a'), { message: { text: 1 } })", '{ text: 1 }'],
    [
      "throw Object.defineProperty(new Error(), 'message', { get() { throw new Error() } })",
      'it threw a value that throws',
    ],
    [
      "throw Object.defineProperty(new Error(), 'stack', { get() { throw new Error() } })",
      'it threw a value that throws',
    ],
    ["process.kill(process.pid, 'SIGKILL')", "it called process.kill(process.pid, 'SIGKILL'), which reaches isobench"],
    ["process.removeAllListeners(); Promise.reject(new Error('x'))", 'x'],
    [
      "process.on('uncaughtException', () => { throw new Error('y') }); setTimeout(() => { throw new Error('x') })",
      'x',
    ],
    ['process.kill(0)', "it called process.kill(0, 'SIGTERM'), which reaches isobench"],
    ...[
      "Object.prototype, 'evil', { value: 1, enumerable: true }",
      "Array.prototype, 'map', { value: 1, ...fixed }",
    ].map((given): [string, string] => [
      `const fixed = { configurable: false, writable: false }; Object.defineProperty(${given})`,
      `it changed ${given.split(', ', 2).join('.').replaceAll("'", '')}, which isobench uses, too, and nothing can`,
    ]),
    ["throw new AggregateError([new Error('IPv4'), new Error('IPv6')])", 'AggregateError: IPv4; IPv6'],
    ["setTimeout(() => bench('late', w()), 0)", 'a bench, a finding or a claim is registered after'],
    ["setTimeout(() => bench('late', w()), 30)", 'a bench, a finding or a claim is registered after'],
    [
      "const c = bench('c', w()); setImmediate(() => finding(1, 'x', [expect(c.e).on('runc').withinNative(5)]))",
      'a bench, a finding or a claim is registered after',
    ],
  ])('is a problem of that file, and of no other: %s', async (code, message) => {
    write({ 'benches/a.bench.ts': `${head}${code}\nbench('a', w())`, 'benches/ok.bench.ts': sound })
    const { benches, problems } = await listed()
    expect(benches).toContain('benches/ok.bench.ts#sound')
    expect(problems.filter((text) => !text.startsWith('benches/a.bench.ts: '))).toEqual([])
    expect(problems.join('\n')).toContain(`benches/a.bench.ts: ${message}`)
    expect(problems.join('\n')).not.toContain('process.exit')
    expect(new Set(problems).size).toBe(problems.length)
  })

  it.each([
    ["setInterval(() => { throw new Error('late') }, 1)", 'late'],
    ['setTimeout(() => process.exit(0), 1)', 'it called process.exit(0)'],
    ['setTimeout(() => process.kill(0), 1)', "it called process.kill(0, 'SIGTERM'), which reaches isobench"],
    [
      "setTimeout(() => bench('x', w()), 150)",
      'a bench, a finding or a claim is registered after the file was imported',
    ],
  ])('is a problem of the file that left it behind, while another one is imported: %s', async (code, message) => {
    write({
      'benches/a.bench.ts': `${head}${code}\nbench('a', w())`,
      'benches/b.bench.ts': `${head}await new Promise((r) => setTimeout(r, 200))\nbench('b', w())`,
    })
    const { benches, problems } = await listed()
    expect(benches).toContain('benches/b.bench.ts#b')
    expect(problems).toEqual([`benches/a.bench.ts: ${message}`])
  })

  it('ends collecting at once if a compiled file cannot be written', async () => {
    write({ 'benches/a.bench.ts': sound, '.isobench/build': 'a file in the way' })
    rmSync(join(root, '.isobench'), { recursive: true })
    const project = await loadProject(root)
    rmSync(join(root, '.isobench'), { recursive: true })
    writeFileSync(join(root, '.isobench'), '')
    await expect(collect(project.root, await benchFiles(project))).rejects.toMatchObject({
      code: 'ISOBENCH_WRITE',
      message: `${join(root, '.isobench')} is no folder, and isobench needs one there`,
      fix: 'rename it, or use another path',
    })
  })
})
