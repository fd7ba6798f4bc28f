import { describe, expect, it } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { Claim, Matcher } from '../../../src/dsl/claim.ts'
import { explain, findingsMarkdown, findingsTable } from '../../../src/reporters/findings.ts'
import { findingFact } from '../../../src/reporters/headline/finding-words.ts'
import { findingNotes } from '../../../src/reporters/headline/findings.ts'
import { createColors } from '../../../src/reporters/terminal/table.ts'
import { aBench, aClaim, aFinding, aPlan, aRecord, costing, native } from '../core/judge/builders.ts'

const more: Matcher = { kind: 'worseThan', platform: 'native', by: 1.5 }
const reading = (name: string, platform: 'runc' | 'gvisor'): Claim =>
  aClaim(more, { on: { by: 'name', names: [platform] }, reading: name })
const differing = { title: 'gVisor has more', claims: [reading('names', 'runc'), reading('calls', 'gvisor')] }
const agreeing = { title: 'gVisor has many', claims: [reading('names', 'gvisor'), reading('calls', 'gvisor')] }

/** gVisor makes three times as many calls as native, and runc half as many. */
const reportOf = (parts: (typeof differing)[]) =>
  buildReport(
    aRecord({
      plan: aPlan({
        benches: [aBench({ metrics: { latency: { unit: 'count', better: 'lower' } } })],
        findings: [{ ...aFinding([]), title: 'gVisor calls more', parts }],
      }),
      samples: [...native(), ...costing('runc', 0.5), ...costing('gvisor', 3)],
    }),
    { strict: false },
  )
const view = { width: 80, root: '/', ink: createColors({ color: false }) }

describe('a finding of which the readings differ', () => {
  const report = reportOf([differing, agreeing])

  it('lists the readings by their verdict beneath the part, and only where they differ', () => {
    const lines = findingsTable(report, view, { all: true, command: 'isobench findings' })
    const from = lines.findIndex((line) => line.includes('parts'))
    expect(lines.slice(from, from + 6)).toEqual([
      '     parts    ? gVisor has more: inconclusive, the readings differ, 1 of 2',
      '              comparisons',
      '                ✗ contradicted, fewer: names',
      '                ✓ holds: calls',
      '              ✓ gVisor has many: holds, 2 of 2 comparisons, under each of 2',
      '              readings',
    ])
    expect(lines.join('\n')).toContain('the readings differ, and its words do not say which one is meant')
  })

  it('shows no value as if it decided', () => {
    expect(findingNotes(report).map(findingFact)).toEqual(['the readings differ; 3 of 4 hold'])
    expect(findingsMarkdown(report)).toContain(
      'gVisor has more: the readings differ: holds for calls; contradicted for names; other part: 1 held',
    )
  })

  it('is explained with the reading of each claim', () => {
    const lines = explain(report, report.findings[0]!, view)
    expect(lines.join('\n')).toContain('because   its words do not say which reading is meant')
    expect(lines.filter((line) => line.includes('read as'))).toEqual([
      '  ✗ contradicted: disk · runc · latency · read as names',
      '  ✓ holds: disk · gvisor · latency · read as calls',
      '  ✓ holds: disk · gvisor · latency · read as names',
      '  ✓ holds: disk · gvisor · latency · read as calls',
    ])
  })
})

it('lists the readings of a single part beneath the finding', () => {
  const lines = findingsTable(reportOf([differing]), view, { all: true, command: 'isobench findings' })
  expect(lines).toContain('     readings ✗ contradicted, fewer: names')
  expect(lines).toContain('              ✓ holds: calls')
})
