/** Two kinds of host, shards, retries and lost shards: every record counts on its kind, or is left out by name. */

import { describe, expect, it } from 'vitest'
import type { Fleet } from '../../../../src/core/model/fleet.ts'
import type { RunRecord, Sample } from '../../../../src/core/model/record.ts'
import { compareKinds, judgeKind, latestStatements } from '../../../../src/core/records/fleet.ts'
import { chooseByHost } from '../../../../src/core/records/merge.ts'
import type { RecordSurvey } from '../../../../src/core/records/record-survey.ts'
import { seeded, shuffled } from '../../../../src/core/stats/index.ts'
import { exitText, fleetNotes } from '../../../../src/reporters/fleet-words.ts'
import { mergeAll, surveysOf } from '../../../support/merged.ts'
import { benches, idOf, type ShardOver, shard } from '../../../support/shards.ts'

const planned = { id: 'p1', build: '1', shards: benches.map((bench) => ({ benches: [bench] })) }

function on(kernel: string, index: number, over: ShardOver & { readonly file: string }): RunRecord {
  const record = shard(index, { run: 'p1', planned, ...over })
  return { ...record, environment: { ...record.environment, kernel } }
}

function fleetOf(records: readonly RunRecord[]): Fleet {
  const statements = latestStatements(records)
  const kinds = chooseByHost(surveysOf(records)).kinds.map((kind) => judgeKind(kind, statements, { strict: false }))
  return compareKinds(
    kinds,
    kinds.flatMap(({ leftOut }) => leftOut),
    false,
  )
}

describe('a host that was overloaded', () => {
  const slow = (kernel: string, over: Partial<Sample>) => {
    const record = on(kernel, 1, { file: `${kernel}.jsonl` })
    const samples = record.samples.map((one) => {
      const { outcome } = one
      if (one.platform !== 'runc' || !outcome.ok) return { ...one, ...over }
      const values = Object.fromEntries(Object.entries(outcome.values).map(([name, value]) => [name, value * 2]))
      return { ...one, ...over, outcome: { ...outcome, values } }
    })
    return { ...record, samples }
  }
  const load = { steal: 0, otherProcesses: 0.9, otherProcessesOnClientCpus: null, cpuPressure: null, runnable: 1 }

  it('is named with the claims that could not be decided there', () => {
    const fleet = fleetOf([slow('6.1.0', {}), slow('6.12.0', { disturbed: true, load })])
    expect(fleet.hosts.map(({ overloadedClaims }) => overloadedClaims)).toEqual([0, 1])
    expect(fleetNotes(fleet)).toContain(
      'H2 was overloaded: other processes used half of its CPUs in most rounds, so 1 claim could not be decided there.',
    )
  })
})

describe('shards of two kinds of host', () => {
  const old = [1, 2, 3].map((index) => on('6.1.0', index, { file: `old-${index}.jsonl` }))
  const killed = on('6.12.0', 2, { file: 'killed.jsonl', rounds: 3, status: 'killed' })
  const fresh = [1, 2].map((index) => on('6.12.0', index, { file: `new-${index}.jsonl`, at: `2026-02-0${index}` }))
  // Shard 3 of the new kernel is lost.
  const all = [...old, killed, ...fresh]

  it('are judged alone: a shard that one kind lost is missing there, although the other kind has it', () => {
    const { hosts, verdicts, exit } = fleetOf(all)
    expect(hosts.map(({ records, missingShards }) => ({ records, missingShards }))).toEqual([
      { records: old.map(({ file }) => file), missingShards: [] },
      { records: fresh.map(({ file }) => file), missingShards: ['3/3'] },
    ])
    const outcomesOf = (name: string) =>
      verdicts.find(({ bench }) => bench?.id === idOf(name))!.hosts.map((one) => one?.outcome)
    expect(outcomesOf('a')).toEqual(['holds', 'holds'])
    expect(outcomesOf('c')).toEqual(['holds', 'not-evaluated'])
    expect(exit.code).toBe(0)
    expect(fleetNotes(fleetOf(all))).toContain(
      'H2 lacks samples of shard 3/3: claims about their benches are not evaluated there.',
    )
  })

  it('say why a strict comparison is open', () => {
    const fleet = fleetOf(all)
    const [first, second] = fleet.hosts.map(({ id }) => id)
    const strict = (hosts: readonly string[], leftOut: Fleet['leftOut'] = []) =>
      exitText({ ...fleet, leftOut, exit: { code: 3, hosts: [...hosts] } })
    expect(strict([second!])).toBe('exit code 3: with --strict, a shard is missing (H2)')
    expect(strict([first!])).toBe('exit code 3: with --strict, samples failed (H1)')
    expect(strict([], [{ file: 'x', why: 'y' }])).toBe('exit code 3: with --strict, 1 record left out')
  })

  const changed = <T extends object>(all: readonly T[]) => all.map((one) => ({ ...one, digest: 'new' }))

  /** A record after an edit of its benches. */
  const edited = (record: RunRecord): RunRecord => {
    const others = changed(record.plan.shard!.others)
    return {
      ...record,
      plan: { ...record.plan, benches: changed(record.plan.benches), shard: { ...record.plan.shard!, others } },
    }
  }

  it('of which one kind measured another version of a bench keep all shards of the later run', () => {
    const other = { id: 'p2', build: '1', shards: benches.map((one) => ({ benches: changed([one]) })) }
    const later = [1, 2, 3].map((index) =>
      edited(on('6.1.0', index, { file: `later-${index}.jsonl`, at: `2026-03-0${index}`, run: 'p2', planned: other })),
    )
    const { hosts, leftOut } = fleetOf([...old, ...later])
    expect(hosts.map(({ records, missingShards }) => [records, missingShards])).toEqual([
      [later.map(({ file }) => file), []],
    ])
    expect(leftOut.map(({ file }) => file)).toEqual(old.map(({ file }) => file))
  })

  it('of two runs without an id that measured unlike work are left out beside the latest, not refused', () => {
    const former = [1, 2].map((index) => shard(index, { file: `former-${index}.jsonl`, run: null }))
    const later = [1, 2].map((index) =>
      edited(shard(index, { file: `later-${index}.jsonl`, at: `2026-03-0${index}`, run: null })),
    )
    const { shard: _, ...plan } = shard(3).plan
    const whole = { ...shard(3, { file: 'whole.jsonl', at: '2026-02-01' }), plan }
    const { hosts, leftOut } = fleetOf([...former, whole, ...later])
    expect(hosts.map(({ records }) => records)).toEqual([['later-2.jsonl']])
    expect(leftOut.map(({ file }) => file).sort()).toEqual([
      'former-1.jsonl',
      'former-2.jsonl',
      'later-1.jsonl',
      'whole.jsonl',
    ])
  })

  it('in any order and with any retries, copies and merges: each record counts once, or is left out once', () => {
    const random = seeded('hostile fleet')
    for (let trial = 0; trial < 200; trial++) {
      const records = ['6.1.0', '6.12.0'].flatMap((kernel, kind) => {
        const own = [1, 2, 3].flatMap((index) =>
          Array.from({ length: Math.floor(3 * random()) }, (_, retry): RunRecord => {
            const status = random() < 0.5 ? 'finished' : 'killed'
            const at = `2026-0${1 + Math.floor(3 * random())}-0${1 + Math.floor(9 * random())}`
            return on(kernel, index, { file: `${kind}-${index}-${retry}.jsonl`, at, status, rounds: 2 + retry })
          }),
        )
        const copies = own.filter(() => random() < 0.2).map((one) => ({ ...one, file: `copy-${one.file}` }))
        const single = [1, 2, 3].flatMap(
          (index) => own.find(({ plan }) => plan.shard!.indices[0] === index && random() < 0.8) ?? [],
        )
        const merged = single.length > 0 && random() < 0.3 ? [{ ...mergeAll(single), file: `${kind}-all.jsonl` }] : []
        return [...own, ...copies, ...merged]
      })
      const surveys = surveysOf(shuffled(records, random))
      const { kinds, left } = chooseByHost(surveys)
      const filesOf = (those: readonly { readonly file: string }[]) => those.map(({ file }) => file)
      expect([...filesOf(kinds.flat()), ...filesOf(left)].sort()).toEqual(filesOf(surveys).sort())
      for (const kind of kinds) {
        expect(new Set(kind.map(({ host }) => host)).size).toBe(1)
        const indices = kind.flatMap(({ shard }) => [...shard!.indices])
        expect(new Set(indices).size).toBe(indices.length)
        // No shard of a kind is lost by the choice.
        const there = surveys.filter(({ host }) => host === kind[0]!.host).flatMap(({ shard }) => [...shard!.indices])
        expect(new Set(indices)).toEqual(new Set(there))
      }
      const hostOf = (one: RecordSurvey) => one.host
      for (const { file, instead } of left)
        expect(hostOf(instead)).toBe(hostOf(surveys.find((one) => one.file === file)!))
    }
  })
})
