import { exitCodes } from '../../core/judge/exit-code.ts'
import type { Report } from '../../core/model/report.ts'
import type { ClaimVerdict } from '../../core/model/verdict.ts'
import type { Comparison } from '../../core/records/compare.ts'
import { withLocation } from '../../dsl/errors.ts'
import type { Failures } from '../failures.ts'
import { type AddedNames, addedNames } from '../new-names.ts'
import { isAsked } from '../summary.ts'
import { type Unmeasured, unmeasuredPlatforms } from '../unmeasured.ts'
import { type Disturbance, disturbanceOf } from './disturbance.ts'
import { type Before, type Fact, factsOf } from './facts.ts'
import { type FindingNote, findingNotes, saysSomething } from './findings.ts'
import { type NextStep, nextSteps } from './next-steps.ts'

/**
 * What every report for people begins with, as data: the verdict, what fails and since when, warnings, findings that
 * say something, and what to do next. `words.ts` has its sentences. `matrixOf` gives the matrix of platforms and
 * benches, as large as there is room for.
 */
export interface Headline {
  readonly state: 'passed' | 'incomplete' | 'failed' | 'undecided' | 'nothing' | 'invalid' | 'interrupted' | 'killed'
  /** Rounds with samples, and those of the profile. */
  readonly rounds: { readonly measured: number; readonly planned: number }
  /** Whether samples are lost: those of a shard, or in damaged lines. */
  readonly isIncomplete: boolean
  readonly counts: ClaimCounts
  /** The baseline that it was compared with. */
  readonly baseline: { readonly name: string; readonly comparison: Comparison } | null
  /**
   * The latest earlier run of the same host that measured something of this one; null if there is none, undefined if
   * that is unknown.
   */
  readonly former: Pick<Report, 'record' | 'environment'> | null | undefined
  /** What fails the run, the worst first. Each physical fact is there once. */
  readonly failures: readonly Fact[]
  /** Names in attack profiles that the baseline did not have. They fail the run. */
  readonly newNames: readonly AddedNames[]
  /** Bench files and benches that isobench could not use. */
  readonly problems: Report['problems']
  /** The error that stopped the run, if it is none of the problems. */
  readonly error: string | undefined
  /** Expectations of benches that are contradicted and only warn. */
  readonly warnings: readonly Fact[]
  /** Expectations of benches that are exceeded, and do not fail the run. */
  readonly better: readonly Fact[]
  /** Platforms that the run was asked for or that claims compare with, and that were not measured. */
  readonly unmeasured: readonly Unmeasured[]
  readonly failedSamples: readonly FailedSamples[]
  /**
   * Claims that would fail the run: the data contradict them, but the rounds depend on each other or other processes
   * had the CPUs. Each subject is there once.
   */
  readonly suspended: readonly ClaimVerdict[]
  /** What `--strict` or `--require complete` found open. */
  readonly open: { readonly claims: number; readonly findings: number }
  readonly disturbance: Disturbance | null
  /** Findings that moved or are in doubt, without those that fail the run: `failures` has them. */
  readonly findings: readonly FindingNote[]
  readonly next: readonly NextStep[]
}

/** How many claims of the measured benches there are of each outcome. */
export interface ClaimCounts {
  readonly holds: number
  readonly worse: number
  readonly better: number
  readonly inconclusive: number
  /** Asked for, but without data: a platform cannot run here, or samples failed. */
  readonly notEvaluated: number
  /** Claims about benches that this run was not asked to measure. They are in no other count. */
  readonly notAsked: number
}

/** Samples of one bench that failed for the same reason. */
export interface FailedSamples extends Failures {
  readonly platforms: readonly string[]
}

const states: Readonly<Record<number, Headline['state']>> = {
  [exitCodes.clean]: 'passed',
  [exitCodes.failed]: 'failed',
  [exitCodes.inconclusive]: 'undecided',
  [exitCodes.nothing]: 'nothing',
  [exitCodes.invalid]: 'invalid',
  [exitCodes.interrupted]: 'interrupted',
}

function stateOf({ exit, status }: Report): Headline['state'] {
  const state = states[exit.code] ?? 'failed'
  return state === 'interrupted' && status === 'killed' ? 'killed' : state
}

function measuredRounds({ cases }: Report): number {
  const rounds = cases.flatMap(({ results }) =>
    results.flatMap(({ samples }) => samples.flatMap(({ round, warmup }) => (warmup ? [] : [round]))),
  )
  return new Set(rounds).size
}

export function claimCounts({ claims }: Pick<Report, 'claims'>): ClaimCounts {
  const asked = claims.filter(isAsked)
  const number = (is: (one: ClaimVerdict) => boolean) => asked.filter(is).length
  return {
    holds: number(({ outcome }) => outcome === 'holds'),
    worse: number(({ outcome, direction }) => outcome === 'contradicted' && direction !== 'better'),
    better: number(({ outcome, direction }) => outcome === 'contradicted' && direction === 'better'),
    inconclusive: number(({ outcome }) => outcome === 'inconclusive'),
    notEvaluated: number(({ outcome }) => outcome === 'not-evaluated'),
    notAsked: claims.length - asked.length,
  }
}

const lacksSamples = ({ excluded, shard, status, damagedLines, unreadableRecords }: Report): boolean =>
  excluded.some(({ reason }) => reason === 'shard-missing') ||
  (shard !== undefined && status === 'killed') ||
  damagedLines !== undefined ||
  unreadableRecords !== undefined

export function headlineOf(report: Report, before: Before): Headline {
  const facts = factsOf(report, before)
  const own = facts.filter(({ fails, isOwn }) => !fails && isOwn)
  const { baseline, former } = before
  const suspended = suspendedClaims(report)
  const state = stateOf(report)
  const disturbance = disturbanceOf(report)
  const isIncomplete = lacksSamples(report)
  return {
    state: state !== 'passed' ? state : suspended.length > 0 ? 'undecided' : isIncomplete ? 'incomplete' : state,
    isIncomplete,
    rounds: { measured: measuredRounds(report), planned: report.profile.rounds },
    counts: claimCounts(report),
    baseline: baseline ? { name: baseline.name, comparison: baseline.comparison } : null,
    former,
    failures: facts.filter(({ fails }) => fails),
    newNames: baseline ? addedNames(baseline.comparison, 'new') : [],
    problems: report.problems,
    error: report.error,
    warnings: own.filter(({ direction }) => direction !== 'better'),
    better: own.filter(({ direction }) => direction === 'better'),
    unmeasured: unmeasuredPlatforms(report),
    failedSamples: failedSamples(report),
    suspended,
    open: { claims: report.exit.claims.length, findings: report.exit.findings.length },
    disturbance,
    findings: findingNotes(report).filter((note) => saysSomething(note) && !note.fails),
    next: nextSteps(report, baseline !== undefined, disturbance),
  }
}

function suspendedClaims({ claims, findings }: Report): ClaimVerdict[] {
  const failOn = new Map(findings.map((finding) => [finding.id, finding.failOn]))
  const wouldFail = ({ claim, cpuMode, reason, finding }: ClaimVerdict) => {
    if (claim.severity !== 'fail' || cpuMode !== null || !reason || !('wouldBe' in reason)) return false
    const on = finding === null ? 'any' : failOn.get(finding)
    return (reason.wouldBe === 'worse' && on !== 'never') || (reason.wouldBe === 'better' && on === 'any')
  }
  const bySubject = new Map(
    claims
      .filter(wouldFail)
      .map((one) => [JSON.stringify([one.bench.id, one.params, one.platforms, one.claim.metric]), one] as const),
  )
  return [...bySubject.values()]
}

function failedSamples({ cases: benches }: Report): FailedSamples[] {
  const groups = new Map<string, FailedSamples>()
  for (const { bench, location, results } of benches)
    for (const { platform, errors } of results) {
      if (errors[0] === undefined) continue
      const key = JSON.stringify([bench.id, errors[0]])
      const known = groups.get(key) ?? { bench, ...withLocation(location), platforms: [], errors: [] }
      const platforms = [...new Set([...known.platforms, platform])]
      groups.set(key, { ...known, platforms, errors: [...known.errors, ...errors] })
    }
  return [...groups.values()].sort((a, b) => b.errors.length - a.errors.length)
}
