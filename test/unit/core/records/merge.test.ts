import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import { casesOf } from '../../../../src/core/model/plan.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { selectShard } from '../../../../src/core/project/shard.ts'
import { groupByHost, recordText } from '../../../../src/core/records/merge.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import { chooseRecords } from '../../../../src/core/records/shard-coverage.ts'
import { mergeAll, surveysOf } from '../../../support/merged.ts'
import { makeRecord } from '../../reporters/fixture.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-merge-'))
afterAll(() => rmSync(folder, { recursive: true }))

const whole = makeRecord(false)

const sizes = whole.plan.benches.map((bench) => ({ id: bench.id, seconds: casesOf(bench).length }))
const selected = (index: number, count: number) => selectShard(whole.plan.benches, { index, count, run: null }, sizes)

/** What a machine that runs one shard leaves. */
function shard(index: number, count: number): RunRecord {
  const { benches, excluded, shard } = selected(index, count)
  const cases = benches.flatMap(casesOf)
  return {
    ...whole,
    file: `shard-${index}.jsonl`,
    plan: {
      ...whole.plan,
      seed: `seed ${index}`,
      benches,
      cases,
      excluded: [...whole.plan.excluded, ...excluded],
      shard,
    },
    samples: whole.samples.filter((sample) => cases.some(({ id }) => id === sample.case)),
  }
}

const other = (change: Partial<RunRecord['environment']>): RunRecord => ({
  ...whole,
  file: 'other.jsonl',
  environment: { ...whole.environment, startedAt: '2026-01-02T00:00:00.000Z', ...change },
})

describe('shards', () => {
  test.each([1, 2, 3])('of %i take each bench once', (count) => {
    const all = Array.from({ length: count }, (_, at) => selected(at + 1, count).benches)
    expect(
      all
        .flat()
        .map(({ id }) => id)
        .sort(),
    ).toEqual(whole.plan.benches.map(({ id }) => id).sort())
  })

  test('merged give the verdicts of the whole', () => {
    const merged = mergeAll([shard(2, 3), shard(1, 3), shard(3, 3)])
    const sorted = (record: RunRecord) => {
      const { claims, findings } = judge(record.plan, record.samples)
      return {
        claims: claims.map((one) => JSON.stringify(one)).sort(),
        findings: findings.map(({ outcome, agreeing, reasons }) => ({ outcome, agreeing, reasons })),
      }
    }
    expect(sorted(merged)).toEqual(sorted(whole))
    expect(merged.plan.excluded).toEqual(whole.plan.excluded)
  })
})

describe('merging', () => {
  test('gives a record that reads back', () => {
    const file = join(folder, 'merged.jsonl')
    const merged = mergeAll([shard(1, 2), shard(2, 2)])
    writeFileSync(file, recordText(merged, '2026-01-03T00:00:00.000Z'))
    expect(readRecord(file)).toEqual(JSON.parse(JSON.stringify({ ...merged, file })))
    expect(merged.plan.profile.rounds).toBe(whole.plan.profile.rounds)
  })

  test('the same benches adds their rounds, and keeps pairs together', () => {
    const merged = mergeAll([whole, other({})])
    const rounds = merged.samples.filter(({ warmup, platform }) => !warmup && platform === 'native')
    const of = rounds.filter(({ case: point }) => point === whole.plan.cases[0]!.id).map(({ round }) => round)
    expect(new Set(of).size).toBe(16)
    expect(merged.plan.profile.rounds).toBe(2 * whole.plan.profile.rounds)
    expect(judge(merged.plan, merged.samples).claims[0]!.estimate!.rounds).toBe(16)
  })

  test('refuses another host and names what differs', () => {
    const cpu = { ...whole.environment.cpu, count: 4 }
    expect(() => mergeAll([whole, other({ kernel: '6.12.3', cpu })])).toThrow(
      'are of different hosts: kernel: 6.1.0 and 6.12.3; CPUs: 8 and 4',
    )
    const mitigations = { a: 'x'.repeat(300), b: 'y', c: 'z', d: 'w' }
    expect(() => mergeAll([whole, other({ kernel: '6.12.3', cpu, mitigations })])).toThrow(
      /kernel: 6\.1\.0 and 6\.12\.3; CPUs: 8 and 4; .*; and \d more differences/,
    )
    expect(groupByHost(surveysOf([whole, other({ cpu }), other({})])).map((group) => group.length)).toEqual([2, 1])
  })

  test('refuses another version of a platform', () => {
    const platforms = whole.plan.platforms.map((one) => (one.name === 'gvisor' ? { ...one, version: '2.0' } : one))
    expect(() => mergeAll([whole, { ...other({}), plan: { ...whole.plan, platforms } }])).toThrow(
      'version of gvisor: 1.0 and 2.0',
    )
  })

  test('accepts records that differ only in claims, and takes those of the latest run', () => {
    const edited = JSON.parse(
      JSON.stringify(other({}), (_, value) =>
        value?.kind === 'withinNative'
          ? { ...value, percent: 40 }
          : value?.line === 12
            ? { ...value, line: 13 }
            : value,
      ),
    ) as RunRecord
    for (const records of [
      [whole, edited],
      [edited, whole],
    ]) {
      const merged = mergeAll(records)
      const [first] = judge(merged.plan, merged.samples).claims
      expect(first).toMatchObject({ claim: { matcher: { percent: 40 } }, estimate: { rounds: 16 } })
      expect(merged.plan.benches.map(({ id }) => id)).toEqual(whole.plan.benches.map(({ id }) => id))
      expect(merged.plan.findings[0]!.parts[0]!.claims[0]!.matcher).toMatchObject({ percent: 40 })
    }
  })

  test('refuses benches that changed between', () => {
    const benches = whole.plan.benches.map((one) => ({ ...one, digest: 'changed' }))
    expect(() => mergeAll([whole, { ...other({}), plan: { ...whole.plan, benches } }])).toThrow(
      /bench .*prime verification is not the same in/,
    )
  })
})

describe('a sample that is in several records', () => {
  /** A run on its own day, as each sample says. */
  const run = (day: number, seed = `seed ${day}`): RunRecord => {
    const at = (second: number) => new Date(Date.UTC(2026, 0, day, 0, 0, second)).toISOString()
    return {
      ...whole,
      file: `r${day}.jsonl`,
      environment: { ...whole.environment, startedAt: at(0) },
      plan: { ...whole.plan, seed },
      samples: whole.samples.map((sample, index) => ({ ...sample, startedAt: at(index + 1) })),
    }
  }
  const merged = (file: string, ...records: RunRecord[]): RunRecord => ({ ...mergeAll(records), file })
  const choose = (...records: RunRecord[]) => {
    const { counted, left } = chooseRecords(surveysOf(records))
    return [counted.map(({ file }) => file), left.map(({ file, why, instead }) => `${file} ${why} ${instead.file}`)]
  }

  test.each(['own', 'one'])('counts once, with seeds of their %s', (seeds) => {
    const [one, two, three] = [1, 2, 3].map((day) => run(day, seeds === 'one' ? 'same' : undefined)) as [
      RunRecord,
      RunRecord,
      RunRecord,
    ]
    const both = merged('m12.jsonl', one, two)
    const why = seeds === 'one' ? 'copy' : 'repeated'
    for (const records of [
      [both, one],
      [one, both],
    ])
      expect(choose(...records)).toEqual([['m12.jsonl'], [`r1.jsonl ${why} m12.jsonl`]])
    expect(choose(one, two, both)[0]).toEqual(['m12.jsonl'])
    expect(choose(three, both, two)).toEqual([['m12.jsonl', 'r3.jsonl'], ['r2.jsonl repeated m12.jsonl']])
    expect(() => choose(both, merged('m13.jsonl', one, three))).toThrow(/m1[23]\.jsonl and m1[23]\.jsonl have/)
    expect(() => choose(both, merged('m23.jsonl', two, three))).toThrow(/in common, and each has others/)
  })

  test('counts once if one copy has a damaged line, or was made during the run', () => {
    const [copy, short] = surveysOf([run(1), { ...run(1), samples: run(1).samples.slice(0, 9), status: 'killed' }])
    const damaged = { ...copy!, file: 'damaged.jsonl', unreadable: [{ number: 2, why: 'is not JSON' }] }
    expect(chooseRecords([damaged, { ...short!, file: 'short.jsonl' }, copy!]).counted).toHaveLength(1)
  })
})
