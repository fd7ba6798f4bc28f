import { describe, expect, it } from 'vitest'
import { formatResultChange } from '../../../src/commands/watch-changes.ts'
import { renderWatch, type WatchView } from '../../../src/commands/watch-render.ts'
import { statusLine } from '../../../src/commands/watch-status.ts'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord, Sample } from '../../../src/core/model/record.ts'
import { withFormerResults } from '../../../src/core/watch/former-results.ts'
import { resultChanges } from '../../../src/core/watch/result-changes.ts'
import type { Claim } from '../../../src/dsl/claim.ts'
import { createColors } from '../../../src/reporters/terminal/table.ts'
import { widthOf } from '../../../src/util/text.ts'
import { aBench, aClaim, aPlan, aRecord, aSample, benchId, costing, native } from '../core/judge/builders.ts'

const profile = { rounds: 5, warmup: 1, seconds: 1, timeout: 60 }
const claims = [
  aClaim({ kind: 'withinNative', percent: 10 }),
  aClaim({ kind: 'withinNative', percent: 10 }, { on: { by: 'name', names: ['gvisor'] } }),
]
const recordOf = (samples: readonly Sample[], own: readonly Claim[] = claims): RunRecord =>
  aRecord({ file: 'watch', plan: aPlan({ profile, benches: [aBench({ claims: own })] }), samples })
const noon = new Date(2026, 0, 1, 12, 0, 0).getTime()

const first = [...native(5), ...costing('runc', 1.04, { count: 5 }), ...costing('gvisor', 1.5, { count: 5 })]
const due = new Map([[benchId, new Set(['native', 'gvisor'])]])

/** A watch after a flag of gvisor has changed. */
function afterFlag(cost: number, count: number, over: Partial<WatchView> = {}): WatchView {
  const again = [...costing('native', 1.000001, { count, from: 5 }), ...costing('gvisor', cost, { count, from: 5 })]
  const before = recordOf(first)
  const now = recordOf([...first.filter(({ platform }) => platform !== 'gvisor'), ...again])
  const open = count < 5 ? due : new Map()
  const { record, stale } = withFormerResults(now, first, open)
  return {
    report: buildReport(record, { strict: false }),
    stale,
    before: buildReport(before, { strict: false }),
    changes: resultChanges(before, now, { affected: due, due: open, otherWork: new Set() }),
    failures: [],
    problems: [],
    note: { text: 'isobench.config.ts → measured again: gvisor', at: noon },
    latestJob: count < 5 ? undefined : { rounds: 5, took: 14_000 },
    only: { platform: '', bench: '' },
    emptyFilter: undefined,
    heldBack: 0,
    background: true,
    ...over,
  }
}

const screen = (watch: WatchView, width: number) => {
  const lines = renderWatch(watch, { width, ink: createColors({ color: false }), root: '/p', all: false })
  for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(width)
  return lines.join('\n')
}

const failing = (platform: string, line: number): Sample[] =>
  [0, 1].map((round) => ({
    ...aSample(platform, round),
    outcome: { ok: false, error: 'kaputt', location: { file: '/p/a.bench.ts', line, column: 11 } },
  }))

const failure = {
  bench: { id: benchId, file: 'a.bench.ts', name: 'disk' },
  case: benchId,
  message: 'kaputt',
  location: { file: 'a.bench.ts', line: 7, column: 11 },
  benchLocation: undefined,
  excerpt: { line: 7, column: 11, lines: ['  run: async () => {', "    throw new Error('kaputt')"] },
  platforms: ['native', 'runc', 'gvisor'].map((name) => ({ name, samples: 2 })),
}

const screens: Record<string, () => WatchView> = {
  'a flag made it slower': () => afterFlag(1.8, 5),
  'two of five rounds': () => afterFlag(1.8, 2),
  'a bench throws everywhere': () => {
    const report = buildReport(recordOf(['native', 'runc', 'gvisor'].flatMap((name) => failing(name, 7))), {
      strict: false,
    })
    return afterFlag(1.5, 5, { report, failures: [failure], changes: [] })
  },
  'a filter without a bench': () =>
    afterFlag(1.5, 5, {
      only: { platform: '', bench: 'zzz' },
      emptyFilter: { what: 'bench', pattern: 'zzz', names: ['disk', 'a benchmark with a 長い名前 that is wide'] },
    }),
  'a filter by platform': () =>
    afterFlag(1.8, 5, { only: { platform: 'run', bench: '' }, heldBack: 2, background: false }),
}

describe('the screen of watch', () => {
  it.each([110, 80, 50])('is complete and not too wide at %i columns', async (width) => {
    const all = Object.entries(screens).map(([name, watch]) => `=== ${name}\n${screen(watch(), width)}\n`)
    await expect(all.join('\n')).toMatchFileSnapshot(`screens/watch-${width}.txt`)
  })

  it('shows the former verdict of what is measured again dimmed', () => {
    const lines = renderWatch(afterFlag(1.8, 2), {
      width: 110,
      ink: createColors({ color: true }),
      root: '/p',
      all: false,
    })
    const row = lines.find((line) => line.includes('48 ms') && line.includes('━'))!
    expect(row.replaceAll('\u001b[2m', '<').replaceAll('\u001b[22m', '>')).toMatch(
      /^ +<✗> +<gvisor *> +< *48 ms> +< *1.500>/,
    )
    expect(lines.find((line) => line.includes('worse than claimed'))).toMatch(/^ *.\[2m/)
  })

  it('has native among the changes only if the filter selects it', () => {
    const changed = afterFlag(1.8, 5)
    const native = { ...changed.changes[0]!, platform: 'native' }
    const rows = (platform: string) => {
      const text = screen({ ...changed, changes: [native, ...changed.changes], only: { platform, bench: '' } }, 110)
      const table = text.slice(text.indexOf('Before → after')).split('\n\n')[0]!
      return ['native', 'gvisor'].filter((name) => new RegExp(`^ +\\S {2}${name} `, 'm').test(table))
    }
    expect([rows('gvisor'), rows('nat'), rows('')]).toEqual([['gvisor'], ['native'], ['native', 'gvisor']])
  })

  it('marks verdicts after more rounds than planned with one sign', () => {
    const text = screen(afterFlag(1.8, 7), 110)
    expect(text).toContain('sure after 7 rounds†')
    expect(text.split('\n').at(-1)).toBe('1 hold · 1 contradicted · 0 inconclusive · 0 not evaluated · † interim looks')
  })
})

describe('a verdict on a change', () => {
  const change = (
    unit: string,
    better: 'lower' | 'higher',
    estimate: number,
    low: number | null,
    high: number | null,
  ) =>
    formatResultChange({
      ratio: { estimate, low, high },
      after: { unit, better, samples: [], median: 1, outliers: 0, ratioToNative: null },
    })
  it.each([
    ['5 % slower [3, 7]', 'ms', 'lower', 1.05, 1.03, 1.07],
    ['4 % slower [−2, 9]', 'ms', 'lower', 1.04, 0.98, 1.09],
    ['5 % faster [3, 7]', 'ms', 'lower', 0.95, 0.93, 0.97],
    ['24 % slower [21, 27]', 'events/s', 'higher', 0.76, 0.73, 0.79],
    ['10 % faster [5, 15]', 'events/s', 'higher', 1.1, 1.05, 1.15],
    ['3 × slower [2.5, 4]', 's', 'lower', 3, 2.5, 4],
    ['4 × faster [2.5, 5]', 's', 'lower', 0.25, 0.2, 0.4],
    ['12 % more [10, 15]', 'MiB', 'lower', 1.12, 1.1, 1.15],
    ['12 % less [10, 15]', 'MiB', 'lower', 0.88, 0.85, 0.9],
    ['the same [0, 0] %', 'ms', 'lower', 1, 1, 1],
    ['5 % slower', 'ms', 'lower', 1.05, null, null],
  ] as const)('is %s', (text, unit, better, estimate, low, high) => {
    expect(change(unit, better, estimate, low, high)).toBe(text)
  })
})

describe('the status of watch', () => {
  const doing = {
    kind: 'measuring',
    round: 1,
    rounds: 5,
    done: 14,
    steps: 30,
    platform: 'gvisor',
    bench: 'a.bench.ts#prime check',
    background: false,
    startedAt: noon - 14_000,
    stepAt: noon,
  } as const
  const at = (columns: number, over = {}) =>
    statusLine({ doing: { ...doing, ...over }, isPaused: false, now: () => noon + 1000 }, '', columns)

  it('has the clock and an estimate, and leaves out what does not fit', () => {
    expect(at(120)).toBe(
      '12:00:01 · round 2/5 · 14/30 · ~15 s left · gvisor · a.bench.ts#prime check · c cancels · h help · q quit',
    )
    expect(at(79)).toBe('12:00:01 · round 2/5 · 14/30 · ~15 s left · gvisor · h help · q quit')
    expect(at(49)).toBe('round 2/5 · 14/30 · ~15 s left · h help · q quit')
    expect(at(20)).toBe('round 2/5')
  })

  it('names rounds in the background and warm-up', () => {
    expect(at(200, { background: true })).toContain('one more round · 14/30')
    expect(at(200, { round: -1 })).toContain('warm-up · 14/30')
  })

  it('says what it waits for', () => {
    const waiting = { doing: { kind: 'watching' }, now: () => noon } as const
    expect(statusLine({ ...waiting, isPaused: false }, 'an answer', 79)).toBe(
      'waiting for changes · an answer · h help · q quit',
    )
    expect(statusLine({ ...waiting, isPaused: false }, 'an answer that is too long', 20)).toBe('an answer that is t…')
    const preparing = { doing: { kind: 'preparing', what: 'probing runc' }, isPaused: false, now: () => noon } as const
    expect(statusLine(preparing, 'an answer', 79)).toBe('probing runc … · an answer')
    expect(statusLine({ ...waiting, isPaused: true }, '', 79)).toBe('stopped; Enter goes on · h help · q quit')
  })
})
