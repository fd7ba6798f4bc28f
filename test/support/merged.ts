import type { RecordLine, RunRecord } from '../../src/core/model/record.ts'
import { mergeRecords } from '../../src/core/records/merge.ts'
import { type RecordSurvey, SharedParts, surveyRecord } from '../../src/core/records/record-survey.ts'

/** What a merge keeps of records that are not in files. */
export function surveysOf(records: readonly RunRecord[]): RecordSurvey[] {
  const parts = new SharedParts()
  return records.map(({ file, environment, plan, problems, samples, status }) => {
    const lines = [
      { type: 'start', recordVersion: 1, environment, plan, problems },
      ...samples.map((sample) => ({ type: 'sample', sample })),
      ...(status === 'killed' ? [] : [{ type: 'end', status, at: '2026-01-03T00:00:00.000Z' }]),
    ] as unknown as RecordLine[]
    return surveyRecord({ file, lines: () => lines, samples: () => samples }, parts)
  })
}

/** Merges records that are not in files. */
export function mergeAll(records: readonly RunRecord[]): RunRecord {
  const { samples, shardPlans: _, missingShards: __, missingRounds: ___, ...merged } = mergeRecords(surveysOf(records))
  return { ...merged, samples: [...samples()] }
}
