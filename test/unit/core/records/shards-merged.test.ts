/** Merging shards: what is missing is named, and never looks like fewer benches. */

import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { compareRecords, comparisonExit } from '../../../../src/core/records/compare.ts'
import { chooseByHost, mergeRecords } from '../../../../src/core/records/merge.ts'
import { chooseRecords } from '../../../../src/core/records/shard-coverage.ts'
import { formatReason } from '../../../../src/reporters/format.ts'
import { headlineOf } from '../../../../src/reporters/headline/headline.ts'
import { verdictSign, verdictText, verdictWord } from '../../../../src/reporters/headline/words.ts'
import { provisionalNotes } from '../../../../src/reporters/summary.ts'
import { mergeAll, surveysOf } from '../../../support/merged.ts'
import { benches, idOf, names, shard } from '../../../support/shards.ts'

const reportOf = (records: readonly RunRecord[], strict = false) => buildReport(mergeAll(records), { strict })
const merged = (records: readonly RunRecord[]) => mergeRecords(chooseRecords(surveysOf(records)).counted)
const counted = (records: readonly RunRecord[]) => chooseRecords(surveysOf(records)).counted.map(({ file }) => file)

describe('a lost shard', () => {
  const two = [shard(1), shard(2)]

  it('is named with its benches', () => {
    const { missingShards, plan } = merged(two)
    expect(missingShards).toEqual([
      { index: 3, count: 3, plan: plan.shard!.plan, isOfFile: false, benches: [idOf('c')] },
    ])
    expect(plan.shard!.indices).toEqual([1, 2])
  })

  it('leaves its bench in the plan, and each claim that needs it is not evaluated for that reason', () => {
    const report = reportOf(two)
    const reason = { code: 'shard-missing', shard: '3/3' }
    const lost = report.claims.filter(({ bench }) => bench.id === idOf('c'))
    expect(lost).toHaveLength(2)
    for (const claim of lost) expect(claim).toMatchObject({ outcome: 'not-evaluated', reason })
    expect(report.findings[0]).toMatchObject({ outcome: 'not-evaluated', reasons: [reason] })
    expect(report.excluded).toEqual([{ bench: idOf('c'), reason: 'shard-missing', detail: '3/3' }])
    expect(formatReason(lost[0]!.reason!)).toBe('shard 3/3: no record has its samples of the bench')
    expect(report.claims.filter(({ outcome }) => outcome === 'holds')).toHaveLength(2)
  })

  it('exits with 3 with --strict, also if its benches have no claims', () => {
    const silent = two.map((record) => ({ ...record, plan: { ...record.plan, findings: [] } }))
    expect(reportOf(two).exit.code).toBe(0)
    expect(reportOf(two, true).exit).toMatchObject({ code: 3, claims: [2, 3], findings: [1] })
    const bare = silent.map((record) => ({
      ...record,
      plan: {
        ...record.plan,
        shard: { ...record.plan.shard!, others: record.plan.shard!.others.map((one) => ({ ...one, claims: [] })) },
      },
    }))
    expect(reportOf(bare, true).exit.code).toBe(3)
    expect(reportOf([...two, shard(3)], true).exit.code).toBe(0)
  })

  it('is no pass in the headline, with or without --strict', () => {
    const none = { baseline: undefined, former: null }
    const headline = headlineOf(reportOf(two), none)
    expect([verdictSign(headline), verdictWord(headline)]).toEqual(['?', 'INCOMPLETE'])
    expect(verdictText(headline)).toBe('nothing that was measured fails this run, but samples are missing')
    expect(verdictWord(headlineOf(reportOf([...two, shard(3)]), none))).toBe('PASS')
  })

  it('makes its cases lost in a comparison with a run that has them', () => {
    const whole = mergeAll([...two, shard(3)])
    const options = { marginPercent: 5 }
    const comparison = compareRecords(whole, mergeAll(two), options)
    const lost = comparison.rows.filter(({ change }) => change === 'lost')
    expect(new Set(lost.map((row) => `${row.platform} ${row.case}`))).toEqual(
      new Set([`native ${idOf('c')}`, `runc ${idOf('c')}`]),
    )
    expect(lost[0]).toMatchObject({ reason: { code: 'not-measured', run: 'current' }, failsRun: true })
    expect(comparison.onlyIn.baseline).not.toContain(`${idOf('c')} on runc`)
    expect(comparisonExit(comparison, false)).toBe(1)
    expect(compareRecords(whole, whole, options).rows.filter(({ change }) => change === 'lost')).toEqual([])
  })

  it('can be added to the merged record later', () => {
    const partial = { ...mergeAll(two), file: 'all.jsonl' }
    const whole = merged([partial, shard(3)])
    expect(whole.missingShards).toEqual([])
    expect(whole.plan.excluded).toEqual([])
    expect(whole.plan.cases.map(({ id }) => id).sort()).toEqual(names.map(idOf))
    expect(reportOf([partial, shard(3)], true).exit.code).toBe(0)
  })
})

describe('damaged lines of a record', () => {
  const damaged = { number: 7, why: 'no JSON' }
  const [first, ...others] = surveysOf([shard(1), shard(2), shard(3)])
  const all = mergeRecords([{ ...first!, unreadable: [damaged] }, ...others])
  const record = { ...all, samples: [...all.samples()] }

  it('are counted in the merged record, so that judging it with --strict is no pass', () => {
    expect(record.plan.damagedLines).toBe(1)
    expect(buildReport(record, { strict: true }).exit.code).toBe(3)
    const report = buildReport(record, { strict: false })
    expect(report.exit.code).toBe(0)
    expect(provisionalNotes(report)).toEqual(['Incomplete: without 1 damaged line of the record.'])
    expect(verdictWord(headlineOf(report, { baseline: undefined, former: null }))).toBe('INCOMPLETE')
  })

  it('stay counted if the record is merged again', () => {
    expect(mergeAll([record]).plan.damagedLines).toBe(1)
  })
})

describe('a shard that ended early', () => {
  it('lacks rounds, which are named', () => {
    const { missingRounds } = merged([shard(1), shard(2, { rounds: 4, status: 'killed' }), shard(3)])
    expect(missingRounds).toEqual([
      { file: 'shard-2.jsonl', status: 'killed', shard: '2/3', bench: idOf('b'), rounds: 4, planned: 10 },
    ])
    expect(reportOf([shard(1), shard(2, { rounds: 4, status: 'killed' }), shard(3)], true).exit.code).toBe(3)
  })

  it('before its first round lacks the bench like a lost one', () => {
    const warmup = shard(2, { status: 'killed' }).samples.slice(0, 1)
    const early = shard(2, { status: 'killed', samples: warmup.map((one) => ({ ...one, round: -1, warmup: true })) })
    const { plan, missingShards } = merged([shard(1), early, shard(3)])
    expect(missingShards).toEqual([])
    expect(plan.excluded).toEqual([{ bench: idOf('b'), reason: 'shard-missing', detail: '2/3' }])
    const report = reportOf([shard(1), early, shard(3)])
    expect(report.claims.find(({ bench }) => bench.id === idOf('b'))!.reason).toEqual({
      code: 'shard-missing',
      shard: '2/3',
    })
  })
})

describe('a shard that was measured twice', () => {
  const killed = shard(2, { rounds: 4, status: 'killed', file: 'killed.jsonl' })
  const again = shard(2, { at: '2026-01-05', file: 'again.jsonl' })

  it('counts once: the finished one', () => {
    const { counted, left } = chooseRecords(surveysOf([killed, again, shard(1), shard(3)]))
    expect(counted.map(({ file }) => file)).toEqual(['shard-1.jsonl', 'shard-3.jsonl', 'again.jsonl'])
    expect(left).toEqual([
      { file: 'killed.jsonl', why: 'retry', instead: expect.objectContaining({ file: 'again.jsonl' }) },
    ])
    const once = merged([again, shard(1), shard(3)])
    expect([...merged([killed, again, shard(1), shard(3)]).samples()]).toEqual([...once.samples()])
  })

  it('of two finished ones the first counts, whatever they measured; of two unfinished ones the longer', () => {
    const faster = { ...again, samples: again.samples.map((sample) => ({ ...sample, wallMs: 0 })) }
    expect(counted([faster, shard(2)])).toEqual(['shard-2.jsonl'])
    const longer = shard(2, { rounds: 6, status: 'killed', file: 'longer.jsonl', at: '2026-01-06' })
    expect(counted([killed, longer])).toEqual(['longer.jsonl'])
    expect(counted([shard(2, { rounds: 4, status: 'interrupted' }), longer])).toEqual(['shard-2.jsonl'])
  })

  it('on a host of another kind counts beside the first, if the records are kept apart by host', () => {
    const elsewhere = [1, 2, 3].map((index) => {
      const record = shard(index, { file: `other-${index}.jsonl`, at: '2026-01-07' })
      return { ...record, environment: { ...record.environment, kernel: '6.12.3' } }
    })
    const { kinds, left } = chooseByHost(surveysOf([killed, ...elsewhere, shard(1), again, shard(3)]))
    expect(kinds.map((kind) => kind.map(({ file }) => file))).toEqual([
      ['shard-1.jsonl', 'shard-3.jsonl', 'again.jsonl'],
      ['other-1.jsonl', 'other-2.jsonl', 'other-3.jsonl'],
    ])
    expect(left.map(({ file, why }) => [file, why])).toEqual([['killed.jsonl', 'retry']])
  })

  it('as a copy of the same file counts once, with or without shards', () => {
    const copy = { ...shard(1), file: 'copy.jsonl' }
    expect(chooseRecords(surveysOf([shard(1), copy])).left).toMatchObject([{ file: 'shard-1.jsonl', why: 'copy' }])
    const { shard: _, ...plan } = shard(1).plan
    expect(
      counted([
        { ...shard(1), plan },
        { ...copy, plan },
      ]),
    ).toEqual(['copy.jsonl'])
  })

  it('in another run adds rounds, as without an id of the run', () => {
    const roundsOf = (records: readonly RunRecord[]) =>
      Math.max(...[...merged(records).samples()].map(({ round }) => round)) + 1
    const night = (run: string | null, at: string) => shard(1, { run, at, file: `${at}.jsonl` })
    expect(roundsOf([night('job 1', '2026-01-01'), night('job 2', '2026-01-02')])).toBe(20)
    expect(roundsOf([night(null, '2026-01-01'), night(null, '2026-01-02')])).toBe(20)
    expect(roundsOf([night('job 1', '2026-01-01'), night('job 1', '2026-01-02')])).toBe(10)
  })

  it('does not count beside a merged record that has it', () => {
    const all = { ...mergeAll([shard(1), shard(2), shard(3)]), file: 'all.jsonl' }
    expect(counted([all, shard(1), shard(2), shard(3)])).toEqual(['shard-1.jsonl', 'shard-2.jsonl', 'shard-3.jsonl'])
    expect(counted([all, shard(2)])).toEqual(['all.jsonl'])
    const some = { ...mergeAll([shard(1), shard(2)]), file: 'some.jsonl' }
    expect(counted([all, some])).toEqual(['all.jsonl'])
    const others = { ...mergeAll([shard(2), shard(3)]), file: 'others.jsonl' }
    expect(() => counted([some, others])).toThrow('are merged records that both have shard 2')
  })
})

describe('plans of shards that differ', () => {
  it('keep the platforms that each case needs, the noise floors and the duets of all', () => {
    const over = (index: number): RunRecord => {
      const { plan, ...record } = shard(index)
      const { id } = plan.cases[0]!
      const part = {
        casePlatforms: { [id]: ['native', 'runc'] },
        noiseFloors: [{ case: id, metric: 'latency', logRatio: 0.1 * index }],
        duet: [plan.benches[0]!.id],
        blocks: [[plan.benches[0]!.id]],
      }
      return { ...record, plan: { ...plan, ...part } }
    }
    const { plan } = merged([over(1), over(2), over(3)])
    expect(plan.casePlatforms).toEqual(Object.fromEntries(names.map((name) => [idOf(name), ['native', 'runc']])))
    expect(plan.noiseFloors?.map(({ case: id }) => id)).toEqual(names.map(idOf))
    expect(plan.duet).toEqual(names.map(idOf))
    expect(plan.blocks).toEqual(names.map((name) => [idOf(name)]))
    expect(reportOf([over(1), over(2), over(3)]).cases).toHaveLength(3)
  })
})

describe('records of one shard plan', () => {
  const planned = { id: 'p1', build: '1', shards: benches.map((bench) => ({ benches: [bench] })) }
  const ofFile = (index: number, over: Partial<RunRecord['plan']> = {}): RunRecord => {
    const record = shard(index, { run: planned.id, planned })
    return { ...record, plan: { ...record.plan, ...over } }
  }
  const edited = /^shard-1.jsonl and shard-2.jsonl are of the shard plan p1, but it was edited between them$/

  it('are refused if the plan file was edited between them: its rounds, its seed or its platforms', () => {
    expect(merged([ofFile(1), ofFile(2), ofFile(3)]).missingShards).toEqual([])
    const { profile } = shard(1).plan
    for (const over of [
      { profile: { ...profile, rounds: 3 } },
      { profile: { ...profile, timeout: 7 } },
      { profileName: 'full' },
      { seed: 'other' },
      { namedPlatforms: ['native'] },
    ])
      expect(() => merged([ofFile(1), ofFile(2, over)])).toThrow(edited)
  })

  it('are refused if its shards have other benches', () => {
    const swapped = { ...planned, shards: [planned.shards[1]!, planned.shards[0]!, planned.shards[2]!] }
    const other = { ...shard(1, { run: 'p1', planned: swapped, at: '2026-01-02' }), file: 'shard-2.jsonl' }
    expect(() => merged([ofFile(1), other])).toThrow(edited)
  })

  it('may have unlike rounds and seeds without a plan file', () => {
    const more = shard(2, { run: null, rounds: 12 })
    const { profile } = more.plan
    const records = [shard(1, { run: null }), { ...more, plan: { ...more.plan, profile: { ...profile, rounds: 12 } } }]
    expect(merged(records).plan.profile.rounds).toBe(12)
  })

  it('are counted for each plan if there are several', () => {
    const other = shard(2, { run: 'p2', planned: { ...planned, id: 'p2' } })
    const { shardPlans, missingShards, plan } = merged([ofFile(1), other])
    expect(shardPlans).toEqual([
      { plan: 'p1', count: 3, indices: [1] },
      { plan: 'p2', count: 3, indices: [2] },
    ])
    expect(missingShards.map(({ plan, index, isOfFile }) => [plan, index, isOfFile])).toEqual([
      ['p1', 2, true],
      ['p1', 3, true],
      ['p2', 1, true],
      ['p2', 3, true],
    ])
    expect(plan.shard).toBeUndefined()
  })
})

describe('the memory of a merge', () => {
  it('has what equal records share once', () => {
    const [first, again, longer] = surveysOf([shard(1), shard(1, { run: 'p2' }), shard(1, { run: 'p3', rounds: 11 })])
    expect(again!.rounds).toBe(first!.rounds)
    expect(again!.host).toBe(first!.host)
    expect(longer!.rounds).not.toBe(first!.rounds)
    expect(longer!.rounds.get(idOf('a'))).toEqual(
      new Map([
        ['native', 11],
        ['runc', 11],
      ]),
    )
  })
})
