import { describe, expect, it, vi } from 'vitest'
import { GuestPool } from '../../../../src/core/measure/guest-pool.ts'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { fakePlatforms } from '../../../support/fake-project.ts'
import { FakeSession } from '../../../support/fake-session.ts'

describe('a guest with a clock that its kernel calibrates after the boot', () => {
  function prepare(milliseconds: number) {
    const host = fakeHost({ gvisor: {} })
    const [fake] = fakePlatforms(host)
    const platform = { ...fake!, driver: { ...fake!.driver, clockCalibrationMs: () => milliseconds } }
    const pool = new GuestPool(new FakeSession(host, new AbortController().signal), '/', 60)
    return { host, platform, pool }
  }

  it('is used when that time has passed since the boot', async () => {
    const { platform, pool } = prepare(50)
    await using guests = pool
    const started = performance.now()
    const age = await guests.use(platform, 'round', async () => performance.now() - started)
    expect(age).toBeGreaterThan(49)
  })

  it('boots ahead without the wait', async () => {
    const { host, platform, pool } = prepare(3_600_000)
    await using guests = pool
    await guests.bootAhead(platform)
    expect(host.eventsOf('boot')).toHaveLength(1)
  })

  it('is removed if the sample is interrupted while it waits', async () => {
    const { host, platform, pool } = prepare(3_600_000)
    const interrupted = new AbortController()
    const using = pool.use(platform, 'round', async () => {}, { signal: interrupted.signal })
    await vi.waitFor(() => expect(host.eventsOf('boot')).toHaveLength(1))
    interrupted.abort(new Error('the run was interrupted'))
    await expect(using).rejects.toThrow('the run was interrupted')
    expect(host.eventsOf('remove')).toHaveLength(1)
  })
})

it('a boot ahead of a driver of the project that loops is interrupted', async () => {
  const host = fakeHost({ mine: {} })
  const boot = () => {
    for (;;);
  }
  const spec = { kind: 'mine', name: 'mine', tags: [], options: {}, driver: { ...host.drivers.mine!, boot } }
  const [platform] = resolvePlatforms([spec], {}, import.meta.filename)
  await using pool = new GuestPool(new FakeSession(host, new AbortController().signal), '/', 0.2)
  await expect(pool.bootAhead(platform!)).rejects.toThrow('due to timeout')
  expect(host.eventsOf('remove')).toHaveLength(1)
}, 30_000)
