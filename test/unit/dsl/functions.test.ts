import { bench, group, higher, lower, workload } from 'isobench'
import { describe, expect, it } from 'vitest'
import { collectRegistrations } from '../../../src/dsl/registry.ts'
import { mistakeOf } from './mistake-of.ts'

const disk = workload('disk', { metrics: { rate: higher('ops/s') }, run: async () => ({ rate: 1 }) })

/** Registers a bench, but not at once. */
const register = () => void bench('late', disk)

// biome-ignore lint/suspicious/noExplicitAny: authors without a type checker pass anything
const any = (value: unknown): any => value

const generator = function* () {
  yield register()
}
const asyncGenerator = async function* () {
  yield register()
}
class Registering {
  constructor() {
    register()
  }
}
const lazyFunctions = [
  ['a generator', generator],
  ['a generator', asyncGenerator],
  ['a class', Registering],
] as const
const metrics = { time: lower('ms') }
const run = async () => ({ time: 1 })

describe('a function that a call does not run to its end is refused', () => {
  it.each(
    lazyFunctions.flatMap(([kind, fn]): [string, () => unknown][] => [
      [`"g" and ${kind}`, () => group('g', any(fn))],
      [`run is ${kind}`, () => workload('w', { metrics, run: any(fn) })],
      [`run is ${kind}`, () => workload.boot('w', { metrics, run: any(fn) })],
      [`prepare is ${kind}`, () => workload('w', { metrics, run, prepare: any(fn) })],
      [`cleanup is ${kind}`, () => workload('w', { metrics, run, cleanup: any(fn) })],
      [`a function, not "w" and ${kind}`, () => workload.inGuest('w', any(fn))],
      [
        `the command of its server is ${kind}`,
        () => group('g', { server: { command: any(fn), port: 80 } }, () => bench('a', disk)),
      ],
      [`and this is ${kind}`, () => bench.each([1, 2])('%i', any(fn))],
      [`and this is ${kind}`, () => bench.for([1, 2])('%i', any(fn))],
    ]),
  )('%s', async (message, define) => {
    const mistake = await mistakeOf(define)
    expect(mistake.message).toContain(message)
    expect(mistake.location!.file).toContain('functions.test.ts')
  })

  it.each<[string, () => unknown]>([
    // biome-ignore lint/suspicious/noThenProperty: as the queries of some libraries have it
    ['a promise', () => ({ then: register })],
    ['a promise', async () => register()],
    ['a generator', () => generator()],
    ['a generator', () => asyncGenerator()],
  ])('a function of a group that returns %s', async (kind, fn) => {
    const { message, location } = await mistakeOf(() => group('g', fn))
    expect(message).toBe(
      `the function of group "g" returns ${kind}, so isobench cannot know which benches are in the group.`,
    )
    expect(location!.file).toContain('functions.test.ts')
  })

  it('rows with promises of workloads', async () => {
    const { message, fix } = await mistakeOf(() =>
      bench.each([1, 2])(
        '%i',
        any(async () => disk),
      ),
    )
    expect(message).toBe('the function of bench.each() returns a promise, and not a workload.')
    expect(fix).toBe('await what it needs before bench.each')
  })
})

describe('rows that register no bench are refused at their line', () => {
  it('the table form of Vitest', async () => {
    for (const call of [bench.each, bench.for, bench.only.each, bench.skipIf(true).for]) {
      const { message, fix, location } = await mistakeOf(() =>
        any(call)`name
        ${'sync'}
        ${'true'}
      `('time of $name', () => disk),
      )
      expect(message).toMatch(/^bench\.(each|for)\(\) takes a list of rows, and this is a table in a template\.$/)
      expect(fix).toMatch(
        /^write bench\.(each|for)\(\[\{ name: 'value' \}\]\)\('\$name', \(\{ name \}\) => workload\(\.\.\.\)\)$/,
      )
      expect(location!.file).toContain('functions.test.ts')
    }
  })

  it('an empty list, with a warning that names the call', async () => {
    const { warnings } = await collectRegistrations(async () =>
      bench.for([])(
        'x',
        any(() => disk),
      ),
    )
    expect(warnings.map(({ message }) => message)).toEqual([
      'bench.for() has no rows for "x", so it registers no bench.',
    ])
  })

  it('without the second call', async () => {
    const { unfinished } = await collectRegistrations(async () => {
      bench.each([1, 2])
      const kept = bench.for([3])
      kept('a %i', () => disk)
      kept('b %i', () => disk)
    })
    expect([...unfinished].map(({ name }) => name)).toEqual(['bench.each()'])
    expect([...unfinished][0]!.callers[0]!.file).toContain('functions.test.ts')
  })
})
