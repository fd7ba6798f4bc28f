/** Records of attack profiles, for comparisons. */

import type { AttackProfile, RunRecord, Sample } from '../../../../src/core/model/record.ts'
import { aBench, aPlan, aPlatform, aRecord, aSample } from '../judge/builders.ts'

export const aProfile = (over: Partial<AttackProfile> = {}): AttackProfile => ({
  source: 'syscalls',
  setup: {},
  work: { guest: { read: 100 } },
  seconds: 1,
  units: 1,
  idle: { seconds: 0.25, recordings: 4, calls: {} },
  barrier: { passes: 1, recordings: 10, calls: {} },
  workloadMetrics: {},
  ...over,
})

export const tracedSample = (platform: string, round: number, profile: AttackProfile, over: Partial<Sample> = {}) =>
  aSample(platform, round, { outcome: { ok: true, values: {}, attackProfile: profile }, ...over })

export const tracedRecord = (samples: readonly Sample[], source: AttackProfile['source'] = 'syscalls'): RunRecord => {
  const bench = aBench({ name: 'disk', metrics: { syscalls: { unit: 'count', better: 'lower' } } })
  return aRecord({
    plan: aPlan({
      benches: [{ ...bench, workload: { ...bench.workload, traced: source } }],
      platforms: ['native', 'runc', 'gvisor'].map((name) => aPlatform(name)),
    }),
    samples,
  })
}

/** Profiles of gVisor in rounds: some have additional calls of the guest. */
export const gvisorRounds = (count: number, calling: readonly number[] = [], name = 'ptrace'): RunRecord =>
  tracedRecord(
    Array.from({ length: count }, (_, round) => {
      const added = calling.includes(round) ? { [name]: 2 } : {}
      return tracedSample('gvisor', round, aProfile({ work: { guest: { read: 100, ...added } } }))
    }),
  )
