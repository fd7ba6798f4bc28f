import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IsobenchError, UsageError } from '../../util/errors.ts'
import type { ExcludedBench, Plan } from '../model/plan.ts'
import {
  type Environment,
  lineSchema,
  type RecordLine,
  type RunRecord,
  recordVersion,
  type Sample,
} from '../model/record.ts'
import type { Report } from '../model/report.ts'
import type { Problem } from '../model/suite.ts'

/** A file is no run record, or one of another version. */
export class RecordError extends IsobenchError {
  readonly code = 'ISOBENCH_RECORD'
}

/**
 * Reads a run record. A last line that a kill cut short is left out.
 * @throws RecordError that names the line.
 */
export function readRecord(file: string): RunRecord {
  if (!existsSync(file)) throw new UsageError(`there is no run record at ${file}`, 'records are in .isobench/runs')
  const texts = readFileSync(file, 'utf8').split('\n')
  const cutOff = texts.pop() ?? ''
  const lines = texts
    .map((text, at) => (text === '' ? undefined : lineOf(text, at + 1, file)))
    .filter((line) => line !== undefined)
  const [first, ...rest] = lines
  if (first?.type !== 'start') {
    const why =
      cutOff !== '' && texts.length === 0 ? 'its first line is cut short' : 'its first line does not start a run'
    throw new RecordError(`${file} is no run record: ${why}`, 'records are in .isobench/runs')
  }
  const samples = rest.flatMap((line) => (line.type === 'sample' ? [line.sample] : []))
  const end = rest.find((line) => line.type === 'end')
  const notMeasured = (end?.notMeasured ?? []) as ExcludedBench[]
  const plan = withoutBenches(first.plan as unknown as Plan, notMeasured)
  const cases = new Set(plan.cases.map(({ id }) => id))
  return {
    file,
    environment: first.environment,
    plan,
    problems: first.problems as Problem[],
    // A bench that did not fit may have warm-up samples.
    samples: notMeasured.length > 0 ? samples.filter((sample) => cases.has(sample.case)) : samples,
    status: end?.status ?? 'killed',
  }
}

/** A plan without the benches that the run has not measured. */
function withoutBenches(plan: Plan, notMeasured: readonly ExcludedBench[]): Plan {
  if (notMeasured.length === 0) return plan
  const isMeasured = (id: string) => !notMeasured.some(({ bench }) => bench === id)
  return {
    ...plan,
    benches: plan.benches.filter(({ id }) => isMeasured(id)),
    cases: plan.cases.filter(({ bench }) => isMeasured(bench)),
    excluded: [...plan.excluded, ...notMeasured],
  }
}

function lineOf(text: string, number: number, file: string): RecordLine | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new RecordError(`${file}:${number} is not JSON`, 'a run record is one JSON object a line')
  }
  const parsed = lineSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  throw new RecordError(
    `${file}:${number} is not of a run record: ${issue.path.join('.') || 'the line'}: ${issue.message}`,
    'was it written by another version of isobench?',
  )
}

/** The latest record of a project. */
export function latestRecord(root: string): string {
  const folder = join(root, '.isobench', 'runs')
  const names = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.jsonl'))
        .sort()
    : []
  const last = names.at(-1)
  if (!last) throw new UsageError('there is no run record yet', 'make one with: isobench run')
  return join(folder, last)
}

/** Appends to a run record; each line is with the kernel before the call returns. */
export class RecordWriter {
  private constructor(readonly file: string) {}

  /** Starts `.isobench/runs/<time>-<id>.jsonl` with the environment and the plan. */
  static start(
    root: string,
    id: string,
    environment: Environment,
    plan: Plan,
    problems: readonly Problem[],
  ): RecordWriter {
    const folder = join(root, '.isobench', 'runs')
    mkdirSync(folder, { recursive: true })
    const time = environment.startedAt.replace(/[:.]/g, '-')
    const writer = new RecordWriter(join(folder, `${time}-${id}.jsonl`))
    writer.#append({ type: 'start', recordVersion, environment, plan, problems })
    return writer
  }

  sample(sample: Sample): void {
    this.#append({ type: 'sample', sample })
  }

  /** @param notMeasured benches of the plan that did not fit into the time */
  end(how: 'finished' | 'interrupted', notMeasured: readonly ExcludedBench[] = []): void {
    const at = new Date().toISOString()
    this.#append({ type: 'end', status: how, at, ...(notMeasured.length > 0 && { notMeasured }) })
  }

  verdicts(verdicts: Pick<Report, 'claims' | 'findings' | 'exit'>): void {
    this.#append({ type: 'verdicts', verdicts })
  }

  #append(line: object): void {
    appendFileSync(this.file, `${JSON.stringify(line)}\n`)
  }
}
