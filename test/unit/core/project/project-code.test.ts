import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { functionLocation } from '../../../../src/core/project/function-location.ts'
import { type PendingCall, trackCalls } from '../../../../src/core/project/pending-calls.ts'
import { guardObject } from '../../../../src/core/project/project-code.ts'
import { messageWithPlace, ProjectCodeError } from '../../../../src/core/project/project-code-error.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-code-')))
afterAll(() => rmSync(root, { recursive: true }))
beforeEach(() => void vi.stubEnv('ISOBENCH_CALL_SECONDS', '1'))
afterEach(() => void vi.unstubAllEnvs())

const object = { what: 'it', reference: 'a.md', root }

it('a method that loops or waits fails in time, and others have their this, result and error', async () => {
  class Given {
    value = 7
    loops(): number {
      for (;;);
    }
    waits = () => new Promise<number>(() => {})
    get = () => this.value
    async later() {
      return this.value
    }
    throws() {
      throw new TypeError('mine')
    }
  }
  const limited = guardObject(object, new Given(), {
    loops: {},
    waits: { isAsync: true },
    get: {},
    later: { isAsync: true },
    throws: {},
  })
  expect(() => limited.loops()).toThrow('loops() of it took longer than 1 s')
  await expect(limited.waits()).rejects.toThrow('waits() of it took longer than 1 s')
  expect([limited.get(), await limited.later(), limited.value]).toEqual([7, 7, 7])
  expect(() => limited.throws()).toThrow(new ProjectCodeError('throws() of it failed: mine', 'correct it: see a.md'))
})

it('an object with private members has its own this in all methods and getters, also if it is frozen', () => {
  class Given {
    #boots = 0
    boot() {
      return ++this.#boots
    }
    get boots() {
      return this.#boots
    }
    version() {
      return `${this.#boots}`
    }
  }
  const limited = guardObject(object, Object.freeze(new Given()), { version: {} })
  limited.boot()
  expect([limited.boot(), limited.boots, limited.version()]).toEqual([2, 2, '2'])
  expect('missing' in limited).toBe(false)
})

it('a function that throws a text, or never ends, is found where it is written', async () => {
  const file = join(root, 'written.cjs')
  writeFileSync(file, "exports.text = () => { throw 'text' }\nexports.waits = async () => new Promise(() => {})\n")
  const given = createRequire(import.meta.url)(file) as { text(): void; waits(): Promise<void> }
  const { text, waits } = guardObject(object, given, { text: {}, waits: { isAsync: true } })
  const place = (line: number) => ({ file, line, column: expect.any(Number) })
  expect(text).toThrow(expect.objectContaining({ message: 'text() of it failed: text', location: place(1) }))
  await expect(waits()).rejects.toMatchObject({ message: 'waits() of it took longer than 1 s', location: place(2) })
  const error = await waits().catch((thrown: unknown) => thrown)
  expect(messageWithPlace(error, root)).toMatch(/^waits\(\) of it took longer than 1 s \(written\.cjs:2:\d+\)$/)
  expect([functionLocation(5, root), functionLocation(given.text, `${tmpdir()}/none`)]).toEqual([undefined, undefined])
})

it('calls that have not ended are known', async () => {
  const calls = new Set<PendingCall>()
  let end!: () => void
  const waits = () =>
    new Promise<void>((resolve) => {
      end = resolve
    })
  const given = guardObject(
    object,
    { waits, fails: async () => Promise.reject(new Error('no')) },
    {
      waits: { isAsync: true },
      fails: { isAsync: true },
    },
  )
  const waiting = trackCalls(calls, () => given.waits())
  await expect(trackCalls(calls, () => given.fails())).rejects.toThrow('fails() of it failed: no')
  expect([...calls].map(({ what }) => what)).toEqual(['waits() of it'])
  end()
  await waiting
  expect(calls.size).toBe(0)
})
