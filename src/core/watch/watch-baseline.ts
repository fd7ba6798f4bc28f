import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { UsageError } from '../../util/errors.ts'
import { plural } from '../../util/text.ts'
import { buildReport } from '../judge/report.ts'
import type { CasesToMeasure } from '../model/plan.ts'
import type { RunRecord } from '../model/record.ts'
import { notSavedReasons, saveBaseline, whyNotSaved } from '../records/baseline.ts'
import { type BaselineDoubts, baselineDoubts } from '../records/baseline-doubts.ts'
import { folderOf, RecordWriter } from '../records/record-file.ts'

/** The name of the baseline that watch mode stores. */
export const watchBaseline = 'watch'

/** What `WatchBaseline.save` stored. */
export interface StoredBaseline {
  /** Whether the record differs from the one that this process stored last. */
  readonly isNew: boolean
  readonly doubts: BaselineDoubts
}

/** Stores the results of watch mode as run records, and as the baseline `watch`. */
export class WatchBaseline {
  #records = 0
  #last: { readonly file: string; readonly content: Pick<RunRecord, 'plan' | 'samples'> } | undefined

  /**
   * Stores a record, unless it would hide a later regression or be incomplete.
   * @param record undefined before anything is measured
   * @param due results that lack rounds
   * @throws {UsageError} that says why it is not stored
   */
  save(root: string, record: RunRecord | undefined, due: CasesToMeasure): StoredBaseline {
    if (!record || record.samples.length === 0)
      throw new UsageError('not saved: nothing is measured yet', 'wait for a verdict')
    const [problem] = record.problems
    if (problem) throw new UsageError(`not saved: ${problem.file} cannot be used`, 'correct it first')
    const lacking = [...due.values()].reduce((sum, names) => sum + names.size, 0)
    if (lacking > 0)
      throw new UsageError(
        `not saved: ${plural(lacking, 'result')} ${lacking === 1 ? 'lacks' : 'lack'} rounds`,
        'wait, or press Enter after c',
      )
    const report = buildReport(record, { strict: false })
    const refusal = whyNotSaved(report, undefined)
    if (refusal) throw new UsageError(`not saved: ${notSavedReasons[refusal]}`, 'the errors are on the screen')
    const former = this.#last?.file
    const file = this.write(root, record)
    saveBaseline(root, watchBaseline, file)
    return { isNew: file !== former, doubts: baselineDoubts(record, report) }
  }

  /**
   * Writes a separate run record.
   * @returns the file: that of the last record if nothing changed since, because two records count as two runs
   */
  write(root: string, { environment, plan, problems, samples }: RunRecord): string {
    const content = { plan, samples }
    const last = this.#last
    if (last && existsSync(last.file) && isDeepStrictEqual(last.content, content)) return last.file
    const writer = RecordWriter.start(folderOf(root), `watch-${++this.#records}`, environment, plan, problems)
    for (const sample of samples) writer.sample(sample)
    writer.end('finished')
    this.#last = { file: writer.file, content }
    return writer.file
  }
}
