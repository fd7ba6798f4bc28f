import { expect, it } from 'vitest'
import { tryGuest } from '../../../../src/core/measure/try-guest.ts'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { probePlatforms } from '../../../../src/core/session/probe.ts'
import type { Driver } from '../../../../src/driver.ts'
import { handleStrayErrors } from '../../../../src/util/stray-errors.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { FakeSession } from '../../../support/fake-session.ts'

const broken = () => {
  throw new Error('broken')
}

/** A driver of the project with these members. */
async function tried(members: Partial<Driver>) {
  const host = fakeHost({ mine: {} })
  const platforms = resolvePlatforms(
    [{ kind: 'mine', name: 'mine-1', tags: [], options: {}, driver: { ...host.drivers.mine!, ...members } }],
    host.drivers,
    'isobench.config.ts',
  )
  const session = new FakeSession(host, new AbortController().signal)
  const [probed] = await probePlatforms(platforms, session, undefined, { exec: host.exec })
  expect(probed).toMatchObject({ available: true })
  const failure = await tryGuest(platforms[0]!, session, '/', { exec: host.exec, limit: 0.2 })
  expect([...host.sandboxes.keys()]).toEqual([])
  return { failure, host }
}

it.each<[string, Partial<Driver>, string]>([
  [
    'returns no guest',
    { boot: async () => null as never },
    '^boot\\(\\) of the driver of "mine-1" returned a wrong value',
  ],
  ['fails', { boot: broken }, '^boot\\(\\) of the driver of "mine-1" failed: broken \\(.*test\\.ts:\\d+:\\d+\\)$'],
  [
    'has a guest without commands',
    { boot: async () => ({ execArgv: broken }) },
    '^execArgv\\(\\) of the guest of "mine-1"',
  ],
])('finds that boot() of a driver %s, which the probe does not', async (_, members, reason) => {
  const { failure } = await tried(members)
  expect(failure).toMatchObject({ reason: expect.stringMatching(new RegExp(reason)), fix: expect.any(String) })
})

const works = { execArgv: (argv: readonly [string, ...string[]]) => argv }

it.each<[string, Driver['boot']]>([
  [
    'leaves a promise that is rejected',
    async () => {
      void Promise.reject(new Error('left'))
      return works
    },
  ],
  [
    'throws in a timer',
    async () => {
      setTimeout(() => {
        throw new Error('left')
      }, 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
      return works
    },
  ],
])('states the error if boot() of a driver %s', async (_, boot) => {
  using _handler = handleStrayErrors(() => {})
  const { failure } = await tried({ boot })
  expect(failure).toEqual({
    reason: expect.stringMatching(
      /^boot\(\) of the driver of "mine-1" left an error that no code handles: left \(.*test\.ts:\d+:\d+\)$/,
    ),
    fix: 'await every promise, and catch errors of timers and streams',
  })
})

it('uses the guest of a driver that works in two samples, and removes it', async () => {
  const { failure, host } = await tried({})
  expect(failure).toBeUndefined()
  expect(host.eventsOf('boot', 'pause', 'freeze', 'thaw', 'exec', 'remove').slice(1)).toEqual([
    'boot mine',
    ...['exec mine /bin/true', 'pause mine', 'freeze mine', 'thaw mine'],
    ...['exec mine /bin/true', 'pause mine', 'freeze mine'],
    'remove mine',
  ])
})
