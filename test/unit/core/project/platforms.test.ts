import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { ProjectCodeError } from '../../../../src/core/project/project-code-error.ts'
import { withinLimit } from '../../../../src/core/project/time-limit.ts'
import { type Driver, defineDriver, type GuestHandle, type SnapshotAbility } from '../../../../src/driver.ts'
import type { GuestSandbox } from '../../../../src/host/sandbox.ts'
import { UnsupportedError } from '../../../../src/util/errors.ts'
import { handleStrayErrors } from '../../../../src/util/stray-errors.ts'

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
  beforeEach(() => void vi.stubEnv('ISOBENCH_CALL_SECONDS', '0.2'))

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
  [undefined, 'undefined is not an object'],
  [{ exec: () => {} }, 'execArgv is missing'],
  [{ execArgv: () => ['true'], address: 5 }, 'address: 5 is not a text'],
])('a boot that returns no guest is an error of the driver: %j', async (value, text) => {
  const booting = resolved({ boot: async () => value as never }).boot(sandbox, {})
  await expect(booting).rejects.toThrow(`boot() of the driver of "mine-1" returned a wrong value: ${text}`)
})

const broken = () => {
  throw new Error('broken')
}

/** The error of a call, and the text of the line of this file that it names. */
async function failure(call: () => unknown): Promise<[string, string | undefined]> {
  try {
    await call()
    return ['none', undefined]
  } catch (error) {
    if (!(error instanceof ProjectCodeError)) throw error
    const { location } = error
    return [error.message, location && readFileSync(location.file, 'utf8').split('\n')[location.line - 1]!.trim()]
  }
}

const calls: readonly [keyof Driver, (driver: Driver) => unknown][] = [
  ['requirements', (driver) => driver.requirements({})],
  ['configFiles', (driver) => driver.configFiles!({})],
  ['version', (driver) => driver.version!({})],
  ['requiredImageFiles', (driver) => driver.requiredImageFiles!({})],
  ['preflight', (driver) => driver.preflight!({})],
  ['requiresSeccomp', (driver) => driver.requiresSeccomp!({})],
  ['programRoles', (driver) => driver.programRoles!({})],
  ['cpuMode', (driver) => driver.cpuMode!({})],
  ['versionDetails', (driver) => driver.versionDetails!({})],
  ['artifacts', (driver) => driver.artifacts!({}, undefined)],
  ['clockCalibrationMs', (driver) => driver.clockCalibrationMs!({})],
  ['oneShot', (driver) => driver.oneShot(sandbox, ['true'], {})],
  ['bootSteps', (driver) => driver.bootSteps!(sandbox, ['true'], {})],
  ['vmmStart', (driver) => driver.vmmStart!(sandbox, 'kernel', {})],
  ['boot', (driver) => driver.boot(sandbox, {})],
]

describe("an error of the project's own driver names the method and the line", () => {
  it.each(calls)('%s() that throws', async (name, call) => {
    expect(await failure(() => call(resolved({ [name]: broken })))).toEqual([
      `${name}() of the driver of "mine-1" failed: broken`,
      "throw new Error('broken')",
    ])
  })

  it.each(calls)('%s() that returns something else', async (name, call) => {
    // What no method returns.
    const [message] = await failure(() => call(resolved({ [name]: () => [-1] })))
    expect(message).toMatch(new RegExp(`^${name}\\(\\) of the driver of "mine-1" returned a wrong value: .*-1`))
  })

  it('a method that calls process.exit', async () => {
    using _strayErrors = handleStrayErrors(() => {})
    const [message] = await failure(() => resolved({ version: () => process.exit(0) }).version!({}))
    expect(message).toBe(
      'version() of the driver of "mine-1" failed: it called process.exit(0); throw an error instead',
    )
  })

  it('a method that must not be asynchronous', async () => {
    const version = (async () => Promise.reject(new Error('late'))) as never
    const [message] = await failure(() => resolved({ version }).version!({}))
    expect(message).toBe('version() of the driver of "mine-1" returned a promise.')
  })

  it('a function within what a method returns', async () => {
    const requirements = () => [{ binary: 'a', isRecentEnough: broken }]
    const artifacts = () => [{ name: 'kernel', path: '/none', ensure: broken }]
    const driver = resolved({ requirements, artifacts })
    expect((await failure(() => driver.requirements({})[0]!.isRecentEnough!()))[0]).toBe(
      'isRecentEnough() of "a" in requirements() of the driver of "mine-1" failed: broken',
    )
    expect((await failure(() => driver.artifacts!({}, undefined)[0]!.ensure({} as never)))[0]).toBe(
      'ensure() of "kernel" in artifacts() of the driver of "mine-1" failed: broken',
    )
  })

  it.each(['execArgv', 'pause', 'resume', 'oomKillCount'] as const)('%s() of its guest', async (name) => {
    const booted = await resolved({ boot: async () => ({ ...guest, [name]: broken }) }).boot(sandbox, {})
    const [message] = await failure(() => booted[name]!([] as never))
    expect(message).toBe(`${name}() of the guest of "mine-1" failed: broken`)
  })

  it.each(['preflight', 'boot', 'save', 'restore'] as const)('%s() of its snapshots', async (name) => {
    const snapshots = { save: async () => {}, restore: async () => guest, [name]: broken }
    const ability = resolved({ snapshots }).snapshots! as Required<SnapshotAbility>
    const [message] = await failure(() => ability[name](sandbox as never, 'folder', {}))
    expect(message).toBe(`${name}() of the snapshots of the driver of "mine-1" failed: broken`)
  })

  it('but not if a command of a sample failed, or the platform cannot do such work', async () => {
    const unsupported = new UnsupportedError('no second process')
    const boot = async () => {
      throw unsupported
    }
    await expect(resolved({ boot }).boot(sandbox, {})).rejects.toBe(unsupported)
    const execArgv = () => {
      throw unsupported
    }
    const booted = await resolved({ boot: async () => ({ execArgv }) }).boot(sandbox, {})
    expect(() => booted.execArgv(['true'])).toThrow(unsupported)
  })
})

it.each([
  [{ requirements: undefined }, 'the driver of "mine-1" has no requirements().'],
  [{ preflight: 5 }, 'preflight of the driver of "mine-1" is no function.'],
  [{ preflight: function* () {} }, 'preflight of the driver of "mine-1" is a generator.'],
  [{ family: 'jail' }, 'family of the driver of "mine-1" is wrong: "jail" is not "native" or "container"'],
  [{ family: () => 'jail' }, 'family() of the driver of "mine-1" returned a wrong value: "jail" is not "native"'],
  [
    { options: { parse: async () => Promise.reject(new Error('late')) } },
    'options.parse() of the driver of "mine-1" returned a promise.',
  ],
  [{ options: { parse: broken } }, 'the options of platform "mine-1" are wrong: broken'],
  [{ family: broken }, 'family() of the driver of "mine-1" failed: broken'],
  [{ experimental: 5 }, 'experimental of the driver of "mine-1" is wrong: 5 is not a text.'],
  [{ snapshots: {} }, 'snapshots of the driver of "mine-1" is wrong: save is missing.'],
])('a driver with a wrong member is a problem of the config: %o', (members, message) => {
  expect(() => resolved(members as unknown as Partial<Driver>)).toThrow(message)
})

it.each([null, undefined, { issues: 5 }, { issues: [] }, { issues: [null] }, { issues: [{ path: null, message: 7 }] }])(
  'options.parse() of a driver may throw %o',
  (thrown) => {
    const parse = () => {
      throw thrown
    }
    expect(() => resolved({ options: { parse } })).toThrow('the options of platform "mine-1" are wrong: ')
  },
)

it('a member of a driver that throws when it is read is a problem of the config', () => {
  const members = Object.defineProperty({}, 'vmmStart', { get: broken, enumerable: true })
  // Copying it would read it.
  const driver = Object.defineProperties(
    defineDriver({
      kind: 'mine',
      family: 'container',
      description: '',
      options: { parse: (value) => value },
      requirements: () => [],
      oneShot: async () => ['true'],
      boot: async () => guest,
    }),
    Object.getOwnPropertyDescriptors(members),
  )
  const spec = { kind: 'mine', name: 'mine-1', tags: [], options: {}, driver }
  const resolve = () => resolvePlatforms([spec], {}, 'isobench.config.ts')
  expect(resolve).toThrow('vmmStart of the driver of "mine-1" failed: broken')
})
