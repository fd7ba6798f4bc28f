import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { Samples } from '../../../../src/core/judge/samples.ts'
import type { AttackProfile, RunRecord, Sample } from '../../../../src/core/model/record.ts'
import { whyNotSaved } from '../../../../src/core/records/baseline.ts'
import { compareRecords, comparisonExit, newNames, withBaseline } from '../../../../src/core/records/compare.ts'
import { profileChanges } from '../../../../src/core/records/profile-changes.ts'
import { benchId } from '../judge/builders.ts'
import { aProfile, gvisorRounds, tracedRecord, tracedSample } from './profiles.ts'

const changes = (a: RunRecord, b: RunRecord) => {
  const run = ({ plan, samples }: RunRecord) => ({ plan, samples: new Samples(samples) })
  return profileChanges(run(a), run(b))
}
const added = (a: RunRecord, b: RunRecord) =>
  changes(a, b).flatMap((one) => one.added.map((name) => ({ role: one.role, platform: one.platform, ...name })))
const rounds = (count: number) => Array.from({ length: count }, (_, round) => round)
const five = (over: Partial<AttackProfile>): RunRecord =>
  tracedRecord(rounds(5).map((round) => tracedSample('gvisor', round, aProfile(over))))

describe('a name that no round of the baseline had', () => {
  it('is new if all rounds call it', () => {
    const [change] = changes(gvisorRounds(5), gvisorRounds(5, rounds(5)))
    expect(change).toMatchObject({
      case: benchId,
      platform: 'gvisor',
      role: 'guest',
      source: 'syscalls',
      rounds: [5, 5],
      differentWork: false,
    })
    const [name, ...others] = change!.added
    expect(others).toEqual([])
    expect(name).toMatchObject({ name: 'ptrace', rounds: 5, change: 'new' })
    // One of all ways to choose 5 of 10 rounds.
    expect(name!.adjustedP).toBeCloseTo(1 / 252, 12)
  })

  // The one-sided p-values of Fisher's test: C(m, k) / C(n + m, k).
  it.each([
    [10, 10, 1, 'unclear'],
    [10, 10, 5, 'unclear'],
    [10, 10, 6, 'new'],
    [5, 5, 3, 'unclear'],
    [5, 5, 4, 'new'],
    [3, 3, 3, 'new'],
    [2, 2, 2, 'unclear'],
    [1, 5, 5, 'unclear'],
    [20, 1, 1, 'new'],
  ] as const)('after %i rounds, of %i rounds that %i call it: %s', (before, now, calling, change) => {
    const found = added(gvisorRounds(before), gvisorRounds(now, rounds(calling)))
    expect(found).toMatchObject([{ name: 'ptrace', rounds: calling, change }])
  })

  it('is new for a role, also if another role had it', () => {
    const before = five({ work: { guest: { read: 9 }, shim: { ptrace: 1 } } })
    expect(added(before, five({ work: { guest: { read: 9, ptrace: 1 }, shim: { ptrace: 1 } } }))).toMatchObject([
      { role: 'guest', name: 'ptrace', change: 'new' },
    ])
  })

  it('is counted in rounds: one that was measured twice calls it if both samples do', () => {
    const twice = (name: string) =>
      rounds(5).flatMap((round) =>
        ['read', name].map((call) =>
          tracedSample('gvisor', round, aProfile({ work: { guest: { [call]: 1, write: 1 } } }), { disturbed: true }),
        ),
      )
    expect(added(five({}), tracedRecord(twice('ptrace'))).map(({ name, rounds: of }) => [name, of])).toEqual([
      ['write', 5],
    ])
  })

  it('needs more rounds among other names that could be new', () => {
    const now = gvisorRounds(3, rounds(3))
    // Two rounds of the baseline and one of the run yield: a test of three rounds of six.
    const yielding = (record: RunRecord, calling: number) => ({
      ...record,
      samples: record.samples.map((one, round): Sample => {
        const profile = one.outcome.ok ? one.outcome.attackProfile! : aProfile()
        const guest = { ...profile.work.guest, ...(round < calling && { sched_yield: 1 }) }
        return { ...one, outcome: { ok: true, values: {}, attackProfile: { ...profile, work: { guest } } } }
      }),
    })
    const [name] = added(yielding(gvisorRounds(3), 2), yielding(now, 1))
    expect(name).toMatchObject({ name: 'ptrace', change: 'unclear' })
    expect(name!.adjustedP).toBeCloseTo(0.1, 12)
  })
})

describe('a name is not new', () => {
  const now = gvisorRounds(5, rounds(5))
  const withRound = (over: Partial<Sample>, profile: Partial<AttackProfile> = { work: { guest: { ptrace: 1 } } }) =>
    tracedRecord([...gvisorRounds(5).samples, tracedSample('gvisor', 0, aProfile(profile), over)])

  it.each([
    ['at set-up', five({ setup: { guest: { ptrace: 1 } } })],
    ['of the idle guest', five({ idle: { seconds: 0.25, recordings: 4, calls: { guest: { ptrace: [0, 1, 0, 0] } } } })],
    ['of the barrier', five({ barrier: { passes: 1, recordings: 1, calls: { guest: { ptrace: [1] } } } })],
    ['of a warm-up round', withRound({ warmup: true, round: -1 })],
    ['of a sample that was measured again', withRound({ disturbed: true })],
    ['of one round', gvisorRounds(5, [2])],
  ])('if it is %s in the baseline', (_, before) => {
    expect(added(before, now)).toEqual([])
  })

  it('if it is background: an idle guest calls it as often', () => {
    const loud = { idle: { seconds: 0.25, recordings: 4, calls: { guest: { ptrace: [9, 9, 9, 9] } } } }
    expect(added(five({}), five({ ...loud, work: { guest: { read: 9, ptrace: 36 } } }))).toEqual([])
  })

  it("if it is of isobench's own programs", () => {
    expect(added(five({}), five({ work: { guest: { read: 9 }, scaffold: { ptrace: 1 } } }))).toEqual([])
  })

  it('if the baseline has no such result, or was traced by another source', () => {
    expect(changes(tracedRecord([]), now)).toEqual([])
    expect(changes(five({ source: 'functions' }), now)).toEqual([])
  })
})

it('says that the work differs, because that may be the cause', () => {
  const other = tracedRecord(gvisorRounds(5, rounds(5)).samples.map((one) => ({ ...one, workDigest: 'other' })))
  expect(changes(gvisorRounds(5), other)).toMatchObject([{ differentWork: true, added: [{ change: 'new' }] }])
})

describe('a comparison with a new name', () => {
  const options = { marginPercent: 5 }
  const now = gvisorRounds(5, rounds(5))
  const comparison = compareRecords(gvisorRounds(5), now, options)
  const name = { case: benchId, platform: 'gvisor', role: 'guest', name: 'ptrace', rounds: 5, of: 5 }

  it('fails, and the run is no new baseline', () => {
    expect(newNames(comparison)).toEqual([name])
    expect(comparisonExit(comparison, false)).toBe(1)
    const report = withBaseline(buildReport(now, { strict: false }), comparison, false)
    expect(report.exit).toMatchObject({ code: 1, newNames: [name] })
    expect(whyNotSaved(report, comparison)).toBe('regressed')
  })

  it('does not fail for a stray round', () => {
    const stray = compareRecords(gvisorRounds(10), gvisorRounds(10, [3]), options)
    expect(stray.profiles[0]!.added).toMatchObject([{ name: 'ptrace', rounds: 1, change: 'unclear' }])
    expect(comparisonExit(stray, true)).not.toBe(1)
    expect(newNames(stray)).toEqual([])
  })
})
