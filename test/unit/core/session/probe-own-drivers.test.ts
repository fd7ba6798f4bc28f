import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { platformFiles, resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { ensureArtifacts, requiredArtifacts } from '../../../../src/core/session/artifacts.ts'
import { buildsInUse } from '../../../../src/core/session/builds.ts'
import { isSkipped, probePlatforms } from '../../../../src/core/session/probe.ts'
import type { Driver } from '../../../../src/driver.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { FakeSession } from '../../../support/fake-session.ts'

const broken = () => {
  throw new Error('broken')
}

const host = fakeHost({ native: {}, mine: {} })

/** Native, and a driver of the project with these members. */
const platformsWith = (members: Partial<Driver>) =>
  resolvePlatforms(
    [
      { kind: 'native', name: 'native', tags: [], options: {} },
      { kind: 'mine', name: 'mine-1', tags: [], options: {}, driver: { ...host.drivers.mine!, ...members } },
    ],
    host.drivers,
    'isobench.config.ts',
  )

it.each([
  'requirements',
  'configFiles',
  'version',
  'requiredImageFiles',
  'preflight',
  'programRoles',
  'cpuMode',
  'versionDetails',
  'artifacts',
  'clockCalibrationMs',
  'oneShot',
] as const)('only the platform of a driver is not available if its %s() fails', async (name) => {
  const session = new FakeSession(host, new AbortController().signal)
  const probed = await probePlatforms(platformsWith({ [name]: broken }), session, undefined, { exec: host.exec })
  expect(probed).toMatchObject([
    { name: 'native', available: true },
    {
      name: 'mine-1',
      available: false,
      reason: expect.stringMatching(
        new RegExp(`^${name}\\(\\) of the driver of "mine-1" failed: broken \\(.*\\.test\\.ts:\\d+:\\d+\\)$`),
      ),
      fix: 'correct it: see docs/how-to/add-a-platform.md',
    },
  ])
})

it('a driver of isobench that fails is a bug in isobench', async () => {
  const drivers = { native: { ...host.drivers.native!, preflight: broken } }
  const platforms = resolvePlatforms([{ kind: 'native', name: 'native', tags: [], options: {} }], drivers, 'a.ts')
  const session = new FakeSession(host, new AbortController().signal)
  await expect(probePlatforms(platforms, session, undefined, { exec: host.exec })).rejects.toThrow(new Error('broken'))
})

it('what a driver that fails needs is left out, but kept from being removed', async () => {
  const lines: string[] = []
  const options = { journal: {} as never, onLine: (line: string) => lines.push(line) }
  const platforms = platformsWith({ artifacts: broken, requirements: () => [] })
  await ensureArtifacts(platforms, undefined, options)
  expect(lines).toEqual([expect.stringMatching(/^artifacts\(\) of the driver of "mine-1" failed: broken \(/)])
  expect(() => requiredArtifacts(platforms, undefined)).toThrow('artifacts() of the driver of "mine-1" failed: broken')
  const [, mine] = platformsWith({ requirements: broken, configFiles: broken, cpuMode: broken })
  expect(platformFiles(mine!, '/')).toEqual([])
  expect(await buildsInUse([mine!])).toEqual([])
  expect(await isSkipped(mine!, true)).toBe(false)
})

it('drivers of the project are probed one by one, after the others', async () => {
  const events: string[] = []
  const noted = (name: string, driver: Driver) => ({
    ...driver,
    preflight: async () => {
      events.push(`${name} begins`)
      await sleep(20)
      events.push(`${name} ends`)
      return undefined
    },
  })
  const own = (name: string) => ({
    ...{ kind: 'mine', name, tags: [], options: {} },
    driver: noted(name, host.drivers.mine!),
  })
  const drivers = { native: noted('native', host.drivers.native!) }
  const native = { kind: 'native', name: 'native', tags: [], options: {} }
  const platforms = resolvePlatforms([own('a'), native, own('b')], drivers, 'isobench.config.ts')
  const session = new FakeSession(host, new AbortController().signal)
  const probed = await probePlatforms(platforms, session, undefined, { exec: host.exec })
  expect(probed.map(({ name }) => name)).toEqual(['a', 'native', 'b'])
  expect(events).toEqual(['native', 'a', 'b'].flatMap((name) => [`${name} begins`, `${name} ends`]))
})
