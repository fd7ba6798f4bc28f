import crypto, { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import fs, * as imported from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ChangedBuiltinsError,
  explainByBuiltins,
  lastingChanges,
  refuseLastingChanges,
  rememberBuiltins,
  restoreBuiltins,
  withRestoredBuiltins,
} from '../../../src/util/builtins.ts'

const loose = globalThis
const prototypeOf = (one: { prototype: object }) => one.prototype as Record<PropertyKey, unknown>
const boom = () => {
  throw new Error('boom')
}

const set = (owner: object, key: PropertyKey, value: unknown) => () => void Reflect.set(owner, key, value)

const frozen = (owner: object, key: PropertyKey) => () =>
  void Object.defineProperty(owner, key, { value: boom, writable: false, configurable: true })

beforeEach(rememberBuiltins)

/** What user code changes, and what is still changed after it was restored. */
const changes: [name: string, change: () => void, isRestored: () => boolean][] = [
  ['JSON.stringify', set(JSON, 'stringify', boom), () => JSON.stringify([1]) === '[1]'],
  ['Date', set(loose, 'Date', undefined), () => new Date(0).getTime() === 0],
  ['Math.random', set(Math, 'random', boom), () => Math.random() < 1],
  ['Map.prototype.get', set(Map.prototype, 'get', () => undefined), () => new Map([[1, 2]]).get(1) === 2],
  ['Array.prototype.map', set(Array.prototype, 'map', boom), () => [1].map(String)[0] === '1'],
  ['Array.prototype[Symbol.iterator]', set(prototypeOf(Array), Symbol.iterator, boom), () => [...[1]].length === 1],
  ['Array.prototype.toJSON', set(prototypeOf(Array), 'toJSON', () => 'x'), () => JSON.stringify([1]) === '[1]'],
  ['Object.prototype.extra', set(prototypeOf(Object), 'extra', 1), () => !('extra' in {})],
  [
    'Object.prototype.get',
    () => void Object.defineProperty(Object.prototype, 'get', { value: 1, configurable: true }),
    () => !('get' in {}),
  ],
  ['Promise', set(loose, 'Promise', undefined), () => Promise.resolve() instanceof Promise],
  ['Promise.race', set(Promise, 'race', boom), () => Promise.race.name === 'race'],
  ['setTimeout', set(loose, 'setTimeout', () => {}), () => setTimeout.name === 'setTimeout'],
  ['performance.now', set(performance, 'now', () => Number.NaN), () => performance.now() > 0],
  ['performance', set(globalThis, 'performance', { now: () => 42 }), () => performance.now() !== 42],
  ['process', () => void Reflect.deleteProperty(globalThis, 'process'), () => process.pid > 0],
  ['Buffer', set(loose, 'Buffer', undefined), () => Buffer.from('a').length === 1],
  ['fs.readFileSync', frozen(fs, 'readFileSync'), () => fs.readFileSync('/proc/self/stat').length > 0],
  [
    'Map.prototype.__proto__',
    () => void Reflect.setPrototypeOf(Map.prototype, null),
    () => 'hasOwnProperty' in new Map(),
  ],
  ['process.on', set(process, 'on', boom), () => !Object.hasOwn(process, 'on')],
  ['EventEmitter.prototype.emit', set(EventEmitter.prototype, 'emit', boom), () => !new EventEmitter().emit('a')],
  [
    'fs.statSync',
    () => {
      Reflect.set(fs, 'statSync', boom)
      syncBuiltinESMExports()
    },
    () => fs.statSync('/').isDirectory(),
  ],
  // appendFileSync calls it, with which isobench writes samples.
  ['fs.writeFileSync', set(fs, 'writeFileSync', () => {}), () => fs.writeFileSync.name === 'writeFileSync'],
  [
    'crypto.createHash',
    () => {
      Reflect.set(crypto, 'createHash', boom)
      syncBuiltinESMExports()
    },
    () => createHash('md5').digest('hex').length === 32,
  ],
]

it('leaves alone what graceful-fs replaces', () => {
  const { closeSync } = fs
  fs.closeSync = (fd) => closeSync(fd)
  expect(restoreBuiltins()).toEqual([])
  // Restoring a function of a module gives isobench all changes of the modules.
  Reflect.set(fs, 'statSync', boom)
  expect(restoreBuiltins()).toEqual(['fs.statSync'])
  expect([restoreBuiltins(), imported.closeSync, fs.closeSync]).toEqual([[], closeSync, closeSync])
})

describe('what core-js replaces', () => {
  const { parse } = JSON
  const { now } = Date
  const polyfill = { parse: (text: string) => parse(text) as unknown, now: () => 7, size: () => 3 }

  /** As internals/internal-state.js of core-js 3 does. */
  const keep = (state: unknown) => Reflect.set(globalThis, '__core-js_shared__', { state })

  afterEach(() => {
    Reflect.deleteProperty(globalThis, '__core-js_shared__')
    restoreBuiltins()
  })

  it('is left in place, and restored if other code replaces it', () => {
    keep(new WeakMap(Object.values(polyfill).map((one) => [one, {}])))
    JSON.parse = polyfill.parse
    Object.defineProperty(Map.prototype, 'size', { get: polyfill.size })
    expect([restoreBuiltins(), JSON.parse, new Map().size]).toEqual([[], polyfill.parse, 3])
    JSON.parse = boom
    expect([restoreBuiltins(), JSON.parse]).toEqual([['JSON.parse'], parse])
  })

  it('is restored if it is a clock', () => {
    keep(new WeakMap([[polyfill.now, {}]]))
    Date.now = polyfill.now
    expect([restoreBuiltins(), Date.now]).toEqual([['Date.now'], now])
  })

  it.each([undefined, {}, new Map()])('is not found in %j', (state) => {
    keep(state)
    JSON.parse = polyfill.parse
    expect([restoreBuiltins(), JSON.parse]).toEqual([['JSON.parse'], parse])
  })
})

describe('builtins that user code changes', () => {
  it.each(changes)('%s is restored and named', (name, change, isRestored) => {
    change()
    const changed = restoreBuiltins()
    expect([changed, isRestored()]).toEqual([[name], true])
    expect(restoreBuiltins()).toEqual([])
  })

  it('are the cause of the error that comes with them', async () => {
    const failing = withRestoredBuiltins('it', () => {
      Object.keys = boom
      return Object.keys({})
    })
    await expect(failing).rejects.toThrow(new ChangedBuiltinsError(['Object.keys'], 'it', 'boom'))
    await expect(failing).rejects.toThrow('it changed Object.keys, which isobench uses, too: boom')
  })

  it('may be changed and restored, and may get what changes no code of isobench', async () => {
    const { now } = Date
    const value = await withRestoredBuiltins('it', () => {
      Date.now = () => 7
      const value = Date.now()
      Date.now = now
      prototypeOf(BigInt).toJSON = String
      Object.defineProperty(Object.prototype, 'should', { get: () => 1, configurable: true })
      Error.stackTraceLimit = 20
      Error.prepareStackTrace = boom
      return value
    })
    expect(value).toBe(7)
    expect(String(new Error('text').stack)).toContain('text')
    for (const [{ prototype }, name] of [[BigInt, 'toJSON'] as const, [Object, 'should'] as const])
      Reflect.deleteProperty(prototype, name)
  })
})

describe('what nothing can restore', () => {
  it('is named once, refuses code that runs later, and explains its errors', () => {
    expect(lastingChanges()).toEqual([])
    refuseLastingChanges()
    Object.defineProperty(performance, 'mark', { value: boom, writable: false, configurable: false })
    Object.defineProperty(performance, 'hasOwnProperty', { value: boom })
    const names = ['performance.mark', 'performance.hasOwnProperty']
    expect(restoreBuiltins().sort()).toEqual([...names].sort())
    expect([restoreBuiltins(), [...lastingChanges()].sort()]).toEqual([[], [...names].sort()])
    expect(refuseLastingChanges).toThrow(ChangedBuiltinsError)
    expect(explainByBuiltins(new Error('boom'), 'it')).toMatchObject({
      message: expect.stringMatching(/^code of the project changed .* which isobench uses, too, and nothing .*: boom$/),
      fix: 'change it in a child process',
    })
  })
})

it('refuses to freeze a builtin, and freezes other objects', () => {
  expect(() => Object.freeze(Array.prototype)).toThrow('it froze Array.prototype, which isobench uses, too.')
  expect(() => Reflect.preventExtensions(globalThis)).toThrow('it froze globalThis')
  expect(Object.isFrozen(Object.freeze({ a: 1 }))).toBe(true)
  expect(Object.freeze(1)).toBe(1)
})
