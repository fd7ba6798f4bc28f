import { compareFindingIds } from '../../dsl/finding-id.ts'
import { IsobenchError } from '../../util/errors.ts'
import { exitCodes } from '../judge/exit-code.ts'
import { buildReport, type Strictness, withFindings } from '../judge/report.ts'
import { perClaimAlpha } from '../judge/rules.ts'
import { type Fleet, type FleetVerdict, fleetVersion, type HostKind } from '../model/fleet.ts'
import { lostShards } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import type { BenchData, FindingData, Suite } from '../model/suite.ts'
import { findDissent } from './dissent.ts'
import { fleetRatios, type MeasuredRatio, measuredRatios } from './fleet-ratios.ts'
import { hostAttributes } from './host-attributes.ts'
import { mergeRecords, type Stated, state } from './merge.ts'
import type { RecordSurvey } from './record-survey.ts'

/**
 * The verdicts of several kinds of host side by side. Records of one kind are merged; those of unlike hosts are never
 * pooled: each kind is judged alone. Pure.
 */

/** A statement and the verdict of one kind of host. */
type Statement = Omit<FleetVerdict, 'hosts' | 'counts' | 'dissent'> & {
  readonly key: string
  readonly verdict: NonNullable<FleetVerdict['hosts'][number]>
}

/** One kind of host, judged. It is much smaller than its records. */
export interface JudgedKind {
  readonly kind: Omit<HostKind, 'id'>
  readonly statements: readonly Statement[]
  readonly ratios: readonly MeasuredRatio[]
}

type LeftOut = Fleet['leftOut'][number]

/**
 * The findings and benches as the latest of the records state them. All kinds of host are judged by these.
 * @param starts read one after the other, because the plans of many records are large
 */
export function latestStatements(
  starts: Iterable<Pick<RunRecord, 'environment' | 'plan'>>,
): Pick<Suite, 'benches' | 'findings'> {
  const benches = new Map<string, Stated<BenchData>>()
  const findings = new Map<FindingData['id'], Stated<FindingData>>()
  for (const { environment, plan } of starts) {
    for (const one of plan.benches) state(benches, one.id, one, environment.startedAt)
    for (const one of plan.findings) state(findings, one.id, one, environment.startedAt)
  }
  const values = <T>(all: ReadonlyMap<unknown, Stated<T>>) => [...all.values()].map(({ one }) => one)
  return { benches: values(benches), findings: values(findings) }
}

/** Whether two records are shards of one run. */
const areOfOneRun = ({ shard: one }: RecordSurvey, { shard: other }: RecordSurvey): boolean =>
  one !== undefined && one.plan === other?.plan && one.contents === other.contents && one.run === other.run

/**
 * Merges the records of one kind of host. If they measured unlike work, the latest run stands for all: the latest
 * record, with the other shards of its run if these merge.
 */
function mergeKind(surveys: readonly RecordSurvey[]): { readonly record: RunRecord; readonly leftOut: LeftOut[] } {
  try {
    const merged = mergeRecords(surveys)
    return { record: { ...merged, samples: [...merged.samples()] }, leftOut: [] }
  } catch (error) {
    if (!(error instanceof IsobenchError) || surveys.length === 1) throw error
    const latest = surveys.reduce((one, other) => (one.startedAt < other.startedAt ? other : one))
    const ofRun = surveys.filter((one) => one === latest || areOfOneRun(one, latest))
    const kept = ofRun.length < surveys.length ? ofRun : [latest]
    const why = `it does not merge with a later run of its host: ${error.message}`
    const others = surveys.filter((one) => !kept.includes(one)).map(({ file }) => ({ file, why }))
    // Without an id of the run, the shards of several runs look like those of one.
    const { record, leftOut } = mergeKind(kept)
    return { record, leftOut: [...others, ...leftOut] }
  }
}

/**
 * Judges the records of one kind of host.
 * @param surveys of records of hosts with equal fingerprints, at least one
 */
export function judgeKind(
  surveys: readonly RecordSurvey[],
  statements: Pick<Suite, 'benches' | 'findings'>,
  strictness: Strictness,
): JudgedKind & { readonly leftOut: readonly LeftOut[] } {
  const { record, leftOut } = mergeKind(surveys)
  const restated = withFindings(record, { ...statements, problems: record.problems })
  const report = buildReport(restated, strictness)
  return {
    kind: {
      hostnames: [...new Set(surveys.flatMap(({ hostname }) => hostname ?? []))],
      records: surveys.map(({ file }) => file).filter((file) => !leftOut.some((one) => one.file === file)),
      environment: record.environment,
      attributes: hostAttributes(record),
      exitCode: report.exit.code,
      overloadedClaims: report.claims.filter(({ reason }) => reason?.code === 'host-overloaded').length,
      missingShards: lostShards(record.plan.excluded),
    },
    statements: [...findingsOf(report), ...expectationsOf(report)],
    ratios: measuredRatios(record),
    leftOut,
  }
}

const findingsOf = ({ findings }: Report): Statement[] =>
  findings.map(({ id, title, outcome, direction, failsRun }) => ({
    key: `finding ${id}`,
    finding: id,
    title,
    bench: null,
    claim: null,
    unit: null,
    params: {},
    platforms: [],
    verdict: { outcome, direction, failsRun },
  }))

const expectationsOf = ({ claims }: Report): Statement[] =>
  claims
    .filter(({ finding }) => finding === null)
    .map(({ bench, claim, unit, params, platforms, outcome, direction, failsRun }) => {
      const { location: _, ...rest } = claim
      return {
        key: JSON.stringify([rest, params, platforms]),
        finding: null,
        title: bench.name,
        bench,
        claim: rest,
        unit,
        params,
        platforms,
        verdict: { outcome, direction, failsRun },
      }
    })

/** Codes by how serious they are. A record of an interrupted run has only a part of its data. */
const bySeriousness = [
  exitCodes.failed,
  exitCodes.interrupted,
  exitCodes.invalid,
  exitCodes.nothing,
  exitCodes.inconclusive,
  exitCodes.clean,
]

/**
 * Puts kinds of host side by side.
 * @param strict whether a record that was left out makes the exit code `inconclusive`
 */
export function compareKinds(kinds: readonly JudgedKind[], leftOut: readonly LeftOut[], strict: boolean): Fleet {
  const hosts = kinds.map(({ kind }, at) => ({ id: `H${at + 1}`, ...kind }))
  const found = bySeriousness.find((code) => hosts.some(({ exitCode }) => exitCode === code)) ?? exitCodes.nothing
  const isIncomplete = strict && leftOut.length > 0 && found === exitCodes.clean
  const code = isIncomplete ? exitCodes.inconclusive : found
  return {
    schemaVersion: fleetVersion,
    hosts,
    leftOut: [...leftOut],
    verdicts: verdictsOf(kinds, hosts),
    ratios: fleetRatios(kinds.map(({ ratios }, at) => ({ id: hosts[at]!.id, ratios }))),
    falseAlarms: { perHost: perClaimAlpha.atMargin, expected: perClaimAlpha.atMargin * hosts.length },
    exit: {
      code,
      hosts: code === exitCodes.clean ? [] : hosts.filter(({ exitCode }) => exitCode === code).map(({ id }) => id),
    },
  }
}

function verdictsOf(kinds: readonly JudgedKind[], hosts: readonly HostKind[]): FleetVerdict[] {
  const byKey = kinds.map(({ statements }) => new Map(statements.map((one) => [one.key, one])))
  const all = new Map(byKey.flatMap((statements) => [...statements]))
  const verdicts = [...all].map(([key, { key: _, verdict: __, ...statement }]): FleetVerdict => {
    const own = byKey.map((statements) => statements.get(key)?.verdict ?? null)
    const counts = { holds: 0, 'holds-in-part': 0, contradicted: 0, inconclusive: 0, 'not-evaluated': 0 }
    for (const verdict of own) if (verdict) counts[verdict.outcome]++
    return {
      ...statement,
      hosts: own,
      counts,
      dissent: findDissent(hosts.map(({ id, attributes }, at) => ({ id, attributes, outcome: own[at]?.outcome }))),
    }
  })
  return verdicts.sort((a, b) => {
    if (a.finding === null || b.finding === null) return Number(a.finding === null) - Number(b.finding === null)
    return compareFindingIds(a.finding, b.finding)
  })
}
