/** Samples of a workload that a platform does not support: they are not failures. */

import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord, Sample } from '../../../src/core/model/record.ts'
import { FailureReader } from '../../../src/core/watch/failures.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { notEvaluated } from '../../../src/reporters/summary.ts'
import { contextOf, Memory, makeRecord } from './fixture.ts'

const error = 'runc on this host has no CRIU: install it'

/** The fixture, in which runc does not support the disk's workload. One sample shows that, and there is no other. */
function recordOf(): RunRecord {
  const record = makeRecord(false)
  const cases = new Set(record.plan.cases.flatMap(({ id, bench }) => (bench.includes('disk') ? [id] : [])))
  const isDisk = (sample: Sample) => sample.platform === 'runc' && cases.has(sample.case)
  const first = new Map(record.samples.filter(isDisk).map((sample) => [sample.case, sample]))
  const unsupported = [...first.values()].map(
    (sample): Sample => ({ ...sample, warmup: true, outcome: { ok: false, error, cause: { kind: 'unsupported' } } }),
  )
  return { ...record, samples: [...record.samples.filter((sample) => !isDisk(sample)), ...unsupported] }
}

describe('samples of a workload that the platform does not support', () => {
  const record = recordOf()
  const report = buildReport(record, { strict: false })
  const results = report.cases
    .filter(({ bench }) => bench.file.includes('disk'))
    .flatMap((one) => one.results.filter(({ platform }) => platform === 'runc'))

  it('have a reason and are no errors in the report', () => {
    expect(results.length).toBeGreaterThan(0)
    for (const result of results) expect(result).toMatchObject({ errors: [], unsupported: error })
  })

  it('explain the claims that they leave open, with the fix', () => {
    const texts = notEvaluated(report).map(({ text }) => text)
    expect(texts).toContainEqual(
      expect.stringMatching(/^the platform cannot run such a workload \(.*\): .*install it$/),
    )
  })

  it.each(['verbose', 'markdown', 'html'])('are "not supported" in the report of %s', async (name) => {
    const out = new Memory(false, 200)
    await reporters[name]!.create(contextOf(out)).onFinish!(report)
    expect(out.text).toContain(`runc: not supported: ${error}`)
    expect(out.text).not.toMatch(/runc: \d+ samples? failed/)
  })

  it('are neither errors nor crosses while they are measured', () => {
    const sample = record.samples.find((one) => !one.outcome.ok && one.outcome.error === error)!
    const lines = ['verbose', 'dot'].map((name) => {
      const out = new Memory(false, 200)
      reporters[name]!.create(contextOf(out)).onSample!(sample)
      return out.text
    })
    expect(lines[0]).toContain(`not supported: ${error}`)
    expect(lines[1]).toBe('-')
  })

  it('are no failures of watch mode', () => {
    const messages = new FailureReader().read(record, '/').map(({ message }) => message)
    expect(messages).not.toContain(error)
  })
})
