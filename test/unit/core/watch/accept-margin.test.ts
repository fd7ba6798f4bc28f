import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { RunRecord, Sample } from '../../../../src/core/model/record.ts'
import { type MarginEdit, MarginError, marginEdit } from '../../../../src/core/watch/accept-margin.ts'
import type { Claim, Matcher } from '../../../../src/dsl/claim.ts'
import { aBench, aClaim, aPlan, costing, native } from '../judge/builders.ts'

const file = '/p/a.bench.ts'

/** The position of a text in a source, as the stack of the matcher's caller has it. */
function locationOf(source: string, text: string) {
  const before = source.slice(0, source.indexOf(text)).split('\n')
  return { file, line: before.length, column: before.at(-1)!.length + 1 }
}

const samples = [...native(), ...costing('runc', 1.28), ...costing('gvisor', 2.2)]

/** The claims of one call in `source`, on each platform. */
function claimsAt(source: string, matcher: Matcher, names = ['runc'], over: Partial<Claim> = {}): Claim[] {
  const location = locationOf(source, matcher.kind)
  return names.map((name) => aClaim(matcher, { on: { by: 'name', names: [name] }, location, ...over }))
}

function edit(source: string, claims: readonly Claim[], of: readonly Sample[] = samples): MarginEdit {
  const record: RunRecord = {
    file: 'x',
    environment: {} as RunRecord['environment'],
    plan: aPlan({ benches: [aBench({ claims })] }),
    problems: [],
    samples: of,
    status: 'finished',
  }
  const report = buildReport(record, { strict: false })
  return marginEdit(report, report.claims, () => source)
}

const within = (percent: number): Matcher => ({ kind: 'withinNative', percent })
const bench = (call: string) =>
  `const it: Bench<typeof w> = bench('disk', w as any, {\n  expect: { latency: ${call} },\n})\n`

describe('the accepted margin', () => {
  it.each<[string, string, Matcher, string, Partial<Claim>?]>([
    ['a percentage', 'expect.withinNative(10)', within(10), 'expect.withinNative(29)'],
    ['a call behind others', 'expect.on("runc").withinNative(10).warn()', within(10), '.withinNative(29).warn()'],
    [
      'the last argument',
      "expect.notWorseThan('native', 5.5)",
      { kind: 'notWorseThan', platform: 'native', percent: 5.5 },
      "notWorseThan('native', 29)",
    ],
    [
      'both directions',
      "expect.equivalentTo('native', 3)",
      { kind: 'equivalentTo', platform: 'native', percent: 3 },
      "equivalentTo('native', 29)",
    ],
    [
      'a metric where more is better',
      'expect.withinNative(5)',
      within(5),
      'expect.withinNative(22)',
      { metric: 'rate' },
    ],
    [
      'a factor',
      "expect.worseThan('native', { by: '2x' })",
      { kind: 'worseThan', platform: 'native', by: 2 },
      "worseThan('native', { by: '1.2x' })",
    ],
    [
      'a limit in its own unit',
      "expect.atMost('0.02 s')",
      { kind: 'atMost', value: 20 },
      /atMost\('0\.0\d+ s'\)/ as never,
    ],
  ])('changes %s', (_, call, matcher, expected, over) => {
    const source = bench(call)
    const { before, after, line } = edit(source, claimsAt(source, matcher, ['runc'], over))
    expect([before, line]).toEqual([source, 2])
    if (typeof expected === 'string') expect(after).toContain(expected)
    else expect(after).toMatch(expected as RegExp)
    // Nothing else of the file changes.
    const [old, now] = [source.split('\n'), after.split('\n')]
    expect([now[0], now[2], now.length]).toEqual([old[0], old[2], old.length])
  })

  it('makes the claim hold on every platform that it is about', () => {
    const source = bench('expect.withinNative(50)')
    const { from, to } = edit(source, claimsAt(source, within(50), ['runc', 'gvisor']))
    expect([from, to]).toEqual(['50', '121'])
  })
})

describe('no margin is accepted', () => {
  const source = bench('expect.withinNative(10)')
  const claims = claimsAt(source, within(10))
  const twice = `${source}${bench('expect.withinNative(20)').replaceAll('disk', 'net')}`
  const second = { file, line: 5, column: locationOf(source, 'withinNative').column }
  it.each<[string, string, readonly Claim[], RegExp]>([
    ['without a contradicted claim', source, claimsAt(source, within(50)), /^no claim in view is contradicted$/],
    [
      'with two of them',
      twice,
      [...claims, aClaim(within(20), { on: { by: 'name', names: ['gvisor'] }, location: second })],
      /^2 claims are contradicted: disk latency on runc; disk latency on gvisor$/,
    ],
    ['without its place', source, [aClaim(within(10))], /^the place of the claim is unknown$/],
    ['of a variable', bench('expect.withinNative(margin)'), claims, /^the margin at line 2 is not a literal$/],
    [
      'that was edited since',
      bench('expect.withinNative(20)'),
      claims,
      /^the margin 20 is not the one that was judged$/,
    ],
    ['of a file that has other text', '\n\n\n', claims, /^the claim/],
    ['of a call that is elsewhere by now', bench('expect.notWorseThan("x", 10)'), claims, /not found at line 2$/],
    [
      'of a ranking',
      bench("expect.ranked('gvisor', 'runc')"),
      claimsAt(bench("expect.ranked('gvisor', 'runc')"), { kind: 'ranked', platforms: ['gvisor', 'runc'] }),
      /^a claim of this kind has no single margin$/,
    ],
    [
      'of a factor that is not even 1',
      bench("expect.betterThan('native')"),
      claimsAt(bench("expect.betterThan('native')"), { kind: 'betterThan', platform: 'native', by: 1 }),
      /^no factor of 1 or more is true$/,
    ],
  ])('%s', (_, text, own, message) => {
    expect(() => edit(text, own)).toThrow(MarginError)
    expect(() => edit(text, own)).toThrow(message)
  })

  it('if one of its platforms has no interval yet', () => {
    const few = [...samples, ...costing('crun', 1.3, { count: 2 })]
    const own = claimsAt(source, within(10), ['runc', 'crun'])
    const plan = aPlan({ benches: [aBench({ claims: own })] })
    const platforms = [...plan.platforms, { ...plan.platforms[1]!, name: 'crun' }]
    const record = { file: 'x', environment: {}, plan: { ...plan, platforms }, problems: [], samples: few }
    const report = buildReport({ ...record, status: 'finished' } as unknown as RunRecord, { strict: false })
    expect(() => marginEdit(report, report.claims, () => source)).toThrow('crun has no interval yet')
  })
})
