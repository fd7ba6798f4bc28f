/** What a run advises, and that it advises what its cause asks for. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord, Sample } from '../../../src/core/model/record.ts'
import { compareRecords } from '../../../src/core/records/compare.ts'
import type { Matcher } from '../../../src/dsl/claim.ts'
import type { Before } from '../../../src/reporters/headline/facts.ts'
import { headlineOf } from '../../../src/reporters/headline/headline.ts'
import { matrixOf } from '../../../src/reporters/headline/matrix.ts'
import { moreAbout, rerunOf } from '../../../src/reporters/headline/next-steps.ts'
import { nextText } from '../../../src/reporters/headline/next-words.ts'
import { sinceText, verdictText, verdictWord } from '../../../src/reporters/headline/words.ts'
import { failsWords, provisionalNotes } from '../../../src/reporters/summary.ts'
import { claimLines } from '../../../src/reporters/terminal/claims.ts'
import { screenLines } from '../../../src/reporters/terminal/headline.ts'
import { createColors } from '../../../src/reporters/terminal/table.ts'
import { aClaim, aRecord, costing, native, planWith, withValues } from '../core/judge/builders.ts'
import { temporary } from '../host/children.ts'

const within: Matcher = { kind: 'withinNative', percent: 10 }
const alike: Matcher = { kind: 'equivalentTo', platform: 'native', percent: 10 }

const recordOf = (samples: readonly Sample[], matcher: Matcher = within): RunRecord =>
  aRecord({ plan: planWith(aClaim(matcher)), samples })

const reportOf = (samples: readonly Sample[], matcher?: Matcher) =>
  buildReport(recordOf(samples, matcher), { strict: false })

const load = { steal: 0, otherProcesses: 0.6, otherProcessesOnClientCpus: null, cpuPressure: null, runnable: 1 }
const busy = (samples: readonly Sample[]) => samples.map((one): Sample => ({ ...one, disturbed: true, load }))
/** Each round is slower than the one before. */
const drifting = costing('runc', (round) => 1.12 + 0.02 * round, { count: 12 })
/** On both sides of the margin. */
const unclear = costing('runc', (round) => [1.06, 1.14, 1.05, 1.15, 1.08, 1.12, 1.04, 1.13, 1.07, 1.1][round]!)

const stepsOf = (samples: readonly Sample[]) => {
  const { next } = headlineOf(reportOf(samples), { former: null })
  return next.flatMap(({ kind, command }) => (kind === 'details' || kind === 'keep' ? [] : [[kind, command?.line]]))
}

const textOf = (samples: readonly Sample[]) => {
  const view = { width: 80, ink: createColors({ color: false }), root: '/project', all: false }
  return screenLines(reportOf(samples), view, { before: { former: null } })
}

describe('what to do next', () => {
  it('is a baseline after a whole run, and none of a part of the shards', () => {
    const record = recordOf([...native(), ...costing('runc', 1)])
    const kinds = (excluded: RunRecord['plan']['excluded']) =>
      headlineOf(buildReport({ ...record, plan: { ...record.plan, excluded } }, { strict: false }), {
        former: null,
      }).next.map(({ kind }) => kind)
    expect(kinds([])).toEqual(['keep', 'details'])
    expect(kinds([{ bench: 'other', reason: 'shard' }])).toEqual(['details'])
    expect(kinds([{ bench: 'other', reason: 'shard-missing', detail: '2/3' }])).toEqual(['shards', 'details'])
  })

  it('is more rounds if only rounds lack', () => {
    expect(stepsOf([...native(), ...unclear])).toEqual([
      ['decide', 'isobench run a.bench.ts --platform native,runc --rounds 20..60'],
    ])
  })

  it('is not more rounds if the values lie exactly at the margin', () => {
    const flat = (platform: string, latency: number) =>
      native().map((one) => ({ ...one, platform, ...withValues({ latency, rate: 1 }) }))
    const equal = [...flat('native', 20), ...flat('runc', 22)]
    expect(reportOf(equal).claims[0]).toMatchObject({ outcome: 'inconclusive', reason: { code: 'equals-margin' } })
    expect(stepsOf(equal)).toEqual([])
    const view = { width: 80, ink: createColors({ color: false }), root: '/project', all: true }
    const text = claimLines(reportOf(equal), view).join('\n')
    expect(text).toMatch(/do +change the margin, so that its value is not exactly there/)
    expect(text).not.toContain('--rounds')
  })

  it('is to stop other processes, and the same rounds again, if they disturbed most samples', () => {
    const same = 'isobench run a.bench.ts --platform native,runc --rounds 10'
    expect(stepsOf(busy([...native(), ...unclear]))).toEqual([['quiet', same]])
    expect(stepsOf(busy([...native(), ...costing('runc', 2)]))).toEqual([['quiet', same]])
  })

  it('is more rounds on a quiet host if there were too few', () => {
    const few = [...native(3), ...unclear.filter(({ round }) => round < 3)]
    expect(stepsOf(busy(few))).toEqual([['quiet', 'isobench run a.bench.ts --platform native,runc --rounds 20..60']])
  })

  it('is more rounds over more time if the rounds depend on each other', () => {
    expect(stepsOf([...native(12), ...drifting])).toEqual([
      ['spread', 'isobench run a.bench.ts --platform native,runc --rounds 20..60 --seconds 3'],
    ])
  })

  it('is with the length and the limit of the samples of the run, unless its profile has them', () => {
    const record = recordOf([...native(12), ...drifting])
    const lineOf = (profileName: string, over: Partial<RunRecord['plan']['profile']>) => {
      const plan = { ...record.plan, profileName, profile: { ...record.plan.profile, timeout: 60, ...over } }
      const { next } = headlineOf(buildReport({ ...record, plan }, { strict: false }), { former: null })
      return next[0]!.command!.line.replace(/^.* --rounds \S+/, '').trim()
    }
    expect(lineOf('full', { seconds: 1 })).toBe('--seconds 3')
    expect(lineOf('full', { seconds: 0.3 })).toBe('--seconds 0.9')
    expect(lineOf('paper', { seconds: 10 / 3, timeout: 300 })).toBe('')
    expect(lineOf('quick', { seconds: 2, timeout: 90 })).toBe('--seconds 6 --timeout 90')
    expect(lineOf('nightly', { seconds: 2, timeout: 90 })).toBe('--seconds 6 --timeout 90')
    expect(lineOf('nightly', { seconds: 1, timeout: 60 })).toBe('--seconds 3 --timeout 60')
  })

  it('selects only the files and benches that it is about', () => {
    const record = recordOf([...native(), ...unclear])
    const lineOf = (file: string, excluded: readonly string[] = []) => {
      const id = `${file}#disk`
      const bench = { ...record.plan.benches[0]!, id, file }
      const plan = {
        ...record.plan,
        benches: [{ ...bench, claims: bench.claims.map((claim) => ({ ...claim, bench: id })) }],
        cases: record.plan.cases.map((one) => ({ ...one, id, bench: id })),
        excluded: excluded.map((other) => ({ bench: other, reason: 'filter' as const })),
      }
      const samples = record.samples.map((one) => ({ ...one, case: id }))
      const { next } = headlineOf(buildReport({ ...record, plan, samples }, { strict: false }), { former: null })
      return next[0]!.command!.line.replace(/^isobench run (.*) --platform .*/, '$1')
    }
    expect(lineOf('benches/io/disk.bench.ts')).toBe('io/disk')
    // It is a part of `benches/`, and of every other file there.
    expect(lineOf('benches/b.bench.ts')).toBe('benches/b.bench.ts')
    expect(lineOf('benches/bench.bench.ts')).toBe('benches/bench.bench.ts')
    expect(lineOf('benches/disk.bench.ts', ['benches/disk-all.bench.ts#x'])).toBe('benches/disk.bench.ts')
    expect(lineOf('benches/disk.bench.ts', ['benches/other.bench.ts#x'])).toBe('disk')
    expect(lineOf('benches/disk.bench.ts', ['benches/disk.bench.ts#x'])).toBe('disk --name disk')
  })

  it('takes as long as all benches that the command selects, also those with a part of the name', () => {
    const record = recordOf([...native(), ...unclear])
    const [bench] = record.plan.benches
    const [benchCase] = record.plan.cases
    const secondsOf = (others: readonly string[], excluded: readonly string[] = []) => {
      const benches = ['b/x.bench.ts#x', ...others].map((id) => {
        const [file, name] = id.split('#') as [string, string]
        const claims = bench!.claims.map((claim) => ({ ...claim, bench: id }))
        return { ...bench!, id, file, name, claims: id === 'b/x.bench.ts#x' ? claims : [] }
      })
      const plan = {
        ...record.plan,
        benches,
        cases: benches.map(({ id }) => ({ ...benchCase!, id, bench: id })),
        excluded: excluded.map((id) => ({ bench: id, reason: 'filter' as const })),
      }
      const samples = benches.flatMap(({ id }) => record.samples.map((one) => ({ ...one, case: id, wallMs: 500 })))
      const { next } = headlineOf(buildReport({ ...record, plan, samples }, { strict: false }), { former: null })
      return [next[0]!.command!.line.match(/--name \S+/)?.[0], next[0]!.command!.seconds?.least]
    }
    const alone = secondsOf([])
    expect(alone[0]).toBeUndefined()
    expect(alone[1]).toBeGreaterThan(0)
    const [one, both] = [alone[1], 2 * Number(alone[1])]
    expect(secondsOf(['b/x.bench.ts#x > y'])).toEqual(['--name x', both])
    // Its name as shown is `y (b/x)`, because another file has it too.
    expect(secondsOf(['b/x.bench.ts#y', 'a.bench.ts#y', 'a.bench.ts#x'])).toEqual(['--name x', one])
    expect(secondsOf(['b/x.bench.ts#y'], ['b/x.bench.ts#x > z'])).toEqual(['--name x', undefined])
    expect(secondsOf(['b/x.bench.ts#x > y'], ['b/x.bench.ts#z'])).toEqual(['--name x', both])
  })

  it('of a shard leaves its plan out, because a plan states the rounds', () => {
    const record = recordOf([...native(), ...unclear])
    const textOfShard = (run: string | null) => {
      const ofPlan = { plan: 'p1', run, count: 2, indices: [1], benches: [['a'], ['b']], others: [] }
      const excluded = [{ bench: 'b', reason: 'shard' as const }]
      const report = buildReport({ ...record, plan: { ...record.plan, excluded, shard: ofPlan } }, { strict: false })
      const headline = headlineOf(report, { former: null })
      return nextText(headline.next[0]!, headline)
    }
    expect(textOfShard('p1')).toBe('more rounds decide one open claim, in a run without --plan')
    expect(textOfShard('Slurm 7')).toBe('more rounds decide one open claim')
  })

  it('of a lost shard is what measures it, with the plan that it needs', () => {
    const lost = [
      ['b', '10/12'],
      ['c', '2/12'],
      ['d', '2/12'],
    ].map(([bench, detail]) => ({ bench: bench!, reason: 'shard-missing' as const, detail: detail! }))
    const record = recordOf([...native(), ...costing('runc', 1)])
    const first = (run: string | null | undefined) => {
      const ofPlan = { plan: 'p1', count: 12, indices: [1], benches: [], others: [] }
      const plan = { ...record.plan, excluded: lost, ...(run !== undefined && { shard: { ...ofPlan, run } }) }
      const report = buildReport({ ...record, plan }, { strict: false })
      expect(provisionalNotes(report)).toEqual([
        'Incomplete: no samples of 3 benches of shards 2/12 and 10/12, so claims about them are not evaluated: b, ' +
          'c and d.',
      ])
      const headline = headlineOf(report, { former: null })
      return [nextText(headline.next[0]!, headline), headline.next[0]!.command?.line]
    }
    expect(first('p1')).toEqual([
      'measure shards 2/12 and 10/12 on a host of this kind, with the file of plan p1, and merge again',
      'isobench run --plan FILE --shard 2/12',
    ])
    expect(first(null)).toEqual([
      'measure shards 2/12 and 10/12 on a host of this kind, with the options of the other shards, and merge again',
      'isobench run --shard 2/12',
    ])
    expect(first(undefined)).toEqual([
      'no samples of some benches of shards 2/12 and 10/12; isobench merge prints how to measure them',
      undefined,
    ])
  })

  it('of a sure failure is what shows more, and the same again after a change', () => {
    const report = reportOf([...native(), ...costing('runc', 2)])
    const [failure] = headlineOf(report, {}).failures
    const none = { baseline: null, former: null }
    expect(moreAbout(failure!, none)).toBe('isobench report --all')
    expect(moreAbout({ ...failure!, findings: [3, 12] }, none)).toBe('isobench findings 3 12 --explain')
    expect(moreAbout(failure!, { ...none, former: report })).toBe("isobench history --bench 'a.bench.ts#disk'")
    expect(rerunOf(report, failure!)!.line).toBe('isobench run a.bench.ts --platform native,runc --rounds 10')
    // The project no longer has a bench that only the baseline has.
    expect(rerunOf(report, { ...failure!, bench: { ...failure!.bench, id: 'a.bench.ts#gone' } })).toBeNull()
  })

  it('names the record, unless it came from a pipe, which nobody can read again', () => {
    const [failure] = headlineOf(reportOf([...native(), ...costing('runc', 2)]), {}).failures
    const none = { baseline: null, former: null }
    const folder = temporary()
    const fifo = join(folder.path, 'fifo')
    execFileSync('mkfifo', [fifo])
    for (const [record, word] of [
      ['runs/1.jsonl', 'runs/1.jsonl'],
      ['/dev/fd/63', 'FILE'],
      ['/dev/stdin', 'FILE'],
      ['/proc/self/fd/9', 'FILE'],
      [fifo, 'FILE'],
    ] as const) {
      expect(moreAbout(failure!, none, record)).toBe(`isobench report ${word} --all`)
      expect(moreAbout({ ...failure!, findings: [3] }, none, record)).toBe(
        `isobench findings 3 --explain --record ${word}`,
      )
    }
    folder.remove()
  })
})

describe('a run that --strict leaves open', () => {
  it('marks nothing as failing: not in the matrix, nor in its tables', () => {
    const strict = buildReport(recordOf([...native(), ...unclear]), { strict: true })
    expect(strict.exit).toMatchObject({ code: 3, claims: [0] })
    expect(strict.claims[0]!.failsRun).toBe(true)
    const { rows } = matrixOf(strict, { columns: 4, rows: 4 })!
    expect(rows.flatMap(({ cells }) => cells).filter(({ fails }) => fails)).toEqual([])
    expect(failsWords(strict)).toBe('leaves the run open')
    expect(failsWords(reportOf([...native(), ...costing('runc', 2)]))).toBe('fails the run')
    const view = { width: 80, ink: createColors({ color: false }), root: '/project', all: true }
    const text = [...claimLines(strict, view), ...screenLines(strict, view, { before: { former: null } })].join('\n')
    expect(text).toContain('inconclusive, leaves the run open')
    expect(text).not.toContain('fails the run')
  })
})

describe('since when a result is not as claimed', () => {
  const [worse, better] = [2, 0.5].map((factor) => [...native(), ...costing('runc', factor)])
  const report = reportOf(better!, alike)
  const since = (before: Before) => {
    const headline = headlineOf(report, before)
    return sinceText(headline.failures[0]!.subjects[0]!, headline)
  }

  it('is now, if the former run was on the other side of the claim', () => {
    // The factors of 2 and 0.5, with some noise.
    const [then, again] = [reportOf(worse!, alike), report].map((former) => since({ former }))
    expect(then).toMatch(/^new: it was worse than claimed in the run of 1 Jan 00:00, (2 ×|\d+ % more than) native \[/)
    expect(again).toMatch(/^also in the run of 1 Jan 00:00, (0\.5 ×|50 % less than) native \[/)
  })

  it('says of a gain that it is not compared with the baseline, not that the baseline lacks it', () => {
    const record = recordOf(better!, alike)
    const comparison = compareRecords(record, record, { marginPercent: 5 })
    expect(since({ baseline: { name: 'main', report, comparison } })).toBe('not compared with the baseline main')
  })
})

describe('a result that is worse than claimed, with rounds that decide nothing', () => {
  it('is no PASS, and says why', () => {
    const report = reportOf([...native(12), ...drifting])
    const headline = headlineOf(report, {})
    expect(report.exit.code).toBe(0)
    expect(verdictWord(headline)).toBe('OPEN')
    expect(verdictText(headline)).toBe('1 result is worse than claimed, but its rounds depend on each other')
    const claims = report.claims.map((claim) => ({ ...claim, unit: 'count' as const, better: 'lower' as const }))
    expect(verdictText(headlineOf({ ...report, claims }, {}))).toMatch(/^1 result is more than claimed, but /)
    const lines = textOf([...native(12), ...drifting])
    expect(lines.slice(0, 6).join('\n')).toMatch(
      /\? disk: latency of runc: \d+ % more than native \[.*\], 10 % allowed/,
    )
  })

  it('of a busy host is no PASS either', () => {
    const headline = headlineOf(reportOf(busy([...native(), ...costing('runc', 2)])), {})
    expect([verdictWord(headline), verdictText(headline)]).toEqual([
      'OPEN',
      '1 result is worse than claimed, but other processes had most of the CPUs',
    ])
  })

  it('is not called worse if it is better than claimed', () => {
    const headline = headlineOf(reportOf(busy([...native(), ...costing('runc', 0.5)]), alike), {})
    expect(verdictText(headline)).toBe('1 result is not as claimed, but other processes had most of the CPUs')
  })

  it('is a PASS if the data alone say that it holds', () => {
    const { reason } = reportOf(busy([...native(), ...costing('runc', 2)]), {
      kind: 'worseThan',
      platform: 'native',
      by: 1.5,
    }).claims[0]!
    expect(reason).toEqual({ code: 'host-overloaded', wouldBe: 'holds' })
  })
})
