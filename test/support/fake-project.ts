import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MeasureProjectOptions } from '../../src/core/measure/measure-project.ts'
import { casesOf, type ScheduledPlan } from '../../src/core/model/plan.ts'
import type { BenchData } from '../../src/core/model/suite.ts'
import type { Project } from '../../src/core/project/config.ts'
import type { ResolvedPlatform } from '../../src/core/project/platforms.ts'
import { multiplexReporters, type Reporter } from '../../src/core/reporter.ts'
import type { Claim } from '../../src/dsl/claim.ts'
import { lower } from '../../src/dsl/metric.ts'
import type { Lifecycle, RunContext, Workload } from '../../src/dsl/workload.ts'
import { workload } from '../../src/dsl/workload.ts'
import { command } from '../../src/tools/command.ts'
import { aBench } from '../unit/core/judge/builders.ts'
import type { FakeHost } from './fake-driver.ts'

type Run = (context: RunContext<Record<never, never>>) => Promise<{ time: number }>

/** What a fake bench does. */
export interface FakeBench {
  readonly lifecycle?: Lifecycle
  readonly claims?: readonly Omit<Claim, 'bench'>[]
  /** Seconds. */
  readonly timeout?: number
  readonly run?: Run
}

const echo: Run = async ({ guest }) => ({ time: (await guest.exec(command('echo'))).milliseconds })

/** Workloads by the bench's id, and the benches as data. Each bench runs `echo` and yields its time in ms. */
export function fakeBenches(benches: Readonly<Record<string, FakeBench>>): {
  readonly benches: BenchData[]
  readonly workloads: Map<string, Workload>
} {
  const workloads = new Map<string, Workload>()
  const data = Object.entries(benches).map(([name, { lifecycle = 'round', claims = [], timeout, run = echo }]) => {
    const id = `a.bench.ts#${name}`
    const metrics = { time: lower('ms') }
    workloads.set(id, workload(name, { metrics, lifecycle, run }) as unknown as Workload)
    return aBench({
      id,
      name,
      metrics,
      workload: { name, kind: 'commands', lifecycle },
      claims: claims.map((claim) => ({ ...claim, bench: id })),
      ...(timeout !== undefined && { timeout }),
    })
  })
  return { benches: data, workloads }
}

/** A project in a new folder. */
export function fakeProject(): Project {
  const root = mkdtempSync(join(tmpdir(), 'isobench-unit-'))
  return {
    root,
    cwd: root,
    configFile: join(root, 'isobench.config.ts'),
    configDigest: 'config',
    configInputs: [],
    warnings: [],
    include: ['*.bench.ts'],
    platforms: [],
    skipTags: [],
    skipPlatformTags: [],
    guest: { cpus: 1, memoryBytes: 1024 ** 3 },
    image: {},
    releaseDigests: {},
    duet: false,
    profiles: {},
  }
}

export const fakePlatforms = ({ drivers }: FakeHost): ResolvedPlatform[] =>
  Object.entries(drivers).map(([name, driver]) => ({
    spec: { kind: name, name, tags: [], options: {} },
    driver,
    options: {},
  }))

/** The options of `measureProject` for some benches on a fake host. */
export function fakeRun(
  host: FakeHost,
  benches: Readonly<Record<string, FakeBench>>,
  {
    rounds = 2,
    warmup = 0,
    reporter = {},
    plan,
    ...options
  }: {
    readonly rounds?: number
    readonly warmup?: number
    readonly reporter?: Reporter
    readonly plan?: Partial<ScheduledPlan>
  } & Partial<Omit<MeasureProjectOptions, 'plan' | 'reporter'>> = {},
): MeasureProjectOptions {
  const { benches: data, workloads } = fakeBenches(benches)
  return {
    project: fakeProject(),
    plan: {
      seed: 'seed',
      profileName: 'quick',
      profile: { rounds, warmup, seconds: 1, timeout: 60 },
      benches: data,
      cases: data.flatMap(casesOf),
      findings: [],
      excluded: [],
      ...plan,
    },
    platforms: fakePlatforms(host),
    collected: { suite: { benches: data, findings: [], problems: [] }, compiled: new Map(), warnings: [] },
    workloads,
    reporter: multiplexReporters([{ name: 'test', reporter }], (_, error) => {
      throw error
    }),
    signal: new AbortController().signal,
    waitForLock: false,
    remeasure: true,
    strict: false,
    openSession: host.openSession,
    exec: host.exec,
    ...options,
  }
}
