import { type PlatformSpec, platform } from 'isobench'
import { type Driver, defineDriver, type GuestArgv, type GuestHandle, type GuestSandbox } from 'isobench/driver'
import { describe, expectTypeOf, it } from 'vitest'
import * as z from 'zod'

const unshared = defineDriver({
  kind: 'unshared',
  family: 'container',
  description: 'namespaces of util-linux',
  options: z.strictObject({ ipc: z.boolean().default(false), level: z.enum(['low', 'high']).optional() }),
  requirements: () => [{ binary: 'unshare', package: 'util-linux' }],
  cpuMode: async () => 'nested',
  preflight: async ({ ipc }) => (ipc ? { reason: 'no IPC namespaces', fix: 'use ipc: false' } : undefined),
  oneShot: async (sandbox, argv, { ipc, level }) => {
    expectTypeOf(sandbox).toEqualTypeOf<GuestSandbox>()
    expectTypeOf(argv).toEqualTypeOf<GuestArgv>()
    expectTypeOf(ipc).toEqualTypeOf<boolean>()
    expectTypeOf(level).toEqualTypeOf<'low' | 'high' | undefined>()
    return sandbox.wrap(['unshare', ...argv])
  },
  boot: async (sandbox) => ({ execArgv: (argv) => sandbox.wrap(['unshare', ...argv]) }),
})

const base = {
  kind: 'mine',
  family: 'container',
  description: 'my own',
  requirements: () => [],
  oneShot: async (sandbox: GuestSandbox, argv: GuestArgv) => sandbox.wrap(['mine', ...argv]),
  boot: async (): Promise<GuestHandle> => ({ execArgv: (argv) => ['mine', ...argv] }),
} as const

describe('a driver', () => {
  it('gives its options the types that its schema has', () => {
    expectTypeOf(platform(unshared)).toEqualTypeOf<PlatformSpec>()
    platform(unshared, { name: 'unshared-ipc', tags: ['mine'], watchFiles: ['a.conf'], ipc: true, level: 'high' })
    // @ts-expect-error the schema has no option of this name
    platform(unshared, { ipcs: true })
    // @ts-expect-error the schema wants a boolean
    platform(unshared, { ipc: 'yes' })
    // @ts-expect-error the schema has two levels
    platform(unshared, { level: 'medium' })
    // @ts-expect-error options stand beside the name
    platform(unshared, { options: { ipc: true } })
  })

  it('can have options that must be given', () => {
    const needy = defineDriver({ ...base, options: z.strictObject({ path: z.string() }) })
    platform(needy, { path: '/opt/mine' })
    // @ts-expect-error there is no path
    platform(needy)
    // @ts-expect-error nor is there one here
    platform(needy, { name: 'mine' })
  })

  it('can have no options', () => {
    const plain = defineDriver({ ...base, options: z.strictObject({}) })
    platform(plain, { name: 'plain' })
    // @ts-expect-error it has no options
    platform(plain, { ipc: true })
  })

  it('can check its options by hand', () => {
    const driver: Driver<{ readonly level: number }> = {
      ...base,
      family: ({ level }) => (level > 1 ? 'hypervisor' : 'container'),
      options: { parse: () => ({ level: 1 }) },
    }
    platform(driver, { name: 'mine-2', level: 2 })
    // @ts-expect-error a level is a number
    platform(driver, { level: 'two' })
  })

  it('can have a stated type, with optional options, under exactOptionalPropertyTypes', () => {
    const options = z.strictObject({ ipc: z.boolean().default(false), level: z.number().optional() })
    const driver: Driver<z.output<typeof options>> = { ...base, options }
    platform(driver, { ipc: true, level: undefined })
    // @ts-expect-error the schema wants a number
    platform(driver, { level: 'high' })
  })

  it('needs boot and oneShot', () => {
    // @ts-expect-error it has no boot
    defineDriver({ ...unshared, boot: undefined })
    // @ts-expect-error this is no driver
    platform({ kind: 'mine', options: { parse: () => ({}) } })
  })

  it('has one of three CPU modes', () => {
    // @ts-expect-error there is no such mode
    defineDriver({ ...unshared, cpuMode: async () => 'virtual' })
  })
})

describe('the drivers of isobench', () => {
  it('have typed options', () => {
    platform('gvisor', { mode: 'kvm', flags: ['--debug'] })
    platform('native', { name: 'native-2' })
    // @ts-expect-error gVisor has no such mode
    platform('gvisor', { mode: 'fast' })
    // @ts-expect-error runc has no mode
    platform('runc', { mode: 'kvm' })
    // @ts-expect-error there is no such kind
    platform('rnc')
  })
})
