import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { sparkline } from '../../../../src/commands/history.ts'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { changePoints, formerRun, historyFor, readHistory } from '../../../../src/core/records/history.ts'
import { recordText } from '../../../../src/core/records/merge.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import { seeded } from '../../../../src/core/stats/index.ts'
import { createAnchors } from '../../../../src/reporters/html/anchors.ts'
import { historyHtml } from '../../../../src/reporters/html/history.ts'
import { makeRecord } from '../../reporters/fixture.ts'
import { scaled } from '../judge/builders.ts'

const root = mkdtempSync(join(tmpdir(), 'isobench-history-'))
const runs = join(root, '.isobench', 'runs')
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** gVisor becomes 30 % slower with a new kernel, from run `from` on. */
function store(count: number, from: number): void {
  mkdirSync(runs, { recursive: true })
  for (let run = 0; run < count; run++) {
    const record = makeRecord(false)
    const startedAt = `2026-01-${String(run + 1).padStart(2, '0')}T00:00:00.000Z`
    const random = seeded(`run ${run}`)
    const samples = record.samples.map((sample) => {
      const slow = (sample.platform === 'gvisor' && run >= from ? 0.7 : 1) * (1 + (random() - 0.5) * 0.02)
      return scaled(sample, slow)
    })
    const environment = { ...record.environment, startedAt, kernel: run >= from ? '6.12' : '6.1' }
    writeFileSync(join(runs, `${startedAt}.jsonl`), recordText({ ...record, environment, samples }, startedAt))
  }
}

test('a level that changed is found where it did, with what else changed then', () => {
  store(14, 7)
  const { hosts: machines } = readHistory(root, (bench) => bench.includes('prime'))
  const found = machines[0]!.metrics.map(({ platform, changes }) => [platform, changes])
  expect(Object.fromEntries(found)).toMatchObject({
    gvisor: [{ run: 7, differs: ['kernel: 6.1 and 6.12'] }],
    native: [],
    runc: [],
  })
  expect(machines[0]!.findings.find(({ id }) => id === 2)!.verdicts).toHaveLength(14)
})

test('a record that cannot be read is skipped and reported', () => {
  store(2, 9)
  writeFileSync(join(runs, 'broken.jsonl'), 'not a record\n')
  const { hosts: machines, skipped } = readHistory(root, () => true)
  expect(machines[0]!.runs).toHaveLength(2)
  expect(skipped).toEqual([{ record: 'broken.jsonl', why: expect.stringContaining('broken.jsonl:1 is not JSON') }])
})

test('all platforms of a metric are together, also one that a later run added', () => {
  mkdirSync(runs, { recursive: true })
  const record = makeRecord(false)
  const store = (startedAt: string, isMeasured: (platform: string) => boolean) => {
    const samples = record.samples.filter(({ platform }) => isMeasured(platform))
    const environment = { ...record.environment, startedAt }
    writeFileSync(join(runs, `${startedAt}.jsonl`), recordText({ ...record, environment, samples }, startedAt))
  }
  store('2026-01-01T00:00:00.000Z', (platform) => platform !== 'gvisor')
  store('2026-01-02T00:00:00.000Z', () => true)
  const { metrics } = readHistory(root, () => true).hosts[0]!
  const groups = metrics.map(({ bench, params, metric }) => JSON.stringify([bench.id, params, metric]))
  const starts = groups.filter((group, at) => group !== groups[at - 1])
  expect(metrics.some(({ platform }) => platform === 'gvisor')).toBe(true)
  expect(starts).toEqual([...new Set(groups)])
})

test('change points: none in noise too short or without a step, several where there are several', () => {
  expect(changePoints([1, 1, 1, 1, 1, 9, 9, 9, 9, 9])).toEqual([])
  expect(changePoints(Array.from({ length: 40 }, () => 1))).toEqual([])
  const steps = [...Array(15).fill(1), ...Array(15).fill(5), ...Array(15).fill(2)] as number[]
  expect(changePoints(steps)).toEqual([15, 30])
})

test('by chance about one series in twenty is marked, not more', () => {
  const random = seeded('noise')
  const marked = Array.from({ length: 2000 }, () => changePoints(Array.from({ length: 20 }, random))).filter(
    (points) => points.length > 0,
  )
  expect(marked.length / 2000).toBeLessThan(0.06)
})

test('sparklines', () => {
  expect(sparkline([1, null, 2, 3])).toBe('▁·▅█')
  expect(sparkline([2, 2])).toBe('▄▄')
})

test('a record of a project has the project’s history in its html report; one from elsewhere has none', () => {
  store(14, 7)
  const file = join(runs, readdirSync(runs).sort().at(-1)!)
  const report = buildReport(readRecord(file), { strict: false })
  const history = historyFor(report)!
  expect(history.runs).toHaveLength(14)
  const page = String(historyHtml(history, createAnchors(report, '')))
  expect(page.includes('gvisor · events: a new level since 2026-01-08')).toBe(true)
  expect(page.includes('also otherwise since then: kernel: 6.1 and 6.12')).toBe(true)
  expect(page.split('<svg class="spark"').length - 1).toBe(
    history.metrics.filter(({ medians }) => medians.some((median) => median !== null)).length,
  )
  expect(page.split('<tr data-kind="changed"').length - 1).toBe(
    history.metrics.filter((one) => one.changes.length).length,
  )
  expect(/NaN|Infinity|undefined|<script/.test(page)).toBe(false)
  expect(historyFor({ ...report, record: join(root, 'elsewhere.jsonl') })).toBeUndefined()
})

test('the former run is the latest earlier one of the same host that measured a case of this one', () => {
  store(3, 9)
  const files = readdirSync(runs).sort()
  const reportOf = (at: number) => buildReport(readRecord(join(runs, files[at]!)), { strict: false })
  expect(formerRun(reportOf(2))!.environment.startedAt).toBe('2026-01-02T00:00:00.000Z')
  expect(formerRun(reportOf(0))).toBeUndefined()
  const elsewhere = reportOf(2)
  expect(formerRun({ ...elsewhere, cases: [] })).toBeUndefined()
  const { environment } = elsewhere
  const otherHost = { ...environment, cpu: { ...environment.cpu, model: 'another CPU' } }
  expect(formerRun({ ...elsewhere, environment: otherHost })).toBeUndefined()
})
