/** What a record has of traced workloads. */

import { type AttackProfile, attackProfileOf, type RunRecord } from '../../../src/core/model/record.ts'
import { type Calls, platformRoles, tracedCalls } from '../../../src/core/model/traced-calls.ts'

/** The profiles of a platform, of each round. @param calls only of cases with this text in their id */
export const profilesOf = ({ samples }: RunRecord, platform: string, calls = ''): AttackProfile[] =>
  samples
    .filter((one) => one.platform === platform && !one.warmup && one.case.includes(calls))
    .flatMap((one) => attackProfileOf(one) ?? [])

/** The names that the work of a platform used in each round. */
export const reached = (record: RunRecord, platform: string, calls?: string): string[][] =>
  tracedCalls(profilesOf(record, platform, calls))(platformRoles).work.map((names) => Object.keys(names))

/** The calls of the guest's own processes in each round. */
export const ofGuest = (record: RunRecord, platform: string, calls: string): Calls[] =>
  tracedCalls(profilesOf(record, platform, calls))(['guest']).work.map((names) => ({ ...names }))
