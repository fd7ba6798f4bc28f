import { UsageError } from '../../util/errors.ts'
import { plural } from '../../util/text.ts'
import { type BenchCase, type ExcludedBench, measuredOn, type NoiseFloor, type ScheduledPlan } from '../model/plan.ts'
import { type Environment, type RunRecord, recordVersion, type Sample } from '../model/record.ts'
import type { BenchData, FindingData, Problem } from '../model/suite.ts'
import { differencesBetween, fingerprintLines, isOfHost } from './fingerprint.ts'
import { type MergedPlan, MergedShards } from './merged-shards.ts'
import { RecordError } from './record-file.ts'
import { headOf, type RecordHead, type RecordSurvey, samplesOf } from './record-survey.ts'
import { chooseRecords, type LeftOut, type MissingRounds, type MissingShard, missingRounds } from './shard-coverage.ts'

/** Putting run records together: shards of one suite, or more rounds of the same benches. */

/** Records with the same fingerprint together, in the order in which they are given. */
export function groupByHost(records: readonly RecordSurvey[]): RecordSurvey[][] {
  const groups: { readonly hosts: Set<RecordSurvey['host']>; readonly records: RecordSurvey[] }[] = []
  for (const record of records) {
    const group = groups.find(
      ({ hosts }) =>
        hosts.has(record.host) || [...hosts].every((host) => fingerprintLines(host, record.host).length === 0),
    )
    if (group) {
      group.hosts.add(record.host)
      group.records.push(record)
    } else groups.push({ hosts: new Set([record.host]), records: [record] })
  }
  return groups.map((group) => group.records)
}

/**
 * Chooses the records that count on each kind of host: those of another kind do not replace them.
 * @returns the kinds in the order of their first runs
 */
export function chooseByHost(surveys: readonly RecordSurvey[]): {
  readonly kinds: readonly (readonly RecordSurvey[])[]
  readonly left: readonly LeftOut[]
} {
  const inOrder = surveys.toSorted((a, b) => (a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : 0))
  const chosen = groupByHost(inOrder).map(chooseRecords)
  return { kinds: chosen.map(({ counted }) => counted), left: chosen.flatMap(({ left }) => left) }
}

/** What several records have together. The samples are read when they are needed. */
export interface MergedRecord extends Omit<RunRecord, 'samples' | 'plan'> {
  readonly plan: ScheduledPlan
  /** In the order of their first records. */
  readonly shardPlans: readonly MergedPlan[]
  readonly missingShards: readonly MissingShard[]
  readonly missingRounds: readonly MissingRounds[]
  samples(): Iterable<Sample>
}

/**
 * One record of all samples. Each record's rounds are counted on from the one before, so that a pair is always of one
 * record; shards have no case in common, and then nothing but the numbers changes. The claims are those of the latest
 * run.
 *
 * A bench of a shard without a record stays in the plan, without cases, so that its claims are not evaluated.
 * @param unreadable number of records that were left out because they cannot be read
 * @throws {UsageError} without records
 * @throws {RecordError} if hosts or the work of benches differ, with what differs
 */
export function mergeRecords(records: readonly RecordSurvey[], unreadable = 0): MergedRecord {
  const [first, ...others] = records
  if (!first) throw new UsageError('there is no record to merge', 'name the records')
  for (const record of others) refuseOtherHost(first, record)
  const merge = new Merge(unreadable)
  for (const record of records) merge.add(record, headOf(record))
  const statuses = new Set(records.map(({ status }) => status))
  const { plan, ...merged } = merge.result()
  return {
    ...merged,
    plan,
    file: first.file,
    status: (['killed', 'interrupted', 'stopped', 'finished'] as const).find((status) => statuses.has(status))!,
    samples: () => renumberRounds(records, new Set(plan.cases.map(({ id }) => id))),
  }
}

/** @throws {RecordError} if the hosts differ, with what differs */
function refuseOtherHost(first: RecordSurvey, record: RecordSurvey): void {
  const differ = record.host === first.host ? [] : differencesBetween(first.host, record.host)
  if (differ.length === 0) return
  const how = differ.some(isOfHost) ? 'are of different hosts' : 'were measured in different ways'
  throw new RecordError(
    `${first.file} and ${record.file} ${how}: ${firstOf(fingerprintLines(first.host, record.host))}`,
    'isobench merge --group --out FILE writes one record for each kind',
  )
}

/**
 * Chooses the records that count in one merged record. A run that ended early gives way to one of another host, because
 * a requeued task may start there; a finished one is no retry.
 * @throws {RecordError} if a finished record would give way to one of another host
 */
export function chooseOfOneHost(surveys: readonly RecordSurvey[]): ReturnType<typeof chooseRecords> {
  const chosen = chooseRecords(surveys)
  const finished = new Map(surveys.flatMap((one) => (one.status === 'finished' ? [[one.file, one]] : [])))
  for (const { file, instead } of chosen.left) {
    const record = finished.get(file)
    if (record) refuseOtherHost(instead, record)
  }
  return chosen
}

/** Differences that a message names. The kernel and the CPU come first, and long texts of mitigations last. */
const namedDifferences = 4

const firstOf = (lines: readonly string[]): string => {
  const more = lines.length - namedDifferences
  return lines.slice(0, namedDifferences).join('; ') + (more > 0 ? `; and ${plural(more, 'more difference')}` : '')
}

/** A value with the start of the run that states it, ISO 8601. */
export interface Stated<T> {
  readonly one: T
  readonly startedAt: string
}

/** What the first lines of the records so far have together. It grows with the suite, not with the records. */
class Merge {
  #first: RecordHead | undefined
  #firstFile = ''
  #lookKey = ''
  /** By case, the planned rounds of all records. */
  readonly #rounds = new Map<string, number>()
  #startedAt = ''
  readonly #seeds = new Set<string>()
  readonly #revisions = new Set<string | null>()
  readonly #platforms = new Map<string, ScheduledPlan['platforms'][number]>()
  readonly #excludedPlatforms = new Map<string, NonNullable<ScheduledPlan['excludedPlatforms']>[number]>()
  readonly #benches = new Map<string, Stated<BenchData>>()
  readonly #findings = new Map<number, Stated<FindingData>>()
  readonly #cases = new Map<string, BenchCase>()
  readonly #casePlatforms = new Map<string, readonly string[]>()
  /** Equal lists of platforms are the same object, because a suite may have many thousand cases. */
  readonly #platformLists = new Map<string, readonly string[]>()
  readonly #excluded = new Map<string, ExcludedBench>()
  readonly #problems = new Map<string, Problem>()
  readonly #floors = new Map<string, NoiseFloor>()
  readonly #published = new Map<string, NonNullable<ScheduledPlan['published']>[number]>()
  readonly #named = new Set<string>()
  readonly #onlyNamed = new Set<string>()
  readonly #duet = new Set<string>()
  readonly #blocks: (readonly string[])[] = []
  /** What the blocks have. */
  readonly #ordered = new Set<string>()
  /** By bench, its work and the record that has it. */
  readonly #work = new Map<string, { readonly work: string; readonly file: string }>()
  /** By case, the first record with samples of it. */
  readonly #measuredIn = new Map<string, string>()
  readonly #shards = new MergedShards()
  readonly #missingRounds: MissingRounds[] = []
  #lacksCasePlatforms = true
  #damagedLines = 0

  constructor(private unreadableRecords: number) {}

  add(survey: RecordSurvey, head: RecordHead): void {
    const { environment, problems } = head
    const { startedAt, revision } = environment
    this.#checkLooks(survey, head)
    const missing = missingRounds(survey, head)
    const plan = withoutUnstarted(survey, head.plan, missing)
    this.#missingRounds.push(...missing)
    this.unreadableRecords += plan.unreadableRecords ?? 0
    this.#damagedLines += (plan.damagedLines ?? 0) + survey.unreadable.length
    this.#first ??= { ...head, plan: withoutShard(plan) }
    this.#firstFile ||= survey.file
    this.#startedAt = this.#startedAt === '' || startedAt < this.#startedAt ? startedAt : this.#startedAt
    for (const seed of plan.seed.split('+')) this.#seeds.add(seed)
    this.#revisions.add(revision)
    for (const platform of plan.platforms) this.#platforms.set(platform.name, platform)
    for (const platform of plan.excludedPlatforms ?? []) this.#excludedPlatforms.set(platform.name, platform)
    for (const bench of plan.benches) this.#addBench(bench, survey)
    for (const finding of plan.findings) state(this.#findings, finding.id, finding, startedAt)
    for (const one of plan.cases) {
      this.#cases.set(one.id, one)
      this.#rounds.set(one.id, (this.#rounds.get(one.id) ?? 0) + plan.profile.rounds)
      const names = plan.casePlatforms?.[one.id] ?? measuredOn(plan, one)
      this.#casePlatforms.set(one.id, this.#listOf([...(this.#casePlatforms.get(one.id) ?? []), ...names]))
    }
    if (plan.casePlatforms) this.#lacksCasePlatforms = false
    // What another shard says about its own bench counts.
    for (const one of plan.excluded)
      if (one.reason !== 'shard' || !this.#excluded.has(one.bench)) this.#excluded.set(one.bench, one)
    for (const problem of problems) this.#problems.set(JSON.stringify(problem), problem)
    for (const floor of plan.noiseFloors ?? []) this.#floors.set(`${floor.case}\0${floor.metric}`, floor)
    for (const one of plan.published ?? []) this.#published.set(JSON.stringify(one), one)
    for (const name of plan.namedPlatforms ?? []) this.#named.add(name)
    for (const name of plan.onlyNamed ?? []) this.#onlyNamed.add(name)
    for (const id of plan.duet ?? []) this.#duet.add(id)
    const added = (plan.blocks ?? []).map((block) => block.filter((id) => !this.#ordered.has(id)))
    this.#blocks.push(...added.filter((block) => block.length > 0))
    for (const id of added.flat()) this.#ordered.add(id)
    if (plan.shard) this.#shards.add(plan.shard, survey)
  }

  #listOf(names: readonly string[]): readonly string[] {
    const list = [...new Set(names)]
    const key = JSON.stringify(list)
    const shared = this.#platformLists.get(key) ?? list
    this.#platformLists.set(key, shared)
    return shared
  }

  /** The benches of all shards as the first lines of the latest records state them. */
  #statedByOthers(): Map<string, Stated<BenchData>> {
    const stated = new Map<string, Stated<BenchData>>()
    for (const latest of this.#shards.latest())
      for (const bench of headOf(latest).plan.shard?.others ?? []) state(stated, bench.id, bench, latest.startedAt)
    return stated
  }

  /** @throws {RecordError} if the records measured different work under one id. Claims are no work. */
  #addBench(bench: BenchData, { file, startedAt }: RecordSurvey): void {
    const { claims: _, location: __, ...work } = bench
    const text = JSON.stringify(work)
    const before = this.#work.get(bench.id) ?? { work: text, file }
    this.#work.set(bench.id, before)
    if (before.work !== text)
      throw new RecordError(
        `bench ${bench.id} is not the same in ${before.file} and ${file}`,
        'merge records that were made from the same bench files; only claims may differ',
      )
    state(this.#benches, bench.id, bench, startedAt)
  }

  /**
   * When a run with interim looks stops depends on its values. Its rounds cannot be judged with those of another run.
   * Shards have no case in common, and keep their looks.
   */
  #checkLooks({ file, rounds }: RecordSurvey, { plan }: RecordHead): void {
    const lookKey = JSON.stringify(plan.sequential?.looks ?? null)
    if (this.#first && lookKey !== this.#lookKey)
      throw new RecordError(
        `${this.#firstFile} and ${file} have different interim looks`,
        'merge runs that were measured with the same --rounds',
      )
    this.#lookKey = lookKey
    if (!plan.sequential) return
    for (const id of rounds.keys()) {
      const other = this.#measuredIn.get(id) ?? file
      this.#measuredIn.set(id, other)
      if (other !== file)
        throw new RecordError(
          `${other} and ${file} both measured "${id}", with interim looks`,
          'merge rounds of runs with a fixed number of rounds, such as --rounds 20',
        )
    }
  }

  result(): Omit<MergedRecord, 'file' | 'status' | 'samples'> {
    const { plan: firstPlan, environment: firstEnvironment } = this.#first!
    const missingShards = this.#shards.missing()
    const measured = new Set([...this.#cases.values()].map(({ bench }) => bench))
    const lost = missingShards.flatMap(({ index, count, benches }) =>
      benches.filter((id) => !measured.has(id)).map((bench) => ({ bench, detail: `${index}/${count}` })),
    )
    const others = lost.length > 0 ? this.#statedByOthers() : undefined
    for (const { bench, detail } of lost) {
      const known = this.#benches.get(bench) ?? others?.get(bench)
      if (known) this.#benches.set(bench, known)
      this.#excluded.set(bench, { bench, reason: 'shard-missing', detail })
    }
    const shard = this.#shards.only()
    const environment: Environment = {
      ...firstEnvironment,
      startedAt: this.#startedAt,
      revision: this.#revisions.size === 1 ? firstEnvironment.revision : null,
    }
    const { casePlatforms: _, ...common } = firstPlan
    const plan: ScheduledPlan = {
      ...common,
      seed: [...this.#seeds].join('+'),
      profile: { ...firstPlan.profile, rounds: Math.max(firstPlan.profile.rounds, ...this.#rounds.values()) },
      platforms: [...this.#platforms.values()],
      benches: [...this.#benches.values()].map(({ one }) => one),
      cases: [...this.#cases.values()],
      findings: [...this.#findings.values()].map(({ one }) => one),
      excluded: [...this.#excluded.values()].filter(({ bench }) => !measured.has(bench)),
      ...(!this.#lacksCasePlatforms && {
        casePlatforms: Object.fromEntries([...this.#casePlatforms].map(([id, names]) => [id, [...names]])),
      }),
      ...(this.#damagedLines > 0 && { damagedLines: this.#damagedLines }),
      ...(this.unreadableRecords > 0 && { unreadableRecords: this.unreadableRecords }),
      ...(this.#named.size > 0 && { namedPlatforms: [...this.#named] }),
      ...(this.#onlyNamed.size > 0 && { onlyNamed: [...this.#onlyNamed] }),
      ...(this.#excludedPlatforms.size > 0 && { excludedPlatforms: [...this.#excludedPlatforms.values()] }),
      ...(this.#duet.size > 0 && { duet: [...this.#duet] }),
      ...(this.#blocks.length > 0 && { blocks: this.#blocks }),
      ...(this.#floors.size > 0 && { noiseFloors: [...this.#floors.values()] }),
      ...(this.#published.size > 0 && { published: [...this.#published.values()] }),
      ...(shard && { shard }),
    }
    return {
      environment,
      plan,
      problems: [...this.#problems.values()],
      shardPlans: this.#shards.plans(),
      missingShards,
      missingRounds: this.#missingRounds,
    }
  }
}

function withoutShard(plan: ScheduledPlan): ScheduledPlan {
  const { shard: _, ...others } = plan
  return others
}

/** Keeps a value as the latest run states it: margins may have been edited since an earlier one. */
export function state<Id, T>(all: Map<Id, Stated<T>>, id: Id, one: T, startedAt: string): void {
  const before = all.get(id)
  if (!before || before.startedAt < startedAt) all.set(id, { one, startedAt })
}

/**
 * The plan of a shard that ended early, without the cases of benches that it has not started. Such a bench is as
 * missing as one of a shard without a record.
 */
function withoutUnstarted(
  { shard, rounds }: RecordSurvey,
  plan: ScheduledPlan,
  missing: readonly MissingRounds[],
): ScheduledPlan {
  if (!shard) return plan
  const isStarted = (id: string) =>
    plan.cases.some((one) => one.bench === id && [...(rounds.get(one.id)?.values() ?? [])].some((count) => count > 0))
  const unstarted = missing.filter(({ bench }) => !isStarted(bench))
  const isUnstarted = (id: string) => unstarted.some(({ bench }) => bench === id)
  if (unstarted.length === 0) return plan
  return {
    ...plan,
    cases: plan.cases.filter(({ bench }) => !isUnstarted(bench)),
    excluded: [
      ...plan.excluded,
      ...unstarted.map(({ bench, shard: detail }) => ({ bench, reason: 'shard-missing' as const, detail: detail! })),
    ],
  }
}

/** The samples of some cases of all records. The rounds of each case are counted on from the record before. */
function* renumberRounds(records: readonly RecordSurvey[], cases: ReadonlySet<string>): Generator<Sample> {
  const after = new Map<string, number>()
  for (const record of records) {
    for (const sample of samplesOf(record)) {
      if (!cases.has(sample.case)) continue
      const before = after.get(sample.case) ?? 0
      yield sample.warmup || before === 0 ? sample : { ...sample, round: sample.round + before }
    }
    for (const [id, platforms] of record.rounds)
      after.set(id, (after.get(id) ?? 0) + Math.max(0, ...platforms.values()))
  }
}

/** A record as it is written to a file. */
export interface WritableRecord extends Omit<RunRecord, 'file' | 'samples'> {
  readonly samples: Iterable<Sample>
}

/**
 * The lines of a record's file, with their ends.
 * @param at when it was put together, ISO 8601
 */
export function* recordTexts(
  { environment, plan, problems, samples, status }: WritableRecord,
  at: string,
): Generator<string> {
  yield `${JSON.stringify({ type: 'start', recordVersion, environment, plan, problems })}\n`
  for (const sample of samples) yield `${JSON.stringify({ type: 'sample', sample })}\n`
  if (status !== 'killed') yield `${JSON.stringify({ type: 'end', status, at })}\n`
}

/** A small record as its file's text. See `recordTexts`. */
export const recordText = (record: WritableRecord, at: string): string => [...recordTexts(record, at)].join('')
