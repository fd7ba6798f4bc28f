/** Failed samples in every reporter: what failed, and in which line of the project. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord, Sample } from '../../../src/core/model/record.ts'
import { failurePlaces, failurePosition } from '../../../src/reporters/failures.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { contextOf, Memory, makeRecord, parseCsv } from './fixture.ts'

const root = '/p'
const at = (line: number) => ({ file: '/p/benches/lib/disk.ts', line, column: 5 })
const bench = { file: '/p/benches/io/disk.bench.ts', line: 30, column: 1 }

/** The fixture: osv fails in all samples of the disk's bench, in line 7, and in line 9 in the last round. */
function recordOf(isLocated: boolean): RunRecord {
  const record = makeRecord(false)
  const isDisk = ({ bench: id }: { readonly bench: string }) => id.includes('disk')
  const cases = new Set(record.plan.cases.filter(isDisk).map(({ id }) => id))
  const last = Math.max(...record.samples.map(({ round }) => round))
  return {
    ...record,
    plan: {
      ...record.plan,
      // Claims that are written within the bench, because those elsewhere name its place too.
      benches: record.plan.benches.map((one) =>
        isDisk({ bench: one.id })
          ? { ...one, location: bench, claims: one.claims.map((claim) => ({ ...claim, location: bench })) }
          : one,
      ),
      findings: [],
    },
    samples: record.samples.map((sample): Sample => {
      if (sample.outcome.ok || !cases.has(sample.case)) return sample
      const location = isLocated ? { location: at(sample.round === last ? 9 : 7) } : {}
      return { ...sample, outcome: { ok: false, error: 'no disk', ...location } }
    }),
  }
}

const output = mkdtempSync(join(tmpdir(), 'isobench-failures-'))
afterAll(() => rmSync(output, { recursive: true }))

async function written(name: string, record: RunRecord): Promise<string> {
  const out = new Memory(false, 200)
  const summary = join(output, name)
  vi.stubEnv('GITHUB_STEP_SUMMARY', name === 'github' ? summary : '').stubEnv('GITHUB_WORKSPACE', '')
  const reporter = reporters[name]!.create(contextOf(out, { root }))
  await reporter.onFinish!(buildReport(record, { strict: false }))
  vi.unstubAllEnvs()
  return out.text + (existsSync(summary) ? readFileSync(summary, 'utf8') : '')
}

const places = 'at benches/lib/disk.ts:7; others at benches/lib/disk.ts:9'

describe('the place of failed samples', () => {
  it('is data of the report: of each failed sample, and of its bench', () => {
    const report = buildReport(recordOf(true), { strict: false })
    const [first] = report.cases.filter(({ bench: { id } }) => id.includes('disk'))
    const result = first!.results.find(({ platform }) => platform === 'osv')!
    expect(first!.location).toEqual(bench)
    expect(result.errors[0]).toEqual({ message: 'no disk', location: at(7) })
    expect(result.errors.at(-1)).toEqual({ message: 'no disk', location: at(9) })
    expect(result.samples.at(-1)).toMatchObject({ error: 'no disk', location: at(9) })
  })

  it.each(['default', 'verbose', 'dot', 'markdown', 'pr', 'html', 'github', 'junit'])(
    'is in %s, and so is each distinct one',
    async (name) => {
      const text = (await written(name, recordOf(true))).replaceAll('\\', '')
      expect(text).toContain(places)
      expect(text).toContain('no disk')
      expect(text).not.toContain('bench at benches/io/disk.bench.ts')
    },
  )

  it.each(['default', 'verbose', 'dot', 'markdown', 'pr', 'html', 'github', 'junit'])(
    'is that of the bench in %s if that of the error is unknown, and is called so',
    async (name) => {
      const text = (await written(name, recordOf(false))).replaceAll('\\', '')
      expect(text).toContain('bench at benches/io/disk.bench.ts:30')
    },
  )

  it('is the position of an annotation on GitHub', async () => {
    expect(await written('github', recordOf(true))).toMatch(
      /^::warning file=benches\/lib\/disk\.ts,line=7,title=16 samples failed::16 samples failed: random 4 KiB/m,
    )
    expect(await written('github', recordOf(false))).toMatch(/^::warning file=benches\/io\/disk\.bench\.ts,line=30,/m)
  })

  it('is a column of csv', async () => {
    const [header, ...rows] = parseCsv(await written('csv', recordOf(true)))
    const column = header!.indexOf('location')
    const shown = rows.filter((row) => row[column] !== '').map((row) => [row[column - 1], row[column]])
    expect(shown[0]).toEqual(['no disk', 'benches/lib/disk.ts:7'])
    expect(shown.at(-1)).toEqual(['no disk', 'benches/lib/disk.ts:9'])
  })

  it('is in the line of a sample in verbose', () => {
    const record = recordOf(true)
    const out = new Memory(false, 200)
    const reporter = reporters.verbose!.create(contextOf(out, { root }))
    reporter.onPlan!(record.plan)
    reporter.onSample!(record.samples.find(({ outcome }) => !outcome.ok && outcome.location)!)
    expect(out.text).toContain('failed (at benches/lib/disk.ts:7): no disk')
  })
})

describe('a text of places', () => {
  const about = { name: 'a', file: 'a.bench.ts' }
  const error = (line: number) => ({ message: 'x', location: { file: '/p/b.ts', line, column: 1 } })

  it('names each once, and counts what is too much', () => {
    const errors = [3, 3, 4, 5, 6, 7, 8].map(error)
    expect(failurePlaces({ bench: about, errors }, root)).toBe('at b.ts:3; others at b.ts:4, b.ts:5, b.ts:6 and 2 more')
  })

  it('does not name the line of another error as that of the first', () => {
    const failures = { bench: about, errors: [{ message: 'x' }, error(3)] }
    expect(failurePlaces(failures, root)).toBe('bench at a.bench.ts; others at b.ts:3')
    expect(failurePosition(failures, root)).toEqual({ file: 'a.bench.ts' })
  })
})
