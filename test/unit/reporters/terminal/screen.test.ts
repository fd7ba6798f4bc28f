/** What a run ends with, as golden files in test/fixtures/screens. `npx vitest run -u` writes them again. */
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { compareRecords, withBaseline } from '../../../../src/core/records/compare.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import type { Before } from '../../../../src/reporters/headline/facts.ts'
import { screenLines } from '../../../../src/reporters/terminal/headline.ts'
import { cutHeadings } from '../../../../src/reporters/terminal/matrix.ts'
import { createColors } from '../../../../src/reporters/terminal/table.ts'
import { widthOf } from '../../../../src/util/text.ts'
import { scaled } from '../../core/judge/builders.ts'
import { makeRecord } from '../fixture.ts'
import { largeRecord } from '../large-record.ts'

const fixture = (path: string) => fileURLToPath(new URL(`../../../fixtures/${path}`, import.meta.url))
const real: RunRecord = {
  ...readRecord(fixture('records/prime-latency-boot.jsonl')),
  file: '/project/.isobench/runs/2026-11-23T10-33-00.jsonl',
}

function screen(record: RunRecord, width: number, { before = { former: null } }: { before?: Before } = {}): string[] {
  const judged = buildReport(record, { strict: false })
  const report = before.baseline ? withBaseline(judged, before.baseline.comparison, false) : judged
  const view = { width, ink: createColors({ color: false }), root: '/project', all: false }
  return screenLines(report, view, { before, ms: 2_160_000 })
}

/** gVisor at 60 % of its rate of primes. */
const slower: RunRecord = {
  ...real,
  samples: real.samples.map((one) =>
    one.platform === 'gvisor' && one.case.includes('prime') ? scaled(one, 0.6) : one,
  ),
}
const former = buildReport(real, { strict: false })
const comparison = compareRecords(real, slower, { marginPercent: 5 })
/** Nothing of it fails: gVisor and User-mode Linux are as fast as native. */
const large = largeRecord()
const passing = largeRecord((_, platform) => (/gvisor|user/.test(platform) ? 0.65 : 1))

const cases: readonly (readonly [string, number, readonly string[]])[] = [100, 80].flatMap((width) => [
  ['stored', width, screen(real, width)] as const,
  [
    'regressed',
    width,
    screen(slower, width, { before: { baseline: { name: 'main', report: former, comparison }, former } }),
  ] as const,
  ['changed', width, screen(slower, width, { before: { former } })] as const,
  ['large', width, screen(large, width)] as const,
  ['passing', width, screen(passing, width)] as const,
])

describe('the screen after a run', () => {
  it.each(cases)('%s at %i columns is as it was', async (name, width, lines) => {
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(fixture(`screens/${name}-${width}.txt`))
    expect(lines.filter((line) => widthOf(line) > width)).toEqual([])
  })

  it('names the record in its commands if the user named it, because it may not be the latest', () => {
    const view = { width: 100, ink: createColors({ color: false }), root: '/project', all: false, isNamed: true }
    const record = { ...large, file: '/project/old runs/a.jsonl' }
    const commands = screenLines(buildReport(record, { strict: false }), view, { before: {} }).flatMap(
      (line) => /isobench report .*/.exec(line) ?? [],
    )
    expect(new Set(commands)).toEqual(new Set(["isobench report 'old runs/a.jsonl' --all"]))
    expect(commands.length).toBeGreaterThan(1)
  })

  it('has at most 40 lines for 7 benches on 18 platforms at 100 columns', () => {
    for (const [name, width, lines] of cases) if (width === 100) expect(lines.length, name).toBeLessThanOrEqual(40)
  })

  it('has every platform of a large run in its matrix, by name or counted', () => {
    const text = screen(largeRecord(), 100).join('\n')
    const matrix = text.slice(text.indexOf('  native '), text.indexOf('  × native'))
    const names = matrix.split('\n').flatMap((line) => line.slice(0, 20).trim().split(/ +/))
    const counted = names
      .flatMap((name, at) => (name === 'more' ? Number(names[at - 1]) : []))
      .reduce((a, b) => a + b, 0)
    expect(names.filter((name) => /^[a-z]/.test(name) && name !== 'more').length + counted).toBe(18)
  })

  it.each([40, 50, 60, 120])('fits %i columns, with long, wide and hostile names', (width) => {
    const wide = { ...makeRecord(true), file: `/project/.isobench/runs/${'長い名前'.repeat(20)}.jsonl` }
    for (const record of [wide, largeRecord()])
      expect(screen(record, width).filter((line) => widthOf(line) > width)).toEqual([])
  })
})

describe('the headings of the matrix', () => {
  const cut = (labels: readonly string[], width: number) =>
    cutHeadings(
      labels.map((label) => ({ label, detail: 'calls' })),
      labels.map(() => width),
    ).map(({ label }) => label)

  it('are cut at the end, or in the middle if they would read alike', () => {
    expect(cut(['throughput of files', 'boot'], 10)).toEqual(['throughpu…', 'boot'])
    expect(cut(['attack-profile-io', 'attack-profile-net'], 8)).toEqual(['atta…-io', 'atta…net'])
  })

  it('have numbers if they still read alike, and none if they are the same', () => {
    expect(cut(['attack-profile-io-xyz', 'attack-profile-ia-xyz'], 7)).toEqual(['attac…1', 'attac…2'])
    expect(cut(['latency of reads', 'latency of reads'], 8)).toEqual(['latency…', 'latency…'])
  })
})

describe('what the last screen of a failing run answers', () => {
  const text = screen(slower, 100, { before: { baseline: { name: 'main', report: former, comparison }, former } }).join(
    '\n',
  )

  it.each([
    ['what regressed', /✗ prime verification events · gvisor:/],
    ['by how much', /0\.45 × native \[0\.43, 0\.49\], 0\.9 × allowed/],
    ['how sure', /worse in 5 of 5 rounds, 90 % interval all beyond the claim/],
    ['since when', /since {2}regressed: 0\.6 × the baseline main \[/],
    ['that it is not the host', /holds on runc/],
    ['where there is more', /more {3}isobench findings 1 2 --explain/],
    [
      'what to repeat after a change, and how long it takes',
      /again {2}isobench run compute\/prime .* --rounds 5 --seconds 0.3 \\\s+--baseline main\s+\(about \d+ s\)/,
    ],
  ])('%s', (_, pattern) => {
    expect(text).toMatch(pattern)
  })

  it('"regressed" only against a former state', () => {
    expect(screen(slower, 100).join('\n')).not.toContain('regressed')
    expect(screen(real, 100, { before: { former } }).join('\n')).not.toContain('regressed')
  })
})
