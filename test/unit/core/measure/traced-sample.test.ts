import { describe, expect, it } from 'vitest'
import type { MeasureContext } from '../../../../src/core/measure/context.ts'
import { GuestLimitError } from '../../../../src/core/measure/guest-api.ts'
import { CommandArgumentError } from '../../../../src/core/measure/guest-argv.ts'
import { SampleScope } from '../../../../src/core/measure/sample-scope.ts'
import { measureTraced, type TracedStep } from '../../../../src/core/measure/traced-sample.ts'
import { lower } from '../../../../src/dsl/metric.ts'
import { type Workload, workload } from '../../../../src/dsl/workload.ts'
import { command } from '../../../../src/tools/command.ts'
import { UnsupportedError } from '../../../../src/util/errors.ts'
import { type FakeBehavior, fakeHost } from '../../../support/fake-driver.ts'
import { fakePlatforms } from '../../../support/fake-project.ts'
import { FakeSession } from '../../../support/fake-session.ts'

/** A tracer that counts nothing. */
const tracer = {
  clearTargets: () => {},
  enable: () => ({ [Symbol.dispose]: () => {} }),
  recording: <T>(use: () => Promise<T>) => use(),
  collect: async () => ({}),
  traceCgroup: () => {},
  observe: () => [],
  wrapTraced: (argv: readonly string[]) => argv,
  start: () => {},
  stop: () => {},
}

const metrics = { time: lower('ms') }
const run = async () => ({ time: 1 })
const untraced = {
  commands: workload('commands', { metrics, run }),
  boot: workload.boot('boot', {
    metrics,
    run: async ({ boot }) => ({ time: (await boot(command('echo'))).milliseconds }),
  }),
  'text boot': workload.boot('text boot', {
    metrics,
    run: async ({ boot }) => ({ time: (await boot('echo hi' as never)).milliseconds }),
  }),
}

/** Measures one traced sample on a fake platform. */
async function traced(
  kind: keyof typeof untraced,
  behavior: FakeBehavior,
  {
    run = ({ exec }) => exec(command('echo')),
    singleProcess = false,
  }: Partial<Pick<TracedStep, 'run'>> & {
    singleProcess?: boolean
  } = {},
) {
  const { signal } = new AbortController()
  const host = fakeHost({ fake: behavior })
  const session = new (class extends FakeSession {
    override tracer = async () => tracer as unknown as never
  })(host, signal)
  const [platform] = fakePlatforms(host)
  const { driver } = platform!
  const boot: typeof driver.boot = async (...input) => ({ ...(await driver.boot(...input)), singleProcess })
  const measureContext = {
    session,
    image: { rootfs: '/', digest: 'image' },
    plan: { profile: { seconds: 1 } },
    client: await session.loadClient('/'),
  } as unknown as MeasureContext
  await using scope = new SampleScope('traced', 30, signal, host.exec)
  return await measureTraced({
    platform: { ...platform!, driver: { ...driver, boot } },
    workload: workload.traced(untraced[kind], { source: 'functions' }) as unknown as TracedStep['workload'] & Workload,
    scope,
    measureContext,
    run,
    context: { seconds: 1, params: {}, cpus: 1, memoryBytes: 1024 ** 3, signal: scope.workloadSignal },
  })
}

describe('a traced sample', () => {
  it.each(['commands', 'boot'] as const)('says that memory ran out, of %s', async (kind) => {
    await expect(traced(kind, { oomAt: 1 })).rejects.toThrow(
      /^echo in fake went over the memory that guests have \(guest\.memory in the config\)/,
    )
  })

  it.each(['commands', 'text boot'] as const)('refuses a text for a shell, of %s', async (kind) => {
    const run: TracedStep['run'] = ({ exec }) => exec('echo hi' as never)
    await expect(traced(kind, {}, { run })).rejects.toThrow(CommandArgumentError)
  })

  it('refuses an option that exec() does not have', async () => {
    const run: TracedStep['run'] = ({ exec }) => exec(command('echo'), { untrace: true } as never)
    await expect(traced('commands', {}, { run })).rejects.toThrow('did you mean "untraced"?')
  })

  it.each(['commands', 'boot'] as const)('fails if its guest went over a limit, in %s', async (kind) => {
    await expect(traced(kind, { bombAt: 1 })).rejects.toThrow(GuestLimitError)
    await expect(traced(kind, { oomBehindAt: 1 })).rejects.toThrow('memory limit')
  })

  it('of a guest that runs one program refuses to trace a second one, which would boot another guest', async () => {
    await expect(traced('commands', {}, { singleProcess: true })).rejects.toThrow(UnsupportedError)
  })

  it('of a guest that runs one program starts a server without a shell', async () => {
    const serve: TracedStep['run'] = async ({ guest }) => {
      await using _server = await guest.serve(command('echo', 'serving'), { port: 80 })
      return { time: 1 }
    }
    // The work is a server that no client uses, so nothing is traced.
    await expect(traced('commands', {}, { run: serve, singleProcess: true })).rejects.toThrow('ran no command')
  })
})
