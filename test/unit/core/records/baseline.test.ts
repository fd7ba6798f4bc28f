import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord, Sample } from '../../../../src/core/model/record.ts'
import type { Report } from '../../../../src/core/model/report.ts'
import {
  baselineFile,
  baselineNames,
  recordFile,
  saveBaseline,
  whyNotSaved,
} from '../../../../src/core/records/baseline.ts'
import { baselineDoubts } from '../../../../src/core/records/baseline-doubts.ts'
import {
  type Comparison,
  compareRecords,
  compareSameHost,
  comparisonExit,
  overloadedResults,
  regressions,
  withBaseline,
} from '../../../../src/core/records/compare.ts'
import { hostDifferences } from '../../../../src/core/records/fingerprint.ts'
import { recordText } from '../../../../src/core/records/merge.ts'
import { ratioInterval, ratioPValue, seeded } from '../../../../src/core/stats/index.ts'
import { type ComparisonLayout, comparisonText } from '../../../../src/reporters/comparison.ts'
import { gaussian } from '../../../calibration/simulate.ts'
import {
  aBench,
  aClaim,
  aPlan,
  aPlatform,
  aSample,
  benchId,
  environmentOf,
  withError,
  withValues,
} from '../judge/builders.ts'

const environment = environmentOf()

const recordOf = (samples: readonly Sample[], over: Partial<RunRecord> = {}): RunRecord => ({
  file: 'record.jsonl',
  environment,
  plan: aPlan(),
  problems: [],
  samples,
  status: 'finished',
  ...over,
})

/** A run on a host that is `speed` times as slow, with the platform costs of `costs`. */
function runOf(seed: string, costs: Record<string, number>, { host = 1, count = 10, cv = 0.01 } = {}): RunRecord {
  const random = seeded(seed)
  const samples = Array.from({ length: count }, (_, round) => {
    const drift = host * (1 + 0.2 * Math.sin(round))
    return Object.entries({ native: 1, ...costs }).map(([platform, cost]) => {
      const value = drift * cost * Math.exp(cv * gaussian(random))
      return aSample(platform, round, withValues({ latency: 20 * value, rate: 3000 / value }))
    })
  })
  return recordOf(samples.flat())
}

const crowd = { steal: 0, otherProcesses: 0.6, otherProcessesOnClientCpus: null, cpuPressure: null, runnable: 1 }

/** Crowded in the first so many of the ten rounds of these platforms. */
const overloaded = (record: RunRecord, rounds: number, names = ['native', 'runc', 'gvisor']): RunRecord => ({
  ...record,
  samples: record.samples.map((sample) =>
    sample.round < rounds && names.includes(sample.platform) ? { ...sample, disturbed: true, load: crowd } : sample,
  ),
})

const options = { marginPercent: 5 }
const wide: ComparisonLayout = { width: 200, all: true }
const changes = (a: RunRecord, b: RunRecord) =>
  Object.fromEntries(
    compareRecords(a, b, options).rows.map((row) => [`${row.platform} ${row.metric}`, row.change] as const),
  )

const fails = (comparison: Comparison) => regressions(comparison).length > 0

describe('comparing two runs', () => {
  const before = runOf('before', { runc: 1.1, gvisor: 3 })

  it('says same, regressed and improved, in either metric’s direction, whatever the host’s speed', () => {
    for (const host of [1, 1.5]) {
      expect(changes(before, runOf('now', { runc: 1.1, gvisor: 3 }, { host }))).toMatchObject({
        'runc latency': 'same',
        'runc rate': 'same',
        'gvisor latency': 'same',
      })
      expect(changes(before, runOf('now', { runc: 1.4, gvisor: 2 }, { host }))).toMatchObject({
        'runc latency': 'regressed',
        'runc rate': 'regressed',
        'gvisor latency': 'improved',
        'gvisor rate': 'improved',
      })
    }
  })

  it('a host that is slower throughout is reported and does not fail', () => {
    const comparison = compareRecords(before, runOf('now', { runc: 1.1, gvisor: 3 }, { host: 3 }), options)
    expect(comparison.rows.filter(({ platform }) => platform === 'native')).toMatchObject([
      { change: 'regressed', failsRun: false, of: 'value' },
      { change: 'regressed', failsRun: false, of: 'value' },
    ])
    expect(fails(comparison)).toBe(false)
  })

  it('takes the values where a run has no native', () => {
    const without = (record: RunRecord) => recordOf(record.samples.filter(({ platform }) => platform !== 'native'))
    const comparison = compareRecords(without(before), without(runOf('now', { runc: 2.2, gvisor: 3 })), options)
    expect(comparison.rows.find(({ platform, metric }) => platform === 'runc' && metric === 'latency')).toMatchObject({
      of: 'value',
      change: 'regressed',
    })
    expect(fails(comparison)).toBe(true)
  })

  it('the ratio is now ÷ before in the metric’s own direction', () => {
    const rows = compareRecords(before, runOf('now', { runc: 2.2, gvisor: 3 }), options).rows
    const of = (metric: string) => rows.find((row) => row.platform === 'runc' && row.metric === metric)!.ratio!
    expect(of('latency').estimate).toBeCloseTo(2, 1)
    expect(of('rate').estimate).toBeCloseTo(0.5, 1)
    expect(of('rate').low!).toBeLessThan(of('rate').high!)
  })

  describe('different work is unclear', () => {
    const other = runOf('now', { runc: 2.2, gvisor: 3 })
    const isUnclear = (now: RunRecord) =>
      compareRecords(before, now, options).rows.every(
        ({ change, reason }) => change === 'unclear' && reason?.code === 'different-work',
      )
    const withBenchDigest = (run: RunRecord): RunRecord => ({
      ...run,
      plan: { ...run.plan, benches: run.plan.benches.map((bench) => ({ ...bench, digest: 'other' })) },
    })

    it('on one host, if the samples say so', () => {
      expect(isUnclear(recordOf(other.samples.map((sample) => ({ ...sample, workDigest: 'other' }))))).toBe(true)
    })

    it('on two hosts, with other limits or images in the digests of the samples, if the benches say so', () => {
      const image = 'other'
      const elsewhere: RunRecord = {
        ...recordOf(other.samples.map((sample) => ({ ...sample, workDigest: image }))),
        environment: { ...environment, image },
      }
      expect(fails(compareRecords(before, elsewhere, options))).toBe(true)
      expect(isUnclear(withBenchDigest(elsewhere))).toBe(true)
    })
  })

  describe('where other processes had most of the CPUs', () => {
    const now = runOf('now', { runc: 2.2, gvisor: 2 })
    const doubted = (run: string) => ({ change: 'unclear', reason: { code: 'host-overloaded', run } })

    it('in either run, what moved is unclear, says why, and fails nothing', () => {
      for (const [a, b, run] of [
        [before, overloaded(now, 6), 'current'],
        [overloaded(before, 6), now, 'baseline'],
      ] as const) {
        const comparison = compareRecords(a, b, options)
        const moved = comparison.rows.filter(({ failsRun }) => failsRun)
        expect(moved).toMatchObject(moved.map(() => doubted(run)))
        expect(fails(comparison)).toBe(false)
        expect(comparisonExit(comparison, false)).toBe(4)
        const why =
          /^No regression could be found: other processes had most of the CPUs in the (current run|baseline)\.$/m
        expect(comparisonText(comparison, wide)).toMatch(why)
      }
    })

    it('half of the rounds, or one side alone, excuse nothing; what is the same stays so', () => {
      expect(fails(compareRecords(before, overloaded(now, 5), options))).toBe(true)
      expect(fails(compareRecords(before, overloaded(now, 10, ['runc']), options))).toBe(true)
      const same = overloaded(runOf('same', { runc: 1.1, gvisor: 3 }), 10)
      expect(changes(before, same)).toMatchObject({ 'runc latency': 'same', 'gvisor rate': 'same' })
    })
  })

  it('prints what regressed first, counts what is the same, and fits the terminal', () => {
    const comparison = compareRecords(runOf('a', { runc: 1, gvisor: 1 }), runOf('b', { runc: 1, gvisor: 1.5 }), options)
    const lines = comparisonText(comparison, { width: 60, all: false }).split('\n')
    const rows = lines.slice(lines.findIndex((line) => line.includes('platform')) + 1)
    expect(rows.slice(0, 2).map((line) => line.slice(0, 11))).toEqual(['✗ regressed', '✗ regressed'])
    expect(rows.join('\n')).toMatch(/^Not listed: \d+ same \(--all lists every result\)\.$/m)
    expect(lines.filter((line) => line.length > 60)).toEqual([])
    const all = comparisonText(comparison, { width: 200, all: true })
    expect(all.lastIndexOf('✗ regressed')).toBeLessThan(all.indexOf('= same'))
  })

  it('counts every row that it lists, those of the host and of allowed platforms apart', () => {
    const summaryOf = (a: RunRecord, b: RunRecord, over = {}) => {
      const comparison = compareRecords(a, b, { ...options, ...over })
      const text = comparisonText(comparison, { width: 200, all: true })
      const rows = text.split('\n').filter((line) => /^[✗✓=?] /.test(line))
      const summary = text.match(/^\d+ regressed .*(?= \(margin)/m)![0]
      const sum = [...summary.matchAll(/\d+/g)].reduce((all, [number]) => all + Number(number), 0)
      expect([rows.length, sum]).toEqual([comparison.rows.length, comparison.rows.length])
      return summary
    }
    const alone = runOf('a', {})
    const ofHost = summaryOf(alone, alone)
    expect(ofHost).toMatch(/^0 regressed · 0 improved · 0 same · 0 unclear · 0 lost · host: 2 (same|unclear)$/)
    const lost = summaryOf(runOf('a', { runc: 1 }), alone, { allowMissing: ['runc'] })
    expect(lost).toMatch(/ · 0 lost · host: .* · allowed: 2 lost$/)
    const withoutNative = summaryOf(alone, { ...alone, samples: [] }, { allowMissing: ['native'] })
    expect(withoutNative).toMatch(/ · 0 lost · allowed: 2 lost$/)
  })

  it.each([80, 60])('never cuts two names of rows to the same text in %i columns', (width) => {
    const compared = compareRecords(runOf('a', { runc: 1 }), runOf('b', { runc: 1.5 }), options)
    const row = compared.rows.find(({ change }) => change === 'regressed')!
    const metrics = ['p50', 'p99'].flatMap((part) => ['read', 'write'].map((way) => `latency of ${part} ${way} calls`))
    const platforms = ['firecracker-snapshot-a-restored', 'firecracker-snapshot-b-restored']
    const rows = platforms.flatMap((platform) => metrics.map((metric) => ({ ...row, platform, metric })))
    const lines = comparisonText({ ...compared, rows }, { width, all: false }).split('\n')
    expect(lines.filter((line) => line.length > width)).toEqual([])
    const listed = lines.slice(lines.findIndex((line) => line.includes('÷ before')) + 1, lines.indexOf('', 4))
    const texts = listed.join('\n').split(/\n(?=✗)/)
    expect(texts).toHaveLength(rows.length)
    expect(new Set(texts).size).toBe(rows.length)
    expect(lines.find((line) => line.includes('÷ before'))).toMatch(/^ {13}\S/)
  })

  it('says that the rounds are too few for the sweep', () => {
    const few = (seed: string) => runOf(seed, { runc: 1, gvisor: 1 }, { count: 2 })
    const comparison = compareRecords(few('a'), few('b'), options)
    expect(comparison.canTell).toBe(false)
    expect(comparisonExit(comparison, false)).toBe(4)
    expect(comparisonText(comparison, wide)).toContain('Too few rounds')
  })

  it('finds nothing if the work differs, or nothing is in common, and says which', () => {
    const [before, now] = [runOf('a', { runc: 1.1 }), runOf('b', { runc: 1.1 })]
    const other = { ...now, samples: now.samples.map((one) => ({ ...one, workDigest: 'other' })) }
    const changed = compareRecords(before, other, options)
    expect(comparisonExit(changed, false)).toBe(4)
    expect(comparisonText(changed, wide)).toContain('No regression could be found: the work differs: the bench')
    const plan = aPlan({ platforms: ['native', 'crun'].map((name) => aPlatform(name)) })
    const apart = compareRecords(before, { ...runOf('b', { crun: 1.1 }), plan }, options)
    expect(comparisonExit(apart, false)).toBe(4)
    expect(comparisonText(apart, wide)).toContain('the runs have no result in common')
  })

  it('with --strict, a metric that may have regressed ends with 3', () => {
    const [quiet, noisy] = [runOf('quiet', { runc: 1.1 }), runOf('noisy', { runc: 1.1 }, { cv: 0.3 })]
    const comparison = compareRecords(quiet, noisy, options)
    expect(comparison.rows.filter(({ failsRun }) => failsRun).map(({ change }) => change)).toContain('unclear')
    expect([comparisonExit(comparison, false), comparisonExit(comparison, true)]).toEqual([0, 3])
    expect(comparisonExit(compareRecords(quiet, quiet, options), true)).toBe(0)
  })

  it('finds a platform that is 2.9 times slower among 200 rows at five rounds', () => {
    const names = Array.from({ length: 100 }, (_, at) => `p${at}`)
    const plan = aPlan({ platforms: ['native', ...names].map((name) => aPlatform(name)) })
    const sweep = (seed: string, slow: number): RunRecord => {
      const costs = Object.fromEntries(names.map((name, at) => [name, at === 7 ? slow : 1.1]))
      return { ...runOf(seed, costs, { count: 5, cv: 0.05 }), plan }
    }
    const comparison = compareRecords(sweep('a', 1.1), sweep('b', 1.1 * 2.9), options)
    expect(comparison.rows).toHaveLength(202)
    const found = regressions(comparison)
    expect(found.map(({ platform }) => platform)).toEqual(['p7', 'p7'])
    expect(comparisonExit(comparison, false)).toBe(1)
  })

  it('values with two modes do not fail a sweep of equal platforms at five rounds', () => {
    const names = Array.from({ length: 50 }, (_, at) => `p${at}`)
    const plan = aPlan({ platforms: ['native', ...names].map((name) => aPlatform(name)) })
    const random = seeded('modes')
    const value = () => (random() < 0.6 ? 20 : 26) * Math.exp(0.01 * gaussian(random))
    const sweep = (): RunRecord => {
      const samples = ['native', ...names].flatMap((name) =>
        Array.from({ length: 5 }, (_, round) => aSample(name, round, withValues({ latency: value(), rate: value() }))),
      )
      return { ...recordOf(samples), plan }
    }
    let alarms = 0
    for (let trial = 0; trial < 25; trial++) if (fails(compareRecords(sweep(), sweep(), options))) alarms++
    expect(alarms).toBeLessThanOrEqual(2)
  })

  describe('what was measured before and is not now', () => {
    const broken = runOf('now', { runc: 1.1, gvisor: 3 })
    const error = (sample: Sample): Sample => ({ ...sample, outcome: { ok: false, error: 'it broke' } })
    const failing = {
      ...broken,
      samples: broken.samples.map((one) => (one.platform === 'runc' ? error(one) : one)),
    }
    const absent = {
      ...broken,
      plan: aPlan({ platforms: broken.plan.platforms.map((p) => ({ ...p, available: p.name !== 'runc' })) }),
      samples: broken.samples.filter(({ platform }) => platform !== 'runc'),
    }

    it.each([
      ['sample-errors', 'every sample failed', failing],
      ['platform-unavailable', 'the platform does not work now', absent],
    ])('is lost, and fails: %s', (code, text, now) => {
      const comparison = compareRecords(before, now, options)
      const lost = comparison.rows.filter(({ change }) => change === 'lost')
      expect(lost.map(({ platform, metric }) => [platform, metric])).toEqual([
        ['runc', 'latency'],
        ['runc', 'rate'],
      ])
      expect(lost[0]!.reason).toEqual({ code })
      expect(comparisonExit(comparison, false)).toBe(1)
      expect(comparisonText(comparison, wide)).toContain('2 lost')
      expect(comparisonText(comparison, wide)).toContain(text)
    })

    it('is allowed by name, and is not lost if the run did not ask for the platform', () => {
      const allowed = compareRecords(before, absent, { ...options, allowMissing: ['runc'] })
      expect(comparisonExit(allowed, true)).toBe(0)
      const other = compareRecords(before, absent, { ...options, allowMissing: ['gvisor'] })
      expect(comparisonExit(other, false)).toBe(1)
      const unasked = { ...absent, plan: aPlan({ platforms: [aPlatform('native'), aPlatform('gvisor')] }) }
      const comparison = compareRecords(before, unasked, options)
      expect(comparisonExit(comparison, false)).toBe(0)
      expect(comparison.onlyIn.baseline).toEqual([`${benchId} on runc`])
    })
  })

  it('a claim that the baseline decides and the run does not is reported, and fails with --strict', () => {
    const claims = [aClaim({ kind: 'withinNative', percent: 20 })]
    const withClaim = (record: RunRecord): RunRecord => ({ ...record, plan: aPlan({ benches: [aBench({ claims })] }) })
    const noisy = runOf('noisy', { runc: 1.1, gvisor: 3 }, { cv: 0.3 })
    const comparison = compareRecords(withClaim(before), withClaim(noisy), options)
    expect(comparison.lostVerdicts).toMatchObject([{ platforms: ['runc'], before: 'holds', now: 'inconclusive' }])
    expect(comparisonExit(comparison, false)).toBe(0)
    expect(comparisonExit(comparison, true)).toBe(3)
    expect(comparisonText(comparison, wide)).toContain('disk · runc · latency: holds → inconclusive')
  })

  it('rounds that depend on each other change nothing for sure', () => {
    const random = seeded('drift')
    const drifting = recordOf(
      Array.from({ length: 12 }, (_, round) =>
        ['native', 'runc'].map((platform) => {
          const latency = 20 * (platform === 'native' ? 1 : 1.2 + 0.02 * round) * Math.exp(0.002 * gaussian(random))
          return aSample(platform, round, withValues({ latency, rate: 1e3 / latency }))
        }),
      ).flat(),
    )
    const row = compareRecords(before, drifting, options).rows.find(({ platform }) => platform === 'runc')!
    expect(row).toMatchObject({ change: 'unclear', reason: { code: 'dependent-rounds', run: 'current' } })
  })

  it('rounds that depend on each other a little on each of many platforms change nothing for sure', () => {
    const names = Array.from({ length: 9 }, (_, at) => `p${at}`)
    const plan = aPlan({ platforms: ['native', ...names].map((name) => aPlatform(name)) })
    const costs = Object.fromEntries(names.map((name) => [name, 1.2]))
    const aWhile = { ...runOf('a while', costs, { count: 12 }), plan }
    const random = seeded('slow waves')
    const phases = names.map(() => 6 * random())
    const waving = recordOf(
      Array.from({ length: 12 }, (_, round) =>
        ['native', ...names].map((platform, at) => {
          const wave = at === 0 ? 0 : 0.03 * Math.sin(phases[at - 1]! + (0.9 + 0.02 * at) * round)
          const latency = 20 * (at === 0 ? 1 : 1.4) * Math.exp(wave + 0.02 * gaussian(random))
          return aSample(platform, round, withValues({ latency, rate: 1e3 / latency }))
        }),
      ).flat(),
      { plan },
    )
    const reasons = compareRecords(aWhile, waving, options).rows.flatMap(({ reason }) => reason ?? [])
    expect(reasons).toContainEqual(
      expect.objectContaining({ code: 'dependent-rounds', run: 'current', comparisons: 9 }),
    )
  })

  it('an A/A sweep of 40 metrics seldom fails; one regression of 20 % among them is found', () => {
    const names = Array.from({ length: 20 }, (_, at) => `p${at}`)
    const plan = aPlan({ platforms: ['native', ...names].map((name) => aPlatform(name)) })
    const sweep = (seed: string, bad: number): RunRecord => {
      const costs = Object.fromEntries(names.map((name, at) => [name, at === 0 ? bad : 1.1]))
      return { ...runOf(seed, costs, { count: 10, cv: 0.03 }), plan }
    }
    let alarms = 0
    let found = 0
    for (let trial = 0; trial < 40; trial++) {
      if (fails(compareRecords(sweep(`a${trial}`, 1.1), sweep(`b${trial}`, 1.1), options))) alarms++
      const rows = compareRecords(sweep(`c${trial}`, 1.1), sweep(`d${trial}`, 1.1 * 1.2), options).rows
      if (rows.some(({ platform, change }) => platform === 'p0' && change === 'regressed')) found++
    }
    expect(alarms).toBe(0)
    expect(found).toBeGreaterThan(35)
  })

  it('a bench that one run lacks is reported', () => {
    const more = aPlan({ benches: [aBench(), aBench({ id: 'b.bench.ts#new', name: 'new' })] })
    expect(compareRecords(before, { ...before, plan: more }, options).onlyIn).toEqual({
      baseline: [],
      current: ['b.bench.ts#new on native', 'b.bench.ts#new on runc', 'b.bench.ts#new on gvisor'],
    })
  })
})

describe('different hosts', () => {
  const a = runOf('a', { runc: 1 })
  it.each([
    ['kernel', { kernel: '6.2' }],
    ['CPU model', { cpu: { ...environment.cpu, model: 'other' } }],
    ['CPU governor', { cpu: { ...environment.cpu, governor: 'powersave' } }],
    ['mitigation meltdown', { mitigations: { meltdown: 'Vulnerable' } }],
    ['image', { image: 'other' }],
  ])('are refused for another %s, and compared with a note on request', (what, over) => {
    const b = { ...a, environment: { ...environment, ...over } }
    expect(() => compareSameHost(a, b, { ...options, allowDifferentHosts: false })).toThrow(
      expect.objectContaining({ differences: [expect.objectContaining({ what: expect.stringMatching(what) })] }),
    )
    const comparison = compareSameHost(a, b, { ...options, allowDifferentHosts: true })
    expect(comparison.hostDifferences.map((one) => one.what)).toEqual([what])
    expect(comparisonText(comparison, wide)).toContain(what)
  })

  it('the time, the revision and platforms that only one has make no difference', () => {
    const platforms = [aPlatform('native'), aPlatform('runc')]
    const b = { environment: { ...environment, startedAt: 'later', revision: 'abc' }, plan: aPlan({ platforms }) }
    expect(hostDifferences(a, b)).toEqual([])
    const newer = aPlan({ platforms: [aPlatform('native'), aPlatform('runc', { version: '2' })] })
    expect(hostDifferences(a, { ...b, plan: newer }).map(({ what }) => what)).toEqual(['version of runc'])
  })

  it('the config, the version of isobench and an unavailable platform differ only if asked for', () => {
    const platforms = [aPlatform('native'), aPlatform('runc', { available: false })]
    const b = { environment: { ...environment, configDigest: 'other', isobench: '9' }, plan: aPlan({ platforms }) }
    expect(hostDifferences(a, b)).toEqual([])
    const differences = hostDifferences(a, b, { includeConfig: true })
    expect(differences.map(({ what }) => what)).toEqual(['version of runc', 'config', 'isobench'])
    expect(differences[0]!.current).toBe('cannot run')
  })
})

describe('the report of a run with a baseline', () => {
  const before = runOf('before', { runc: 1.1 })
  const reportOf = (exit: Report['exit'], now: RunRecord) =>
    withBaseline({ ...buildReport(now, { strict: false }), exit }, compareRecords(before, now, options), false).exit
  const [same, slower] = [runOf('now', { runc: 1.1 }), runOf('now', { runc: 1.5 })]
  const exitOf = (code: number): Report['exit'] => ({ code, claims: [], findings: [] })

  it.each([
    ['a regression fails a run', 0, slower, 1],
    ['a regression fails a run without claims', 4, slower, 1],
    ['an interrupted run stays interrupted', 130, slower, 130],
    ['a run without claims has compared something', 4, same, 0],
    ['other codes stay', 3, same, 3],
  ] as const)('%s', (_, code, now, expected) => {
    expect(reportOf(exitOf(code), now).code).toBe(expected)
  })

  it.each([false, true])('too few rounds for a regression come before a doubt, strict: %s', (strict) => {
    const [short, next] = [runOf('a', { runc: 1 }, { count: 2 }), runOf('b', { runc: 1 }, { count: 2 })]
    const report = { ...buildReport(next, { strict }), exit: exitOf(strict ? 3 : 0) }
    expect(withBaseline(report, compareRecords(short, next, options), strict).exit.code).toBe(4)
  })

  it('names what regressed, and nothing if nothing did', () => {
    expect(reportOf(exitOf(0), same).regressions).toEqual([])
    expect(reportOf(exitOf(0), slower).regressions).toEqual([
      { case: benchId, platform: 'runc', metric: 'latency' },
      { case: benchId, platform: 'runc', metric: 'rate' },
    ])
  })
})

describe('baselines', () => {
  const root = mkdtempSync(join(tmpdir(), 'isobench-baseline-'))
  afterAll(() => rmSync(root, { recursive: true }))

  it('are kept, replaced, and found by name or path', () => {
    const record = join(root, 'run.jsonl')
    const textOf = (seed: string) => recordText(runOf(seed, { runc: 1.1 }), 'later')
    writeFileSync(record, textOf('one'))
    const file = saveBaseline(root, 'main', record)
    expect(baselineNames(root)).toEqual(['main'])
    const before = openSync(file, 'r')
    writeFileSync(record, textOf('two'))
    saveBaseline(root, 'main', record)
    expect([readFileSync(before, 'utf8'), readFileSync(file, 'utf8')]).toEqual([textOf('one'), textOf('two')])
    closeSync(before)
    expect(recordFile(root, root, 'main')).toBe(file)
    expect(recordFile(root, root, 'run.jsonl')).toBe(record)
    mkdirSync(join(root, 'main'))
    expect(recordFile(root, root, 'main'), 'beside a folder of that name').toBe(file)
    expect(() => baselineFile(root, 'mian')).toThrow('there is no baseline')
    expect(() => saveBaseline(root, '../out', record)).toThrow('cannot name a baseline')
    expect(() => saveBaseline(root, 'n'.repeat(300), record)).toThrow(
      expect.objectContaining({
        message: '"nnnnnnnnnnnnnnnnnnnn…" cannot name a baseline: it has 300 characters',
        fix: 'use at most 100 characters',
      }),
    )
    mkdirSync(join(root, '.isobench/baselines/folder.jsonl'))
    expect(() => baselineFile(root, 'folder')).toThrow(
      expect.objectContaining({
        message: 'there is no baseline "folder"',
        fix: 'there are: main',
      }),
    )
  })

  it('know their results of an overloaded host, with which later runs are not compared', () => {
    const run = runOf('now', { runc: 1.1, gvisor: 2 })
    expect(overloadedResults(run)).toEqual({ overloaded: 0, of: 4 })
    expect(overloadedResults(overloaded(run, 10))).toEqual({ overloaded: 4, of: 4 })
    expect(overloadedResults(overloaded(run, 5)), 'half of the rounds').toEqual({ overloaded: 0, of: 4 })
    expect(overloadedResults(overloaded(run, 10, ['native', 'runc']))).toEqual({ overloaded: 2, of: 4 })
    expect(overloadedResults(overloaded(run, 10, ['runc'])), 'native is not').toEqual({ overloaded: 0, of: 4 })
  })

  it.each([
    ['no sample', 20, 0, undefined],
    ['half of the samples', 20, 10, undefined],
    ['more than half of the samples', 20, 11, 9],
    ['few samples, but of few rounds', 6, 2, 4],
    ['all samples', 6, 6, 0],
  ])('know the results that rest on few rounds: %s of runc failed', (_, count, failures, left) => {
    const run = runOf('now', { runc: 1.1, gvisor: 2 }, { count })
    const withFailures = run.samples.map((one) =>
      one.platform === 'runc' && one.round < failures ? { ...one, ...withError('it broke') } : one,
    )
    // A warm-up round is no round, and isobench stops trying what fails at once.
    const warmup = aSample('runc', -1, { warmup: true, ...withError('it broke') })
    const samples = [
      warmup,
      ...withFailures.filter(({ outcome, round }) => outcome.ok || failures < count || round === 0),
    ]
    const record = { ...run, samples }
    const { few, results } = baselineDoubts(record, buildReport(record, { strict: false }))
    const expected = left === undefined ? [] : [{ case: benchId, platform: 'runc', rounds: left, of: count }]
    expect([few, results]).toEqual([expected, 3])
  })

  it('of few rounds, that the user asked for, are not doubted', () => {
    const run = runOf('now', { runc: 1.1 }, { count: 1 })
    expect(baselineDoubts(run, buildReport(run, { strict: false })).few).toEqual([])
  })

  it.each([
    ['has a sample that its plan lacks', recordText({ ...runOf('a', { runc: 1.1 }), plan: aPlan({ cases: [] }) }, '')],
    ['has a damaged line', recordText(runOf('a', { runc: 1.1 }), '').replace('"type":"sample"', '"type":"')],
    ['is none', 'one\n'],
  ])('are not replaced by a record that %s', (_, broken) => {
    const [good, record] = [join(root, 'good.jsonl'), join(root, 'broken.jsonl')]
    writeFileSync(good, recordText(runOf('good', { runc: 1.1 }), ''))
    writeFileSync(record, broken)
    const file = saveBaseline(root, 'kept', good)
    expect(() => saveBaseline(root, 'kept', record)).toThrow(record)
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(good, 'utf8'))
  })

  it('is not made of a run that was interrupted, failed or regressed, or could not show a regression', () => {
    const before = runOf('before', { runc: 1.1 })
    const why = (now: RunRecord, baseline?: RunRecord) =>
      whyNotSaved(buildReport(now, { strict: false }), baseline && compareRecords(baseline, now, options))
    expect(why(runOf('now', { runc: 1.1 }), before)).toBeUndefined()
    expect(why(runOf('now', { runc: 1.1 }))).toBeUndefined()
    expect(why(runOf('now', { runc: 1.5 }))).toBeUndefined()
    expect(why(runOf('now', { runc: 1.5 }), before)).toBe('regressed')
    expect(why(runOf('now', { runc: 1.1 }, { count: 1 }), before)).toBe('blind')
    expect(why(overloaded(runOf('now', { runc: 1.1 }), 10), before)).toBe('overloaded')
    expect(why(overloaded(runOf('now', { runc: 1.375 }), 10), before)).toBe('overloaded')
    // The rounds are enough for a regression, but these are too noisy to show one.
    const noisy = runOf('noise', { runc: 1.4 }, { cv: 0.4 })
    expect(changes(before, noisy)).toMatchObject({ 'runc latency': 'unclear', 'runc rate': 'unclear' })
    expect(why(noisy, before)).toBe('unclear')
    const better = runOf('noise', { runc: 1 }, { cv: 0.4 })
    expect(changes(before, better)).toMatchObject({ 'runc latency': 'unclear', 'runc rate': 'unclear' })
    expect(why(better, before)).toBeUndefined()
    const running = runOf('now', { runc: 1.1 })
    const stalled = runOf('now', { runc: 1.1 }).samples.map((one) => {
      if (one.platform !== 'runc' || !one.outcome.ok) return one
      return { ...one, ...withValues({ ...one.outcome.values, rate: 0 }) }
    })
    expect(why({ ...running, samples: stalled }, before)).toBe('regressed')
    expect(why(running, { ...running, samples: stalled })).toBeUndefined()
    expect(why({ ...before, status: 'interrupted' })).toBe('interrupted')
    expect(why({ ...before, problems: [{ file: 'a', message: 'b' }] })).toBe('problems')
    const failed = before.samples.map((one) => ({ ...one, outcome: { ok: false as const, error: 'it broke' } }))
    expect(why({ ...before, samples: failed })).toBe('failed')
    expect(why({ ...before, samples: [...failed.slice(1), before.samples[0]!] })).toBeUndefined()
  })
})

describe('ratioPValue', () => {
  it('agrees with the interval, on both sides', () => {
    const random = seeded('agree')
    for (let trial = 0; trial < 200; trial++) {
      const draw = (n: number, scale: number) =>
        Array.from({ length: n }, () => scale * Math.exp(0.1 * gaussian(random)))
      const [x, y] = [draw(4 + (trial % 7), 1.1), draw(5 + (trial % 5), 1)]
      const { low, high } = ratioInterval(x, y)
      expect(ratioPValue(x, y, 1.05, 'greater') <= 0.05).toBe(low > 1.05)
      expect(ratioPValue(x, y, 1.2, 'less') <= 0.05).toBe(high < 1.2)
    }
  })
})
