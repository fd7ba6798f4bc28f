import { describe, expect, it } from 'vitest'
import type { AttackProfile, Sample } from '../../../../src/core/model/record.ts'
import { platformRoles, tracedCalls, withTracedValues } from '../../../../src/core/model/traced-calls.ts'
import { aSample } from '../judge/builders.ts'
import { aProfile } from '../records/profiles.ts'

const profile = (more: Partial<AttackProfile>) => aProfile({ work: {}, units: 2, ...more })
const idle = (calls: AttackProfile['idle']['calls']) => ({ seconds: 0.25, recordings: 4, calls })
const barrier = (calls: AttackProfile['barrier']['calls']) => ({ passes: 1, recordings: 10, calls })
const rounds = (count: number, more: Partial<AttackProfile>) => Array.from({ length: count }, () => profile(more))

describe('a name', () => {
  it('is the work’s from one call on if its role makes no call in the controls', () => {
    const loud = { idle: idle({ shim: { read: [9, 9, 9, 9] } }), barrier: barrier({ client: { write: [2] } }) }
    const { work, states } = tracedCalls(rounds(1, { ...loud, work: { guest: { read: 1, write: 3 } } }))(platformRoles)
    expect(work).toEqual([{ read: 1, write: 3 }])
    expect(states).toEqual({ read: 'work', write: 'work' })
  })

  it('is background if the controls make it as often, and the calls beyond are the work’s', () => {
    const sentry = {
      idle: idle({ sentry: { futex: [24, 26, 25, 25], nanosleep: [1, 0, 0, 1] } }),
      barrier: barrier({ sentry: { futex: new Array(10).fill(4), read: new Array(10).fill(1) } }),
    }
    const work = { sentry: { futex: 206, nanosleep: 2, read: 2, mmap: 1 } }
    const all = tracedCalls(rounds(4, { ...sentry, work }))(platformRoles)
    expect(all.work).toEqual(new Array(4).fill({ futex: 102, read: 1, mmap: 1 }))
    expect(all.states).toEqual({ futex: 'work', nanosleep: 'background', read: 'work', mmap: 'work' })
  })

  it('is not lost in a loud background: fewer calls than the background are enough', () => {
    const counts = [24, 31, 22, 20, 27, 25, 29, 23]
    const loud = (at: number) => ({
      idle: idle({ sentry: { futex: counts.map((_, index) => counts[(index + at) % 8]!).slice(0, 4) } }),
      work: { sentry: { futex: 100 + [20, 25, 15, 22][at % 4]! } },
    })
    const profiles = Array.from({ length: 8 }, (_, at) => profile(loud(at)))
    expect(tracedCalls(profiles)(platformRoles).states).toEqual({ futex: 'work' })
    const quiet = profiles.map((one) => ({ ...one, work: { sentry: { futex: 101 } } }))
    expect(tracedCalls(quiet)(platformRoles).states).toEqual({ futex: 'background' })
  })

  it('that no control has is the work’s only if more than half of the rounds have it', () => {
    const loud = { idle: idle({ sentry: { futex: [9, 9, 9, 9] } }) }
    const profiles = [1, 1, 0, 0].map((mmap) => profile({ ...loud, work: { sentry: mmap ? { mmap } : {} } }))
    expect(tracedCalls(profiles)(platformRoles).states).toEqual({ mmap: 'background', futex: 'background' })
    expect(tracedCalls(profiles.slice(0, 3))(platformRoles).states).toMatchObject({ mmap: 'work' })
  })

  it('is of the start if nothing else calls it', () => {
    const { states, setup } = tracedCalls(
      rounds(1, { setup: { client: { mount: 2, read: 1 }, guest: { read: 4 } }, work: { guest: { read: 1 } } }),
    )(platformRoles)
    expect(states).toEqual({ read: 'work', mount: 'setup' })
    expect(setup).toEqual([{ read: 5, mount: 2 }])
  })
})

describe('the metrics of a traced sample', () => {
  const sample = (round: number, attackProfile: AttackProfile, platform = 'gvisor'): Sample =>
    aSample(platform, round, { outcome: { ok: true, values: {}, attackProfile }, warmup: round < 0 })

  it('are computed from the raw counts and the controls of all rounds of the case', () => {
    const work = { sentry: { futex: 30, mmap: 4 }, client: { read: 2 }, scaffold: { wait4: 9 } }
    const controls = { idle: idle({ sentry: { futex: [5, 5, 5, 5] } }), setup: { client: { mount: 3 } } }
    const samples = [0, 1, 2].map((round) => sample(round, profile({ ...controls, work })))
    const [first] = withTracedValues(samples)
    expect(first!.outcome).toMatchObject({
      values: {
        syscalls: 3,
        syscallCalls: 16,
        syscallCallsPerUnit: 8,
        reachableSyscalls: 2,
        reachableSyscallCalls: 14,
        reachableSyscallCallsPerUnit: 7,
        setupSyscalls: 1,
        setupSyscallCalls: 3,
      },
    })
  })

  it('do not depend on other cases, other platforms, warm-up rounds or the order of the samples', () => {
    const loud = profile({ idle: idle({ sentry: { mmap: [9, 9, 9, 9] } }), work: { sentry: { mmap: 36 } } })
    const own = [0, 1].map((round) => sample(round, profile({ work: { sentry: { mmap: 36 } } })))
    const others = [sample(-1, loud), sample(0, loud, 'runc'), { ...sample(0, loud), case: 'another' }]
    const values = (samples: readonly Sample[]) =>
      withTracedValues(samples)
        .filter((one) => one.case === own[0]!.case && one.platform === 'gvisor' && !one.warmup)
        .map(({ outcome }) => outcome.ok && outcome.values)
    expect(values([...others, ...own])).toEqual(values(own))
    expect(values([own[1]!, ...others, own[0]!])).toEqual(values(own))
    expect(values(own)[0]).toMatchObject({ syscalls: 1 })
  })

  it('are not added to other samples', () => {
    const samples = [aSample('runc', 0)]
    expect(withTracedValues(samples)).toBe(samples)
  })
})
