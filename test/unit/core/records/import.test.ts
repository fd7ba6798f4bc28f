import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { compareRecords } from '../../../../src/core/records/compare.ts'
import { type ImportTarget, importRecord } from '../../../../src/core/records/import.ts'
import { RecordError } from '../../../../src/core/records/record-file.ts'
import { formatClaim, formatFinding } from '../../../../src/reporters/format.ts'
import { reporters } from '../../../../src/reporters/index.ts'
import { contextOf, Memory } from '../../reporters/fixture.ts'
import { aBench, aClaim, aFinding, aPlan } from '../judge/builders.ts'

const bench = aBench({ params: { rw: ['read', 'write'] } })
const within = aClaim({ kind: 'withinNative', percent: 10 }, { where: { rw: 'read' } })
const suite = { benches: [bench], findings: [aFinding([within])], problems: [] }
const known: ImportTarget[] = aPlan().platforms.map(({ name, kind, family }) => ({ name, kind, family }))

type Loose = Record<string, unknown>
const set = (platform: string, values: unknown, over: Loose = {}): Loose => ({
  platform,
  bench: 'disk',
  metric: 'latency',
  unit: 'ms',
  params: { rw: 'read' },
  values,
  ...over,
})
const file = (over: Loose): Loose => ({ isobench: 'import', version: 1, source: 'a lab', ...over })
const judged = (over: Loose) => buildReport(importRecord('lab.json', file(over), suite, known), { strict: false })

const paired = (values: readonly number[]) => values.map((value, round) => ({ round, value }))
const native = [20, 30, 20.2, 40, 26]
const near = native.map((value, at) => value * (1.01 + at / 1000))

describe('imported results', () => {
  it('pair by their rounds, and judge as a run does', () => {
    const { claims } = judged({ samples: [set('native', paired(native)), set('runc', paired(near).reverse())] })
    expect(claims[0]).toMatchObject({
      outcome: 'holds',
      platforms: ['runc'],
      estimate: { kind: 'ratio', to: { platform: 'native' }, paired: true, rounds: 5 },
    })
  })

  it('without rounds are not pairs, are judged more widely, and say so', () => {
    const { claims } = judged({ samples: [set('native', native), set('runc', near)] })
    expect(claims[0]).toMatchObject({ outcome: 'inconclusive', estimate: { paired: false } })
    expect(formatClaim(claims[0]!)).toContain('×native, unpaired')
    const far = judged({
      samples: [
        set('native', native),
        set(
          'runc',
          native.map((value) => value * 4),
        ),
      ],
    })
    expect(far.claims[0]).toMatchObject({ outcome: 'contradicted', direction: 'worse' })
    expect(far.exit.code).toBe(1)
  })

  it('without rounds on one side only are not pairs either', () => {
    const { claims } = judged({ samples: [set('native', paired(native)), set('runc', near)] })
    expect(claims[0]!.estimate).toMatchObject({ to: { platform: 'native' }, paired: false })
  })

  it('may be in any unit that measures the same', () => {
    const seconds = near.map((value) => value / 1000)
    const { claims } = judged({ samples: [set('native', paired(native)), set('runc', paired(seconds), { unit: 's' })] })
    expect(claims[0]!.estimate!.value).toBeCloseTo(1.012, 3)
  })

  it('of different work are not compared', () => {
    const { claims } = judged({
      samples: [set('native', paired(native)), set('runc', paired(near), { digest: 'another' })],
    })
    expect(claims[0]).toMatchObject({ outcome: 'not-evaluated', reason: { code: 'different-work' } })
  })

  it('say which platforms they lack', () => {
    const report = judged({ samples: [set('native', native)] })
    expect(formatFinding(report.findings[0]!, report)).toBe('needs runc: not among the imported results')
    expect(report.exit.code).toBe(4)
  })

  it('of emulated guests are judged apart', () => {
    const report = judged({
      platforms: { runc: { cpuMode: 'emulated' } },
      samples: [set('native', paired(native)), set('runc', paired(near))],
    })
    expect(report.findings[0]).toMatchObject({
      outcome: 'not-evaluated',
      offHardware: { cpuModes: ['emulated'], outcome: 'holds' },
    })
  })
})

describe('what a source states', () => {
  const stated = (...all: Loose[]) =>
    judged({ published: all.map((one) => ({ bench: 'disk', metric: 'latency', params: { rw: 'read' }, ...one })) })
      .claims[0]!

  it.each<[string, Loose, string]>([
    ['a value that is clear of the margin', { platforms: ['runc'], unit: 'ms', value: 30 }, 'contradicted'],
    ['a value within it', { platforms: ['runc'], unit: 'us', value: 21_000 }, 'holds'],
    ['a range across it', { platforms: ['runc'], unit: 'ms', value: [20, 25] }, 'inconclusive'],
    ['a ratio', { platforms: ['runc'], to: ['native'], ratio: 1.05 }, 'holds'],
    ['a ratio the other way round', { platforms: ['native'], to: ['runc'], ratio: 0.5 }, 'contradicted'],
    ['a ratio of which only the most is known', { platforms: ['runc'], to: ['native'], ratio: [0, 0.9] }, 'holds'],
    ['an order in which it is better', { order: [['runc'], ['native']] }, 'holds'],
    ['an order in which it is worse, by an unknown amount', { order: [['native'], ['runc']] }, 'not-evaluated'],
    ['that it is equal', { order: [['native', 'runc']] }, 'holds'],
    ['nothing of it', { order: [['native', 'gvisor']] }, 'not-evaluated'],
  ])('decides by %s', (_, what, verdict) => {
    const value = { platforms: ['native'], unit: 'ms', value: 20 }
    const claim =
      'value' in what
        ? stated(value, what)
        : stated(what, { platforms: ['runc', 'native'], to: ['gvisor'], ratio: [1, 9] })
    expect(claim.outcome, formatClaim(claim)).toBe(verdict)
    if (verdict === 'not-evaluated') expect(claim.reason).toMatchObject({ code: 'no-published-number' })
  })
})

it('takes two statements that agree', () => {
  const same = [
    { platforms: ['runc'], to: ['native'], ratio: 2 },
    { platforms: ['native'], to: ['runc'], ratio: 0.5 },
    { order: [['native'], ['runc']] },
    { order: [['native'], ['gvisor'], ['runc']] },
  ]
  const published = same.map((one) => ({ bench: 'disk', metric: 'latency', params: { rw: 'read' }, ...one }))
  expect(judged({ published }).claims[0]!.outcome).toBe('contradicted')
})

describe('where a source states that a platform peaks', () => {
  const threads = aBench({ params: { threads: [1, 10, 20, 50], rw: ['read', 'write'] } })
  const peaks = aClaim({ kind: 'peaksAt', from: 10, to: 30, over: 'threads' }, { where: { rw: 'read' } })
  const about = { bench: 'disk', metric: 'latency', params: { rw: 'read' }, platforms: ['runc'], over: 'threads' }
  const reportOf = (stated: Loose) =>
    buildReport(
      importRecord(
        'lab.json',
        file({ published: [{ ...about, ...stated }] }),
        { benches: [threads], findings: [aFinding([peaks])], problems: [] },
        known,
      ),
      { strict: false },
    )

  it.each<[string, number | [number, number], string]>([
    ['inside', 12.5, 'holds'],
    ['at an end', 30, 'holds'],
    ['outside', 50, 'contradicted'],
    ['across', [5, 12], 'inconclusive'],
  ])('%s of what is claimed', (_, peak, outcome) => {
    const [claim] = reportOf({ peak }).claims
    expect(claim).toMatchObject({
      outcome,
      published: true,
      estimate: { kind: 'argmax', parameter: 'threads' },
    })
  })

  it('of another series, or over another parameter, says nothing', () => {
    const [claim] = reportOf({ peak: 20, params: { rw: 'write' } }).claims
    expect(claim).toMatchObject({ outcome: 'not-evaluated', reason: { code: 'no-published-number' } })
    expect(() => reportOf({ peak: 20, params: { rw: 'read', threads: 10 } })).toThrow(
      /published\[0\]\.params: "threads" is the parameter of "over"/,
    )
    for (const [peak, text] of [
      [5000, '5000'],
      [0, '0'],
      [[20, 5000], '\\[20, 5000\\]'],
    ] as const)
      expect(() => reportOf({ peak })).toThrow(new RegExp(`published\\[0\\]\\.peak: ${text} lies beyond the values of`))
    expect(() => reportOf({ peak: 20, over: 'thread' })).toThrow(
      /published\[0\]\.over: "disk" has no parameter "thread"/,
    )
  })
})

describe('what is refused, with its place', () => {
  it.each<[string, Loose, RegExp]>([
    [
      'an unknown bench',
      { samples: [set('native', [1], { bench: 'dick' })] },
      /samples\[0\]\.bench: no bench is named "dick"/,
    ],
    [
      'an unknown metric',
      { samples: [set('native', [1], { metric: 'latencies' })] },
      /samples\[0\]\.metric: .*"latencies"/,
    ],
    ['a unit of something else', { samples: [set('native', [1], { unit: 'MB/s' })] }, /samples\[0\]\.unit: "MB\/s"/],
    [
      'a parameter that there is not',
      { samples: [set('native', [1], { params: { rw: 'trim' } })] },
      /no point with rw=trim/,
    ],
    ['a family that is not known', { samples: [set('kata', [1])] }, /samples\[0\]: the family of "kata" is not known/],
    ['a negative value', { samples: [set('native', [1, 2, -5])] }, /samples\[0\]\.values\[2\]: -5 is not at least 0/],
    ['the only value, negative', { samples: [set('native', [-1])] }, /lab\.json: samples\[0\]\.values\[0\]: -1 is/],
    [
      'a value beyond all',
      { samples: [set('native', [1, 2, 3, Number.POSITIVE_INFINITY])] },
      /samples\[0\]\.values\[3\]: Infinity is/,
    ],
    [
      'a value of which no statistics can be made',
      { samples: [set('native', [1, Number.MAX_VALUE])] },
      /samples\[0\]\.values\[1\]: 1\.797\S*e\+308 is not at most 1e\+?100/,
    ],
    ['a value that is text', { samples: [set('native', [1, '2'])] }, /samples\[0\]\.values\[1\]: "2" is not a number/],
    [
      'a negative value with a round',
      { samples: [set('native', paired([1, -5]))] },
      /samples\[0\]\.values\[1\]\.value: -5 is not at least 0/,
    ],
    [
      'a value beyond all with a round',
      { samples: [set('native', paired([1, Number.POSITIVE_INFINITY]))] },
      /samples\[0\]\.values\[1\]\.value: Infinity is/,
    ],
    [
      'a round without a number',
      { samples: [set('native', [{ round: 0, value: 5 }, { value: 5 }])] },
      /samples\[0\]\.values\[1\]\.round is missing/,
    ],
    [
      'two values of one round',
      { samples: [set('native', [...paired([5, 6]), { round: 0, value: 500 }])] },
      /samples\[0\]\.values\[2\]: native has a value of round 0 already: samples\[0\]\.values\[0\]/,
    ],
    [
      'values of one round in two sets',
      { samples: [set('native', paired([5, 6])), set('runc', paired([5])), set('native', paired([7]))] },
      /samples\[2\]\.values\[0\]: native has a value of round 0 already: samples\[0\]\.values\[0\]/,
    ],
    [
      'two lists of numbers',
      { samples: [set('native', [1, 2]), set('native', [3])] },
      /samples\[1\]\.values\[0\]: native/,
    ],
    ...['yesterday', '2026-13', '2026-02-30', '2026-02-03T25:00:00Z', '20', '2026-0'].map(
      (measuredAt): [string, Loose, RegExp] => [
        `the time ${measuredAt}`,
        { measuredAt, samples: [set('native', [1])] },
        new RegExp(`measuredAt: "${measuredAt}".*ISO 8601`),
      ],
    ),
    ...(
      [
        ['an order', { order: [['native', 'runc'], ['native']] }, 'order: "native"'],
        ['a group', { order: [['native', 'native']] }, 'order: "native"'],
        ['a list', { platforms: ['runc', 'runc'], unit: 'ms', value: 5 }, 'platforms: "runc"'],
        ['a ratio', { platforms: ['runc'], to: ['native', 'native'], ratio: 2 }, 'to: "native"'],
        ['a ratio to itself', { platforms: ['runc'], to: ['runc'], ratio: 2 }, 'to: "runc"'],
      ] as const
    ).map(([what, one, place]): [string, Loose, RegExp] => [
      `the same platform twice in ${what}`,
      { published: [{ bench: 'disk', metric: 'latency', params: { rw: 'read' }, ...one }] },
      new RegExp(`published\\[0\\]\\.${place} is named twice`),
    ]),
    ...[0, [0, 0]].map((ratio): [string, Loose, RegExp] => [
      `a ratio of ${JSON.stringify(ratio)}`,
      {
        published: [
          { bench: 'disk', metric: 'latency', params: { rw: 'read' }, platforms: ['runc'], to: ['native'], ratio },
        ],
      },
      /published\[0\]\.ratio.*: a ratio is above 0/,
    ]),
    [
      'a peak of a parameter without numbers',
      { published: [{ bench: 'disk', metric: 'latency', platforms: ['runc'], over: 'rw', peak: 5 }] },
      /published\[0\]\.over: the values of "rw" are not numbers: read, write/,
    ],
    [
      'a wrong part of a published value',
      { published: [{ bench: 'disk', metric: 'latency', platforms: ['runc'], unit: 'ms', value: 'x' }] },
      /published\[0\]\.value: "x" is not a number/,
    ],
    ...(
      [
        [
          'values',
          { platforms: ['native', 'runc'], unit: 'ms', value: 5 },
          { platforms: ['runc'], unit: 'us', value: 1 },
        ],
        [
          'ratios',
          { platforms: ['runc'], to: ['native'], ratio: 2 },
          { platforms: ['native'], to: ['runc'], ratio: 3 },
        ],
        ['orders', { order: [['runc'], ['native']] }, { order: [['native'], ['runc', 'gvisor']] }],
        [
          'ratios of several platforms',
          { platforms: ['gvisor'], to: ['runc', 'native'], ratio: 2 },
          { platforms: ['gvisor'], to: ['native'], ratio: [2, 3] },
        ],
      ] as const
    ).map(([what, ...two]): [string, Loose, RegExp] => [
      `two ${what} that differ`,
      { published: two.map((one) => ({ bench: 'disk', metric: 'latency', params: { rw: 'read' }, ...one })) },
      /published\[1\]: published\[[01]\] states something else of the same metric and platforms/,
    ]),
    ['no values', { samples: [set('native', [])] }, /samples\[0\]\.values/],
    ['a field that there is not', { sample: [] }, /sample/],
    ['another version', { version: 2 }, /version/],
  ])('%s', (_, over, message) => {
    const act = () => importRecord('lab.json', file(over), suite, known)
    expect(act).toThrow(RecordError)
    expect(act).toThrow(message)
  })

  it('suggests the nearest name', () => {
    const act = () => importRecord('lab.json', file({ samples: [set('native', [1], { bench: 'dick' })] }), suite, known)
    expect(act).toThrow(expect.objectContaining({ fix: 'did you mean "disk"?' }))
  })
})

describe('imported results in other commands', () => {
  const record = (over: Loose) => importRecord('lab.json', file(over), suite, known)
  const values = (cost: number) =>
    record({
      samples: [
        set('native', native),
        set(
          'runc',
          native.map((x) => cost * x),
        ),
      ],
    })

  it.each(Object.keys(reporters).filter((name) => !['benchmark-action', 'github'].includes(name)))(
    '%s reports them as a stored run',
    async (name) => {
      const out = new Memory(false, 120)
      const { plan } = values(4)
      const report = buildReport(values(4), { strict: false })
      await reporters[name]!.create(contextOf(out)).onStoredRuns?.([{ plan, report }])
      expect(out.text).toContain('runc')
    },
  )

  it('compare by their values, because plain numbers pair with nothing', () => {
    const options = { marginPercent: 5 }
    const { rows } = compareRecords(values(1), values(4), options)
    const runc = rows.find(({ platform }) => platform === 'runc')
    expect(runc).toMatchObject({ of: 'value', change: 'regressed', ratio: { estimate: expect.closeTo(4) } })
    // A list is in no order of time: a sorted one is not a trend.
    const sorted = Array.from({ length: 12 }, (_, at) => 20 + at)
    const lists = (cost: number) =>
      record({
        samples: [
          set('native', native),
          set(
            'runc',
            sorted.map((x) => cost * x),
          ),
        ],
      })
    expect(
      compareRecords(lists(1), lists(1.5), options).rows.find(({ platform }) => platform === 'runc'),
    ).toMatchObject({ change: 'regressed', reason: null })
  })
})
