import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimStrayErrors, handleStrayErrors, type StrayError } from '../../../src/util/stray-errors.ts'

/** The listeners of the test runner, which would report the errors that these tests leave behind. */
const events = ['uncaughtException', 'unhandledRejection'] as const
let runners: [event: (typeof events)[number], listener: (...args: unknown[]) => void][] = []
beforeEach(() => {
  runners = events.flatMap((event) =>
    process.listeners(event as 'exit').map((one) => [event, one] as (typeof runners)[0]),
  )
  for (const [event, listener] of runners) process.off(event, listener)
})
afterEach(() => {
  for (const [event, listener] of runners) process.on(event, listener)
})

const later = () => sleep(20)

describe('an error that nothing handles', () => {
  it.each([
    ['a promise', () => void Promise.reject(new Error('late'))],
    [
      'a timer',
      () =>
        void setTimeout(() => {
          throw new Error('late')
        }, 1),
    ],
    [
      'a promise after a wait',
      () =>
        void sleep(5).then(() => {
          throw new Error('late')
        }),
    ],
    [
      'an event',
      () =>
        void once(AbortSignal.timeout(5), 'abort').then(() => {
          throw new Error('late')
        }),
    ],
    ['process.exit in a timer', () => void setTimeout(() => process.exit(0), 1)],
    ['process.reallyExit in a timer', () => void setTimeout(() => Reflect.get(process, 'reallyExit')(0), 1)],
    ['process.abort in a timer', () => void setTimeout(() => process.abort(), 1)],
    [
      'a timer that takes all listeners away',
      () =>
        void setTimeout(() => {
          process.removeAllListeners('uncaughtException')
          throw new Error('late')
        }, 1),
    ],
  ])('of %s ends the sample that left it behind, not the one beside it', async (_, leave) => {
    const unclaimed: StrayError[] = []
    using _handler = handleStrayErrors((error) => unclaimed.push(error))
    const ended: string[] = []
    using guilty = claimStrayErrors('guilty', ({ message }) => ended.push(`guilty: ${message}`))
    using innocent = claimStrayErrors('innocent', () => ended.push('innocent'))
    await Promise.all([guilty.run(async () => leave()), innocent.run(later)])
    await later()
    expect(ended).toEqual([
      expect.stringMatching(/^guilty: an error that the workload does not handle: (late|it called)/),
    ])
    expect(unclaimed).toEqual([])
  })

  it('names the sample that left it behind, if that is over', async () => {
    const unclaimed: StrayError[] = []
    using _handler = handleStrayErrors((error) => unclaimed.push(error))
    const claim = claimStrayErrors('a#b on runc', () => {})
    claim.run(() =>
      setTimeout(() => {
        throw new Error('late')
      }, 5),
    )
    claim[Symbol.dispose]()
    await later()
    expect(unclaimed.map(({ message }) => message)).toEqual(['a#b on runc left an error that no code handles: late'])
  })

  it('of no sample goes to the latest handler, and process.exit throws until the last one is gone', async () => {
    const { exit } = process
    const got: string[] = []
    const outer = handleStrayErrors(() => got.push('outer'))
    const inner = handleStrayErrors(() => got.push('inner'))
    void Promise.reject(new Error('one'))
    await later()
    inner[Symbol.dispose]()
    expect(() => process.exit(0)).toThrow('it called process.exit(0)')
    void Promise.reject(new Error('two'))
    await later()
    outer[Symbol.dispose]()
    expect(got).toEqual(['inner', 'outer'])
    expect(process.exit).toBe(exit)
  })
})
