/** Findings of a series, such as `2026-1`: every reporter counts and shows them apart. */

import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../src/core/model/record.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { bySeries } from '../../../src/reporters/summary.ts'
import { contextOf, Memory, makeRecord } from './fixture.ts'

/** The record with finding 11 as one of the series 2026. */
function recordWithSeries(): RunRecord {
  const record = makeRecord(false)
  const findings = record.plan.findings.map((one) => (one.id === 11 ? { ...one, id: '2026-1' } : one))
  return { ...record, plan: { ...record.plan, findings } }
}

const report = buildReport(recordWithSeries(), { strict: false })

async function written(name: string): Promise<string> {
  const out = new Memory()
  await reporters[name]!.create(contextOf(out)).onFinish?.(report)
  return out.text.replaceAll(/\s+/g, ' ')
}

describe('findings of a series', () => {
  it('follow those without one, in their own group', () => {
    const groups = bySeries(report.findings)
    expect(groups.map(({ series }) => series)).toEqual([undefined, '2026'])
    expect(groups[1]).toMatchObject({ title: 'Findings of the series 2026', findings: [{ id: '2026-1' }] })
  })

  it('fail a run as the others do', () => {
    const [failed] = report.findings.filter(({ id }) => id === '2026-1')
    const before = buildReport(makeRecord(false), { strict: false })
    expect(failed!.failsRun).toBe(before.findings.find(({ id }) => id === 11)!.failsRun)
    expect(report.exit.code).toBe(before.exit.code)
  })

  it.each(['verbose', 'markdown', 'html'])('have their own heading and count in %s', async (name) => {
    const text = await written(name)
    expect(text).toContain('Findings of the series 2026')
    expect(text).toContain('; series 2026: ')
  })

  it('are another class of test cases in junit', async () => {
    const text = await written('junit')
    expect(text).toMatch(/classname="findings of the series 2026" name="finding 2026-1: /)
    expect(text).toMatch(/classname="findings" name="finding 2: /)
  })
})
