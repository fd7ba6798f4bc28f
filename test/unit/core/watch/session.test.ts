import { readFileSync, rmSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { missingProgramProblems } from '../../../../src/core/judge/report.ts'
import type { MeasureJob } from '../../../../src/core/measure/run-loop.ts'
import { causeOf, errorOf, type Sample } from '../../../../src/core/model/record.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import { casesFor, type Snapshot } from '../../../../src/core/watch/changes.ts'
import type { ProjectState } from '../../../../src/core/watch/project-state.ts'
import { type Measuring, WatchSession, WorkloadLoader } from '../../../../src/core/watch/session.ts'
import { WatchBaseline } from '../../../../src/core/watch/watch-baseline.ts'
import { command } from '../../../../src/tools/command.ts'
import { handleStrayErrors } from '../../../../src/util/stray-errors.ts'
import { type FakeBehavior, fakeHost } from '../../../support/fake-driver.ts'
import { type FakeBench, fakeBenches, fakePlatforms, fakeProject } from '../../../support/fake-project.ts'
import { quiet } from '../../../support/fake-session.ts'
import { withoutRunnerListeners } from '../../../support/runner-listeners.ts'

withoutRunnerListeners()

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

const noSignal = new AbortController().signal
const all = { what: 'all' } as const

/** A session that watches two rounds of some benches. */
async function watching(
  behaviors: Readonly<Record<string, FakeBehavior>> = { native: {}, runc: { ms: 104 } },
  fakes: Readonly<Record<string, FakeBench>> = { disk: {} },
  remeasure = true,
) {
  const host = fakeHost(behaviors)
  const project = fakeProject()
  roots.push(project.root)
  const { benches, workloads } = fakeBenches(fakes)
  const platforms = fakePlatforms(host)
  const profile = { rounds: 2, warmup: 0, seconds: 1, timeout: 60 }
  let snapshot: Snapshot = {
    guest: project.guest,
    image: project.image,
    profile,
    benches,
    findings: [],
    platforms: new Map(platforms.map(({ spec }) => [spec.name, 'as first'])),
    tags: new Map(),
  }
  const state: ProjectState = {
    project,
    platforms,
    files: ['a.bench.ts'],
    suite: { benches, findings: [], problems: [] },
    compiled: new Map(),
    problems: [],
  }
  const loader = new (class extends WorkloadLoader {
    override get workloads() {
      return workloads
    }
    override async load() {}
  })()
  const lateErrors: string[] = []
  const session = new WatchSession(
    {
      filters: [],
      platform: undefined,
      name: [],
      tag: [],
      profileName: 'quick',
      profileOf: () => profile,
      waitForLock: false,
      remeasure,
      ensureDependencies: async () => {},
      openSession: host.openSession,
      exec: host.exec,
      onLateError: () => void lateErrors.push('late'),
    },
    () => ({ state, snapshot, problems: [] }),
    loader,
  )
  const progress: Measuring[] = []
  let roundsEnded = 0
  const listener = { measuring: (now: Measuring) => void progress.push(now), roundEnded: () => void roundsEnded++ }
  const take = async (job: MeasureJob, signal = noSignal) => {
    await session.prepare(noSignal, () => {})
    await session.take(job, signal, listener)
  }
  /** Measures some cases from the start, as after a change. */
  const measure = async (cases = casesFor(all, snapshot), signal = noSignal) => {
    session.forget(cases)
    await take(session.jobFor(cases)!, signal)
  }
  const change = (platform: string) => {
    const before = snapshot
    snapshot = { ...snapshot, platforms: new Map([...snapshot.platforms, [platform, 'changed']]) }
    return session.follow([], before, snapshot)
  }
  const stored = new WatchBaseline()
  const write = () => stored.write(project.root, session.record()!)
  const samples = (): readonly Sample[] => readRecord(write()).samples
  return {
    host,
    session,
    measure,
    take,
    change,
    samples,
    write,
    lateErrors,
    progress,
    root: project.root,
    rounds: () => roundsEnded,
    snapshot: () => snapshot,
    casesOn: (name: string) => casesFor({ what: 'measure', benches: [], platforms: [name] }, snapshot),
  }
}

const roundsOf = (samples: readonly Sample[], name: string) =>
  samples.filter(({ platform }) => platform === name).map(({ round }) => round)

describe('a job of watch mode', () => {
  it('measures its rounds and reports its progress', async () => {
    const { measure, progress, rounds, samples, session, host } = await watching()
    await measure()
    expect(progress.map(({ round, done, steps, background }) => [round, done, steps, background])).toEqual([
      [0, 0, 4, false],
      [0, 1, 4, false],
      [1, 2, 4, false],
      [1, 3, 4, false],
    ])
    expect(rounds()).toBe(2)
    expect([roundsOf(samples(), 'native'), roundsOf(samples(), 'runc')]).toEqual([
      [0, 1],
      [0, 1],
    ])
    await session.close()
    expect([...host.sandboxes.keys()]).toEqual([])
    expect(host.events.at(-1)).toBe('release the host')
  })

  it('replaces the samples of a changed platform with new rounds, and keeps those of the others', async () => {
    const { measure, samples, casesOn } = await watching({ native: {}, runc: {}, crun: {} })
    await measure()
    await measure(casesOn('runc'))
    expect(roundsOf(samples(), 'crun')).toEqual([0, 1])
    expect(roundsOf(samples(), 'runc')).toEqual([2, 3])
    expect(roundsOf(samples(), 'native')).toEqual([0, 1, 2, 3])
  })

  it('goes on with the rounds that results lack, and without warm-up', async () => {
    const { host, session, measure, take, samples, progress } = await watching()
    const controller = new AbortController()
    host.onEvent = () => {
      if (samples().filter(({ platform }) => platform === 'native').length === 1) controller.abort(new Error('stop'))
    }
    await expect(measure(undefined, controller.signal)).rejects.toThrow('stop')
    const cases = new Map([['a.bench.ts#disk', new Set(['native', 'runc'])]])
    progress.length = 0
    const job = session.jobFor(cases)!
    await take(job)
    expect(roundsOf(samples(), 'runc').length).toBeGreaterThanOrEqual(2)
    expect(session.jobFor(cases)).toBeUndefined()
  })

  it('marks disturbed samples and measures them once more', async () => {
    const run: FakeBench['run'] = async ({ guest }) => {
      await new Promise((resolve) => setTimeout(resolve, 40))
      return { time: (await guest.exec(command('echo'))).milliseconds }
    }
    const busy = { ...quiet, otherProcesses: 1 }
    for (const [remeasure, expected] of [
      [true, [true, false, false]],
      [false, [true, false]],
    ] as const) {
      const { host, measure, samples } = await watching({ native: {} }, { disk: { run } }, remeasure)
      host.loads.push(busy)
      await measure()
      expect(samples().map(({ disturbed }) => disturbed === true)).toEqual(expected)
    }
  })

  it('skips steps that cannot succeed, and keeps the sample that shows it', async () => {
    const run: FakeBench['run'] = async ({ guest }) => ({
      time: (await guest.exec(command('no-such-program'))).milliseconds,
    })
    const { measure, samples, session } = await watching(undefined, { disk: {}, broken: { run } })
    await measure()
    const broken = samples().filter(({ case: id }) => id.endsWith('broken'))
    expect(broken.map(causeOf)).toEqual([{ kind: 'missing-program', program: 'no-such-program' }])
    expect(missingProgramProblems(session.record()!)).toHaveLength(1)
  })

  it('skips steps of which an earlier job has shown that they cannot succeed', async () => {
    const run: FakeBench['run'] = async ({ guest }) => ({
      time: (await guest.exec(command('no-such-program'))).milliseconds,
    })
    const { measure, take, samples, snapshot } = await watching(undefined, { disk: {}, broken: { run } })
    await measure()
    const before = samples().length
    const cases = casesFor(all, snapshot())
    await take({ cases, rounds: 1, warmup: 0, done: new Map(), background: true })
    expect(samples().filter(({ case: id }) => id.endsWith('broken'))).toHaveLength(1)
    expect(samples()).toHaveLength(before + 2)
  })

  it('shows what a workload leaves behind until the bench is measured from the start', async () => {
    let calls = 0
    const run: FakeBench['run'] = async () => {
      if (calls++ === 0) setTimeout(() => Promise.reject(new Error('too late')), 20)
      return { time: 100 }
    }
    const { measure, session, samples, lateErrors } = await watching({ native: {} }, { bad: { run } })
    using _strayErrors = handleStrayErrors(({ message }) => void lateErrors.push(message))
    await measure()
    await vi.waitUntil(() => session.lateProblems.length > 0)
    const message = 'a.bench.ts#bad on native left an error that no code handles: too late'
    expect(session.lateProblems).toMatchObject([{ file: 'a.bench.ts', message }])
    expect(lateErrors).toEqual(['late'])
    await measure()
    expect(session.lateProblems).toEqual([])
    expect(samples().map(errorOf)).toEqual([undefined, undefined])
  })

  it('that is aborted keeps the samples so far and leaves no used guest', async () => {
    const { host, measure, session, samples } = await watching({ native: {} })
    const controller = new AbortController()
    host.onEvent = (event) => {
      if (event === 'freeze native') controller.abort(new Error('something changed'))
    }
    await expect(measure(undefined, controller.signal)).rejects.toThrow('something changed')
    expect(samples()).toHaveLength(1)
    await session.prepare(noSignal, () => {})
    expect([...host.sandboxes.keys()]).toEqual([])
  })
})

describe('warm guests', () => {
  it('are booted ahead for the next round and used by it', async () => {
    const { host, session, measure } = await watching()
    await measure()
    expect(host.eventsOf('boot')).toHaveLength(4)
    while (await session.bootAhead(() => false));
    expect(host.eventsOf('boot')).toHaveLength(6)
    expect([...host.sandboxes.values()].map(({ name, frozen }) => [name, frozen])).toEqual([
      ['native', true],
      ['runc', true],
    ])
    await measure()
    // Two more rounds of two platforms, of which the first had its guests.
    expect(host.eventsOf('boot')).toHaveLength(8)
    await session.close()
    expect([...host.sandboxes.keys()]).toEqual([])
  })

  it('are not booted while there is a job, before the first one, or if they do not boot', async () => {
    const { host, session, measure } = await watching({ native: {}, runc: { failBoots: true } })
    expect(await session.bootAhead(() => false)).toBe(false)
    await measure()
    expect(await session.bootAhead(() => true)).toBe(false)
    const tries = []
    for (let at = 0; at < 3; at++) tries.push(await session.bootAhead(() => false))
    expect(tries).toEqual([true, true, false])
    expect([...host.sandboxes.values()].map(({ name }) => name)).toEqual(['native'])
    await session.close()
  })

  it('of a platform that changed are removed before the next job, and so are those that live for the run', async () => {
    const { host, session, measure, change } = await watching(undefined, { db: { lifecycle: 'run' }, disk: {} })
    await measure()
    while (await session.bootAhead(() => false));
    expect([...host.sandboxes.values()].map(({ name }) => name).sort()).toEqual(['native', 'native', 'runc', 'runc'])
    await change('runc')
    expect(await session.bootAhead(() => false)).toBe(false)
    await session.prepare(noSignal, () => {})
    expect([...host.sandboxes.values()].map(({ name }) => name)).toEqual(['native', 'native'])
    await session.close()
  })
})

describe('background rounds', () => {
  it('measure one more round of what is undecided', async () => {
    const claims = [
      {
        metric: 'time',
        matcher: { kind: 'withinNative', percent: 5 },
        on: { by: 'name', names: ['runc'] },
        where: {},
        severity: 'fail',
      },
    ] as const
    const { session, measure, take, samples, progress } = await watching(undefined, { disk: { claims }, net: {} })
    const background = (more = {}) => session.background(new Map(Object.entries(more)), (cases) => cases)
    expect(background()).toBeUndefined()
    await measure()
    const job = background()!
    expect([...job.cases.keys()]).toEqual(['a.bench.ts#disk'])
    expect([...background({ 'a.bench.ts#net': new Set(['runc']) })!.cases.keys()]).toHaveLength(2)
    expect(session.background(new Map(), () => new Map())).toBeUndefined()
    await take(job)
    expect(roundsOf(samples(), 'runc').filter((round) => round === 2)).toHaveLength(1)
    expect(progress.at(-1)).toMatchObject({ background: true, rounds: 1 })
  })
})

describe('the records of a watch', () => {
  it('are separate files, one for each state of the samples', async () => {
    const { write, measure } = await watching()
    await measure()
    const first = write()
    const text = readFileSync(first, 'utf8')
    expect(write()).toBe(first)
    await measure()
    const second = write()
    expect(second).not.toBe(first)
    expect(readFileSync(first, 'utf8')).toBe(text)
    rmSync(second)
    const third = write()
    expect(third).not.toBe(second)
    expect(readRecord(third).samples.length).toBeGreaterThan(0)
  })
})
