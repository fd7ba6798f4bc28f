import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { collect } from '../../../../src/core/project/collect.ts'
import { bundlePath } from '../../../../src/util/assets.ts'

/** Bench files are imported by a worker that is built. */
const built = existsSync(bundlePath('collector'))

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-leftovers-')))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const head = (isobench = 'isobench') => `import { bench, higher, workload } from '${isobench}'
const w = workload('w', { metrics: { e: higher('ops/s') }, run: async () => ({ e: 1 }) })
bench('x', w)\n`

/** The problems and warnings of bench files with this code after a bench. */
async function collected(codes: Readonly<Record<string, string>>, others: Readonly<Record<string, string>> = {}) {
  const benches = Object.fromEntries(Object.entries(codes).map(([name, code]) => [`${name}.bench.ts`, head() + code]))
  for (const [name, text] of Object.entries({ ...benches, ...others })) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  const { suite, warnings } = await collect(root, Object.keys(benches))
  expect(suite.benches).toHaveLength(Object.keys(benches).length)
  const placed = (all: typeof warnings) =>
    Object.fromEntries(all.map(({ file, message, location }) => [file, [message, location?.line]]))
  return { problems: placed(suite.problems), warnings: placed(warnings) }
}

describe.skipIf(!built)('what a bench file starts and does not await', () => {
  it('is a problem if it registers a bench within a second, also in a worker thread', async () => {
    const worker = "import { Worker } from 'node:worker_threads'\nnew Worker(new URL('./code.mjs', import.meta.url))"
    const codes = {
      timer: "setTimeout(() => bench('late', w), 400)",
      child: "import { exec } from 'node:child_process'\nexec('sleep 0.4', () => bench('late', w))",
      worker,
      zlib: "import { gzip } from 'node:zlib'\ngzip(Buffer.alloc(3e6, 'a text'), () => bench('late', w))",
      crypto: "import { pbkdf2 } from 'node:crypto'\npbkdf2('a', 'b', 2e4, 64, 'sha512', () => bench('late', w))",
    }
    const code = { 'code.mjs': head(pathToFileURL(bundlePath('index')).href) }
    expect(await collected(codes, code)).toEqual({
      problems: {
        'timer.bench.ts': ['a bench, a finding or a claim is registered after the file was imported', 4],
        'child.bench.ts': ['a bench, a finding or a claim is registered after the file was imported', 5],
        'zlib.bench.ts': ['a bench, a finding or a claim is registered after the file was imported', 5],
        'crypto.bench.ts': ['a bench, a finding or a claim is registered after the file was imported', 5],
        'worker.bench.ts': [expect.stringMatching(/^isobench does not import this module here/), 3],
      },
      warnings: {},
    })
  })

  it('is a problem if it registers a bench in an unreferenced timer, or when the process ends', async () => {
    const codes = {
      unreferenced: "setTimeout(() => bench('late', w), 300).unref()",
      signal: "AbortSignal.timeout(300).addEventListener('abort', () => bench('late', w))",
      worker: `import { Worker } from 'node:worker_threads'
const worker = new Worker("require('node:worker_threads').parentPort.postMessage(1)", { eval: true })
worker.on('message', () => bench('late', w))
worker.unref()`,
      before: "process.on('beforeExit', () => bench('late', w))",
      after: "process.once('beforeExit', () => setTimeout(() => bench('late', w), 20))",
      end: "process.once('exit', () => bench('late', w))",
      removed: "const late = () => bench('late', w)\nprocess.on('exit', late)\nprocess.off('exit', late)",
    }
    const late = 'a bench, a finding or a claim is registered after the file was imported'
    expect(await collected(codes)).toEqual({
      problems: {
        'unreferenced.bench.ts': [late, 4],
        'signal.bench.ts': [late, 4],
        'worker.bench.ts': [late, 6],
        'before.bench.ts': [late, 4],
        'after.bench.ts': [late, 4],
        'end.bench.ts': [late, 4],
      },
      warnings: {},
    })
  })

  it('calls no listener of a package for the end of the process', async () => {
    const codes = { package: "import './node_modules/tidy/index.js'\nconsole.log(1)" }
    const others = { 'node_modules/tidy/index.js': "process.on('exit', () => { throw new Error('called') })" }
    expect(await collected(codes, others)).toEqual({ problems: {}, warnings: {} })
  })

  it('is a warning at its place if it has not ended by then', async () => {
    const message = (what: string) =>
      `the file starts ${what} and does not await it, so a bench that it registers later would be missing.`
    const codes = {
      timer: "setTimeout(() => bench('late', w), 60_000)",
      wait: "import { setTimeout as sleep } from 'node:timers/promises'\nsleep(60_000).then(() => bench('late', w))",
      child: "import { exec } from 'node:child_process'\nexec('sleep 5', () => bench('late', w))",
      worker: "import { Worker } from 'node:worker_threads'\nnew Worker('setInterval(() => {}, 99)', { eval: true })",
      crypto: "import { pbkdf2 } from 'node:crypto'\npbkdf2('a', 'b', 5e6, 64, 'sha512', () => bench('late', w))",
      file: "import { watchFile } from 'node:fs'\nwatchFile('package.json', () => bench('late', w))",
      folder: "import { watch } from 'node:fs'\nwatch('.', () => bench('late', w))",
    }
    expect(await collected(codes)).toEqual({
      problems: {},
      warnings: {
        'timer.bench.ts': [message('a timer'), 4],
        'wait.bench.ts': [message('a timer'), 5],
        'child.bench.ts': [message('a child process'), 5],
        'worker.bench.ts': [message('a worker thread'), 5],
        'crypto.bench.ts': [message('a cryptographic operation'), 5],
        'file.bench.ts': [message('the watching of a file'), 5],
        'folder.bench.ts': [message('the watching of a file'), 5],
      },
    })
  })

  it('is a warning if it is a file operation that waits', async () => {
    const fifo = join(root, 'fifo')
    execFileSync('mkfifo', [fifo])
    const code = `import { readFile } from 'node:fs'\nreadFile('${fifo}', () => bench('late', w))`
    const { warnings } = await collected({ file: code })
    expect(warnings).toEqual({
      'file.bench.ts': [expect.stringContaining('the file starts a file operation and does not await it'), 5],
    })
    // The thread that opens it waits for a writer.
    writeFileSync(fifo, '')
  })

  it('is nothing if it is awaited, ended or unreferenced, or starts in a package', async () => {
    const codes = {
      awaited: 'await new Promise((resolve) => setTimeout(resolve, 5))',
      ended: 'clearTimeout(setTimeout(() => {}, 60_000))',
      unreferenced: 'setInterval(() => {}, 60_000).unref()',
      idle: "import { createGzip } from 'node:zlib'\ncreateGzip()",
      sync: "import { generateKeyPairSync } from 'node:crypto'\ngenerateKeyPairSync('ed25519')",
      package: "import './node_modules/pool/index.js'",
    }
    const others = { 'node_modules/pool/index.js': 'setInterval(() => {}, 60_000)' }
    expect(await collected(codes, others)).toEqual({ problems: {}, warnings: {} })
  })
})
