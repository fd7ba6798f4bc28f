import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { command, historyLines, skippedText, sparkline } from '../../../../src/commands/history.ts'
import { checkOptions } from '../../../../src/commands/options.ts'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { formerRun, historyFor, historySince, readHistory } from '../../../../src/core/records/history.ts'
import { worsened } from '../../../../src/core/records/history-verdict.ts'
import { recordText } from '../../../../src/core/records/merge.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import { seeded } from '../../../../src/core/stats/index.ts'
import { createAnchors } from '../../../../src/reporters/html/anchors.ts'
import { historyHtml } from '../../../../src/reporters/html/history.ts'
import { createColors } from '../../../../src/reporters/terminal/table.ts'
import { widthOf } from '../../../../src/util/text.ts'
import { Memory, makeRecord } from '../../reporters/fixture.ts'
import { scaled } from '../judge/builders.ts'

const root = mkdtempSync(join(tmpdir(), 'isobench-history-'))
const runs = join(root, '.isobench', 'runs')
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** gVisor becomes 30 % slower with a new kernel, from run `from` on. */
function store(count: number, from: number, kernelFrom = from): void {
  mkdirSync(runs, { recursive: true })
  for (let run = 0; run < count; run++) {
    const record = makeRecord(false)
    const startedAt = `2026-01-${String(run + 1).padStart(2, '0')}T00:00:00.000Z`
    const random = seeded(`run ${run}`)
    const samples = record.samples.map((sample) => {
      const slow = (sample.platform === 'gvisor' && run >= from ? 0.7 : 1) * (1 + (random() - 0.5) * 0.02)
      return scaled(sample, slow)
    })
    const revision = `${String(run).padStart(2, '0')}`.repeat(20)
    const environment = { ...record.environment, startedAt, revision, kernel: run >= kernelFrom ? '6.12' : '6.1' }
    writeFileSync(join(runs, `${startedAt}.jsonl`), recordText({ ...record, environment, samples }, startedAt))
  }
}

test('a level that changed is found where it did: how much, which way, from what, and what else changed then', () => {
  store(14, 7)
  const { hosts: machines } = readHistory(root, (bench) => bench.includes('prime'))
  const found = Object.fromEntries(machines[0]!.metrics.map((one) => [one.platform, one]))
  expect([found.native!.changes, found.runc!.changes]).toEqual([[], []])
  const [change, ...others] = found.gvisor!.changes
  expect(others).toEqual([])
  expect(change).toMatchObject({
    run: 7,
    formerRun: 6,
    direction: 'worse',
    of: 'ratio-to-native',
    from: { runs: 7 },
    to: { runs: 7 },
    differences: [{ what: 'kernel', baseline: '6.1', current: '6.12' }],
  })
  const { ratio, from, to, pValue, adjustedP } = change!
  expect(ratio!.estimate).toBeCloseTo(0.7, 1)
  expect(ratio!.low).toBeLessThan(0.71)
  expect(ratio!.high).toBeGreaterThan(0.69)
  expect(to.median / from.median).toBeCloseTo(0.7, 1)
  expect(to.ratioToNative! / from.ratioToNative!).toBeCloseTo(0.7, 1)
  expect([pValue <= adjustedP, adjustedP <= 0.05]).toEqual([true, true])
  expect(machines[0]!.findings.find(({ id }) => id === 2)!.verdicts).toHaveLength(14)
})

test('the text groups series, marks the change among all runs, and explains it within the width', () => {
  store(30, 12)
  const [host] = readHistory(root, (bench) => bench.includes('prime')).hosts
  for (const width of [40, 60, 100, 140]) {
    const lines = historyLines(host!, width, createColors({ color: false }))
    expect(lines.filter((line) => widthOf(line) > width)).toEqual([])
    const above = lines.slice(0, lines.indexOf('Change points'))
    const headings = above.filter((line) => line.startsWith('prime verification'))
    expect(new Set(headings).size).toBe(headings.length)
    expect(above.find((line) => line.includes('gvisor'))).toMatch(/[▁▂▃▄▅▆▇█]│[▁▂▃▄▅▆▇█]/)
  }
  const text = historyLines(host!, 140, createColors({ color: false }))
    .join('\n')
    .replace(/\s+/g, ' ')
  expect(text).toMatch(
    /gvisor worse: 3\d(\.\d)? % less, × 0\.\d+ \[0\.\d+, 0\.\d+\]; median \S+ events\/s → \S+ events\/s, 0\.\d\d → 0/,
  )
  expect(text).toContain('since 2026-01-13 00:00, commit 12121212, 2026-01-13T00:00:00.000Z.jsonl; p = ')
  expect(text).toContain('also changed then: kernel: 6.1 → 6.12')
})

test.each([
  [8, -1, '1 run earlier, 2026-01-09 00:00'],
  [10, 1, '1 run later, 2026-01-11 00:00'],
  [11, 2, '2 runs later, 2026-01-12 00:00'],
])('a kernel of run %i is named beside a step that is dated at run 9', (kernelFrom, offset, when) => {
  store(20, 9, kernelFrom)
  const history = readHistory(root, (bench) => bench.includes('prime'))
  const [change] = history.hosts[0]!.metrics.find(({ platform }) => platform === 'gvisor')!.changes
  const differences = [{ what: 'kernel', baseline: '6.1', current: '6.12' }]
  expect(change).toMatchObject({ run: 9, differences: [], nearby: [{ offset, run: kernelFrom, differences }] })
  const textOf = ({ hosts }: typeof history) =>
    historyLines(hosts[0]!, 140, createColors({ color: false }))
      .join('\n')
      .replace(/\s+/g, ' ')
  expect(textOf(history)).toContain(`changed ${when}: kernel: 6.1 → 6.12; the step may date from then`)
  // The run of the kernel may be hidden.
  const hidden = historySince(history, { runs: 11 })
  expect(textOf(hidden)).toContain(`changed ${offset === -1 ? '1 run earlier' : when}: kernel: 6.1 → 6.12`)
})

test('a step without a recorded cause is not said to be alone', () => {
  store(20, 9, 15)
  const [host] = readHistory(root, (bench) => bench.includes('prime')).hosts
  const text = historyLines(host!, 140, createColors({ color: false })).join('\n')
  expect(text).toContain('isobench recorded no other change within 2 runs of it')
  expect(text).not.toContain('nothing else')
})

test('a bench of no run is an error, and a run without results is none', async () => {
  store(2, 9)
  writeFileSync(
    join(root, 'isobench.config.ts'),
    "export default { platforms: [{ kind: 'native', name: 'native', tags: [], options: {} }] }\n",
  )
  const written = { out: '' }
  const write = (text: string) => {
    written.out += text
  }
  const stream = { write, columns: 100 } as unknown as NodeJS.WriteStream
  const io = { cwd: root, out: stream, err: stream, color: false, commands: [] }
  const show = (typed: Record<string, string[]>) =>
    command.run([], checkOptions('isobench history', command.options, typed), io)
  await expect(show({ bench: ['nosuch'] })).rejects.toThrow(
    'isobench history: --bench: no stored run has a bench with "nosuch" in its id.',
  )
  expect(await show({ bench: ['prime'] })).toBe(0)
  const record = makeRecord(false)
  rmSync(runs, { recursive: true })
  mkdirSync(runs)
  writeFileSync(
    join(runs, 'one.jsonl'),
    recordText({ ...record, plan: { ...record.plan, cases: [] }, samples: [] }, record.environment.startedAt),
  )
  written.out = ''
  expect(await show({})).toBe(0)
  expect(written.out).toContain('These runs have no results.')
  expect(() => show({ since: ['2026-02-31'] })).toThrow('"2026-02-31" is not a date')
  expect(await show({ since: ['2024-02-29'] })).toBe(0)
  writeFileSync(join(runs, 'one.jsonl'), '{"type":"sta')
  await expect(show({ failOn: ['worse'] })).rejects.toThrow('isobench history: 1 stored run cannot be read')
})

test('--since shows later runs and their changes, which are found in all runs', () => {
  store(20, 15)
  const history = readHistory(root, (bench) => bench.includes('prime'))
  expect(worsened(history).map(({ platform }) => platform)).toContain('gvisor')
  const latest = historySince(history, { runs: 6 })
  expect(latest.hosts[0]!.runs).toHaveLength(6)
  const gvisor = latest.hosts[0]!.metrics.find(({ platform }) => platform === 'gvisor')!
  expect(gvisor.changes).toMatchObject([{ run: 1, formerRun: 0, from: { runs: 15 } }])
  expect(worsened(historySince(history, { runs: 4 }))).toEqual([])
  expect(historySince(history, { date: '2026-01-16T00:00:00.000Z' }).hosts[0]!.runs).toHaveLength(5)
  const [ofCommit] = historySince(history, { revision: '151515' }).hosts
  expect(ofCommit!.metrics.find(({ platform }) => platform === 'gvisor')!.changes).toMatchObject([
    { run: 0, formerRun: null },
  ])
  expect(historySince(history, { date: '2027-01-01T00:00:00.000Z' }).hosts).toEqual([])
  expect(() => historySince(history, { revision: 'abcdef' })).toThrow('no stored run has the commit abcdef')
})

const writeConfig = () => {
  mkdirSync(root, { recursive: true })
  writeFileSync(
    join(root, 'isobench.config.mjs'),
    "export default { platforms: [{ kind: 'native', name: 'native', tags: [], options: {} }] }",
  )
}

/** Runs `history --bench prime --fail-on worse`. */
const failOnWorse = async (since?: string) => {
  const [out, err] = [new Memory(), new Memory()]
  const typed = { bench: ['prime'], failOn: ['worse'], ...(since !== undefined && { since: [since] }) }
  const io = { cwd: root, out, err, color: false, commands: [] } as never
  const code = await command.run([], checkOptions('isobench history', command.options, typed), io)
  return { code, out: out.text, err: err.text }
}

test('--fail-on worse says how much and since when, and is no pass if there is no run to judge', async () => {
  store(20, 15)
  writeConfig()
  const show = failOnWorse
  const all = await show()
  expect(all.code).toBe(1)
  expect(all.err).toMatch(
    /^1 metric became worse: .*prime.* · events on gvisor, [23]\d(\.\d)? % less since 2026-01-16\n$/,
  )
  expect(all.out).not.toContain('--since hides')
  expect(await show('4')).toMatchObject({
    code: 0,
    out: expect.stringContaining('--since hides 1 earlier change point.'),
  })
  expect(await show('2027-01-01')).toMatchObject({
    code: 4,
    out: 'No stored run is as new as --since. The latest is of 2026-01-20.\n',
  })
})

test('--fail-on worse is no pass if the latest runs cannot show a change', async () => {
  writeConfig()
  mkdirSync(runs, { recursive: true })
  const nothing = 'nothing is judged: '
  expect(await failOnWorse()).toMatchObject({ code: 4, err: `${nothing}no run is stored\n` })
  store(9, 99)
  const few = await failOnWorse()
  expect(few).toMatchObject({
    code: 4,
    err: expect.stringMatching(/^nothing is judged: .* no metric of the latest run has more than 9 yet/),
  })
  store(20, 99)
  expect(await failOnWorse()).toMatchObject({ code: 0, err: '' })
  expect(await failOnWorse('2027-01-01')).toMatchObject({
    code: 4,
    err: `${nothing}no run that is shown has results\n`,
  })
  writeFileSync(join(runs, 'empty.jsonl'), '')
  const unreadable = await failOnWorse()
  expect(unreadable.code).toBe(4)
  expect(unreadable.err).toContain(`${nothing}the latest runs cannot be read: empty.jsonl\n`)
})

test.each(['unavailable', 'failed'])('a platform that is %s in the latest runs has no latest value', async (how) => {
  writeConfig()
  store(20, 99)
  for (const name of readdirSync(runs).sort().slice(12)) {
    const record = readRecord(join(runs, name))
    const platforms = record.plan.platforms.map((one) =>
      one.name === 'gvisor' && how === 'unavailable' ? { ...one, available: false } : one,
    )
    const samples = record.samples.filter(({ platform }) => platform !== 'gvisor')
    const text = recordText({ ...record, plan: { ...record.plan, platforms }, samples }, record.environment.startedAt)
    writeFileSync(join(runs, name), text)
  }
  const { code, err, out } = await failOnWorse()
  expect(code).toBe(4)
  expect(err).toMatch(/^nothing is judged: the latest run has no value of prime.* · events on gvisor/)
  expect(out).toMatch(/gvisor +\S+ +\S+ events\/s +–/)
  expect(await failOnWorse('8')).toMatchObject({ code: 4 })
})

test('a metric that later versions of the bench lack did not fail', async () => {
  writeConfig()
  store(20, 99)
  for (const name of readdirSync(runs).sort().slice(12)) {
    const record = readRecord(join(runs, name))
    const benches = record.plan.benches.map((bench) => {
      const { events, ...metrics } = bench.metrics
      return events ? { ...bench, metrics: { ...metrics, work: events } } : bench
    })
    const samples = record.samples.map(({ outcome, ...sample }) => {
      if (!outcome.ok || outcome.values.events === undefined) return { ...sample, outcome }
      const { events, ...values } = outcome.values
      return { ...sample, outcome: { ...outcome, values: { ...values, work: events } } }
    })
    const plan = { ...record.plan, benches, findings: [] }
    writeFileSync(join(runs, name), recordText({ ...record, plan, samples }, record.environment.startedAt))
  }
  const { metrics } = readHistory(root, () => true).hosts[0]!
  expect(new Set(metrics.map(({ metric }) => metric))).toContain('events')
  expect(metrics.filter(({ failedRun }) => failedRun !== undefined)).toEqual([])
  const { code, err } = await failOnWorse()
  expect(code).toBe(4)
  expect(err).toContain('no metric of the latest run has more than 8 yet')
})

test('many records that cannot be read are counted, and the first ones named', () => {
  const skipped = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({
    record: `${name}.jsonl`,
    why: `${name} is empty`,
    isLatest: false,
  }))
  expect(skippedText([])).toBe('')
  expect(skippedText(skipped.slice(0, 1))).toBe('skipped a.jsonl: a is empty\n')
  expect(skippedText(skipped)).toBe(
    'skipped 6 runs that cannot be read: a.jsonl, b.jsonl, c.jsonl, d.jsonl and 2 more. The first: a is empty\n',
  )
})

test('a record that cannot be read is skipped and reported', () => {
  store(2, 9)
  writeFileSync(join(runs, 'broken.jsonl'), 'not a record\n')
  const { hosts: machines, skipped } = readHistory(root, () => true)
  expect(machines[0]!.runs).toHaveLength(2)
  const why = expect.stringContaining('broken.jsonl:1 is not JSON')
  expect(skipped).toEqual([{ record: 'broken.jsonl', why, isLatest: true }])
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

test('sparklines', () => {
  expect(sparkline([1, null, 2, 3])).toBe('▁·▅█')
  expect(sparkline([2, 2])).toBe('▄▄')
  expect(sparkline([1, 1, 1, 3, 3], [3])).toBe('▁▁▁│██')
  // Ten runs in five columns: the bars are medians, the latest ones whole.
  expect(sparkline([1, 1, 1, 1, 1, 9, 9, 9, null, 9], [5], 5)).toBe('▁▁│██')
  expect(sparkline([null, null, 4], [], 2)).toBe('·▄')
})

test('a record of a project has the project’s history in its html report; one from elsewhere has none', () => {
  store(14, 7)
  const file = join(runs, readdirSync(runs).sort().at(-1)!)
  const report = buildReport(readRecord(file), { strict: false })
  const history = historyFor(report)!
  expect(history.runs).toHaveLength(14)
  // A second reporter of the same report reads nothing.
  expect(historyFor(report)).toBe(history)
  const page = String(historyHtml(history, createAnchors(report, '')))
  expect(page).toMatch(/prime verification · events: gvisor worse: \d.*; since 2026-01-08 00:00, commit 07070707, /)
  expect(page.includes('also changed then: kernel: 6.1 → 6.12')).toBe(true)
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
  expect(formerRun(reportOf(0))).toBeNull()
  const latest = reportOf(2)
  // Earlier runs of other benches or hosts: this is not the first run, and there is none to compare with.
  expect(formerRun({ ...latest, cases: [] })).toBeUndefined()
  const { environment } = latest
  const otherHost = { ...environment, cpu: { ...environment.cpu, model: 'another CPU' } }
  expect(formerRun({ ...latest, environment: otherHost })).toBeUndefined()
  expect(formerRun({ ...latest, record: '/elsewhere/latest.jsonl' })).toBeUndefined()
  // It is found behind runs of other benches, and it is read once.
  const [start, ...others] = readFileSync(join(runs, files[0]!), 'utf8').split('\n')
  const ofOthers = start!.replaceAll('benches/', 'others/')
  for (let hour = 1; hour < 6; hour++)
    writeFileSync(
      join(runs, `2026-01-02T0${hour}-00-00-000Z-x.jsonl`),
      [ofOthers, ...others].join('\n').replaceAll('benches/', 'others/'),
    )
  const found = formerRun(reportOf(2))!
  expect(found.environment.startedAt).toBe('2026-01-02T00:00:00.000Z')
  // An earlier record that cannot be read may have been of the same benches.
  writeFileSync(join(runs, files[0]!), [start!.replace(/"recordVersion":\d+/, '"recordVersion":999'), ''].join('\n'))
  expect(formerRun({ ...latest, environment: otherHost })).toBeUndefined()
})
