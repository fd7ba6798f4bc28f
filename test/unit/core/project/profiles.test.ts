import { describe, expect, it } from 'vitest'
import { casesOf } from '../../../../src/core/model/plan.ts'
import type { Project } from '../../../../src/core/project/config.ts'
import { resolveProfile, selectBenches } from '../../../../src/core/project/plan.ts'
import { bench } from '../../../../src/dsl/bench.ts'
import { lower } from '../../../../src/dsl/metric.ts'
import { collectRegistrations } from '../../../../src/dsl/registry.ts'
import { workload } from '../../../../src/dsl/workload.ts'
import { runTimed } from '../../../../src/host/timed-process.ts'
import { aBench } from '../judge/builders.ts'

const sized = workload('sized', {
  metrics: { time: lower('ms') },
  params: { size: [1, 2, 3], rw: ['read', 'write'] },
  run: async () => ({ time: 1 }),
})

describe('parameters of a bench for one profile', () => {
  it('stand beside those that it has in the others', async () => {
    const { benches } = await collectRegistrations(async () => {
      bench('sized', sized, { params: { size: [1], rw: ['read'] }, profiles: { paper: { size: [2, 3] } } })
    })
    expect(benches[0]!.params).toEqual({ size: [1], rw: ['read'] })
    expect(benches[0]!.profiles).toEqual({ paper: { size: [2, 3], rw: ['read'] } })
  })

  it('are refused where the workload does not know them', async () => {
    const { problems } = await collectRegistrations(async () => {
      bench('sized', sized, { profiles: { paper: { size: [4 as 3] } } })
    })
    expect(problems.map(({ message }) => message)).toEqual(['bench "sized": parameter "size" has no value 4.'])
  })

  it('are what a plan of that profile measures', () => {
    const suite = {
      benches: [aBench({ params: { size: [1] }, profiles: { paper: { size: [2, 3] } } })],
      findings: [],
      problems: [],
    }
    const sizes = (profile: string) =>
      selectBenches(suite, { profile })
        .benches.flatMap(casesOf)
        .map(({ params }) => params.size)
    expect(sizes('paper')).toEqual([2, 3])
    expect(sizes('quick')).toEqual([1])
  })
})

describe('platforms with emulated CPUs', () => {
  const profile = { rounds: 5, warmup: 1, seconds: 1, timeout: 60 }
  const profiles = { quick: { ...profile, skipEmulated: true }, full: profile }
  const skips = (options: Parameters<typeof resolveProfile>[1]) =>
    resolveProfile({ profiles } as unknown as Project, options).skipEmulated

  it('are skipped as the profile says', () => {
    expect(skips({ profile: 'quick' })).toBe(true)
    expect(skips({ profile: 'full' })).toBeUndefined()
  })

  it('are skipped if only findings are measured, because their results decide no finding', () => {
    expect(skips({ profile: 'full', findings: [] })).toBe(true)
    expect(skips({ profile: 'full', findings: ['6'] })).toBe(true)
  })

  it('are measured if the user names them', () => {
    expect(skips({ profile: 'quick', platform: ['qemu'] })).toBe(false)
    expect(skips({ profile: 'full', findings: ['6'], platform: ['native', 'qemu'] })).toBe(false)
  })
})

describe('the first byte of a command', () => {
  it('is timed, and is null where nothing is written', async () => {
    const options = { timeoutMs: 60_000, label: 'sh' }
    const result = await runTimed(['/bin/sh', '-c', 'echo early'], options)
    expect(result.firstByteMs).toBeGreaterThan(0)
    expect((await runTimed(['/bin/true'], options)).firstByteMs).toBeNull()
  })
})
