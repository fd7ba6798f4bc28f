/**
 * Exports for other tools, read back by the rules of each tool. The rules are those of the tools' sources, written here
 * again: golang/perf benchfmt/reader.go, bencher_valid and its adapter json/v0.rs, and Python's csv for Otava.
 */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { Report } from '../../../src/core/model/report.ts'
import type { HostHistory } from '../../../src/core/records/history.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { contextOf, Memory, makeReport, parseCsv } from './fixture.ts'

async function written(name: string, report: Report, history?: HostHistory): Promise<string> {
  const out = new Memory()
  await reporters[name]!.create(contextOf(out, { history: () => history })).onFinish?.(report)
  return out.text
}

/** Names that formats give a meaning to, and any others. */
const name = fc.oneof(
  fc.constantFrom('a b', 'a_b', 'a/b', 'a%2Fb', 'gvisor-2', 'x=y', 'q"u,o\'te', 'línea\nnueva', '名前 \u3000', ' pad '),
  fc.constantFrom(
    '=SUM(1)',
    'a_bencher_ignore',
    '-bencher-ignore',
    '\u0085',
    '\u2028',
    '__proto__',
    'Benchmark',
    '::x',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
  fc.string({ unit: 'grapheme', minLength: 60, maxLength: 90 }),
)

/** The fixture's report with other names of benches, platforms, a parameter, metrics and units. */
function renamed(names: readonly string[]): Report {
  const report = makeReport(false)
  const nameOf = (old: string) => names[[...old].reduce((sum, c) => sum + c.charCodeAt(0), 0) % names.length]!
  const platforms = new Map(report.platforms.map(({ name: old }, at) => [old, `${nameOf(old)}${'·'.repeat(at)}`]))
  return {
    ...report,
    cases: report.cases.map((one, at) => ({
      ...one,
      case: `${one.bench.file}#${nameOf(one.case)}${'|'.repeat(at)}`,
      bench: { ...one.bench, name: `${nameOf(one.bench.name)}${'|'.repeat(at)}` },
      params: Object.fromEntries(
        Object.entries(one.params).map(([key, value]) => [nameOf(key), `${nameOf(String(value))}${at}`]),
      ),
      results: one.results.map((result) => ({
        ...result,
        platform: platforms.get(result.platform)!,
        metrics: Object.fromEntries(
          Object.entries(result.metrics).map(([key, metric]) => [key, { ...metric, unit: nameOf(metric.unit) }]),
        ),
      })),
    })),
  }
}

const anyReport = fc.array(name, { minLength: 1, maxLength: 6 }).map(renamed)
const runs = { numRuns: 60 }

const medians = (report: Report) =>
  report.cases.flatMap(({ results }) =>
    results.flatMap(({ metrics }) => Object.values(metrics).flatMap(({ median }) => (median === null ? [] : [median]))),
  )
const ratios = (report: Report) =>
  report.cases.flatMap(({ results }) =>
    results.flatMap(({ metrics }) => Object.values(metrics).flatMap(({ ratioToNative }) => ratioToNative ?? [])),
  )
const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b)

describe('bmf', () => {
  const bytes = (most: number) =>
    z.string().refine((text) => text !== '' && text === text.trim() && Buffer.byteLength(text) <= most)
  const metric = z.strictObject({
    value: z.number(),
    lower_value: z.number().optional(),
    upper_value: z.number().optional(),
  })
  const results = z.record(
    bytes(1024).refine((text) => !/(_bencher_ignore|BencherIgnore|-bencher-ignore)$/.test(text)),
    z.record(bytes(50), metric),
  )

  test('has each median, and each ratio to native with its interval', async () => {
    const report = makeReport(false)
    const found = results.parse(JSON.parse(await written('bmf', report)))
    const id = 'benches/compute/prime.bench.ts#prime verification · gvisor'
    const { median, ratioToNative } = report.cases[0]!.results.find((one) => one.platform === 'gvisor')!.metrics.events!
    expect(found[id]).toEqual({
      'events (events/s)': { value: median },
      'events (×native)': {
        value: ratioToNative!.ratio,
        lower_value: ratioToNative!.low,
        upper_value: ratioToNative!.high,
      },
    })
  })

  test('loses no figure, whatever the names are', async () => {
    await fc.assert(
      fc.asyncProperty(anyReport, async (report) => {
        const found = results.parse(JSON.parse(await written('bmf', report)))
        const values = Object.values(found).flatMap((measures) => Object.values(measures).map(({ value }) => value))
        expect(sorted(values)).toEqual(sorted([...medians(report), ...ratios(report).map(({ ratio }) => ratio)]))
      }),
      runs,
    )
  })
})

/** A result line: its name in parts, and its values by unit. */
interface GoResult {
  readonly pkg: string
  readonly name: string
  readonly parts: readonly string[]
  readonly values: Readonly<Record<string, number>>
}

/** benchfmt/reader.go: configuration, unit and benchmark lines. Throws where the reader reports a syntax error. */
function parseGo(text: string): { readonly results: GoResult[]; readonly units: ReadonlyMap<string, string> } {
  const space = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u
  const results: GoResult[] = []
  const units = new Map<string, string>()
  let pkg = ''
  for (const line of text.split('\n')) {
    const fields = line.split(space).filter(Boolean)
    if (line.startsWith('Benchmark')) {
      const [full, iterations, ...pairs] = fields
      if (!/^\d+$/.test(iterations ?? '') || pairs.length === 0 || pairs.length % 2 === 1) throw new Error(line)
      const values = pairs.flatMap((value, at) => (at % 2 === 0 ? [[pairs[at + 1]!, Number(value)] as const] : []))
      if (values.some(([, value]) => !Number.isFinite(value))) throw new Error(line)
      const processors = /-\d+$/.exec(full!)
      if (processors) throw new Error(`GOMAXPROCS in ${line}`)
      const bare = full!.slice('Benchmark'.length)
      results.push({ pkg, name: bare, parts: bare.split('/'), values: Object.fromEntries(values) })
    } else if (fields[0] === 'Unit') {
      for (const pair of fields.slice(2)) {
        const known = units.get(fields[1]!)
        if (!/^[^=]+=/.test(pair) || (known !== undefined && known !== pair)) throw new Error(line)
        units.set(fields[1]!, pair)
      }
    } else if (line !== '') {
      const [, key, value] = /^(\p{Ll}[^\p{Lu}\s:]*):[ \t]+(.*)$/u.exec(line) ?? []
      if (key === undefined) throw new Error(`ignored: ${line}`)
      if (key === 'pkg') pkg = value!
    }
  }
  return { results, units }
}

describe('benchfmt', () => {
  test('is what Go prints: files as packages, parameters and platforms as parts, a line per round', async () => {
    const { results, units } = parseGo(await written('benchfmt', makeReport(false)))
    const disk = results.filter(({ pkg }) => pkg === 'benches/io/disk.bench.ts')
    expect(disk[0]!.parts).toEqual(['Random_4_KiB_I%2FO', 'rw=randread', 'depth=32', 'platform=native'])
    expect(Object.keys(disk[0]!.values)).toEqual(['iops-IOPS', 'latency-us'])
    expect(disk.filter((one) => one.name === disk[0]!.name)).toHaveLength(8)
    expect(units.get('latency-us')).toBe('better=lower')
    expect(units.get('iops-IOPS')).toBe('better=higher')
  })

  test('numbers the benches and values that become equal, never the platforms, in every platform alike', async () => {
    const report = makeReport(false)
    const [first] = report.cases
    const caseOf = (name: string, size: string, platforms: readonly string[]) => {
      const id = `a.bench.ts#${name}`
      return {
        ...first!,
        case: `${id} ${size}`,
        bench: { id, file: 'a.bench.ts', name },
        params: { size },
        results: platforms.map((platform) => ({ ...first!.results[0]!, platform })),
      }
    }
    const cases = [
      caseOf('a b', '1 k', ['native']),
      caseOf('a b', '1_k', ['native', 'runc']),
      // runc has no result of the first bench.
      caseOf('a_b', '1 k', ['native', 'runc']),
      caseOf('A_b', '2 k', ['runc']),
    ]
    const { results } = parseGo(await written('benchfmt', { ...report, cases }))
    expect([...new Set(results.map(({ name }) => name))]).toEqual([
      'A_b/size=1_k/platform=native',
      'A_b/size=1_k~2/platform=native',
      'A_b/size=1_k~2/platform=runc',
      'A_b~2/size=1_k/platform=native',
      'A_b~2/size=1_k/platform=runc',
      'A_b~3/size=2_k/platform=runc',
    ])
  })

  test('loses no figure, and keeps results apart, whatever the names are', async () => {
    await fc.assert(
      fc.asyncProperty(anyReport, async (report) => {
        const { results } = parseGo(await written('benchfmt', report))
        const values = results.flatMap((one) => Object.values(one.values))
        const samples = report.cases.flatMap(({ results: own }) =>
          own.flatMap(({ metrics }) => Object.values(metrics).flatMap((one) => one.samples.map(({ value }) => value))),
        )
        expect(sorted(values)).toEqual(sorted(samples))
        const names = new Set(results.map((one) => `${one.pkg} ${one.name}`))
        const measured = report.cases.flatMap(({ results: own }) =>
          own.filter(({ metrics }) => Object.values(metrics).some((one) => one.samples.length > 0)),
        )
        expect(names.size).toBe(measured.length)
        expect(results.every(({ parts }) => parts.at(-1)!.startsWith('platform='))).toBe(true)
      }),
      runs,
    )
  })
})

describe('otava-csv', () => {
  test('has a row for the run, and a number in every column of a metric', async () => {
    await fc.assert(
      fc.asyncProperty(anyReport, async (report) => {
        const [header, row, ...others] = parseCsv(await written('otava-csv', report))
        expect(others).toEqual([])
        expect(header!.slice(0, 3)).toEqual(['time', 'commit', 'record'])
        expect(new Set(header).size).toBe(header!.length)
        expect(row!.slice(0, 3)).toEqual([report.environment.startedAt, '', '2026-01-01T00-00-00.jsonl'])
        const wanted = [...medians(report), ...ratios(report).map(({ ratio }) => ratio)]
        expect(sorted(row!.slice(3).map(Number))).toEqual(sorted(wanted))
      }),
      runs,
    )
  })

  test('has the history of the run, with gaps filled as Otava fills them', async () => {
    const at = (day: number) => ({
      record: `/runs/${day}.jsonl`,
      startedAt: `2026-01-0${day}T00:00:00.000Z`,
      revision: `abc${day}`,
      status: 'finished' as const,
    })
    const history: HostHistory = {
      host: 'here',
      runs: [at(1), at(2), at(3)],
      metrics: [
        {
          bench: { id: 'a#b', file: 'a', name: 'b' },
          params: 'x=1',
          platform: 'runc',
          metric: 'time',
          unit: 'ms',
          better: 'lower',
          medians: [null, 5, null],
          ratios: [null, 1.5, 2],
          changes: [],
          comparableRuns: 0,
        },
      ],
      findings: [],
    }
    expect(await written('otava-csv', makeReport(false), history)).toBe(
      'time,commit,record,"a#b · x=1 · time · runc","a#b · x=1 · time · runc · ×native"\r\n' +
        '2026-01-01T00:00:00.000Z,abc1,1.jsonl,5,1.5\r\n' +
        '2026-01-02T00:00:00.000Z,abc2,2.jsonl,5,1.5\r\n' +
        '2026-01-03T00:00:00.000Z,abc3,3.jsonl,5,2\r\n',
    )
  })
})
