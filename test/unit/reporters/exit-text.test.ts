import { describe, expect, it } from 'vitest'
import { buildReport, type Strictness } from '../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../src/core/model/record.ts'
import type { Report } from '../../../src/core/model/report.ts'
import { describeExit } from '../../../src/reporters/exit-text.ts'
import { headlineOf } from '../../../src/reporters/headline/headline.ts'
import { verdictSign, verdictText, verdictWord } from '../../../src/reporters/headline/words.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { mergeAll } from '../../support/merged.ts'
import { shard } from '../../support/shards.ts'
import {
  aBench,
  aClaim,
  aFinding,
  aPlan,
  aPlatform,
  aRecord,
  aSample,
  costing,
  native,
  withError,
} from '../core/judge/builders.ts'
import { contextOf, Memory } from './fixture.ts'

const claims = [aClaim({ kind: 'withinNative', percent: 10 })]
const plan = aPlan({ benches: [aBench({ claims })] })
const recordOf = (over: Partial<RunRecord> = {}): RunRecord =>
  aRecord({ plan, samples: [...native(), ...costing('runc', 1.02)], ...over })
const reportOf = (over: Partial<RunRecord> = {}, strictness: Strictness = { strict: false }) =>
  buildReport(recordOf(over), strictness)
const textOf = (report: Report) => [report.exit.code, describeExit(report)]
const headlineText = (report: Report) => {
  const headline = headlineOf(report, { former: null })
  return `${verdictSign(headline)} ${verdictWord(headline)}: ${verdictText(headline)}`
}

it('says how many problems the files of the project have, and no other cause of exit code 5', () => {
  const problem = { file: 'drv/mine.ts', message: 'the command of onCleanup() failed' }
  expect(textOf(reportOf({ problems: [problem] }))).toEqual([5, "1 problem in the project's files"])
  expect(textOf(reportOf({ problems: [problem, problem] }))).toEqual([5, "2 problems in the project's files"])
})

describe('a run that was killed', () => {
  const two = [...native(2), ...costing('runc', 1.02, { count: 2 })]
  const warmups = ['native', 'runc'].map((platform) => aSample(platform, -1, { warmup: true }))
  // No platform of its claims has lost its samples.
  const kinds = [
    ['a claim holds', recordOf().samples],
    ['a claim is contradicted', [...native(), ...costing('runc', 2)]],
    ['it has two rounds', two],
    ['it has only warm-up rounds', warmups],
    ['it has no sample', []],
  ] as const

  it.each(kinds)('is incomplete like an interrupted one if %s', (_, samples) => {
    const killed = reportOf({ samples, status: 'killed' })
    expect(textOf(killed)).toEqual([130, 'the run was killed'])
    expect(reportOf({ samples, status: 'interrupted' }).exit).toEqual(killed.exit)
    expect(reportOf({ samples, status: 'killed' }, { strict: true, require: 'complete' }).exit.code).toBe(130)
  })

  it('says so in the headline, with its rounds', () => {
    const text = (samples: RunRecord['samples']) => headlineText(reportOf({ samples, status: 'killed' }))
    expect(text([...warmups, ...two])).toBe('? KILLED: this run was killed, and has samples of 2 of 10 rounds')
    expect(text(warmups)).toBe('? KILLED: this run was killed, and has samples of 0 of 10 rounds')
    expect(headlineText(reportOf({ samples: two, status: 'interrupted' }))).toMatch(/^\? INTERRUPTED: /)
  })

  it('is no run that an error stopped: its headline has the error', () => {
    const stopped = reportOf({ samples: two, status: 'stopped', error: 'the host is gone' })
    expect(stopped.exit.code).toBe(5)
    expect(headlineText(stopped)).toBe('✗ INVALID: the host is gone')
    expect(headlineText(reportOf({ samples: two, status: 'stopped' }))).toBe('✗ INVALID: it could not be judged')
  })

  it('is incomplete also as a shard, whether others exist or not', () => {
    expect(textOf(buildReport(shard(2, { status: 'killed' }), { strict: false }))).toEqual([130, 'the run was killed'])
    const whole = recordOf({ plan: { ...plan, shard: shard(1).plan.shard! }, status: 'killed' })
    expect(buildReport(whole, { strict: false }).exit.code).toBe(130)
  })

  it('is one lost shard of a merged record', () => {
    const merged = mergeAll([shard(1), shard(2, { rounds: 4, status: 'killed' }), shard(3)])
    expect(buildReport(merged, { strict: false }).exit.code).toBe(0)
    expect(textOf(buildReport(merged, { strict: true }))).toEqual([
      3,
      'with --strict, a verdict is inconclusive and a shard was killed',
    ])
    expect(textOf(buildReport(mergeAll([shard(1), shard(2)]), { strict: true }))).toEqual([
      3,
      'with --strict, a shard is missing',
    ])
  })
})

describe('the text of exit code 1', () => {
  const one = { case: 'a', platform: 'runc', metric: 'time' }
  const name = { case: 'a', platform: 'runc', role: 'guest', name: 'bpf', rounds: 5, of: 5 } as const

  it.each([
    [{ claims: [0], findings: [] }, 'something is worse than claimed'],
    [{ claims: [], findings: [], regressions: [one] }, 'something regressed against the baseline'],
    [{ claims: [], findings: [], regressions: [], newNames: [name] }, 'an attack profile has a new name'],
    [
      { claims: [0], findings: [], regressions: [one] },
      'something is worse than claimed, and something regressed against the baseline',
    ],
  ])('%j', (what, text) => {
    const worse = reportOf({ samples: [...native(), ...costing('runc', 2)] })
    expect(describeExit({ ...worse, exit: { code: 1, ...what } })).toBe(text)
  })

  it.each<[string, Parameters<typeof aClaim>[0], number, object, string]>([
    [
      'better than an equivalence',
      { kind: 'equivalentTo', platform: 'native', percent: 10 },
      0.5,
      {},
      'something is not as claimed',
    ],
    [
      'worse than an equivalence',
      { kind: 'equivalentTo', platform: 'native', percent: 10 },
      2,
      {},
      'something is worse than claimed',
    ],
    [
      'better, with --strict-findings',
      { kind: 'worseThan', platform: 'native', by: 1.5 },
      0.5,
      { strictFindings: true },
      'something is not as claimed',
    ],
  ])('has the direction: %s', (_, matcher, ratio, strictness, text) => {
    const ofFinding = 'strictFindings' in strictness
    const one = aClaim(matcher)
    const benches = [aBench({ claims: ofFinding ? [] : [one] })]
    const decided = aPlan({ benches, findings: ofFinding ? [aFinding([one])] : [] })
    const samples = [...native(), ...costing('runc', ratio)]
    expect(textOf(reportOf({ plan: decided, samples }, { strict: false, ...strictness }))).toEqual([1, text])
  })

  it('names a finding if no claim fails the run alone', () => {
    const worse = reportOf({ samples: [...native(), ...costing('runc', 2)] })
    const findings = [
      {
        ...reportOf({ plan: { ...plan, findings: [aFinding(claims)] } }).findings[0]!,
        outcome: 'contradicted' as const,
      },
    ]
    expect(describeExit({ ...worse, findings, exit: { code: 1, claims: [], findings: [1] } })).toBe(
      'a finding is contradicted',
    )
  })

  it('calls no claim worse that is only in doubt beside a regression', () => {
    const few = [...native(2), ...costing('runc', 1.02, { count: 2 })]
    const { exit, ...doubtful } = reportOf({ samples: few }, { strict: true })
    expect(exit).toMatchObject({ code: 3, claims: [0] })
    expect(describeExit({ ...doubtful, exit: { ...exit, code: 1, regressions: [one] } })).toBe(
      'something regressed against the baseline',
    )
  })
})

describe('the text of exit code 3', () => {
  const strict = { strict: true }

  it('has the reasons that apply', () => {
    const few = [...native(2), ...costing('runc', 1.02, { count: 2 })]
    const failed = [...native(), ...costing('runc', 1, withError('no'))]
    expect(textOf(reportOf({ samples: few }, strict))).toEqual([3, 'with --strict, a verdict is inconclusive'])
    const limit = aClaim({ kind: 'atMost', value: 1000 }, { on: { by: 'name', names: ['native'] } })
    const two = aPlan({ benches: [aBench({ claims: [...claims, limit] })] })
    for (const options of [strict, { strict: false }])
      expect(textOf(reportOf({ plan: two, samples: failed }, options))).toEqual([4, 'all samples failed: runc'])
    const never = aPlan({
      benches: [aBench({ claims: [limit] })],
      findings: [aFinding(claims, { failOn: 'never' })],
    })
    expect(textOf(reportOf({ plan: never, samples: failed }, strict))).toEqual([3, 'with --strict, samples failed'])
    expect(textOf(reportOf({ plan: { ...plan, damagedLines: 1 } }, strict))).toEqual([
      3,
      'with --strict, lines of the record are missing',
    ])
    const findings = [
      aFinding(claims),
      aFinding([aClaim({ kind: 'withinNative', percent: 10 }, { on: { by: 'name', names: ['absent'] } })], { id: 2 }),
    ]
    expect(textOf(reportOf({ plan: { ...plan, findings } }, { strict: false, require: 'complete' }))).toEqual([
      3,
      'with --require complete, a finding is open',
    ])
    // Only with --strict do lost lines count.
    const lossy = { plan: { ...plan, findings, damagedLines: 1 } }
    expect(textOf(reportOf(lossy, { strict: false, require: 'complete' }))).toEqual([
      3,
      'with --require complete, a finding is open',
    ])
    expect(textOf(reportOf(lossy, { strict: true, require: 'complete' }))).toEqual([
      3,
      'with --strict, lines of the record are missing',
    ])
    const both = { plan: { ...plan, findings }, samples: few }
    expect(textOf(reportOf(both, { strict: true, require: 'complete' }))).toEqual([
      3,
      'with --strict, a verdict is inconclusive, and with --require complete, a finding is open',
    ])
  })
})

describe('the text of exit code 4', () => {
  it('has the reasons that apply', () => {
    expect(textOf(reportOf({ plan: aPlan(), samples: native() }))).toEqual([4, 'no claim could be evaluated'])
    const blind = { ...reportOf(), exit: { code: 4, claims: [], findings: [], regressions: [], newNames: [] } }
    expect(describeExit(blind)).toBe('no regression against the baseline could be found')
  })

  it('says why platforms count as not measured', () => {
    const platforms = ['native', 'runc', 'gvisor', 'crun'].map((name) => aPlatform(name))
    const named = { ...plan, platforms, namedPlatforms: ['native', 'runc', 'gvisor', 'crun'] }
    const gvisor = costing('gvisor', 1, withError('no'))
    expect(textOf(reportOf({ plan: named, samples: [...recordOf().samples, ...gvisor] }))).toEqual([
      4,
      'not measured: crun, and all samples failed: gvisor',
    ])
    const two = ['a', 'b'].map((id) =>
      aBench({ id, name: id, claims: [aClaim({ kind: 'withinNative', percent: 10 }, { bench: id })] }),
    )
    const ofBoth = (failing: RunRecord['samples']) =>
      textOf(
        reportOf({
          plan: aPlan({ benches: two }),
          samples: [
            ...recordOf().samples.map((sample) => ({ ...sample, case: 'a' })),
            ...native().map((sample) => ({ ...sample, case: 'b' })),
            ...failing.map((sample) => ({ ...sample, case: 'b' })),
          ],
        }),
      )
    expect(ofBoth(costing('runc', 1, withError('no')))).toEqual([4, 'all samples of a claim failed: runc (b)'])
    expect(ofBoth([])).toEqual([4, 'all samples of a claim are absent: runc (b)'])
  })

  it('gives the reason of platforms that do not support the work, as the headline does', () => {
    const platforms = ['native', 'runc', 'crun', 'gvisor'].map((name) => aPlatform(name))
    const named = aPlan({
      platforms,
      namedPlatforms: ['runc', 'crun', 'gvisor'],
    })
    const refused = (name: string, why: string) =>
      aSample(name, -1, { warmup: true, ...withError(why, { kind: 'unsupported' }) })
    const without = 'CRIU is not installed: apt-get install criu'
    const samples = [refused('runc', without), refused('crun', without), ...costing('gvisor', 1, withError('no'))]
    const report = reportOf({ plan: named, samples })
    const why = `not supported on runc and crun: ${without}`
    expect(textOf(report)).toEqual([4, `${why}, and all samples failed: gvisor`])
    expect(headlineText(report)).toBe(`? INCOMPLETE: ${why}; all samples failed: gvisor`)
  })

  it('names the benches that lack native, as the headline does', async () => {
    const limit = (bench: string) => aClaim({ kind: 'atMost', value: 1000 }, { bench })
    const relative = (bench: string) => aClaim({ kind: 'withinNative', percent: 10 }, { bench })
    const benches = [
      aBench({ id: 'a', name: 'a', claims: [limit('a')] }),
      ...['b', 'c', 'd', 'e'].map((id) => aBench({ id, name: `${id}\u001b[2J`, claims: [relative(id)] })),
    ]
    const withoutNative = aPlan({ benches, platforms: [aPlatform('runc')] })
    const samples = benches.flatMap(({ id }) => costing('runc', 1).map((sample) => ({ ...sample, case: id })))
    const report = reportOf({ plan: withoutNative, samples })
    const text = (esc: string) => `not measured: native (b${esc}, c${esc}, d${esc} and 1 more)`
    expect(textOf(report)).toEqual([4, text('\u001b[2J')])
    expect(headlineText(report)).toBe(`? INCOMPLETE: ${text('\u001b[2J')}`)
    const out = new Memory()
    await reporters.default!.create(contextOf(out)).onFinish?.(report)
    expect(out.text).toContain('exit code 4: not measured: native')
    expect(out.text).not.toContain('\u001b[2J')
  })
})
