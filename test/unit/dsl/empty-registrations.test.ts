import { bench, expect as claim, finding, group, lower, platform, workload } from 'isobench'
import { describe, expect, it } from 'vitest'
import { collectRegistrations, type Registry } from '../../../src/dsl/registry.ts'

const boot = workload('boot', { metrics: { time: lower('ms') }, run: async () => ({ time: 1 }) })

const registered = (register: () => unknown): Promise<Registry> => collectRegistrations(async () => register())

/** What is said of a file, and where. */
const said = async (register: () => unknown) => {
  const { warnings, problems } = await registered(register)
  for (const { location } of [...warnings, ...problems]) expect(location?.file).toBe(import.meta.filename)
  return { warnings: warnings.map(({ message }) => message), problems: problems.map(({ message }) => message) }
}

describe('a claim without a matcher', () => {
  const unfinished = 'expect() of the metric "time" has no matcher, so it claims nothing.'

  it.each<[string, (time: Parameters<typeof claim>[0]) => unknown]>([
    ['of a metric', (time) => claim(time)],
    ['about a platform', (time) => claim(time).on('runc')],
    ['that only warns', (time) => claim(time).warn.onAtLeast(1)],
  ])('is a warning: %s', async (_, start) => {
    expect(await said(() => start(bench('a', boot).time))).toEqual({ warnings: [unfinished], problems: [] })
  })

  it('is no warning if matchers follow later, or if its finding is a problem already', async () => {
    const shared = await said(() => {
      const onRunc = claim(bench('a', boot).time).on('runc')
      finding(100, 'b', [onRunc.withinNative(5), onRunc.warn.atMost('1s')])
    })
    expect(shared).toEqual({ warnings: [], problems: [] })
    const wrong = await said(() => finding(100, 'b', [claim(bench('a', boot).time).on('runc') as never]))
    expect(wrong).toEqual({ warnings: [], problems: ['finding 100: one of its claims is an object.'] })
  })
})

describe('a group that registers nothing', () => {
  it('is a warning, also inside another group', async () => {
    const warnings = ['group "c" registers nothing.']
    expect(await said(() => group('c', () => {}))).toEqual({ warnings, problems: [] })
    expect(await said(() => group('b', () => group('c', () => {})))).toEqual({ warnings, problems: [] })
  })

  it('is no other one', async () => {
    const inner = () => group('b', () => group('c', () => bench('a', boot)))
    expect(await said(inner)).toEqual({ warnings: [], problems: [] })
    const each = await said(() => group('b', () => bench.each([])('c %s', () => boot)))
    expect(each.warnings).toEqual([expect.stringContaining('has no rows')])
  })
})

it.each<[string, () => unknown]>([
  ["platform.named('runc')", () => platform.named(...([] as unknown as ['runc']))],
  ["platform.tag('hardened')", () => platform.tag(...([] as unknown as ['hardened']))],
  ["platform.family('container')", () => platform.family(...([] as unknown as ['container']))],
])('a selector of no platform is an error: %s', (fix, select) => {
  const name = fix.replace(/\(.*/, '()')
  expect(select).toThrow(
    expect.objectContaining({ message: `${name} selects no platform.`, fix: `name at least one: ${fix}` }),
  )
})
