import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { planOfBlock } from '../../../../src/core/measure/bench-order.ts'
import { Duet } from '../../../../src/core/measure/duet.ts'
import { GuestBundles } from '../../../../src/core/measure/guest-api.ts'
import { GuestPool } from '../../../../src/core/measure/guest-pool.ts'
import { type MeasureProjectOptions, measureProject } from '../../../../src/core/measure/measure-project.ts'
import { plannedSchedule } from '../../../../src/core/measure/planned-schedule.ts'
import { RemeasureBudget } from '../../../../src/core/measure/remeasure.ts'
import { runLoop } from '../../../../src/core/measure/run-loop.ts'
import { stepsOfRound } from '../../../../src/core/model/plan.ts'
import { causeOf, errorOf, type Sample, valuesOf } from '../../../../src/core/model/record.ts'
import { ProjectError } from '../../../../src/core/model/suite.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import type { Reporter, StopReason } from '../../../../src/core/reporter.ts'
import { planLooks } from '../../../../src/core/stats/index.ts'
import type { Matcher } from '../../../../src/dsl/claim.ts'
import { formatStop } from '../../../../src/reporters/stop.ts'
import { command } from '../../../../src/tools/command.ts'
import { type FakeBehavior, type FakeHost, fakeHost } from '../../../support/fake-driver.ts'
import { type FakeBench, fakePlatforms, fakeRun } from '../../../support/fake-project.ts'
import { FakeSession, quiet } from '../../../support/fake-session.ts'
import { aPlatform } from '../judge/builders.ts'

type Overrides = Parameters<typeof fakeRun>[2]

const roots: string[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

function prepare(
  behaviors: Readonly<Record<string, FakeBehavior>>,
  benches: Readonly<Record<string, FakeBench>>,
  overrides?: Overrides,
): { host: FakeHost; options: MeasureProjectOptions } {
  const host = fakeHost(behaviors)
  const options = fakeRun(host, benches, overrides)
  roots.push(options.project.root)
  return { host, options }
}

async function measured(...input: Parameters<typeof prepare>) {
  const { host, options } = prepare(...input)
  const report = await measureProject(options)
  return { host, report, record: readRecord(report.record) }
}

const fast: Readonly<Record<string, FakeBehavior>> = { native: {}, runc: { ms: 104 } }
const claim = (matcher: Matcher, platform = 'runc') => ({
  metric: 'time',
  matcher,
  on: { by: 'name', names: [platform] } as const,
  where: {},
  severity: 'fail' as const,
})
const within5 = claim({ kind: 'withinNative', percent: 5 })
const order = (samples: readonly Sample[]) => samples.map((sample) => [sample.round, sample.case, sample.platform])
const nothingLeft = (host: FakeHost) => expect([...host.sandboxes.keys()]).toEqual([])

describe('a run', () => {
  it('measures the rounds of the plan bench by bench, first what decides most, and judges them', async () => {
    const benches = { net: {}, disk: { claims: [within5] } }
    const ends: (string | string[])[][] = []
    const reporter: Reporter = {
      onBenchEnd: ({ bench, claims }) => void ends.push([bench.name, claims.map(({ outcome }) => outcome)]),
    }
    const { host, report, record } = await measured(fast, benches, { rounds: 6, warmup: 1, reporter })
    expect(record.plan.blocks).toEqual([['a.bench.ts#disk'], ['a.bench.ts#net']])
    expect(ends).toEqual([
      ['disk', ['holds']],
      ['net', []],
    ])
    const steps = [0, 1].flatMap((block) =>
      [-1, 0, 1, 2, 3, 4, 5].flatMap((round) =>
        stepsOfRound(planOfBlock(record.plan, block), round).map(({ case: { id }, platform }) => [round, id, platform]),
      ),
    )
    expect(order(record.samples)).toEqual(steps)
    expect(new Set(record.samples.map((one) => valuesOf(one)?.time))).toEqual(new Set([100, 104]))
    expect(report.claims[0]).toMatchObject({ outcome: 'holds' })
    expect(report).toMatchObject({ status: 'finished', exit: { code: 0 } })
    expect(host.events.at(-1)).toBe('release the host')
    nothingLeft(host)
  })

  it('keeps a guest for its round or for the run, and freezes it between its samples', async () => {
    const benches = { disk: {}, net: {}, db: { lifecycle: 'run' }, boot: { lifecycle: 'sample' } } as const
    const blocks = [Object.keys(benches).map((name) => `a.bench.ts#${name}`)]
    const { host } = await measured({ native: {} }, benches, { rounds: 2, plan: { blocks } })
    // One guest for each of two rounds, one for the run, and one for each of two samples.
    expect(host.eventsOf('boot')).toHaveLength(5)
    expect(host.eventsOf('remove')).toHaveLength(5 + 1)
    // Both benches use a round's guest, and it is frozen after each; a guest for one sample never is.
    expect(host.eventsOf('freeze')).toHaveLength(4 + 2)
    expect(host.eventsOf('pause')).toHaveLength(4 + 2)
    expect(host.eventsOf('thaw')).toHaveLength(2 + 1)
    const at = host.events.indexOf('freeze native')
    expect(host.events[at - 1]).toBe('pause native')
  })

  it('measures a disturbed step once more, as often as the budget allows', async () => {
    const { host, options } = prepare({ native: {} }, { disk: {} }, { rounds: 3 })
    const busy = { ...quiet, otherProcesses: 1 }
    host.loads.push(busy, quiet, busy)
    // A disturbance counts from 30 ms.
    vi.useFakeTimers()
    const { exec } = host
    const slow: FakeHost['exec'] = async (argv, given) => {
      vi.advanceTimersByTime(1000)
      return exec(argv, given)
    }
    const report = await measureProject({ ...options, exec: slow })
    const { samples } = readRecord(report.record)
    expect(samples.map(({ round, disturbed }) => [round, disturbed === true])).toEqual([
      [0, true],
      [0, false],
      [1, true],
      [2, false],
    ])
  })

  it('says how long it waited for the host, before it measures', async () => {
    const events: unknown[] = []
    const reporter: Reporter = {
      onWaited: (milliseconds) => void events.push(milliseconds),
      onPlan: () => void events.push('plan'),
    }
    const { options } = prepare(fast, { disk: {} }, { rounds: 1, reporter })
    await measureProject({
      ...options,
      openSession: (guest, given) => {
        given.onWaited?.(5000)
        return options.openSession!(guest, given)
      },
    })
    expect(events).toEqual([5000, 'plan'])
  })

  it('stops at an interim look when all claims are decided', async () => {
    const stops: StopReason[] = []
    const { report, record } = await measured(
      { native: { jitter: 0.005 }, runc: { ms: 150, jitter: 0.005 } },
      { disk: { claims: [within5] } },
      {
        rounds: 20,
        plan: { sequential: planLooks({ first: 8, last: 20 }) },
        reporter: { onStop: (stop) => void stops.push(stop) },
      },
    )
    expect(stops).toEqual([{ why: 'all-decided', rounds: 8 }])
    expect(record.samples).toHaveLength(16)
    expect(report.exit.code).toBe(1)
  })

  it('ends after the current case when the time is up, and says what is undecided', async () => {
    vi.useFakeTimers()
    const run: FakeBench['run'] = async ({ guest }) => {
      vi.advanceTimersByTime(1000)
      return { time: (await guest.exec(command('echo'))).milliseconds }
    }
    let text: string | undefined
    const { record } = await measured(
      fast,
      { disk: { claims: [within5], run } },
      {
        rounds: 10,
        maxDuration: 4500,
        reporter: {
          onStop: (stop, report) => {
            text = formatStop(stop, report)
          },
        },
      },
    )
    expect(record.samples).toHaveLength(6)
    expect(text).toMatch(/^stopped: the time is up after 3 of 10 rounds: 1 of 1 claims stayed undecided/)
  })

  it('fails a sample if its guest went over its processes, although all commands succeeded', async () => {
    const { host, record } = await measured({ native: {}, runc: { bombAt: 2 } }, { disk: {} }, { rounds: 3 })
    const errors = record.samples.filter(({ platform }) => platform === 'runc').map((one) => errorOf(one))
    expect(errors).toEqual([
      undefined,
      'runc reached its limit of 4096 processes, and the kernel refused more. ' +
        'Raise guest.processes in isobench.config.ts.',
      undefined,
    ])
    nothingLeft(host)
  })

  it('fails a sample if the kernel killed a process of its guest, although all commands succeeded', async () => {
    const platforms = { native: {}, runc: { oomBehindAt: 2 } }
    const { host, record } = await measured(platforms, { disk: {} }, { rounds: 3 })
    const errors = record.samples.filter(({ platform }) => platform === 'runc').map((one) => errorOf(one))
    expect(errors).toEqual([
      undefined,
      'runc went over its memory limit of 1024 MiB, and the kernel killed a process in it. ' +
        'Raise guest.memory in isobench.config.ts.',
      undefined,
    ])
    nothingLeft(host)
  })

  it('records why samples failed', async () => {
    const benches: Record<string, FakeBench> = {
      disk: {},
      broken: { run: async ({ guest }) => ({ time: (await guest.exec(command('no-such-program'))).milliseconds }) },
    }
    const behaviors = { native: {}, gvisor: { failEvery: 3 }, flaky: { oomAt: 2 }, other: { unsupported: true } }
    const { host, record } = await measured(behaviors, benches, { rounds: 3 })
    const errors = (name: string) =>
      record.samples.flatMap((one) => (one.case.endsWith('disk') && one.platform === name ? (errorOf(one) ?? []) : []))
    expect(errors('native')).toEqual([])
    expect(errors('gvisor')[0]).toMatch(/echo in gvisor: exit code 1/)
    expect(
      record.samples.filter((one) => /went over the memory that guests have/.test(errorOf(one) ?? '')),
    ).toHaveLength(1)
    // What can only fail is tried once: on one platform if it refuses, on none if the image lacks a program.
    expect(record.samples.filter(({ platform }) => platform === 'other').length).toBeLessThanOrEqual(2)
    expect(errors('other')).toEqual(['other runs no commands'])
    expect(record.samples.filter((one) => causeOf(one)?.kind === 'missing-program')).toHaveLength(1)
    nothingLeft(host)
  })

  it('records a boot that failed and goes on', async () => {
    const { host, record } = await measured({ native: {}, runc: { failBoots: true } }, { disk: {} })
    expect(record.samples.filter((one) => errorOf(one) === 'runc did not boot')).toHaveLength(2)
    expect(record.status).toBe('finished')
    nothingLeft(host)
  })
})

describe('an error that ends the run', () => {
  /** The record of a run that rejects when the first bench has ended. */
  async function endedBy(error: Error) {
    const { host, options } = prepare(fast, { disk: {} }, { rounds: 2 })
    const onBenchEnd = () => {
      throw error
    }
    await expect(measureProject({ ...options, reporter: { ...options.reporter, onBenchEnd } })).rejects.toBe(error)
    nothingLeft(host)
    const folder = join(options.project.root, '.isobench/runs')
    return readRecord(join(folder, readdirSync(folder)[0]!))
  }

  it('is in its record, which is not that of a killed run, and no report of it is clean', async () => {
    const record = await endedBy(new Error('the host is gone'))
    expect(record).toMatchObject({ status: 'stopped', error: 'the host is gone', problems: [] })
    expect(record.samples.length).toBeGreaterThan(0)
    const report = buildReport(record, { strict: false })
    expect(report).toMatchObject({ status: 'stopped', error: 'the host is gone', exit: { code: 5 } })
  })

  it('is a problem of its file if a file of the project has it', async () => {
    const problem = { file: 'a.bench.ts', message: 'only in the main thread' }
    const record = await endedBy(new ProjectError([problem], '/'))
    expect(record).toMatchObject({ status: 'stopped', problems: [problem] })
    expect(record.error).toBeUndefined()
  })
})

describe('--fail-fast', () => {
  const slow = { native: {}, runc: { ms: 150 } }

  it('stops after the first round that fails the run, and the record is finished', async () => {
    const stops: StopReason[] = []
    const { report, record } = await measured(
      slow,
      { disk: { claims: [within5] } },
      {
        rounds: 20,
        failFast: true,
        reporter: { onStop: (stop) => void stops.push(stop) },
      },
    )
    expect(stops).toEqual([{ why: 'first-failure', rounds: expect.any(Number) }])
    expect(record.samples).toHaveLength(2 * stops[0]!.rounds)
    expect(stops[0]!.rounds).toBeLessThan(20)
    expect(record.status).toBe('finished')
    expect(report.exit.code).toBe(1)
  })

  it('stops after the first round if all samples of a claim failed', async () => {
    const failing = { native: {}, runc: { failEvery: 1 } }
    const { report, record } = await measured(failing, { disk: { claims: [within5] } }, { rounds: 6, failFast: true })
    expect(record.samples).toHaveLength(2)
    expect(record.status).toBe('finished')
    expect(report.exit).toMatchObject({ code: 4, claims: [] })
    const now = { native: {}, runc: { failEvery: 2 } }
    const often = await measured(now, { disk: { claims: [within5] } }, { rounds: 6, failFast: true })
    expect(often.record.samples, 'some samples').toHaveLength(12)
  })

  it('goes on if all samples of a bench without claims fail', async () => {
    const failing = { native: {}, runc: { failEvery: 1 } }
    const { record } = await measured(failing, { disk: {} }, { rounds: 3, failFast: true })
    expect(record.samples).toHaveLength(6)
  })

  it('measures all rounds if nothing fails', async () => {
    const { record } = await measured(fast, { disk: { claims: [within5] } }, { rounds: 6, failFast: true })
    expect(record.samples).toHaveLength(12)
  })

  it.each([
    [true, 1],
    [false, 0],
  ])(
    'with --strict-findings %s, a finding that is better than claimed ends with %i',
    async (strictFindings, exitCode) => {
      const slower = { ...claim({ kind: 'worseThan', platform: 'native', by: 1.5 }), bench: 'a.bench.ts#disk' }
      const finding = {
        id: 1,
        title: 'slow',
        failOn: 'worse',
        parts: [{ title: 'slow', claims: [slower] }],
        file: 'a',
      } as const
      const { report, record } = await measured(
        { native: {}, runc: { ms: 104 } },
        { disk: {} },
        {
          rounds: 12,
          failFast: true,
          strictFindings,
          plan: { findings: [finding] },
        },
      )
      expect(report.exit.code).toBe(exitCode)
      expect(record.samples.length < 24).toBe(strictFindings)
    },
  )
})

describe('an interruption', () => {
  const benches = { disk: {}, db: { lifecycle: 'run' }, once: { lifecycle: 'sample' } } as const

  it('at any step leaves nothing, and keeps the samples so far', async () => {
    const { host: whole } = await measured(fast, benches)
    const counts: number[] = []
    for (let at = 1; at < whole.events.length; at++) {
      const controller = new AbortController()
      const { host, options } = prepare(fast, benches, { signal: controller.signal })
      host.onEvent = (_, count) => {
        if (count === at) controller.abort(new Error('interrupted'))
      }
      const report = await measureProject(options).catch((error: Error) => error)
      nothingLeft(host)
      expect(host.events.filter((event) => event === 'release the host')).toHaveLength(1)
      if (report instanceof Error) continue
      const record = readRecord(report.record)
      // The removal of the last guests is too late to lose anything.
      if (record.status === 'interrupted') expect(report.exit.code).toBe(130)
      counts.push(record.samples.length)
    }
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(new Set(counts).size).toBeGreaterThan(8)
  })

  it('before the first sample writes no record', async () => {
    const { host, options } = prepare(fast, benches, { signal: AbortSignal.abort(new Error('interrupted')) })
    await expect(measureProject(options)).rejects.toThrow('interrupted')
    nothingLeft(host)
    expect(existsSync(`${options.project.root}/.isobench/runs`)).toBe(false)
    expect(dirname(options.project.configFile)).toBe(options.project.root)
  })

  it('does not wait for a workload that never ends', async () => {
    const controller = new AbortController()
    const run = () => new Promise<never>(() => controller.abort(new Error('interrupted')))
    const { host, report } = await measured(fast, { disk: { run } }, { signal: controller.signal })
    expect(report).toMatchObject({ status: 'interrupted', exit: { code: 130 } })
    nothingLeft(host)
  })
})

describe('a sample that reaches its time limit', () => {
  const errorsOf = async (promise: ReturnType<typeof measured>) => {
    await vi.advanceTimersByTimeAsync(60_000)
    const { host, record } = await promise
    nothingLeft(host)
    return { host, errors: record.samples.map(errorOf) }
  }

  it('ends its command and removes the guest', async () => {
    vi.useFakeTimers()
    const plan = { blocks: [['a.bench.ts#disk', 'a.bench.ts#net']] }
    const benches = { disk: { timeout: 3 }, net: {} }
    const { host, errors } = await errorsOf(measured({ native: { hangAt: 1 } }, benches, { plan }))
    expect(errors.filter(Boolean)).toEqual(['echo in native: no end after 3 s'])
    expect(host.eventsOf('boot')).toHaveLength(3)
  })

  it('aborts the signal of its workload at the limit', async () => {
    vi.useFakeTimers()
    const run: FakeBench['run'] = ({ signal }) =>
      new Promise((_, reject) => {
        const started = performance.now()
        ;(signal as unknown as EventTarget).addEventListener('abort', () =>
          reject(new Error(`aborted after ${performance.now() - started} ms`)),
        )
      })
    const { errors } = await errorsOf(measured({ native: {} }, { disk: { timeout: 3, run } }, { rounds: 1 }))
    expect(errors).toEqual(['aborted after 3000 ms'])
  })

  it('loses its guest while its workload goes on, so that the next sample has a guest without it', async () => {
    vi.useFakeTimers()
    let zombie: Promise<unknown> | undefined
    let first = true
    const run: FakeBench['run'] = async ({ guest }) => {
      if (!first) return { time: (await guest.exec(command('echo'))).milliseconds }
      first = false
      // Ignores the signal, and uses the guest long after its limit.
      const late = new Promise((resolve) => setTimeout(resolve, 20_000)).then(() => guest.exec(command('echo', 'late')))
      zombie = late.catch((error: Error) => error.message)
      await late
      return { time: 1 }
    }
    // Both benches share the guest of a round.
    const plan = { blocks: [['a.bench.ts#disk', 'a.bench.ts#net']] }
    const benches = { disk: { timeout: 3, run }, net: { timeout: 3, run } }
    const { host, errors } = await errorsOf(measured({ native: {} }, benches, { plan, rounds: 1 }))
    expect(errors).toEqual(['the workload did not end within its 3 s', undefined])
    expect(host.events.slice(host.events.indexOf('boot native'))).toEqual([
      'boot native',
      'remove native',
      'boot native',
      'exec native echo',
      'pause native',
      'freeze native',
      'remove native',
      'release the host',
    ])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(await zombie).toBe('the workload did not end within its 3 s')
  })

  it('does not wait for a command that cannot be killed', async () => {
    vi.useFakeTimers()
    const { host, errors } = await errorsOf(measured({ native: { stuckAt: 1 } }, { disk: { timeout: 3 } }))
    expect(errors).toEqual(['the workload did not end within its 3 s', undefined])
    expect(host.eventsOf('boot')).toHaveLength(2)
  })

  it('leaves no command in the guest of the next sample, even if the workload returned in time', async () => {
    vi.useFakeTimers()
    const run: FakeBench['run'] = async ({ guest }) => {
      guest.exec(command('echo')).catch(() => {})
      return { time: 1 }
    }
    // Both benches share the guest of a round.
    const plan = { blocks: [['a.bench.ts#disk', 'a.bench.ts#net']] }
    const benches = { disk: { timeout: 3, run }, net: {} }
    const { host, errors } = await errorsOf(measured({ native: { hangAt: 1 } }, benches, { plan, rounds: 1 }))
    expect(errors).toEqual([undefined, undefined])
    expect(host.eventsOf('boot')).toHaveLength(2)
  })
})

describe('a duet', () => {
  async function duet(behaviors: Readonly<Record<string, FakeBehavior>>, run?: FakeBench['run']) {
    const host = fakeHost(behaviors)
    const options = fakeRun(host, { disk: run ? { run } : {} })
    roots.push(options.project.root)
    const platforms = Object.keys(behaviors).map((name) => aPlatform(name))
    const plan = { ...options.plan, platforms, duet: ['a.bench.ts#disk'] }
    const session = new FakeSession(host, options.signal)
    const pools: GuestPool[] = []
    const createPool = (cpus: readonly number[]) => {
      const pool = new GuestPool(session.withCpus(cpus), '/', 60)
      pools.push(pool)
      return pool
    }
    const samples: Sample[] = []
    const stop = await runLoop({
      schedule: plannedSchedule(plan),
      context: {
        session,
        plan,
        image: { rootfs: '/', digest: 'fake image' },
        platforms: new Map(fakePlatforms(host).map((platform) => [platform.spec.name, platform])),
        workloads: options.workloads!,
        bundles: new GuestBundles(options.project.root),
        client: await session.loadClient('/'),
        exec: host.exec,
      },
      pool: createPool([0]),
      duet: new Duet([[2], [3]], createPool),
      remeasure: new RemeasureBudget(0),
      on: { step: () => {}, sample: (sample) => void samples.push(sample) },
    })
    for (const pool of pools) await pool[Symbol.asyncDispose]()
    nothingLeft(host)
    return { host, samples, stop }
  }

  it('boots both guests before either works, and swaps their CPUs from round to round', async () => {
    const { host, samples, stop } = await duet(fast)
    expect(stop).toEqual({ why: 'all-rounds', rounds: 2 })
    const work = host.eventsOf('boot', 'exec').map((event) => event.split(' ')[0])
    expect(work).toEqual(['boot', 'boot', 'exec', 'exec', 'boot', 'boot', 'exec', 'exec'])
    expect(samples.map(({ round, platform, duetWith, cpus }) => [round, platform, duetWith, cpus])).toEqual([
      [0, 'runc', 'native', [2]],
      [0, 'native', 'runc', [3]],
      [1, 'runc', 'native', [3]],
      [1, 'native', 'runc', [2]],
    ])
  })

  it('goes on with one guest if the other does not boot', async () => {
    const { samples } = await duet({ native: {}, runc: { failBoots: true } })
    expect(samples.map((one) => [one.platform, errorOf(one)])).toEqual([
      ['runc', 'runc did not boot'],
      ['native', undefined],
      ['runc', 'runc did not boot'],
      ['native', undefined],
    ])
  })
})
