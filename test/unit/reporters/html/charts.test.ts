/** The paper's figures drawn from a synthetic data set with all platforms, and records side by side. */

import { beforeAll, describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { compareRecords } from '../../../../src/core/records/compare.ts'
import { htmlReporter } from '../../../../src/reporters/html/reporter.ts'
import { worldRecord } from '../../benches/record.ts'
import { allPlatforms, built, collectBenches } from '../../benches/suite.ts'
import { recordedFunctions } from '../../core/attack-profile/recorded.ts'
import { scaled } from '../../core/judge/builders.ts'
import { contextOf, Memory, makeRecord } from '../fixture.ts'

const pageOf = async (records: readonly RunRecord[], former?: RunRecord): Promise<string> => {
  const out = new Memory()
  const reports = new Map(records.map((record) => [buildReport(record, { strict: false }), record]))
  const against =
    former &&
    ((report: Parameters<NonNullable<Parameters<typeof htmlReporter.create>[0]['against']>>[0]) => ({
      name: 'former',
      report: buildReport(former, { strict: false }),
      comparison: compareRecords(former, reports.get(report)!, { marginPercent: 5 }),
    }))
  const runs = [...reports].map(([report, { plan }]) => ({ report, plan }))
  await htmlReporter.create(contextOf(out, against && { against })).onStoredRuns?.(runs)
  return out.text
}

const sectionsOf = (page: string): string[] => page.split(/<section[^>]*>/).slice(1)
const count = (text: string, of: string): number => text.split(of).length - 1
/** Everything of gVisor at a third more. */
const slower = (record: RunRecord, over: Partial<RunRecord['environment']> = {}): RunRecord => ({
  ...record,
  environment: { ...record.environment, startedAt: '2026-02-01T00:00:00.000Z', ...over },
  samples: record.samples.map((sample) => (sample.platform === 'gvisor' ? scaled(sample, 1.3) : sample)),
})

describe('the paper’s figures', () => {
  let world: RunRecord
  let sections: string[]
  beforeAll(async () => {
    if (!built) return
    world = worldRecord(await collectBenches())
    sections = sectionsOf(await pageOf([slower(world)], world))
  }, 60_000)
  const figure = (number: number) =>
    sections.filter((one) => new RegExp(`<h3 class="wrap-anywhere">Figures? (?:\\d+, )*${number}[,:]`).test(one))

  // Bench files are imported by a worker that is built: npm run build.
  const check = (name: string, numbers: readonly number[], test: (number: number) => void) =>
    it.skipIf(!built).each(numbers)(name, test)

  check(
    '%i has pictures with native’s line and the baseline, its claims, samples, and a table',
    all(5, 18),
    (number) => {
      const drawn = figure(number)
      expect(drawn.length).toBeGreaterThan(0)
      for (const one of drawn) {
        expect(count(one, '<svg')).toBeGreaterThan(0)
        expect(one).toMatch(/class="native"|class="line-native/)
        expect(one).toContain('class="before"')
        expect(one).toContain('samples in')
        expect(count(one, '<table')).toBeGreaterThan(0)
      }
      // No claim of the paper's rests on Figure 8, STREAM, nor on Figure 10.
      const resting = drawn.some((one) => one.includes('Claims about this chart'))
      expect(resting).toBe(number !== 8 && number !== 10)
    },
  )

  check('6 and 17 are lines over a parameter, in families small enough to distinguish', [6, 17], (number) => {
    const charts = figure(number).join('').split('class="on-wide"').slice(1)
    expect(charts.length).toBeGreaterThan(3)
    for (const chart of charts)
      expect(count(chart.split('class="on-narrow"')[0]!, 'class="line-')).toBeLessThanOrEqual(10)
  })

  check('%i are distributions of boots', [13, 14, 15], (number) => {
    expect(figure(number).join('')).toContain('Distribution of')
  })

  check('18 has the five workloads as panels beside each other, by each trace source', [18], (number) => {
    const [byFunctions, bySyscalls, ...others] = figure(number)
    expect(others).toEqual([])
    for (const [one, by] of [
      [byFunctions!, 'functions'],
      [bySyscalls!, 'syscalls'],
    ] as const) {
      expect(one).toContain(`Figure 18: attack profile by ${by}<`)
      const picture = one.split('class="on-narrow"')[0]!
      const titles = [...picture.matchAll(/<text class="title"[^>]*>([^<]*)</g)].map(([, text]) => text)
      expect(titles).toEqual(['cpu', 'memory', 'file I/O', 'network', 'start and stop'])
      expect(count(picture, 'class="native"')).toBe(5)
      expect(count(picture, 'tabindex="0" role="img"')).toBe(5 * allPlatforms.length)
    }
    const better = /better than qemu \(<a href="#finding-27">finding 27<\/a>\): <span[^>]*>✓\u00a0osv<\/span> \(all 5\)/
    expect(byFunctions).toMatch(better)
    // System calls do not decide a claim about hypervisors.
    expect(bySyscalls).not.toContain('finding 27')
  })

  check('stand in the paper’s order', [0], () => {
    const numbers = sections
      .flatMap((one) => /<h3 class="wrap-anywhere">Figures? (\d+)/.exec(one)?.[1] ?? [])
      .map(Number)
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
  })
})

function all(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at)
}

it('draws a recorded attack profile, of functions of a real kernel', async () => {
  const [section] = sectionsOf(await pageOf([recordedFunctions()]))
  expect(section).toContain('attack profile by functions: cpu')
  expect(section).toMatch(/<title>runc: median 900; 1 sample in count: 900<\/title>/)
  expect(section).toContain('class="native"')
  expect(section).toContain('not seen: operations of io_uring')
})

describe('several records', () => {
  const one = makeRecord(false)

  it('are panels on one scale, with native’s line in each, and the figures as a table', async () => {
    const page = await pageOf([one, slower(one)])
    const beside = page.slice(page.indexOf('Side by side'), page.indexOf('Record 1:'))
    const prime = sectionsOf(beside)[0]!
    const picture = prime.split('class="on-narrow"')[0]!
    const titles = [...picture.matchAll(/<text class="title"[^>]*>([^<]*)</g)].map(([, text]) => text)
    expect(titles).toEqual(['1: 2026-01-01 00:00', '2: 2026-02-01 00:00'])
    expect(count(picture, '<svg')).toBe(1)
    expect(count(picture, 'class="native"')).toBe(2)
    // On a phone they are beneath each other.
    expect(count(prime.slice(picture.length), '<svg')).toBe(2)
    expect(prime).toContain('One scale for all')
    // The same platform in the same row, its bar longer in the second panel.
    const widths = [
      ...prime.matchAll(/, gvisor: median[^<]*<\/title>\s*<rect class="hit"[^>]*\/><rect [^>]*width="([\d.]+)"/g),
    ]
    expect(widths).toHaveLength(2)
    expect(Number(widths[1]![1]) / Number(widths[0]![1])).toBeCloseTo(1.3, 1)
    expect(prime).toContain('The same as a table')
    expect(beside).not.toContain('Host A')
  })

  it('of different hosts are drawn separately, and the differences are listed', async () => {
    const page = await pageOf([
      one,
      slower(one, { kernel: '6.12' }),
      slower(one, { startedAt: '2026-03-01T00:00:00.000Z' }),
    ])
    const beside = page.slice(page.indexOf('Side by side'), page.indexOf('Record 1:'))
    expect(beside).toMatch(/Host A: .*Linux 6\.1\.0/)
    expect(beside).toMatch(/Host B: .*Linux 6\.12/)
    expect(beside).toContain('kernel: 6.1.0 → 6.12')
    const pictures = sectionsOf(beside)[0]!
      .split('</figure>')[0]!
      .split('<div class="on-wide"')
      .slice(1)
      .map((one) => one.split('class="on-narrow"')[0]!)
    expect(pictures.map((picture) => count(picture, 'class="title"'))).toEqual([2, 1])
  })
})
