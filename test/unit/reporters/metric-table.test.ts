import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord, Sample } from '../../../src/core/model/record.ts'
import type { Report } from '../../../src/core/model/report.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { metricTables } from '../../../src/reporters/metric-table.ts'
import { contextOf, Memory, makeRecord } from './fixture.ts'

/** The fixture, in which the disk's latency belongs beside the boot and cannot be observed on one platform. */
function reportWithColumn(): Report {
  const record = makeRecord(false)
  const { benches } = record.plan
  const isDisk = ({ file }: { file: string }) => file.includes('disk')
  const plan = {
    ...record.plan,
    benches: benches.map((bench) => ({
      ...bench,
      ...(isDisk(bench) && { beside: { tag: 'startup', metrics: ['latency'] } }),
      ...(bench.file.includes('boot') && { tags: ['startup'] }),
    })),
  }
  const disk = new Set(plan.cases.filter((one) => isDisk({ file: one.bench })).map(({ id }) => id))
  const samples = record.samples.map((sample): Sample => {
    if (sample.platform !== 'gvisor' || !disk.has(sample.case) || !sample.outcome.ok) return sample
    const { latency: _, ...values } = sample.outcome.values
    return { ...sample, outcome: { ok: true, values } }
  })
  return buildReport({ ...record, plan, samples } as RunRecord, { strict: false })
}

const tablesOf = (report: Report, name: string) => {
  const bench = report.cases.find((one) => one.bench.name.startsWith(name))!
  return metricTables(report, bench)
}

describe('a metric that belongs beside other benches', () => {
  const report = reportWithColumn()

  it('is a column of the benches with the tag, one per set of parameters, and of no other', () => {
    const [boot] = tablesOf(report, 'boot')
    expect(boot!.beside).toEqual(['latency rw=randread depth=32', 'latency rw=randwrite depth=32'])
    const figure = (platform: string) => boot!.rows.find((row) => row.platform === platform)!.beside
    expect(figure('native')[0]).toMatch(/^8\d\d µs$/)
    // gVisor does not show it, and osv's samples failed.
    expect(figure('gvisor')).toEqual(['–', '–'])
    expect(figure('osv')).toEqual(['–', '–'])
    expect(tablesOf(report, 'prime')[0]!.beside).toEqual([])
    expect(tablesOf(report, 'random')[0]!.beside).toEqual([])
  })

  it('has no row for a platform that does not show it', () => {
    const latency = tablesOf(report, 'random').find(({ metric }) => metric === 'latency')!
    expect(latency.rows.map(({ platform }) => platform)).not.toContain('gvisor')
    expect(latency.rows.map(({ platform }) => platform)).toContain('runc')
  })

  it.each(['verbose', 'markdown', 'html'])('is in the report of the reporter %s', async (name) => {
    const out = new Memory(false, 200)
    await reporters[name]!.create(contextOf(out)).onFinish!(report)
    expect(out.text).toContain('latency rw=randread')
  })
})
