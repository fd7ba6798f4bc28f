/** Which names an attack profile has that the baseline's did not have. Pure. */

import type { ProcessRole } from '../../dsl/process-roles.ts'
import type { TraceSource } from '../../dsl/traced.ts'
import { groupBy } from '../../util/group-by.ts'
import { countedSamples, type Samples } from '../judge/samples.ts'
import type { BenchInfo } from '../model/claim.ts'
import type { Params } from '../model/plan.ts'
import { type AttackProfile, attackProfileOf, type RunRecord } from '../model/record.ts'
import { benchById, infoOf } from '../model/suite.ts'
import { platformRoles, tracedCalls } from '../model/traced-calls.ts'
import { benjaminiHochberg, beyond, fisherGreater } from '../stats/index.ts'

/** A name that the work calls, and that no round of the baseline had. */
export interface AddedName {
  readonly name: string
  /** Rounds of the current run in which the work calls it. */
  readonly rounds: number
  /**
   * Ratio from 0 to 1, adjusted over all names that it could decide (Benjamini-Hochberg): that the baseline has it as
   * often.
   */
  readonly adjustedP: number
  /** `new`: it fails the run. `unclear`: too few rounds call it, or there are too few rounds. */
  readonly change: 'new' | 'unclear'
}

/** The attack profile of one role of a result in both runs. */
export interface ProfileChange {
  readonly bench: BenchInfo
  readonly case: string
  readonly params: Params
  readonly platform: string
  readonly role: ProcessRole
  readonly source: TraceSource
  /** Rounds of the baseline and of the current run. */
  readonly rounds: readonly [number, number]
  /** Whether the two runs did different work, which may be the cause. */
  readonly differentWork: boolean
  readonly added: readonly AddedName[]
}

/** The rate at which names that are as frequent in the baseline may be called new, as for rows. */
const falseDiscoveryRate = 0.05

/** One of the two runs. */
interface Run {
  readonly plan: RunRecord['plan']
  readonly samples: Samples
}

/** The traced samples of one case on one platform. */
interface Traced {
  /** All, with those of warm-up rounds and those that were measured again. */
  readonly all: readonly AttackProfile[]
  /** The samples that count, by their round. */
  readonly byRound: ReadonlyMap<number, readonly AttackProfile[]>
  readonly digests: ReadonlySet<string | undefined>
}

/** The traced samples of a run, by case and platform. */
function tracedResults({ samples }: Run): Map<string, Traced> {
  const traced = samples.all.filter((sample) => attackProfileOf(sample) !== undefined)
  const results = groupBy(traced, ({ case: id, platform }) => resultKey(id, platform))
  return new Map(
    [...results].map(([key, own]) => {
      const byRound = groupBy(countedSamples(own), ({ round }) => round)
      const profiles = [...byRound].map(([round, those]) => [round, those.map((one) => attackProfileOf(one)!)] as const)
      const digests = new Set(own.map(({ workDigest }) => workDigest))
      return [key, { all: own.map((one) => attackProfileOf(one)!), byRound: new Map(profiles), digests }]
    }),
  )
}

const resultKey = (caseId: string, platform: string): string => `${caseId}\0${platform}`

/** Whether a role had a name in a sample: in its work, in a control, or at set-up. */
const hasName = ({ setup, work, idle, barrier }: AttackProfile, role: ProcessRole, name: string): boolean =>
  [setup, work, idle.calls, barrier.calls].some((calls) => Object.hasOwn(calls[role] ?? {}, name))

/** A name of the current run's work, before it is adjusted for the others. */
interface Candidate {
  readonly name: string
  readonly rounds: number
  readonly isAbsentBefore: boolean
  readonly p: number
  readonly smallestPossible: number
}

/** The names that the work calls, by role, with their test against the baseline. */
function candidatesOf(before: Traced, now: Traced): Map<ProcessRole, Candidate[]> {
  const profiles = [...now.byRound.values()].flat()
  const callsOf = tracedCalls(profiles)
  const roles = platformRoles.filter((role) => profiles.some(({ work }) => work[role]))
  return new Map(
    roles.map((role) => {
      const { work } = callsOf([role])
      const workOf = new Map(profiles.map((profile, at) => [profile, work[at]!]))
      const names = [...new Set(work.flatMap((calls) => Object.keys(calls)))].sort()
      const candidates = names.map((name): Candidate => {
        const calling = [...now.byRound.values()].filter((own) =>
          own.every((profile) => Object.hasOwn(workOf.get(profile)!, name)),
        ).length
        const known = [...before.byRound.values()].filter((own) => own.some((one) => hasName(one, role, name))).length
        const test = fisherGreater({ hits: calling, of: now.byRound.size }, { hits: known, of: before.byRound.size })
        return {
          name,
          rounds: calling,
          isAbsentBefore: !before.all.some((profile) => hasName(profile, role, name)),
          ...test,
        }
      })
      return [role, candidates]
    }),
  )
}

/**
 * Compares the attack profiles of all results that both runs have. A name is new if no round of the baseline had it for
 * that role, if more than half of the rounds of the current run call it, and if Fisher's exact test of these numbers of
 * rounds is significant among all names that it could decide. So one stray round is not enough.
 * @param a the baseline
 */
export function profileChanges(a: Run, b: Run): ProfileChange[] {
  const [before, now] = [tracedResults(a), tracedResults(b)]
  const compared = b.plan.cases.flatMap((point) =>
    b.plan.platforms.flatMap(({ name: platform }) => {
      const [old, own] = [before.get(resultKey(point.id, platform)), now.get(resultKey(point.id, platform))]
      const bench = benchById(b.plan.benches, point.bench)!
      const source = bench.workload.traced
      if (!old || !own || source === undefined || old.byRound.size === 0 || own.byRound.size === 0) return []
      if ([...old.all, ...own.all].some((profile) => profile.source !== source)) return []
      return [...candidatesOf(old, own)].map(([role, candidates]) => ({
        bench: infoOf(bench, b.plan.benches),
        case: point.id,
        params: point.params,
        platform,
        role,
        source,
        rounds: [old.byRound.size, own.byRound.size] as const,
        differentWork: new Set([...old.digests, ...own.digests]).size > 1,
        candidates,
      }))
    }),
  )
  // A test that no number of rounds could make significant is none of the family (P. B. Gilbert, "A modified false
  // discovery rate multiple-comparisons procedure for discrete data", Applied Statistics 54, 2005).
  const family = compared
    .flatMap(({ candidates }) => candidates)
    .filter(({ smallestPossible }) => !beyond(smallestPossible, falseDiscoveryRate))
  const adjusted = benjaminiHochberg(family.map(({ p }) => p))
  const adjustedOf = new Map(family.map((one, at) => [one, adjusted[at]!]))
  return compared.map(({ candidates, ...rest }) => ({
    ...rest,
    added: candidates
      .filter(({ isAbsentBefore, rounds }) => isAbsentBefore && rounds > 0)
      .map((one) => {
        const adjustedP = adjustedOf.get(one) ?? 1
        const isNew = one.rounds * 2 > rest.rounds[1] && !beyond(adjustedP, falseDiscoveryRate)
        return { name: one.name, rounds: one.rounds, adjustedP, change: isNew ? 'new' : 'unclear' }
      }),
  }))
}
