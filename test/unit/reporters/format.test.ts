import { readFileSync } from 'node:fs'
import { globSync } from 'tinyglobby'
import { describe, expect, it } from 'vitest'
import type { ClaimVerdict } from '../../../src/core/model/verdict.ts'
import type { Matcher } from '../../../src/dsl/claim.ts'
import {
  formatClaim,
  formatCombination,
  formatEstimate,
  formatFindingTitle,
  formatMatcher,
  formatReason,
} from '../../../src/reporters/format.ts'
import { undecidedText } from '../../../src/reporters/stop.ts'

const bench = { id: 'a.bench.ts#disk', file: 'a.bench.ts', name: 'disk' }

const verdict = (
  over: Partial<ClaimVerdict> = {},
  matcher: Matcher = { kind: 'withinNative', percent: 5 },
): ClaimVerdict => ({
  claim: { bench: bench.id, metric: 'latency', matcher, on: { by: 'all' }, where: {}, severity: 'fail' },
  finding: null,
  bench,
  unit: 'ms',
  case: bench.id,
  params: {},
  platforms: ['runc'],
  comparedWith: ['native'],
  outcome: 'holds',
  direction: null,
  reason: null,
  estimate: {
    kind: 'ratio',
    value: 1.02,
    low: 1.01,
    high: 1.03,
    rounds: 10,
    platform: 'runc',
    to: { platform: 'native' },
    paired: true,
  },
  extraRoundsNeeded: null,
  missingPlatforms: [],
  missingMembers: [],
  cpuMode: null,
  failsRun: false,
  ...over,
})

describe('the words of a report', () => {
  it.each<[Matcher, string]>([
    [{ kind: 'withinNative', percent: 5 }, 'within 5 % of native'],
    [{ kind: 'betterThan', platform: 'runc', by: 1 }, 'better than runc'],
    [{ kind: 'worseThan', platform: 'runc', by: 3 }, 'worse than runc by 3×'],
    [{ kind: 'notWorseThan', platform: 'runc', percent: 9 }, 'not worse than runc by more than 9 %'],
    [
      { kind: 'peakWithin', platform: 'native', over: 'threads', percent: 15 },
      'at its best threads not worse than native at its own best by more than 15 %',
    ],
    [{ kind: 'atMost', value: 600 }, 'at most 600 ms'],
    [{ kind: 'ranked', platforms: ['runc', 'gvisor'] }, 'ranked runc > gvisor'],
    [{ kind: 'peaksAt', over: 'threads', from: 2, to: 4 }, 'best at threads 2 to 4'],
    [{ kind: 'worsensAtMost', over: 'guests', from: 1, to: 8, by: 3 }, 'at most 3× worse at guests 8 than at guests 1'],
  ])('%o is "%s"', (matcher, text) => {
    expect(formatMatcher(matcher, 'ms')).toBe(text)
  })

  it('a claim says what was claimed, what was measured, and why it is not decided', () => {
    expect(formatClaim(verdict())).toBe('latency of runc is within 5 % of native: 1.02 [1.01, 1.03] ×native')
    expect(formatClaim(verdict({ outcome: 'contradicted', direction: 'worse' }))).toContain('is worse than claimed')
    const reason = { code: 'multiplicity', tests: 30, among: 'run' } as const
    const doubtful = formatClaim(verdict({ outcome: 'inconclusive', reason, extraRoundsNeeded: 12 }))
    expect(doubtful).toContain('one of 30 that could fail: beyond the margin, but among so many it may be chance')
    expect(doubtful).toContain('about 12 more rounds would decide it')
    const near = formatClaim(verdict({ outcome: 'inconclusive', reason, extraRoundsNeeded: 'too-many' }))
    expect(near).toContain('more rounds alone will not decide it (more than 200)')
  })

  it('says of what the time left open how many rounds it needs, and what more rounds do not decide', () => {
    const open = (extraRoundsNeeded: ClaimVerdict['extraRoundsNeeded']) =>
      ({ outcome: 'inconclusive', reason: null, extraRoundsNeeded }) as const
    expect(undecidedText([open(8), open('too-many'), open(null)], 10)).toBe(
      '3 of 3 claims stayed undecided after 10 rounds; about 8 more rounds would probably decide half of 1 of them, ' +
        'about 8 all 1; more rounds alone will not decide 1 of them (more than 200)',
    )
    expect(undecidedText([open(null)], 10)).toContain('is not known yet')
  })

  it('an estimate says how it was made', () => {
    const { estimate, platforms } = verdict()
    expect(formatEstimate({ platforms, estimate: { ...estimate!, kind: 'ratio', paired: false } as never })).toContain(
      'unpaired',
    )
    expect(formatEstimate({ platforms, estimate, published: true })).toContain(', as stated')
    expect(formatEstimate({ platforms, estimate: null, published: true })).toBe('by the order that is stated')
  })

  it('a reason names its platforms, its number or its message', () => {
    expect(formatReason({ code: 'client-bound', platforms: ['runc', 'native'] })).toMatch(/^runc, native: /)
    expect(formatReason({ code: 'noise-floor', smallestMarginPercent: 12.34 })).toMatch(/^12 %: /)
    expect(formatReason({ code: 'tracer-unavailable', message: 'EPERM' })).toMatch(/^EPERM: /)
  })

  it('missing platforms with the same reason are named together', () => {
    const platforms = [
      { name: 'firecracker', reason: 'firecracker is not installed' },
      { name: 'cloud-hypervisor', reason: 'cloud-hypervisor is not installed' },
      { name: 'kata', reason: 'the shim is not installed' },
    ]
    const combination = {
      outcome: 'not-evaluated',
      direction: null,
      reasons: [{ code: 'platform-unavailable', platforms: ['firecracker'] }],
      decisiveClaim: null,
      agreeing: { holds: 0, of: 3 },
      missingPlatforms: ['firecracker', 'kata', 'cloud-hypervisor'],
    } as const
    expect(formatCombination(combination, { claims: [], platforms })).toBe(
      'needs firecracker, cloud-hypervisor: not installed; kata: the shim is not installed',
    )
    expect(formatFindingTitle({ title: 'a finding', fallbackLabel: 'by syscalls' })).toBe('a finding (by syscalls)')
  })
})

/** Text that does not come from a report's claims, findings or excluded benches. */
const allowed = [/reason\.startsWith\(own\)/, /startedAt\.slice/]

it('reporters parse no field of a verdict', () => {
  const parsed = globSync('src/reporters/**/*.ts').flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) =>
        /\b(matcher|reason|claim|bench|estimate|outcome)(\.\w+)*\??\.(startsWith|endsWith|split|slice|match)\(/.test(
          line,
        ),
      )
      .filter((line) => !allowed.some((pattern) => pattern.test(line)))
      .map((line) => `${file}: ${line.trim()}`),
  )
  expect(parsed).toEqual([])
})
