import { UsageError } from '../../util/errors.ts'
import type { Shard } from './shard.ts'

/** Index and count of a shard, from the variables that schedulers set for the jobs of one array. */

type Variables = Readonly<Record<string, string | undefined>>

/** A shard that was read from the environment. */
export interface DetectedShard extends Pick<Shard, 'index' | 'count' | 'run'> {
  /** What was read, for people: `Slurm: SLURM_ARRAY_TASK_ID=3, ...`. */
  readonly sources: readonly string[]
}

/** The count for schedulers that do not pass it to the job. */
const countVariable = 'ISOBENCH_SHARD_COUNT'

/** A scheduler that numbers the jobs of an array. */
interface Scheduler {
  readonly name: string
  /** A job has this variable if it is one of an array. */
  readonly index: string
  readonly count: string
  /** The lowest index. */
  readonly first: 0 | 1
  /** The id of the run; retries of a job keep it. */
  readonly run?: string
}

const schedulers: readonly Scheduler[] = [
  { name: 'Kubernetes', index: 'JOB_COMPLETION_INDEX', count: countVariable, first: 0 },
  { name: 'GitLab', index: 'CI_NODE_INDEX', count: 'CI_NODE_TOTAL', first: 1, run: 'CI_PIPELINE_ID' },
  {
    name: 'Buildkite',
    index: 'BUILDKITE_PARALLEL_JOB',
    count: 'BUILDKITE_PARALLEL_JOB_COUNT',
    first: 0,
    run: 'BUILDKITE_BUILD_ID',
  },
  // A workflow that is run again from its failed jobs has another id, and the same workspace.
  {
    name: 'CircleCI',
    index: 'CIRCLE_NODE_INDEX',
    count: 'CIRCLE_NODE_TOTAL',
    first: 0,
    run: 'CIRCLE_WORKFLOW_WORKSPACE_ID',
  },
]

/** An index and a count as one scheduler states them. */
interface Reading {
  readonly name: string
  readonly index: number
  /** The index as the scheduler writes it, which may count from 0. */
  readonly written: number
  /** The lowest index that the scheduler writes. */
  readonly first: number
  readonly count: number | undefined
  /** The variable that has, or should have, the count. */
  readonly countFrom: string
  readonly run: string | null
  readonly source: string
}

/**
 * Reads index and count of the shard from the environment of a job of Slurm, Kubernetes, GitLab, Buildkite or CircleCI.
 * @param expected the count that the command line or the plan file states
 * @throws {UsageError} if no scheduler is found, the count is missing, the index is out of range, or values disagree
 */
export function detectShard(variables: Variables, expected?: { count: number; from: string }): DetectedShard {
  const set = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''))
  const readings = [readSlurm(set, expected), ...schedulers.map((one) => readScheduler(one, set))].flatMap(
    (reading) => reading ?? [],
  )
  const [first, ...others] = readings
  if (!first)
    throw new UsageError(
      '--shard auto finds no array job: SLURM_ARRAY_TASK_ID, ' +
        `${schedulers.map(({ index }) => index).join(', ')} are not set`,
      'pass --shard n/m, or run it as one job of an array',
    )
  const found = { ...first, count: countOf(first, set, expected) }
  if (!Number.isInteger(found.index) || found.index < 1 || found.index > found.count)
    throw new UsageError(
      `--shard auto: shard ${found.index} of ${found.count} is out of range (${found.source})`,
      found.index < 1 ? `${found.name} counts from ${found.first}` : 'start as many jobs as there are shards',
    )
  for (const other of others) {
    const count = countOf(other, set, expected)
    if (other.index !== found.index || count !== found.count)
      throw new UsageError(
        `--shard auto: ${first.name} says shard ${found.index}/${found.count} and ${other.name} says ` +
          `${other.index}/${count} (${first.source}; ${other.source})`,
        'pass --shard n/m, or unset the variables of one of them',
      )
  }
  const stated = expected ? [`${expected.from}: ${expected.count} shards`] : []
  return {
    index: found.index,
    count: found.count,
    run: readings.find(({ run }) => run !== null)?.run ?? null,
    sources: [...readings.map(({ source }) => source), ...stated],
  }
}

/** The count of one scheduler, checked against the stated one. */
function countOf(reading: Reading, set: Variables, expected: { count: number; from: string } | undefined): number {
  const { name, count, countFrom, index, written, source } = reading
  if (count === undefined && expected === undefined)
    throw new UsageError(
      `--shard auto: ${name} gives the index ${written}${written === index ? '' : `, so shard ${index},`} but no ` +
        `count, because ${countFrom} is not set`,
      `pass --shard auto/m with the number of shards, or set ${countFrom}`,
    )
  if (count !== undefined && expected !== undefined && count !== expected.count)
    throw new UsageError(
      `--shard auto: ${expected.from} has ${expected.count} shards, and ${name} says ${count} (${source})`,
      name === 'Slurm' && set.SLURM_ARRAY_TASK_ID !== undefined
        ? `to repeat one task, pass its shard: --shard n/${expected.count}`
        : `start ${expected.count} jobs`,
    )
  return count ?? expected!.count
}

/** @throws {UsageError} if the value is no whole number */
function wholeNumber(set: Variables, variable: string): number | undefined {
  const value = set[variable]
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value)
  throw new UsageError(`--shard auto: ${variable}=${value} is not a whole number`, 'pass --shard n/m')
}

const sourceText = (name: string, set: Variables, variables: readonly string[]): string =>
  `${name}: ${variables.flatMap((one) => (set[one] === undefined ? [] : [`${one}=${set[one]}`])).join(', ')}`

function readScheduler({ name, index, count, first, run }: Scheduler, set: Variables): Reading | undefined {
  const number = wholeNumber(set, index)
  if (number === undefined) return undefined
  const id = run === undefined ? undefined : set[run]
  return {
    name,
    index: number - first + 1,
    written: number,
    first,
    count: wholeNumber(set, count),
    countFrom: count,
    run: id === undefined ? null : `${name} ${id}`,
    source: sourceText(name, set, [index, count]),
  }
}

const slurmVariables = ['TASK_ID', 'TASK_MIN', 'TASK_MAX', 'TASK_STEP', 'TASK_COUNT'].map(
  (name) => `SLURM_ARRAY_${name}`,
)

/**
 * Slurm numbers tasks as `--array` says: from any number, with steps (`0-14:2`) and gaps (`1,3,7`). An array that does
 * not start at 0 or 1, or has gaps, is probably a repetition of some tasks of a larger one.
 */
function readSlurm(set: Variables, expected: { count: number; from: string } | undefined): Reading | undefined {
  const [id, min, max, step = 1, count] = slurmVariables.map((one) => wholeNumber(set, one))
  if (id === undefined) return undefined
  const source = sourceText('Slurm', set, slurmVariables)
  const refuse = (why: string): never => {
    throw new UsageError(
      `--shard auto: ${why} (${source})`,
      `use --array=1-m; to repeat one task of it, pass its shard: --shard n/${expected?.count ?? 'm'}`,
    )
  }
  if (min === undefined) refuse('SLURM_ARRAY_TASK_MIN is not set, so the number of the first task is unknown')
  if (min! > 1) refuse(`the array starts at ${min}, not at 0 or 1`)
  const isRegular = count === undefined || max === undefined || max === min! + (count - 1) * step
  if (!isRegular || (id - min!) % step !== 0) refuse('the array has gaps')
  const job = set.SLURM_ARRAY_JOB_ID
  return {
    name: 'Slurm',
    index: (id - min!) / step + 1,
    written: id,
    first: min!,
    count,
    countFrom: 'SLURM_ARRAY_TASK_COUNT',
    run: job === undefined ? null : `Slurm ${job}`,
    source,
  }
}
