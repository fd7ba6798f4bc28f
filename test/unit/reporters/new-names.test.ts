import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../src/core/model/record.ts'
import { compareRecords, withBaseline } from '../../../src/core/records/compare.ts'
import { comparisonText } from '../../../src/reporters/comparison.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { addedNames, addedText } from '../../../src/reporters/new-names.ts'
import { aProfile, gvisorRounds, tracedRecord, tracedSample } from '../core/records/profiles.ts'
import { contextOf, Memory } from './fixture.ts'

/** What the reporters say of system calls that the baseline did not have. */

const all = [0, 1, 2, 3, 4]
const before = gvisorRounds(5)
const now = gvisorRounds(5, all)
const compared = (a: RunRecord, b: RunRecord) => compareRecords(a, b, { marginPercent: 5 })

async function shown(name: string, run: RunRecord): Promise<string> {
  const out = new Memory(false, 120)
  const comparison = compared(before, run)
  const report = withBaseline(buildReport(run, { strict: false }), comparison, false)
  const against = () => ({ name: 'main', report: buildReport(before, { strict: false }), comparison })
  await reporters[name]!.create(contextOf(out, { against })).onFinish?.(report)
  return out.text.replaceAll(/\s+/g, ' ')
}

const text = 'new system call of the guest: ptrace (5 of 5 rounds); in none of 5 rounds before'

describe.each(['default', 'markdown', 'github', 'html'])('%s', (name) => {
  it('says which name is new, on which platform, of which role, and in how many rounds', async () => {
    const output = (await shown(name, now)).replaceAll(/<[^>]+>|\*\*|\\/g, '')
    expect(output).toContain(`disk · gvisor: ${text}`)
    expect(output).toContain('1 name is new against the baseline main')
  })

  it('says nothing of a name in a stray round', async () => {
    expect(await shown(name, gvisorRounds(5, [3]))).not.toContain('ptrace')
  })
})

describe('junit', () => {
  it('has a test for each profile, which fails for a new name', async () => {
    const test = 'name="syscalls of the guest on gvisor: no new name against the baseline"'
    const failing = await shown('junit', now)
    expect(failing).toContain(test)
    expect(failing).toContain(`<failure type="new" message="${text}, against the baseline main">`)
    const passing = await shown('junit', gvisorRounds(5, [3]))
    expect(passing).toMatch(new RegExp(`${test} time="[0-9.]+"/>`))
  })
})

describe('compare', () => {
  const lines = (a: RunRecord, b: RunRecord, isAll = false) =>
    comparisonText(compared(a, b), { width: 120, all: isAll }).split('\n')

  it('lists new names, and counts them', () => {
    const shownLines = lines(before, now)
    const at = shownLines.indexOf('Names in attack profiles that the baseline did not have:')
    expect(shownLines[at + 1]).toBe(`disk · gvisor: ${text}`)
    expect(shownLines.join('\n')).toContain('0 lost · 1 new name (margin 5 %')
  })

  it('lists names that too few rounds call only with --all', () => {
    const stray = gvisorRounds(5, [3])
    expect(lines(before, stray)).toContain('Not listed: 1 name that too few rounds call (--all lists every result).')
    const listed = lines(before, stray, true)
    const at = listed.findIndex((line) => line.startsWith('Names that too few rounds call to fail'))
    expect(listed[at + 1]).toBe(
      'disk · gvisor: system call of the guest: ptrace (1 of 5 rounds); in none of 5 rounds before',
    )
  })
})

it('groups platforms with the same names, and names by their rounds', () => {
  const both = (calls: (round: number) => Record<string, number>) =>
    tracedRecord(
      ['runc', 'gvisor'].flatMap((platform) =>
        all.map((round) => tracedSample(platform, round, aProfile({ work: { guest: { read: 9, ...calls(round) } } }))),
      ),
    )
  const run = both((round) => ({ bpf: 1, ptrace: 1, ...(round > 0 && { io_uring_enter: 1 }) }))
  const groups = addedNames(
    compared(
      both(() => ({})),
      run,
    ),
    'new',
  )
  expect(groups.map(({ platforms }) => platforms)).toEqual([['runc', 'gvisor']])
  expect(addedText(groups[0]!)).toBe(
    'new system calls of the guest: bpf, ptrace (5 of 5 rounds), io_uring_enter (4 of 5 rounds); ' +
      'in none of 5 rounds before',
  )
})
