import { describe, expect, it } from 'vitest'
import { guardDriver } from '../../../../src/core/project/guard-driver.ts'
import { ProjectCodeError } from '../../../../src/core/project/project-code-error.ts'
import type { Driver } from '../../../../src/driver.ts'
import { BootError, type GuestSandbox } from '../../../../src/host/sandbox.ts'
import { UnsupportedError } from '../../../../src/util/errors.ts'

const calls: unknown[] = []
const sandbox = {
  id: 'isob-1',
  wrap: (argv: readonly string[]) => ['cgexec', ...argv],
  run: async () => {
    throw new BootError('false: exit code 1')
  },
  spawn: async () => {
    throw new UnsupportedError('no second process')
  },
  tap: async () => ({ name: 'tap0' }),
  onCleanup: async (...given: unknown[]) => void calls.push(given),
  oncePerRun: async (_name: string, create: (shared: unknown) => Promise<unknown>) => create(sandbox),
} as unknown as GuestSandbox

/** The error of a driver that does this in `boot()`. TypeScript would refuse most of it. */
async function errorOf(act: (given: never) => unknown): Promise<unknown> {
  const driver = {
    kind: 'mine',
    family: 'container',
    description: 'mine',
    options: { parse: (value: unknown) => value },
    requirements: () => [],
    oneShot: async () => ['true'],
    boot: async (given: GuestSandbox) => {
      await act(given as never)
      return { execArgv: (argv: readonly string[]) => given.wrap(argv as never) }
    },
  } as unknown as Driver
  const guarded = guardDriver('mine', driver, { root: import.meta.dirname })
  return guarded.boot(sandbox, {}).catch((error: unknown) => error)
}

type Loose = Record<string, (...given: unknown[]) => Promise<unknown>>

describe("the sandbox of a project's own driver", () => {
  it.each<[string, (given: Loose) => unknown, string]>([
    [
      'a text as argv',
      (one) => one.run!('false'),
      'sandbox.run() in boot() of the driver of "mine" got "false" as argv.',
    ],
    ['no argv', (one) => one.wrap!(), 'sandbox.wrap() in boot() of the driver of "mine" got undefined as argv.'],
    ['an empty argv', (one) => one.spawn!([]), 'sandbox.spawn() in boot() of the driver of "mine" got [] as argv.'],
    [
      'an object as user',
      (one) => one.tap!({}),
      'sandbox.tap() in boot() of the driver of "mine" got an object as user.',
    ],
    [
      'a clean-up without argv',
      (one) => one.onCleanup!('x', 'false'),
      'sandbox.onCleanup() in boot() of the driver of "mine" got "false" as argv.',
    ],
    [
      'a clean-up of nothing',
      (one) => one.onCleanup!(),
      'sandbox.onCleanup() in boot() of the driver of "mine" got undefined as description.',
    ],
    [
      'an argument of the sandbox of a run',
      (one) => one.oncePerRun!('daemon', (shared: unknown) => (shared as Loose).run!([1])),
      'sandbox.run() in boot() of the driver of "mine" got [ 1 ] as argv.',
    ],
    [
      'a command that fails',
      (one) => one.run!(['false']),
      'sandbox.run() in boot() of the driver of "mine" failed: false: exit code 1',
    ],
  ])('names the member and the line that called it: %s', async (_, act, message) => {
    const error = await errorOf(act as never)
    expect(error).toBeInstanceOf(ProjectCodeError)
    const { location, fix } = error as ProjectCodeError
    expect((error as Error).message).toBe(message)
    expect(location?.file).toBe(import.meta.filename)
    expect(fix).toMatch(/: see docs\/how-to\/add-a-platform\.md$/)
    expect(calls).toEqual([])
  })

  it('passes other errors and right arguments, and states the driver in the journal', async () => {
    const refused = await errorOf((given: Loose) => given.spawn!(['true']))
    expect(refused).toBeInstanceOf(UnsupportedError)
    const handle = await errorOf(async (given: Loose) => {
      await given.onCleanup!('a pod', ['true'])
      await given.tap!()
    })
    expect((handle as { execArgv(argv: string[]): string[] }).execArgv(['a'])).toEqual(['cgexec', 'a'])
    expect(calls.splice(0)).toEqual([['a pod (the driver of "mine")', ['true']]])
  })

  it('accepts 10 s of clock calibration at most', () => {
    const driver = { clockCalibrationMs: () => 1e99 } as unknown as Driver
    const whole = { ...driver, family: 'container', options: { parse: () => {} }, requirements: () => [] }
    const rest = { oneShot: async () => ['true'], boot: async () => ({}) }
    const guarded = guardDriver('mine', { ...whole, ...rest } as unknown as Driver, { root: import.meta.dirname })
    expect(() => guarded.clockCalibrationMs?.({})).toThrow(
      'clockCalibrationMs() of the driver of "mine" returned a wrong',
    )
  })
})
