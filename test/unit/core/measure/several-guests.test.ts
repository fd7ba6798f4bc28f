import { describe, expect, it } from 'vitest'
import { TimeBreakdown } from '../../../../src/core/measure/context.ts'
import { GuestLimitError } from '../../../../src/core/measure/guest-api.ts'
import { SampleScope } from '../../../../src/core/measure/sample-scope.ts'
import { runSeveralGuests } from '../../../../src/core/measure/several-guests.ts'
import type { GuestsContext, ParamSpace } from '../../../../src/dsl/workload.ts'
import { command } from '../../../../src/tools/command.ts'
import { UnsupportedError } from '../../../../src/util/errors.ts'
import { type FakeBehavior, fakeHost } from '../../../support/fake-driver.ts'
import { fakePlatforms } from '../../../support/fake-project.ts'
import { FakeSession } from '../../../support/fake-session.ts'

type Run = (context: GuestsContext<ParamSpace>) => Promise<unknown>

const echo = command('echo')

/** Runs a workload of several guests on a fake platform. */
async function sampleOf(behavior: FakeBehavior, run: Run, interrupt = new AbortController()) {
  const host = fakeHost({ runc: behavior })
  const { signal } = interrupt
  const session = new FakeSession(host, signal)
  const client = await session.loadClient('/')
  const output = async () => {
    await using scope = new SampleScope('test', 60, signal, host.exec)
    const context = { seconds: 1, params: {}, cpus: 1, memoryBytes: 1, signal: scope.workloadSignal }
    return await runSeveralGuests({ kind: 'guests', run: run as never }, context, {
      platform: fakePlatforms(host)[0]!,
      scope,
      measureContext: { session, image: { rootfs: '/', digest: '' }, client },
      times: new TimeBreakdown(),
      notes: {},
    })
  }
  const result = await output().catch((error: unknown) => error)
  expect([...host.sandboxes.keys()]).toEqual([])
  expect(host.events.at(-1)).toBe('ungroup')
  return { host, result }
}

describe('a burst', () => {
  it('boots its guests at once, spread over the CPUs, and removes them', async () => {
    const { host, result } = await sampleOf({ ms: 20 }, ({ burst }) => burst(3, echo))
    expect(result).toMatchObject([1, 2, 3].map(() => ({ ok: true, readyMs: 20 })))
    expect(host.eventsOf('place')).toEqual(['place 1', 'place 0', 'place 1'])
    expect(host.eventsOf('exec', 'remove')).toEqual([
      ...[1, 2, 3].map(() => 'exec runc echo'),
      ...[1, 2, 3].map(() => 'remove runc'),
    ])
  })

  it.each([
    ['shared', ['place 1', 'place 1']],
    ['separate', ['place 1', 'place 0']],
  ] as const)('has guests on %s CPUs', async (cpus, places) => {
    const { host } = await sampleOf({}, ({ burst }) => burst(2, echo, { cpus }))
    expect(host.eventsOf('place')).toEqual(places)
  })

  it('requests its guests one after the other', async () => {
    const { result } = await sampleOf({}, ({ burst }) => burst(3, echo, { every: 5 }))
    const requested = (result as { requestedMs: number }[]).map(({ requestedMs }) => requestedMs)
    for (const [at, ms] of requested.entries()) expect(ms).toBeGreaterThanOrEqual(at * 5)
  })

  it('has guests that failed, were late or printed nothing as results', async () => {
    const failed = await sampleOf({ ms: 20, failEvery: 2 }, ({ burst }) => burst(2, echo))
    expect(failed.result).toMatchObject([{ ok: true }, { ok: false, error: 'echo booted on runc: exit code 1' }])
    const late = await sampleOf({ hangAt: 1 }, ({ burst }) => burst(2, echo, { limit: 0.001 }))
    expect(late.result).toMatchObject([{ ok: false, error: 'runc was not ready within 0.001 s' }, { ok: true }])
    const silent = await sampleOf({}, ({ burst }) => burst(1, command('/bin/busybox')))
    expect(silent.result).toMatchObject([{ ok: false, error: '/bin/busybox booted on runc: it printed nothing' }])
  })

  it('is unsupported with too many guests for the memory, or for separate CPUs', async () => {
    const large = await sampleOf({}, ({ burst }) => burst(9, echo))
    expect(large.result).toBeInstanceOf(UnsupportedError)
    expect(String(large.result)).toContain('9 guests with 1 GiB each may use more than the 8 GiB')
    const separate = await sampleOf({}, ({ burst }) => burst(3, echo, { cpus: 'separate' }))
    expect(separate.result).toBeInstanceOf(UnsupportedError)
    expect(String(separate.result)).toContain('3 guests on separate CPUs need 3 CPUs, and this host has 2 for guests')
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses %s guests', async (count) => {
    const { result } = await sampleOf({}, ({ burst }) => burst(count, echo))
    expect(result).toBeInstanceOf(RangeError)
  })

  it.each([
    [{ every: -200 }, 'burst(): expected 0 or more milliseconds as every, not -200'],
    [{ every: Number.NaN }, 'burst(): expected 0 or more milliseconds as every, not NaN'],
    [{ every: Number.POSITIVE_INFINITY }, 'burst(): expected 0 or more milliseconds as every, not Infinity'],
    [{ limit: 0 }, 'burst(): expected more than 0 seconds as limit, not 0'],
    [{ limit: Number.NaN }, 'burst(): expected more than 0 seconds as limit, not NaN'],
    [{ limit: '3' as never }, 'burst(): expected more than 0 seconds as limit, not "3"'],
    [{ cpus: 'all' as never }, `burst(): expected 'shared', 'spread' or 'separate' as cpus, not "all"`],
    [
      { every: 90_000 },
      'burst(): guest 2 would be requested after 90 s, and the sample has 59 s left. Lower every, or raise the ' +
        'timeout of the bench',
    ],
  ])('refuses the options %s', async (options, message) => {
    const { result, host } = await sampleOf({}, ({ burst }) => burst(2, echo, options))
    expect(result).toEqual(new RangeError(message))
    expect(host.eventsOf('place')).toEqual([])
  })

  it('refuses an option that it does not have', async () => {
    const burst = await sampleOf({}, (context) => context.burst(1, echo, { evry: 50 } as never))
    expect(burst.result).toEqual(new TypeError('burst(): there is no option "evry": did you mean "every"?'))
    const boot = await sampleOf({}, (context) => context.boot({ cpu: 'shared' } as never))
    expect(boot.result).toEqual(new TypeError('boot(): there is no option "cpu": did you mean "cpus"?'))
  })

  it('has a limit that is longer than any timer of Node', async () => {
    const { result } = await sampleOf({}, ({ burst }) => burst(1, echo, { limit: 1e9 }))
    expect(result).toMatchObject([{ ok: true }])
  })

  it('ends with the run while guests wait for their request', async () => {
    const interrupt = new AbortController()
    const { result } = await sampleOf(
      {},
      ({ burst }) => {
        setImmediate(() => interrupt.abort(new Error('SIGINT')))
        return burst(2, echo, { every: 50_000 })
      },
      interrupt,
    )
    expect(String(result)).toContain('SIGINT')
  })

  it('ends with the run, with all of its guests', async () => {
    const interrupt = new AbortController()
    const { result } = await sampleOf(
      { hangAt: 1 },
      ({ burst }) => {
        setImmediate(() => interrupt.abort(new Error('SIGINT')))
        return burst(3, echo)
      },
      interrupt,
    )
    expect(String(result)).toContain('SIGINT')
  })
})

describe('the limit of all guests together', () => {
  it('is set in whole bytes', async () => {
    const { host } = await sampleOf({}, async ({ limitMemory, totalMemoryBytes }) => {
      limitMemory(1000.5)
      limitMemory(totalMemoryBytes)
    })
    expect(host.eventsOf('limit')).toEqual(['limit 1000', `limit ${8 * 1024 ** 3}`])
  })

  it.each([9 * 1024 ** 3, Number.POSITIVE_INFINITY])('is unsupported above what the host has: %d', async (bytes) => {
    const { host, result } = await sampleOf({}, async ({ limitMemory }) => limitMemory(bytes))
    expect(result).toBeInstanceOf(UnsupportedError)
    expect(result).toMatchObject({
      message: expect.stringMatching(/^limitMemory\(\): \S+ MiB is more than the 8192 MiB that this host can give/),
      fix: expect.stringContaining('totalMemoryBytes'),
    })
    expect(host.eventsOf('limit')).toEqual([])
  })

  it.each([-1, 0, 0.5, Number.NaN])('cannot be removed with %s bytes', async (bytes) => {
    const { host, result } = await sampleOf({}, async ({ limitMemory }) => limitMemory(bytes))
    expect(result).toBeInstanceOf(RangeError)
    expect(host.eventsOf('limit')).toEqual([])
  })
})

describe('a limit that is too low', () => {
  it('names the guests only if there are some', async () => {
    const none = await sampleOf({}, async ({ limitMemory }) => limitMemory(1))
    expect(none.result).toEqual(
      new RangeError('limitMemory(): 1 byte is less than isobench needs to start a guest. Choose a higher limit'),
    )
    const some = await sampleOf({}, async ({ boot, limitMemory }) => {
      await boot()
      limitMemory(99)
    })
    expect(some.result).toEqual(
      new RangeError(
        'limitMemory(): the guests use more than 99 bytes already. Choose a higher limit, or call it before they boot',
      ),
    )
  })

  const gibibyte = 1024 ** 3
  it.each([
    [undefined, '(guest.memory in the config)'],
    [gibibyte / 4, '(limitMemory() of the workload, 256 MiB for all guests)'],
    [2 * gibibyte, '(guest.memory in the config, or limitMemory() of the workload, 2048 MiB for all guests)'],
  ])('is named by a guest that ran out of memory: %s bytes', async (bytes, setting) => {
    const run = async (context: GuestsContext<ParamSpace>, start: () => Promise<unknown>) => {
      if (bytes !== undefined) context.limitMemory(bytes)
      return start()
    }
    const stays = await sampleOf({ oomAt: 1 }, (context) => run(context, async () => (await context.boot()).exec(echo)))
    expect(String(stays.result)).toContain(`echo in runc went over the memory that guests have ${setting}, and the `)
    const burst = await sampleOf({ oomAt: 1 }, (context) => run(context, () => context.burst(1, echo)))
    expect(burst.result).toMatchObject([{ ok: false, error: expect.stringContaining(`guests have ${setting}, and`) }])
  })
})

describe('guests that stay', () => {
  it('run commands beside each other until they are disposed of', async () => {
    const { host, result } = await sampleOf({ ms: 5 }, async ({ boot, totalMemoryBytes }) => {
      const victim = await boot({ cpus: 'shared' })
      await using neighbor = await boot({ cpus: 'separate' })
      const [own] = await Promise.all([victim.exec(echo), neighbor.exec(echo), neighbor.client.exec(echo)])
      return { ms: own.milliseconds, hasBoot: victim.bootMs >= 0, totalMemoryBytes }
    })
    expect(result).toEqual({ ms: 5, hasBoot: true, totalMemoryBytes: 8 * 1024 ** 3 })
    expect(host.eventsOf('place')).toEqual(['place 1', 'place 0'])
    expect(host.eventsOf('boot', 'remove')).toEqual(['boot runc', 'boot runc', 'remove runc', 'remove runc'])
  })

  it('on separate CPUs share none with a burst, and leave theirs when they are removed', async () => {
    const { host, result } = await sampleOf({}, async ({ boot, burst }) => {
      const guest = await boot({ cpus: 'separate' })
      await burst(1, echo, { cpus: 'separate' })
      await guest[Symbol.asyncDispose]()
      await boot({ cpus: 'separate' })
      await boot({ cpus: 'separate' })
      return boot({ cpus: 'separate' })
    })
    expect(host.eventsOf('place')).toEqual(['place 1', 'place 0', 'place 1', 'place 0'])
    expect(result).toBeInstanceOf(UnsupportedError)
  })

  it('cannot be used after they were removed', async () => {
    const { result } = await sampleOf({}, async ({ boot }) => {
      const guest = await boot()
      await guest[Symbol.asyncDispose]()
      await guest.exec(echo)
    })
    expect(String(result)).toContain('a guest of runc was used after it had been removed')
  })

  it('may fail to boot, which the workload can catch', async () => {
    const { result } = await sampleOf({ failBoots: true }, async ({ boot }) => {
      const error: unknown = await boot().catch((thrown: unknown) => thrown)
      return String(error)
    })
    expect(result).toContain('runc did not boot')
  })

  it('may fill the memory', async () => {
    const { result } = await sampleOf({ oomBehindAt: 1 }, async ({ boot }) => (await boot()).exec(echo))
    expect(result).toMatchObject({ milliseconds: 100 })
  })

  it('have no result if one of them exceeds its limits', async () => {
    const { result } = await sampleOf({ bombAt: 1 }, async ({ boot }) => {
      const guest = await boot()
      return (await guest.exec(echo)).milliseconds
    })
    expect(result).toBeInstanceOf(GuestLimitError)
  })

  it('cannot be booted after the sample', async () => {
    let boot: GuestsContext<ParamSpace>['boot'] | undefined
    await sampleOf({}, async (context) => {
      boot = context.boot
    })
    await expect(boot!()).rejects.toThrow('the sample has ended')
  })
})
