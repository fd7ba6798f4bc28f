import { createHash } from 'node:crypto'
import { type ExcludedBench, isOfPlanFile, type Plan, type ScheduledPlan, type ShardOfPlan } from '../model/plan.ts'
import type { Environment, RecordLine, RunRecord, Sample } from '../model/record.ts'
import type { Problem } from '../model/suite.ts'
import { hostFingerprint } from './fingerprint.ts'
import { linesOfRecord, withoutBenches } from './record-file.ts'
import { linesOfFile, type UnreadableLine } from './record-lines.ts'
import { SampleIdCollector, type SampleIds } from './sample-ids.ts'

/** What a merge keeps of a record in memory. It reads the samples again when it writes them. */

/** A record that can be read several times. */
export interface RecordSource {
  readonly file: string
  /** @throws {RecordError} if it is no record, or contradicts itself */
  lines(onUnreadable?: (line: UnreadableLine) => void): Iterable<RecordLine>
  /** The first `count` samples. `lines` has checked them before, and found these unreadable lines. */
  samples(count: number, unreadable: ReadonlySet<number>): Iterable<Sample>
}

export const fileSource = (file: string): RecordSource => ({
  file,
  lines: (onUnreadable) => linesOfRecord(file, onUnreadable),
  samples: (count, unreadable) => uncheckedSamples(file, count, unreadable),
})

/** A run that still writes its record adds lines after those that were checked. */
function* uncheckedSamples(file: string, count: number, unreadable: ReadonlySet<number>): Generator<Sample> {
  let number = 0
  let left = count
  for (const { text } of linesOfFile(file)) {
    if (left === 0) return
    number++
    if (number === 1 || text === '' || unreadable.has(number)) continue
    const line = JSON.parse(text) as RecordLine
    if (line.type !== 'sample') continue
    left--
    yield line.sample
  }
}

/** The first line of a record, with what its last line changes. */
export interface RecordHead {
  readonly environment: Environment
  readonly plan: ScheduledPlan
  readonly problems: readonly Problem[]
}

interface SurveyedShard extends Omit<ShardOfPlan, 'others' | 'benches'> {
  /** A hash of what all shards of its plan share. */
  readonly contents: string
}

export interface RecordSurvey {
  readonly source: RecordSource
  readonly file: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly hostname: string | undefined
  readonly seed: string
  readonly status: RunRecord['status']
  /** What identifies the host and the measured programs; see `hostFingerprint`. Equal ones are the same object. */
  readonly host: Readonly<Record<string, string>>
  readonly shard: SurveyedShard | undefined
  readonly samples: number
  /** By case and platform: the number of rounds with samples, or -1 if there are only warm-up rounds. */
  readonly rounds: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly notMeasured: readonly ExcludedBench[]
  /** The problems that the first line does not have, because they arose later. */
  readonly lateProblems: readonly Problem[]
  readonly sampleIds: SampleIds
  /** Lines that are left out because they are damaged. */
  readonly unreadable: readonly UnreadableLine[]
}

/** What equal records share, so that the memory of many grows with their differences. */
export class SharedParts {
  readonly #hosts = new Map<string, RecordSurvey['host']>()
  readonly #rounds = new Map<string, RecordSurvey['rounds']>()
  readonly #ofCase = new Map<string, ReadonlyMap<string, number>>()

  host(fingerprint: RecordSurvey['host']): RecordSurvey['host'] {
    return shared(this.#hosts, JSON.stringify(fingerprint), fingerprint)
  }

  rounds(rounds: ReadonlyMap<string, ReadonlyMap<string, number>>): RecordSurvey['rounds'] {
    const entries = [...rounds].map(([id, ofCase]) => ({ id, ofCase: [...ofCase].sort() }))
    const digest = createHash('sha256').update(JSON.stringify(entries)).digest('base64')
    const parts = new Map(
      entries.map(({ id, ofCase }) => [id, shared(this.#ofCase, JSON.stringify(ofCase), new Map(ofCase))]),
    )
    return shared(this.#rounds, digest, parts)
  }
}

function shared<T>(all: Map<string, T>, key: string, one: T): T {
  const known = all.get(key) ?? one
  all.set(key, known)
  return known
}

/**
 * Reads all lines of a record and keeps what is needed to merge it.
 * @param parts those of the records so far
 * @throws {RecordError} if it is no record, or contradicts itself
 */
export function surveyRecord(source: RecordSource, parts: SharedParts): RecordSurvey {
  const unreadable: UnreadableLine[] = []
  const rounds = new Map<string, Map<string, number>>()
  let start: Extract<RecordLine, { type: 'start' }> | undefined
  let end: Extract<RecordLine, { type: 'end' }> | undefined
  let samples = 0
  const ids = new SampleIdCollector()
  const lateProblems: Problem[] = []
  for (const line of source.lines((one) => void unreadable.push(one))) {
    if (line.type === 'start') start = line
    else if (line.type === 'end') end = line
    else if (line.type === 'problem') lateProblems.push(line.problem as Problem)
    else if (line.type === 'sample') {
      samples++
      ids.add(line.sample)
      const { case: id, platform, round, warmup } = line.sample
      const ofCase = rounds.get(id) ?? new Map<string, number>()
      ofCase.set(platform, Math.max(ofCase.get(platform) ?? -1, warmup ? -1 : round + 1))
      rounds.set(id, ofCase)
    }
  }
  const { environment, plan: planned } = start!
  const plan = planned as unknown as Plan
  const fingerprint = hostFingerprint({ environment, plan }, { includeConfig: true })
  const { shard } = plan
  const notMeasured = (end?.notMeasured ?? []) as ExcludedBench[]
  const cases = new Set(
    plan.cases.filter(({ bench }) => notMeasured.some((one) => one.bench === bench)).map(({ id }) => id),
  )
  for (const id of cases) rounds.delete(id)
  return {
    source,
    file: source.file,
    startedAt: environment.startedAt,
    hostname: environment.hostname,
    seed: plan.seed,
    status: end?.status ?? 'killed',
    host: parts.host(fingerprint),
    shard: shard && surveyShard(shard, plan),
    samples,
    rounds: parts.rounds(rounds),
    notMeasured,
    lateProblems,
    sampleIds: ids.result(),
    unreadable,
  }
}

/**
 * The shards of one plan share its parts, and with a plan file also the seed, the profile and the named platforms.
 * Without a file, each host has another seed, and may add rounds.
 */
function surveyShard(shard: ShardOfPlan, { seed, profileName, profile, namedPlatforms = [] }: Plan): SurveyedShard {
  const { plan, run, count, indices, benches } = shard
  const ofFile = isOfPlanFile(shard) ? [seed, profileName, profile, namedPlatforms] : []
  const text = JSON.stringify([count, benches, ...ofFile])
  return { plan, run, count, indices, contents: createHash('sha256').update(text).digest('base64') }
}

/** Reads the first line of a record again. */
export function headOf({ source, notMeasured, lateProblems }: RecordSurvey): RecordHead {
  const [start] = source.lines()
  const { environment, plan, problems } = start as Extract<RecordLine, { type: 'start' }>
  return {
    environment,
    plan: withoutBenches(plan as unknown as Plan, notMeasured),
    problems: [...(problems as Problem[]), ...lateProblems],
  }
}

/** Reads the samples of a record again, without warm-up samples of benches that the run has not measured. */
export function* samplesOf({ source, samples, rounds, unreadable }: RecordSurvey): Generator<Sample> {
  const damaged = new Set(unreadable.map(({ number }) => number))
  for (const sample of source.samples(samples, damaged)) if (rounds.has(sample.case)) yield sample
}
