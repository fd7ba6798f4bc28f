import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IsobenchError, UsageError } from '../../util/errors.ts'
import type { ExcludedBench, Plan } from '../model/plan.ts'
import { type Environment, lineSchema, type RunRecord, recordVersion, type Sample } from '../model/record.ts'
import type { Report } from '../model/report.ts'
import type { Problem } from '../model/suite.ts'
import { findContradiction, type NumberedLine } from './consistency.ts'

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
  return parseRecord(readFileSync(file, 'utf8'), file)
}

/**
 * Parses the text of a run record. Pure.
 * @throws RecordError that names the line.
 */
export function parseRecord(content: string, file: string): RunRecord {
  if (isImport(content))
    throw new RecordError(
      `${file} holds imported results, not a run record`,
      `only isobench judge reads imports: isobench judge ${file}`,
    )
  const texts = content.split('\n')
  const cutOff = texts.pop() ?? ''
  const lines = texts.flatMap((text, at) => (text === '' ? [] : [lineOf(text, at + 1, file)]))
  const [first, ...rest] = lines.map(({ line }) => line)
  if (first?.type !== 'start') {
    const why =
      cutOff !== '' && texts.length === 0 ? 'its first line is cut short' : 'its first line does not start a run'
    throw new RecordError(`${file} is no run record: ${why}`, 'records are in .isobench/runs')
  }
  const contradiction = findContradiction(lines)
  if (contradiction)
    throw new RecordError(
      `${file}:${contradiction.number} contradicts the record: ${contradiction.message}`,
      'records are not meant to be edited; measure again, or put runs together with isobench merge',
    )
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

/** Whether a text is one JSON object that says that it is an import. A run record has an object on each line. */
function isImport(content: string): boolean {
  if (!content.includes('"import"') || content.startsWith('{"type":')) return false
  try {
    return (JSON.parse(content) as { isobench?: unknown } | null)?.isobench === 'import'
  } catch {
    return false
  }
}

function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('no field has this name')
  return value
}

function lineOf(text: string, number: number, file: string): NumberedLine {
  let value: unknown
  try {
    // zod leaves this key out without an error.
    value = text.includes('"__proto__"') ? JSON.parse(text, refusePrototype) : JSON.parse(text)
  } catch (error) {
    const why = (error as Error).message
    throw new RecordError(`${file}:${number} is not JSON: ${why}`, 'a record is one JSON object a line')
  }
  const parsed = lineSchema.safeParse(value)
  if (parsed.success) return { number, line: parsed.data }
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
