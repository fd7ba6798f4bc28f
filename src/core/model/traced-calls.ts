/** What the calls of a traced sample are of, by the controls of all rounds of its case. Pure. */

import { type ProcessRole, processRoles, rolePart } from '../../dsl/process-roles.ts'
import { type TraceSource, tracedValues } from '../../dsl/traced.ts'
import { backgroundPValue, type Control, expectedCount, largestCount } from '../stats/index.ts'
import { type AttackProfile, attackProfileOf, type RunRecord, type Sample } from './record.ts'

/** Calls by name. */
export type Calls = Readonly<Record<string, number>>

/**
 * `work`: the work uses the name. `background`: only an idle guest or its barrier does, by the controls.
 * `setup`: only the start of the platform does.
 */
export type CallState = 'work' | 'background' | 'setup'

/**
 * The share of names of the background that count as used by the work although it did not use them, at most. Names of
 * the background are few, so a profile has far less than one of them.
 */
export const falseNameRate = 0.01

/** One role's calls of one name over the rounds of a case. */
interface NameRounds {
  /** Calls of the work in each round. */
  readonly work: readonly number[]
  /** The calls of each round that the background explains on average. */
  readonly expected: readonly number[]
  readonly isUsed: boolean
}

const own = <T>(values: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  values && Object.hasOwn(values, name) ? values[name] : undefined

/** Returns the controls of a name as counts of equally long recordings, for the work of some of the rounds. */
function controlsOf(profiles: readonly AttackProfile[], role: ProcessRole, name: string) {
  const series = (kind: 'idle' | 'barrier') =>
    profiles.flatMap((profile) => {
      const { calls, recordings } = profile[kind]
      return own(calls[role], name) ?? new Array<number>(recordings).fill(0)
    })
  const [idleCounts, barrierCounts] = [series('idle'), series('barrier')]
  return (rounds: readonly AttackProfile[]): Control[] => [
    {
      counts: idleCounts,
      recordings: rounds.reduce((sum, { seconds, idle }) => sum + (idle.seconds > 0 ? seconds / idle.seconds : 0), 0),
    },
    { counts: barrierCounts, recordings: rounds.reduce((sum, { barrier }) => sum + barrier.passes, 0) },
  ]
}

/** Whether a role made any call in a control. A role that made none has no background. */
const isSilent = (profiles: readonly AttackProfile[], role: ProcessRole): boolean =>
  profiles.every(({ idle, barrier }) =>
    [idle, barrier].every(({ calls }) => Object.keys(calls[role] ?? {}).length === 0),
  )

function roundsOf(profiles: readonly AttackProfile[], role: ProcessRole, name: string, silent: boolean): NameRounds {
  const work = profiles.map((profile) => own(profile.work[role], name) ?? 0)
  if (silent) return { work, expected: work.map(() => 0), isUsed: true }
  const controls = controlsOf(profiles, role, name)
  const ofRound = profiles.map((profile) => controls([profile]))
  const beyond = work.filter((count, round) => count > largestCount(ofRound[round]!)).length
  return {
    work,
    expected: ofRound.map(expectedCount),
    isUsed: beyond * 2 > profiles.length || backgroundPValue(work, controls(profiles)) <= falseNameRate,
  }
}

/** What one role called in the work of a case, by name. */
type RoleCalls = ReadonlyMap<string, NameRounds>

function roleCalls(profiles: readonly AttackProfile[], role: ProcessRole): RoleCalls {
  const silent = isSilent(profiles, role)
  const names = new Set(profiles.flatMap((profile) => Object.keys(profile.work[role] ?? {})))
  return new Map([...names].map((name) => [name, roundsOf(profiles, role, name, silent)]))
}

/** What a case's samples on one platform called, of some roles. */
export interface TracedCalls {
  /** For each round: the names that the work uses, with the calls beyond the background. */
  readonly work: readonly Calls[]
  /** For each round: the calls beyond the background, those of names that may be background included. */
  readonly workCalls: readonly number[]
  readonly setup: readonly Calls[]
  /** The state of each name that any round called. */
  readonly states: Readonly<Record<string, CallState>>
}

/**
 * Decides for each name of a case on a platform whether the work uses it. Each role is decided alone:
 *
 * - If the role makes no call in any control, all of its calls are the work's.
 * - A name is the work's if more than half of the rounds call it more often than any control would.
 * - Or if all rounds together call it more often, or more of the rounds call it, than a background does by chance, at
 *   `falseNameRate`.
 *
 * @param profiles of all rounds
 * @returns a function of the roles. It decides each role once.
 */
export function tracedCalls(profiles: readonly AttackProfile[]): (roles: readonly ProcessRole[]) => TracedCalls {
  const known = new Map<ProcessRole, RoleCalls>()
  return (roles) => {
    for (const role of roles) if (!known.has(role)) known.set(role, roleCalls(profiles, role))
    return combined(profiles, new Map(roles.map((role) => [role, known.get(role)!])))
  }
}

function combined(profiles: readonly AttackProfile[], byRole: ReadonlyMap<ProcessRole, RoleCalls>): TracedCalls {
  const roles = [...byRole.keys()]
  const work = profiles.map((): Map<string, number> => new Map())
  const workCalls = profiles.map(() => 0)
  const states = new Map<string, CallState>()
  for (const [role, names] of byRole) {
    for (const [name, rounds] of names) {
      for (const [round, count] of rounds.work.entries()) {
        const beyond = count - rounds.expected[round]!
        workCalls[round] = workCalls[round]! + beyond
        if (rounds.isUsed && count > 0) work[round]!.set(name, (work[round]!.get(name) ?? 0) + Math.max(0, beyond))
      }
      if (rounds.isUsed) states.set(name, 'work')
      else if (!states.has(name)) states.set(name, 'background')
    }
    for (const { idle, barrier } of profiles)
      for (const { calls } of [idle, barrier])
        for (const name of Object.keys(calls[role] ?? {})) if (!states.has(name)) states.set(name, 'background')
  }
  const setup = profiles.map((profile) => {
    const calls = new Map<string, number>()
    for (const role of roles)
      for (const [name, count] of Object.entries(profile.setup[role] ?? {}))
        calls.set(name, (calls.get(name) ?? 0) + count)
    for (const name of calls.keys()) if (!states.has(name)) states.set(name, 'setup')
    return Object.fromEntries(calls)
  })
  return {
    work: work.map((calls) => Object.fromEntries([...calls].map(([name, count]) => [name, Math.round(count)]))),
    workCalls: workCalls.map((count) => Math.max(0, Math.round(count))),
    setup,
    states: Object.fromEntries(states),
  }
}

/** The roles of a platform's processes, without isobench's own. */
export const platformRoles = processRoles.filter((role) => rolePart(role) !== 'scaffold')

const reachableRoles = processRoles.filter((role) => rolePart(role) === 'guest-reachable')

/**
 * Returns the samples with the metrics of attack profiles. A record has only raw counts, because the controls of all
 * rounds of a case belong together. Warm-up rounds have no metrics.
 */
export function withTracedValues(samples: readonly Sample[]): readonly Sample[] {
  const groups = new Map<string, { at: number; profile: AttackProfile }[]>()
  for (const [at, sample] of samples.entries()) {
    const profile = attackProfileOf(sample)
    if (!profile || sample.warmup) continue
    const key = JSON.stringify([sample.case, sample.platform, sample.workDigest])
    groups.set(key, [...(groups.get(key) ?? []), { at, profile }])
  }
  if (groups.size === 0) return samples
  const result = [...samples]
  for (const group of groups.values()) {
    const profiles = group.map(({ profile }) => profile)
    const callsOf = tracedCalls(profiles)
    const [whole, reachable] = [callsOf(platformRoles), callsOf(reachableRoles)]
    for (const [round, { at, profile }] of group.entries()) {
      const distinct = (calls: TracedCalls, kind: 'work' | 'setup') => Object.keys(calls[kind][round]!).length
      const total = (calls: Calls) => Object.values(calls).reduce((sum, count) => sum + count, 0)
      const values = tracedValues(profile.source, {
        work: { distinct: distinct(whole, 'work'), calls: whole.workCalls[round]! },
        reachable: { distinct: distinct(reachable, 'work'), calls: reachable.workCalls[round]! },
        setup: { distinct: distinct(whole, 'setup'), calls: total(whole.setup[round]!) },
        units: profile.units,
      })
      const sample = samples[at]!
      if (sample.outcome.ok) result[at] = { ...sample, outcome: { ...sample.outcome, values } }
    }
  }
  return result
}

/**
 * Returns the system calls that the work used in every round, by role. Empty if functions were traced.
 * @param profiles of all rounds of a case
 */
export function usedByRole(profiles: readonly AttackProfile[]): Partial<Record<ProcessRole, string[]>> {
  if (profiles.length === 0 || profiles.some(({ source }) => source !== 'syscalls')) return {}
  const callsOf = tracedCalls(profiles)
  return Object.fromEntries(
    processRoles.flatMap((role) => {
      if (profiles.every(({ work }) => work[role] === undefined)) return []
      const [first = {}, ...others] = callsOf([role]).work
      const names = Object.keys(first).filter((name) => others.every((calls) => Object.hasOwn(calls, name)))
      return [[role, names.sort()]]
    }),
  )
}

/**
 * What a trace source does not show.
 *
 * - `io_uring`: operations of a submission ring. With `functions`, only those of its worker threads.
 * - `softirq`: packets and timers that the kernel handles in an interrupt.
 * - `seccomp`: calls of the guest that a filter refuses before the tracepoint.
 * - `intercepted`: calls of the guest that a sentry or user-mode Linux takes by seccomp or ptrace.
 * - `kvm-exits`: exits of a vCPU that the kernel handles without returning to the VMM.
 */
export const unseenKinds = ['io_uring', 'softirq', 'seccomp', 'intercepted', 'kvm-exits'] as const
export type Unseen = (typeof unseenKinds)[number]

/** The roles of the processes that made calls. */
export const tracedRoles = (profiles: readonly AttackProfile[]): ProcessRole[] =>
  processRoles.filter((role) => profiles.some(({ setup, work }) => setup[role] ?? work[role]))

/** Returns what a trace source does not show of a platform with these roles. */
export function unseenBy(
  source: TraceSource,
  { kind, family, cpuMode }: Pick<RunRecord['plan']['platforms'][number], 'kind' | 'family' | 'cpuMode'>,
  roles: readonly ProcessRole[],
): Unseen[] {
  if (source === 'functions') return ['io_uring', 'softirq']
  const isPtraced = kind === 'user-mode-linux'
  return [
    ...(['io_uring', 'softirq'] as const),
    ...(family === 'container' ? (['seccomp'] as const) : []),
    ...(roles.includes('sentry') || isPtraced ? (['intercepted'] as const) : []),
    ...(roles.includes('vmm') && !isPtraced && cpuMode !== 'emulated' ? (['kvm-exits'] as const) : []),
  ]
}
