import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../environment.ts'
import type { Problem } from '../errors.ts'
import type { Plan } from '../plan/plan.ts'
import { recordVersion, type Sample } from './schema.ts'

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

  end(how: 'finished' | 'interrupted'): void {
    this.#append({ type: 'end', status: how, at: new Date().toISOString() })
  }

  verdicts(judgement: unknown): void {
    this.#append({ type: 'verdicts', judgement })
  }

  #append(line: object): void {
    appendFileSync(this.file, `${JSON.stringify(line)}\n`)
  }
}
