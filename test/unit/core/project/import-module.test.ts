import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../../../../src/core/project/collect.ts'
import { bundlePath, packageFolder } from '../../../../src/util/assets.ts'

const bin = join(packageFolder(), 'bin/isobench.js')

let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-import-module-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** The problems of a bench file, with their places, and what it exports as `result` if it has none. */
async function problemsOf(text: string, files: Record<string, string> = {}) {
  const bench = `\nimport { bench, higher, workload } from 'isobench'
bench(String(globalThis.result), workload('w', { metrics: { e: higher('ops/s') }, run: async () => ({ e: 1 }) }))`
  for (const [name, content] of Object.entries({ 'benches/a.bench.ts': text + bench, ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  const { suite } = await collect(root, ['benches/a.bench.ts'])
  const problems = suite.problems.map(({ message, fix, location: at }) => ({
    message,
    fix,
    at: at && `${at.file.slice(root.length + 1)}:${at.line}:${at.column}`,
  }))
  return problems.length > 0 ? problems : suite.benches.map(({ name }) => name)
}

// Bench files are imported by a worker that is built.
describe.skipIf(!existsSync(bundlePath('collector')))('an import that Node.js refuses', () => {
  it.each([
    ["\nimport { nope } from 'node:fs'\nconsole.log(nope)", 'node:fs has no export "nope".', 2, 10],
    ["import {\n  readFileSink,\n} from 'fs'\nconsole.log(readFileSink)", 'fs has no export "readFileSink".', 2, 3],
    ["\nimport { nope } from 'isobench/driver'\nnope()", 'isobench/driver has no export "nope".', 2, 10],
    ["\nimport 'node:nope'", 'No such built-in module: node:nope', 2, 8],
    ["\nimport 'https://example.org/x.js'", 'Only URLs with a scheme in: ', 2, 8],
    ["\nimport x from './x.node'\nconsole.log(x)", 'Unknown file extension ".node" for ', 2, 15],
    ["\nconst x = require('./x.node')\nconsole.log(x)", '/benches/x.node: file too short', 2, 11],
    ["\nconst x = './nope'\nawait import(x + '.ts')", "/benches/nope.ts'", 3, 7],
    ["\nconst x = 'nope'\nawait import(x)", "Cannot find package 'nope'", 3, 7],
    ["\nconst x = 'nope'\nawait import('./lib/' + x + '.ts')", 'there is no module "./lib/nope.ts"', 3],
  ] as readonly [string, string, number, number?][])(
    'is a problem at the place of the import: %j',
    async (text, message, line, column) => {
      const [problem] = await problemsOf(text, { 'benches/x.node': 'x', 'benches/lib/a.ts': '' })
      expect(problem).toMatchObject({
        message: expect.stringContaining(message),
        fix: expect.any(String),
        at: expect.stringContaining(`benches/a.bench.ts:${line}:${column ?? ''}`),
      })
    },
  )

  it('is a problem at the place in a file that the bench file imports', async () => {
    const files = { 'lib/a.ts': "import { nope } from 'node:fs'\nexport const a = nope" }
    const text = "import { readFileSync } from 'node:fs'\nimport { a } from '../lib/a.ts'\nconsole.log(readFileSync, a)"
    expect(await problemsOf(text, files)).toMatchObject([{ at: 'lib/a.ts:1:10' }])
  })

  it('has the suggestion of a name', async () => {
    expect(await problemsOf("import { readFileSink } from 'node:fs'\nreadFileSink()")).toMatchObject([
      { fix: 'did you mean "readFileSync"?' },
    ])
  })

  it.each(["'./lib/' + name + '.ts'", "name + '.ts'", "'https://example.org/x.js'", "'node:nope'"])(
    'rejects, as in Node.js: import(%s)',
    async (path) => {
      const text = `const name = 'nope'\nglobalThis.result = await import(${path}).catch(() => 'fallback')`
      expect(await problemsOf(text, { 'benches/lib/a.ts': '' })).toEqual(['fallback'])
    },
  )
})

describe.skipIf(!existsSync(bundlePath('collector')))('the process, for a bench file', () => {
  it.each([
    ['two pipelines', "for (const a of 'ab') await pipeline(Readable.from([a]), process.stdout)", 'undefined'],
    ['an end', 'await new Promise((resolve) => process.stderr.end(resolve))', 'undefined'],
    ['descriptors', "globalThis.result = ['stdin', 'stdout', 'stderr'].map((name) => process[name].fd)", '0,1,2'],
    [
      'stdio of a child',
      "globalThis.result = spawnSync('true', { stdio: [process.stdin, process.stdout, process.stderr] }).status",
      '0',
    ],
  ])('has streams as in Node.js: %s', async (_, code, result) => {
    const imports = [
      "import { Readable } from 'node:stream'; import { pipeline } from 'node:stream/promises'",
      "import { spawnSync } from 'node:child_process'",
    ]
    expect(await problemsOf([...imports, code].join('\n'))).toEqual([result])
  })

  it.each(['exit', 'reallyExit'])('has a %s that is a problem at its line', async (name) => {
    expect(await problemsOf(`\nprocess.${name}(0)`)).toMatchObject([
      { message: `it called process.${name}(0)`, at: expect.stringContaining('benches/a.bench.ts:2:') },
    ])
  })

  it('reports an async hook that throws at its line', async () => {
    const text =
      "import { createHook } from 'node:async_hooks'\ncreateHook({ init() { throw new Error('no') } }).enable()"
    expect(await problemsOf(text)).toMatchObject([{ message: 'no', at: 'benches/a.bench.ts:2:29' }])
  })
})

describe.skipIf(!existsSync(bundlePath('collector')))('a file: URL', () => {
  it.each([
    ['a static import', (url: string) => `import { y } from '${url}'\nglobalThis.result = y`],
    ['a dynamic import', (url: string) => `globalThis.result = (await import('${url}')).y`],
    ['a URL with a query', (url: string) => `import { y } from '${url}?v=1'\nglobalThis.result = y`],
  ])('is bundled: %s', async (_, textOf) => {
    const url = pathToFileURL(join(root, 'lib/a b.ts')).href
    expect(await problemsOf(textOf(url), { 'lib/a b.ts': 'export const y: number = 7' })).toEqual(['7'])
  })

  it('of no file is a problem at the import', async () => {
    const url = pathToFileURL(join(root, 'nope.mjs')).href
    expect(await problemsOf(`import '${url}'`)).toEqual([
      {
        message: `Could not resolve "${url}"`,
        fix: 'correct the path, or create the file',
        at: 'benches/a.bench.ts:1:8',
      },
    ])
  })
})

it.skipIf(!existsSync(bundlePath('collector')))(
  'a bench file that fills the heap is a problem at the line',
  () => {
    const files = {
      'isobench.config.ts': [
        "import { defineConfig, platform } from 'isobench'",
        "export default defineConfig({ platforms: [platform('native')] })",
      ].join('\n'),
      'benches/a.bench.ts': 'const all: number[][] = []\nfor (;;) all.push(new Array(1e5).fill(1))\n',
    }
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), content)
    }
    const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=100' }
    const { stderr, status } = spawnSync(process.execPath, [bin, 'list'], { cwd: root, env, encoding: 'utf8' })
    expect(stderr).toMatch(/^benches\/a\.bench\.ts:2:\d+ {2}importing it fills the heap of Node\.js\n/m)
    expect(stderr).toMatch(/fix: .*NODE_OPTIONS=--max-old-space-size=8192\n/)
    expect(status).toBe(5)
  },
  60_000,
)
