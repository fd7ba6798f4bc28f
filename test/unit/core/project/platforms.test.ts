import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { withinLimit } from '../../../../src/core/project/time-limit.ts'
import { type Driver, defineDriver, type GuestHandle } from '../../../../src/driver.ts'
import type { GuestSandbox } from '../../../../src/host/sandbox.ts'

beforeEach(() => void vi.stubEnv('ISOBENCH_CALL_SECONDS', '0.2'))
afterEach(() => void vi.unstubAllEnvs())

const sandbox = {} as GuestSandbox
const never = () => new Promise<never>(() => {})
const guest: GuestHandle = { address: '10.0.0.2', execArgv: (argv) => ['enter', ...argv] }

function resolved(members: Partial<Driver>): Driver {
  const driver = defineDriver({
    kind: 'mine',
    family: 'container',
    description: 'mine',
    options: { parse: (value: unknown) => value },
    requirements: () => [],
    oneShot: async () => ['true'],
    boot: async () => guest,
    ...members,
  })
  const spec = { kind: 'mine', name: 'mine-1', tags: [], options: {}, driver }
  return resolvePlatforms([spec], {}, 'isobench.config.ts')[0]!.driver
}

describe("a method of the project's own driver that never ends fails in time", () => {
  it.each([
    ['preflight', (driver: Driver) => driver.preflight!({})],
    ['oneShot', (driver: Driver) => driver.oneShot(sandbox, ['true'], {})],
    ['bootSteps', (driver: Driver) => driver.bootSteps!(sandbox, ['true'], {})],
    ['vmmStart', (driver: Driver) => driver.vmmStart!(sandbox, 'kernel', {})],
  ])('%s()', async (name, call) => {
    await expect(call(resolved({ [name]: never }))).rejects.toThrow(`${name}() of the driver of "mine-1" took longer`)
  })

  it.each(['pause', 'resume', 'oomKillCount'] as const)('%s() of its guest', async (name) => {
    const booted = await resolved({ boot: async () => ({ ...guest, [name]: never }) }).boot(sandbox, {})
    await expect(booted[name]!()).rejects.toThrow(`${name}() of the guest of "mine-1" took longer than 0.2 s`)
    expect([booted.address, booted.execArgv(['true'])]).toEqual(['10.0.0.2', ['enter', 'true']])
  })

  it('a loop of pause() of its guest', async () => {
    const pause = () => {
      for (;;);
    }
    const booted = await resolved({ boot: async () => ({ ...guest, pause }) }).boot(sandbox, {})
    expect(() => booted.pause!()).toThrow('pause() of the guest of "mine-1" took longer than 0.2 s')
  })
})

it('a boot that loops is interrupted, and drops no promise job of isobench', async () => {
  vi.stubEnv('ISOBENCH_IMPORT_SECONDS', '0.2')
  const { boot } = resolved({
    boot: () => {
      for (;;);
    },
  })
  const jobs: string[] = []
  const sample = () => {
    void Promise.resolve().then(() => jobs.push('a job that waits'))
    return boot(sandbox, {})
  }
  const limited = withinLimit({ root: import.meta.dirname, file: 'drv.ts', what: 'it', fix: 'no loop' }, sample)
  await expect(limited).rejects.toThrow('it took longer than 0.2 s')
  expect(jobs).toEqual(['a job that waits'])
})

it.each([
  [undefined, 'undefined'],
  [{ exec: () => {} }, 'an object'],
])('a boot that returns no guest is an error of the driver: %j', async (value, text) => {
  const booting = resolved({ boot: async () => value as never }).boot(sandbox, {})
  await expect(booting).rejects.toThrow(`boot() of the driver of "mine-1" returned ${text}: execArgv() is missing.`)
})
