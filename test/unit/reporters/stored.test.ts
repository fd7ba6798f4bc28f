/** Every reporter on one stored record of a real run: test/fixtures/records, made by isobench on a VM with two CPUs. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { Sample } from '../../../src/core/model/record.ts'
import { reportSchema } from '../../../src/core/model/report.ts'
import type { BenchData } from '../../../src/core/model/suite.ts'
import { compareRecords } from '../../../src/core/records/compare.ts'
import { readRecord } from '../../../src/core/records/record-file.ts'
import { multiplexReporters, type StoredRun } from '../../../src/core/reporter.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { scaled } from '../core/judge/builders.ts'
import { contextOf, Memory, makeRecord } from './fixture.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'isobench-stored-'))
afterAll(() => rmSync(folder, { recursive: true }))

const stored = (record = readRecord(fixture('records/prime-latency-boot.jsonl'))): StoredRun => ({
  plan: record.plan,
  report: buildReport(record, { strict: false }),
})
const real = stored()
const hostileRun = stored(makeRecord())

async function shown(name: string, ...runs: StoredRun[]): Promise<string> {
  const out = new Memory()
  const reporter = reporters[name]!.create(contextOf(out))
  const broken: unknown[] = []
  await multiplexReporters([{ name, reporter }], (_, error) => broken.push(error)).onStoredRuns(runs)
  expect(broken).toEqual([])
  return out.text
}

/** gVisor at half its speed. */
const slower = (sample: Sample): Sample => (sample.platform === 'gvisor' ? scaled(sample, 2) : sample)

const single = ['benchmark-action', 'bmf']
const texts = Object.keys(reporters).filter((name) => !single.includes(name))

test.each(texts)('%s shows one record as the run does, and two by name', async (name) => {
  expect(await shown(name, real)).toContain('gvisor')
  const two = await shown(name, real, hostileRun)
  if (name !== 'github') expect(two).toContain('2026-01-01T00-00-00.jsonl')
})

test('bmf shows one record, and refuses two', async () => {
  expect(await shown('bmf', real)).toContain('gvisor')
  const reporter = reporters.bmf!.create(contextOf(new Memory()))
  await expect(reporter.onStoredRuns!([real, hostileRun])).rejects.toThrow('bmf takes one record')
})

test('json is of the public schema, several as an array', async () => {
  expect(reportSchema.parse(JSON.parse(await shown('json', real)))).toEqual(real.report)
  expect(reportSchema.array().parse(JSON.parse(await shown('json', real, hostileRun)))).toHaveLength(2)
})

describe('benchmark-action', () => {
  test('writes a file for each direction, in the form of custom…IsBetter', async () => {
    const file = join(folder, 'bench.json')
    await reporters['benchmark-action']!.create(contextOf(new Memory(), { file })).onFinish?.(real.report)
    expect(readdirSync(folder).sort()).toEqual(['bench.bigger.json', 'bench.smaller.json'])
    const [bigger, smaller] = ['bigger', 'smaller'].map(
      (kind) => JSON.parse(readFileSync(join(folder, `bench.${kind}.json`), 'utf8')) as Record<string, unknown>[],
    ) as [Record<string, unknown>[], Record<string, unknown>[]]
    expect(bigger.map(({ name }) => name)).toContain(
      'benches/compute/prime.bench.ts#prime verification · events · gvisor',
    )
    const ratio = bigger.find(({ name }) => String(name).endsWith('prime verification · events · gvisor · ×native'))
    expect(ratio).toMatchObject({ unit: '×native', range: expect.stringMatching(/^0\.\d+ to \d/) })
    expect(ratio!.value).toBeLessThan(1)
    for (const entry of [...bigger, ...smaller]) {
      expect(entry).toEqual({
        name: expect.any(String),
        unit: expect.any(String),
        value: expect.any(Number),
        range: expect.stringMatching(/^\S+ to \S+$/),
        extra: expect.stringContaining('5 rounds'),
      })
    }
    const names = [...bigger, ...smaller].map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  test('leaves no file of a direction that has no figure, and needs a file', async () => {
    const file = join(folder, 'bench.json')
    const boots = { ...real.report, cases: real.report.cases.filter(({ bench }) => bench.name === 'boot') }
    await reporters['benchmark-action']!.create(contextOf(new Memory(), { file })).onFinish?.(boots)
    expect(readdirSync(folder)).toEqual(['bench.smaller.json'])
    expect(() => reporters['benchmark-action']!.create(contextOf(new Memory()))).toThrow('writes two files')
  })
})

describe('html', () => {
  test('draws a line chart over a numeric parameter, and start-up times, each with a table', async () => {
    const page = await shown('html', real)
    expect(page).toContain('latency over log2bytes')
    expect(page).toContain('Distribution of duration')
    const pictures = page.split('<figure').length - 1
    const tables = page.split('<table').length - 1
    expect(pictures).toBeGreaterThan(6)
    expect(tables).toBeGreaterThan(pictures / 2)
    const places = ['Warnings', 'Findings', 'Benches', 'Claims', 'Environment'].map((one) =>
      page.search(new RegExp(`<h2 [^>]*>${one}<`)),
    )
    expect(Math.min(...places)).toBeGreaterThan(0)
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(page).toMatch(/<title>isobench: project [0-9a-f]{8}\+?, \d{4}-\d\d-\d\d \d\d:\d\d UTC<\/title>/)
    // The filters show what matters most. Claims that hold are folded.
    expect(page).toMatch(/name="findings-filter" value="(fails|contradicted)" checked/)
    expect(page).toMatch(/<h2 id="claims">Claims<\/h2>\s*<details open=""><summary>\d+ claims/)
    expect(page).toMatch(/name="claims-filter" value="(fails|contradicted)" checked/)
    const holding = { ...real.report, claims: real.report.claims.filter(({ outcome }) => outcome === 'holds') }
    const folded = await shown('html', { ...real, report: { ...holding, findings: [] } })
    expect(folded).toMatch(/<h2 id="claims">Claims<\/h2>\s*<details><summary>\d+ claims/)
    for (const shape of ['circle class="mark"', 'path class="mark cross"', 'path class="mark"'])
      expect([shape, page.includes(`<${shape}`)]).toEqual([shape, true])
    expect(page).not.toMatch(/NaN|Infinity|undefined/)
  })

  /** The real run as it were if its benches said this of themselves. */
  function saying(of: (bench: BenchData) => Partial<BenchData>): StoredRun {
    const record = readRecord(fixture('records/prime-latency-boot.jsonl'))
    return stored({
      ...record,
      plan: { ...record.plan, benches: record.plan.benches.map((one) => ({ ...one, ...of(one) })) },
    })
  }

  test('takes the tag or the kind for start-up, not the name', async () => {
    const plain = ({ workload }: BenchData) => ({ tags: [], workload: { ...workload, kind: 'commands' as const } })
    const distributions = async (run: StoredRun) => (await shown('html', run)).split('>Distribution of').length - 1
    expect(await distributions(saying(plain))).toBe(0)
    expect(await distributions(saying(() => ({ tags: ['startup'] })))).toBeGreaterThan(1)
  })

  test('begins with the figures of the paper in its order, as tags name them', async () => {
    const numbers: Record<string, string[]> = { boot: ['figure-14', 'figure-13'], 'memory latency': ['figure-6'] }
    const page = await shown(
      'html',
      saying(({ name }) => ({ tags: numbers[name] ?? [] })),
    )
    const headings = [...page.matchAll(/<h[23][^>]*>([^<]*)/g)].map(([, text]) => text)
    const from = headings.indexOf('The paper’s figures, drawn from this run')
    expect(headings.slice(from + 1, from + 5)).toEqual([
      'Figure 6: memory latency',
      'Figures 13, 14: boot',
      'Other benches',
      'prime verification',
    ])
  })

  test('draws the run that it is shown against, and says what changed', async () => {
    const record = readRecord(fixture('records/prime-latency-boot.jsonl'))
    const now = { ...record, file: 'now.jsonl', samples: record.samples.map(slower) }
    const comparison = compareRecords(record, now, { marginPercent: 5 })
    const out = new Memory()
    const against = () => ({ name: 'main', report: real.report, comparison })
    await reporters.html!.create({ ...contextOf(out), against }).onStoredRuns!([stored(now)])
    expect(out.text.includes('<h2 id="baseline">Against the baseline main')).toBe(true)
    expect(/; baseline [\d.]+ ms; /.test(out.text)).toBe(true)
    for (const drawn of ['rect', 'circle', 'path'])
      expect([drawn, out.text.includes(`<${drawn} class="before"`)]).toEqual([drawn, true])
    expect(/<tr data-kind="(regressed|unclear)">(?:(?!<tr).)*boot(?:(?!<tr).)*gvisor/s.test(out.text)).toBe(true)
    expect(/NaN|Infinity|undefined/.test(out.text)).toBe(false)
  })

  test('puts several records beside each other', async () => {
    const page = await shown('html', real, hostileRun)
    expect(page).toContain('<h2 id="side-by-side">Side by side')
    expect(page.split('class="record').length - 1).toBe(2)
    const names = [...page.matchAll(/type="radio" name="([^"]+)" value="all"/g)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(page).not.toContain('<script')
  })
})
