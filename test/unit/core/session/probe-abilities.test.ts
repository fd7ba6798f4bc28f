import { expect, it } from 'vitest'
import type { ResolvedPlatform } from '../../../../src/core/project/platforms.ts'
import { probePlatforms } from '../../../../src/core/session/probe.ts'
import type { Driver, SnapshotAbility } from '../../../../src/driver.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { FakeSession } from '../../../support/fake-session.ts'

const snapshots: SnapshotAbility = {
  save: async () => {},
  restore: async () => ({ execArgv: () => ['true'] }),
}

it('a platform cannot run the workloads for which its driver lacks a member', async () => {
  const host = fakeHost({ plain: {}, saving: {} })
  const { plain, saving } = host.drivers
  const drivers: Readonly<Record<string, Driver>> = { plain: plain!, saving: { ...saving!, snapshots } }
  const platforms = Object.entries(drivers).map(
    ([name, driver]) => ({ spec: { name, kind: name, tags: [] }, driver, options: {} }) as unknown as ResolvedPlatform,
  )
  const session = new FakeSession(host, new AbortController().signal)
  const probed = await probePlatforms(platforms, session, undefined, { exec: host.exec })
  expect(probed.map(({ name, available, unsupportedWorkloads }) => [name, available, unsupportedWorkloads])).toEqual([
    ['plain', true, ['vmm-start', 'snapshot']],
    ['saving', true, ['vmm-start']],
  ])
})
