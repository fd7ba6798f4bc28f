import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../src/core/model/record.ts'
import { compareRecords, withBaseline } from '../../../src/core/records/compare.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { scaled } from '../core/judge/builders.ts'
import { contextOf, Memory, makeRecord } from './fixture.ts'

/** What the reporters say of a run that is worse than claimed, and of one that is worse than its baseline. */

const before = makeRecord(false)
/** The same run, with gVisor at half of its rate in one bench. */
const slower: RunRecord = {
  ...before,
  samples: before.samples.map((one) =>
    one.platform === 'gvisor' && one.case.includes('prime') ? scaled(one, 0.5) : one,
  ),
}

const comparisonWith = (now: RunRecord) => compareRecords(before, now, { marginPercent: 5 })

async function shown(name: string, now: RunRecord, hasBaseline: boolean): Promise<string> {
  const out = new Memory(false, 120)
  const comparison = comparisonWith(now)
  const plain = buildReport(now, { strict: false })
  const report = hasBaseline ? withBaseline(plain, comparison, false) : plain
  const against = () => ({ name: 'main', report: buildReport(before, { strict: false }), comparison })
  await reporters[name]!.create(contextOf(out, hasBaseline ? { against } : {})).onFinish?.(report)
  return out.text
}

const markdown = /prime verification events · gvisor\*\*: [\s\S]* regressed: 0\.5\d* × the baseline main \\\[/
const html = /prime verification events · gvisor<\/a>[\s\S]*>regressed: 0\.5\d* × the baseline main \[/
const screen = /prime verification events · gvisor: [\s\S]* regressed: 0\.5\d* × the baseline main \[/

describe.each(['default', 'markdown', 'github', 'html'])('%s', (name) => {
  it('says "regressed" with what and by how much, if a metric is worse than in the baseline', async () => {
    const text = await shown(name, slower, true)
    expect(text).toContain('regressed against the baseline main')
    const pattern = { markdown, html }[name] ?? screen
    expect(text).toMatch(pattern)
    // Once, and not in a list of regressions besides.
    if (name !== 'github') expect(text.match(/regressed: 0\.5\d* × the baseline main/g)).toHaveLength(1)
    expect(text).not.toContain('✗ regressed: ')
    expect(text).not.toContain(': 0 regressed')
  })

  it('says without a baseline that a claim is worse than claimed, and never "regressed"', async () => {
    const text = await shown(name, slower, false)
    expect(text).toMatch(/worse than claimed/)
    // The page's styles have a class of that name.
    expect(text.replace(/<style>.*<\/style>/s, '')).not.toContain('regressed')
  })
})

describe.each(['default', 'markdown', 'html'])('%s', (name) => {
  it('says that no metric regressed, if none did', async () => {
    expect(await shown(name, before, true)).toMatch(/baseline main: 0 regressed/)
  })

  it('says apart from regressions that results are lost', async () => {
    const samples = before.samples.map((one) =>
      one.platform === 'gvisor' && one.case.includes('prime')
        ? { ...one, outcome: { ok: false as const, error: 'it broke' } }
        : one,
    )
    const text = await shown(name, { ...before, samples }, true)
    expect(text).toMatch(/1\s+result\s+of\s+the\s+baseline\s+main\s+is\s+lost/)
    expect(text).toMatch(/baseline\s+main:\s+0\s+regressed,\s+1\s+lost,\s+\d+\s+unclear/)
    expect(text).not.toContain('regressed against the baseline main')
  })

  it('says why nothing can be compared if only native is in both runs', async () => {
    const now = { ...before, samples: before.samples.filter(({ platform }) => platform === 'native') }
    const alone = {
      ...now,
      plan: { ...now.plan, platforms: now.plan.platforms.filter(({ name }) => name === 'native') },
    }
    expect(await shown(name, alone, true)).toMatch(/no\s+result\s+is\s+in\s+both\s+runs,\s+native\s+aside/)
  })

  it('says how many results cannot be compared because the work changed', async () => {
    const samples = before.samples.map((one) =>
      one.platform === 'gvisor' && one.case.includes('prime') ? { ...one, workDigest: 'other' } : one,
    )
    expect(await shown(name, { ...before, samples }, true)).toMatch(
      /the\s+work\s+of\s+1\s+changed,\s+so\s+save\s+a\s+new\s+baseline\s+to\s+compare\s+them/,
    )
  })
})
