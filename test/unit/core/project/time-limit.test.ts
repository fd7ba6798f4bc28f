import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { compile } from '../../../../src/core/project/compile.ts'
import { loadProject } from '../../../../src/core/project/config.ts'
import { stackLocation } from '../../../../src/core/project/error-location.ts'
import { locateAwait } from '../../../../src/core/project/locate-word.ts'
import { callInOwnJob, callWithinLimit, withinLimit } from '../../../../src/core/project/time-limit.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-limit-')))
const file = join(root, 'isobench.config.ts')
afterAll(() => rmSync(root, { recursive: true }))
beforeEach(() => void vi.stubEnv('ISOBENCH_IMPORT_SECONDS', '0.2').stubEnv('ISOBENCH_CALL_SECONDS', '0.2'))
afterEach(() => void vi.unstubAllEnvs())

// Vitest imports modules by other URLs, so that the line of a loop is a test of test/e2e/authoring.test.ts.
it.each([
  ['a function that loops', 'export default () => {\n  for (;;);\n}'],
  ['a loop of promises', 'const next = () => Promise.resolve().then(next)\nexport default () => next()'],
  ['a search of a regular expression', "export default () =>\n  /^(a+)+$/.test('a'.repeat(60) + 'b')"],
  ['a getter that loops', 'export default {\n  get platforms() { for (;;); } }'],
  ['a module that loops', '\n\nfor (;;);\nexport default {}'],
  ['a function that waits', '\nexport default () => new Promise(() => {})', 2],
  ['a promise that nothing settles', '\nexport default new Promise(() => {})', 2],
  ['a module that waits', '\n\nawait new Promise(() => {})\nexport default {}', 3],
])('the config is a problem with a fix if it exports %s', async (_, text, line?: number) => {
  writeFileSync(file, text)
  const { problems } = await loadProject(root).catch((error) => error)
  expect(problems).toMatchObject([{ file: 'isobench.config.ts' }])
  expect(problems[0].message).toMatch(/^(importing it|reading its default export) took longer than 0\.2 s$/)
  expect(problems[0].fix).toContain('look for a loop, or an await that never ends')
  if (line !== undefined) expect(problems[0].location).toEqual({ file, line, column: 1 })
})

it('the frame of a compiled file, which has a query in its URL, is a line of the source', async () => {
  const sources = { 'a.ts': '\n\nexport const f = () => {\n  throw new Error()\n}\n' }
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(root, name), text)
  const result = await compile(root, 'a.ts')
  if (!result.ok) throw new Error('it does not compile')
  const { output } = result.compiled
  const line =
    readFileSync(output, 'utf8')
      .split('\n')
      .findIndex((one) => one.includes('throw new Error')) + 1
  const stack = `at f (${pathToFileURL(output)}?0123:${line}:3)\nat node:internal/timers:1:1`
  expect(stackLocation(stack, root)).toEqual({ file: join(root, 'a.ts'), line: 4, column: 3 })
})

it('an error that the config leaves behind is a problem at its line', async () => {
  writeFileSync(file, "export default async () => {\n  void Promise.reject(new Error('late'))\n  return {}\n}")
  const { problems } = await loadProject(root).catch((error) => error)
  expect(problems).toMatchObject([{ message: 'an error that no code handles: late', location: { file, line: 2 } }])
})

const never = <T>(start: () => void) => new Promise<T>(() => start())

it.each<[string, () => Promise<never>]>([
  [
    'in a timer',
    () =>
      never(() =>
        setTimeout(() => {
          for (;;);
        }, 1),
      ),
  ],
  [
    'of promises',
    () =>
      never(
        () =>
          void (function next(): void {
            void Promise.resolve().then(next)
          })(),
      ),
  ],
  [
    'of microtasks',
    () =>
      never(() =>
        (function next(): void {
          queueMicrotask(next)
        })(),
      ),
  ],
  [
    'of ticks',
    () =>
      never(() =>
        (function next(): void {
          process.nextTick(next)
        })(),
      ),
  ],
  [
    'of awaits',
    async () => {
      for (;;) await 0
    },
  ],
])('a loop %s beside an AsyncLocalStorage is interrupted, and the process continues', async (_, loop) => {
  const { dirname, filename } = import.meta
  const code = { root: dirname, file: 'a.ts', what: 'it', fix: 'no loop' }
  await new AsyncLocalStorage().run({}, async () => {
    // It may be paused in code of Node.js, too, which has no line.
    for (let times = 0; times < 3; times++) {
      const error = await withinLimit(code, loop).catch((reason) => reason)
      expect(error).toMatchObject({ message: 'it took longer than 0.2 s', location: { file: filename } })
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  })
  expect(await withinLimit(code, async () => 5)).toBe(5)
})

it('a loop that is almost always in code of Node.js is interrupted', async () => {
  const code = { root: import.meta.dirname, file: 'a.ts', what: 'it', fix: 'no loop' }
  const endless = new Readable({ objectMode: true, read: () => void endless.push(1) })
  const error = await withinLimit(code, () => endless.map(Boolean).forEach(() => {})).catch((reason) => reason)
  expect(error).toMatchObject({ message: 'it took longer than 0.2 s' })
})

it('a loop that is interrupted drops no job of its caller, such as that of a returned promise', async () => {
  const loop = () => {
    for (;;);
  }
  const call = async () => withinLimit({ root, file: 'a.ts', what: 'it', fix: 'no loop' }, loop)
  await expect(call()).rejects.toThrow('it took longer than 0.2 s')
})

it('a call that may wait is ended only while it loops', async () => {
  const place = { root, locate: () => undefined }
  const waits = () => new Promise((resolve) => setTimeout(resolve, 400, 'booted'))
  expect(await callInOwnJob('boot()', waits, place)).toBe('booted')
  const loops = () => {
    for (;;);
  }
  const error = { name: 'TimeLimitError', message: 'boot() took longer than 0.2 s', fix: 'look for a loop in it' }
  await expect(callInOwnJob('boot()', loops, place)).rejects.toMatchObject(error)
})

it('a call within a call has the limit of both', () => {
  expect(callWithinLimit('outer', () => callWithinLimit('inner', () => 3))).toBe(3)
})

it.each([
  ['const a = 1\nawait 0', 2],
  ['const a = async () => await 0\nexport const b = await a()', 2],
  ['await 0\nawait 1', undefined],
  ['// await\n * await\n/* await */\n  await 0', undefined],
  ['async function f() { await 0 }', undefined],
  ['for await (const a of b) c((d) => d)', 1],
])('the only top-level await of %j is in line %s', (text, line) => {
  writeFileSync(file, text)
  expect(locateAwait(file)?.line).toBe(line)
})
