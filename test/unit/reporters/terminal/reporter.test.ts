import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { describeExitCode, exitCodes } from '../../../../src/core/judge/exit-code.ts'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { reporters } from '../../../../src/reporters/index.ts'
import { StatusLine } from '../../../../src/reporters/terminal/status-line.ts'
import { widthOf } from '../../../../src/util/text.ts'
import { contextOf, Memory, makeRecord, makeReport, tell } from '../fixture.ts'
import { screenOf } from '../screen.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach a terminal
const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

async function piped(name: string, columns = 80, nasty = true): Promise<string> {
  const out = new Memory(false, columns)
  await tell(reporters[name]!.create(contextOf(out)), nasty)
  return out.text
}

describe.each(['default', 'verbose', 'dot'])('%s in a pipe', (name) => {
  test('writes no carriage return, escape or other control character, whatever a guest printed', async () => {
    expect(await piped(name)).not.toMatch(controls)
  })

  test('writes no line that GitHub reads as a command', async () => {
    expect(await piped(name)).not.toMatch(/^\s*::|##\[/m)
  })

  test('shows everything after the run', async () => {
    const text = await piped(name, 80, false)
    expect(text).toContain('✗ FAIL  2 results are worse than claimed')
    expect(text).toContain('exit code 1: something is worse than claimed')
    expect(text).toMatch(/^✗ prime verification events · gvisor: 11 % less than native \[11, 12 %\]/m)
  })
})

test.each([true, false])('dot prints what a run waits for, and why it stops, on own lines: terminal %s', (isTTY) => {
  const out = new Memory(isTTY)
  const reporter = reporters.dot!.create(contextOf(out))
  const { plan, samples } = makeRecord(false)
  reporter.onPrepare?.('waiting for process 1, running 2 benches, since today')
  reporter.onPlan?.(plan)
  const before = out.text.length
  reporter.onSample?.(samples.find(({ outcome }) => outcome.ok)!)
  reporter.onPrepare?.('SIGTERM: stopping and cleaning up')
  expect(out.text).toMatch(/^waiting for process 1, running 2 benches, since today\n/)
  expect(out.text.slice(before)).toBe('.\nSIGTERM: stopping and cleaning up\n')
})

describe('the verdicts of a bench', () => {
  const report = makeReport(false)
  const linesFor = (name: string, columns = 120) => {
    const out = new Memory(false, columns)
    const claims = report.claims.filter((one) => one.bench.name === name)
    reporters.default!.create(contextOf(out)).onBenchEnd?.({ bench: claims[0]!.bench, claims })
    return out.text.trimEnd().split('\n')
  }

  test('are one line for each metric: how many hold, and what is worse by how much', () => {
    expect(linesFor('prime verification')).toEqual([
      expect.stringMatching(/^✗ prime verification · events: 2 hold; 1 inconclusive; worse: gvisor 0\.887 ×native$/),
    ])
    const [line] = linesFor('boot to first instruction')
    expect(line).toMatch(/^✗ boot to first instruction · time: .*worse: gvisor \S+ s/)
    expect(linesFor('boot to first instruction', 50).every((text) => widthOf(text) <= 50)).toBe(true)
  })

  test('marks what is better than claimed with its own sign', () => {
    const out = new Memory(false)
    const better = makeReport(false).claims.filter(({ outcome }) => outcome === 'contradicted')
    const claims = better.map((claim) => ({ ...claim, direction: 'better' as const }))
    reporters.default!.create(contextOf(out)).onBenchEnd?.({ bench: claims[0]!.bench, claims })
    expect(out.text).toMatch(/^▲ .*better: /)
  })
})

describe('the duration of a run', () => {
  test.each([
    ['default', 58_000, 'took 12 s, after waiting 58 s for another isobench process'],
    ['dot', 58_000, 'took 10 s, after waiting 58 s for another isobench process'],
    ['default', 2000, 'took 12 s ·'],
  ])('of %s does not count a wait of %d ms for another process', async (name, waited, text) => {
    const out = new Memory(false, 120)
    const reporter = reporters[name]!.create(contextOf(out))
    const { plan } = makeRecord(false)
    reporter.onPrepare?.('waiting for process 1')
    vi.advanceTimersByTime(waited)
    reporter.onWaited?.(waited)
    reporter.onPrepare?.('probing runc')
    vi.advanceTimersByTime(2000)
    reporter.onPlan?.(plan)
    vi.advanceTimersByTime(10_000)
    await reporter.onFinish?.(makeReport(false))
    expect(out.text.replace(/\s+/g, ' ')).toContain(text)
  })
})

describe('the summary', () => {
  test.each([40, 60, 80, 120])('fits %i columns', async (columns) => {
    const text = await piped('dot', columns)
    const tooWide = text.split('\n').filter((line) => widthOf(line) > columns)
    expect(columns < 80 ? tooWide.filter((line) => !/^ {4}/.test(line)) : tooWide).toEqual([])
  })

  test('shows the cause of failed samples on up to three lines if one is too short', async () => {
    const lines = (await piped('default', 60, false)).split('\n')
    const at = lines.findIndex((line) => line.startsWith('! 16 samples failed: '))
    expect(lines[at]).not.toContain('No such device')
    expect(lines.slice(at + 1, at + 3).join('')).toMatch(/^ {2}\S.*No {2}such device$/)
  })

  test('shows what is worse than claimed, how much, how sure, where, and what to do', async () => {
    expect(await piped('verbose', 80, false)).toContain(
      [
        '  ✗ worse than claimed, fails the run: prime verification · gvisor · events',
        '    claimed   within 5 % of native',
        '    measured  0.887 ×native, 11.3 % less; 90 % interval 0.884 to 0.891, 8 rounds',
        '    where     benches/compute/prime.bench.ts:12 (finding 2, the bench)',
        '    do        check gvisor and its options. After a change:',
        '              isobench run compute/prime --platform native,gvisor --rounds 8',
      ].join('\n'),
    )
  })

  test('shows platforms that do not work, errors, what cannot be judged, findings and problems', async () => {
    const text = await piped('verbose', 120, false)
    expect(text).toContain('2 platforms of 7 cannot run here')
    expect(text).toContain('fix: turn on nested virtualization')
    expect(text).toContain('1 platform left out by default: native-loopback; include them with --all-platforms')
    expect(text).toContain('! osv: 8 samples failed, the first: fio: cannot open /data/file: No such device')
    expect(text).toContain('9 not evaluated: the platform does not work on this host')
    expect(text).toContain('(kata 5, firecracker 4)')
    expect(text).toContain('suspiciously-fast: more than a tenth better than native')
    expect(text).toMatch(/^ {2}✗ {2}2 {2}All containers/m)
    expect(text).toMatch(/^ {2}– 14 {2}Kata starts slower/m)
    // When the run begins, and in its summary.
    expect(text.match(/metric "evnts" is not of the workload/g)).toHaveLength(2)
  })

  test.each([
    [3, '… and 1 more problem\n'],
    [4, '… and 2 more problems\n'],
  ])('of %i problems shows two', async (count, rest) => {
    const out = new Memory()
    const report = makeReport(false)
    const problems = Array.from({ length: count }, () => report.problems[0]!)
    await reporters.default!.create(contextOf(out)).onFinish?.({ ...report, problems })
    expect(out.text).toContain(rest)
  })

  test('of judge alone names problems and no time', async () => {
    const out = new Memory()
    await reporters.default!.create(contextOf(out)).onFinish?.(makeReport(false))
    expect(out.text).toContain('metric "evnts" is not of the workload')
    expect(out.text).not.toContain('took')
  })

  test('says only once that there were too few rounds, unless all details are wanted', async () => {
    const record = makeRecord(false)
    const report = buildReport(
      { ...record, samples: record.samples.filter(({ round }) => round < 3) },
      { strict: true },
    )
    const out = new Memory()
    await reporters.default!.create(contextOf(out)).onFinish?.(report)
    expect(out.text).toContain('21 inconclusive')
    expect(out.text).not.toContain('? inconclusive')
    const all = new Memory()
    await reporters.verbose!.create(contextOf(all)).onFinish?.(report)
    expect(all.text.match(/\? inconclusive/g)!.length).toBeGreaterThan(8)
  })

  test('of a run without anything is short', async () => {
    const record = makeRecord(false)
    const nothing = { benches: [], cases: [], findings: [], platforms: [], excluded: [], excludedPlatforms: [] }
    const plan = { ...record.plan, ...nothing }
    const out = new Memory()
    await reporters
      .default!.create(contextOf(out))
      .onFinish?.(buildReport({ ...record, plan, samples: [], problems: [], status: 'interrupted' }, { strict: false }))
    expect(out.text.trimStart().split('\n')[0]).toBe('? INTERRUPTED  the verdicts are those of the samples so far')
  })

  test('has a meaning for each exit code', () => {
    for (const code of Object.values(exitCodes)) expect(describeExitCode(code)).not.toBe('unknown')
  })

  test('says a line a round where nothing can be repainted', async () => {
    const lines = (await piped('default', 80, false)).split('\n')
    expect(lines.filter((line) => /^(warm-up|round) \d\/\d · /.test(line))).toHaveLength(9)
    expect(lines[0]).toBe('probing kata')
  })
})

describe('on a terminal', () => {
  async function onTerminal(name: string, color: boolean): Promise<Memory> {
    const out = new Memory(true, 80)
    const reporter = reporters[name]!.create(contextOf(out, { color }))
    const slow = {
      ...reporter,
      onStepStart: (progress: Parameters<NonNullable<typeof reporter.onStepStart>>[0]) => {
        vi.advanceTimersByTime(130)
        reporter.onStepStart?.(progress)
      },
    }
    await tell(slow)
    return out
  }

  test('nothing of the status is left', async () => {
    const { text } = await onTerminal('default', true)
    const shown = screenOf(text)
    expect(text).toContain('█')
    expect(shown.join('\n')).not.toMatch(/[█░]|probing/)
    expect(shown.filter((line) => widthOf(line) > 80)).toEqual([])
    vi.advanceTimersByTime(10_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('the same summary as in a pipe, in colours only where they are wanted', async () => {
    const last = (text: string) =>
      text
        .split('2 results')[1]!
        .replace(/\s+/g, ' ')
        .replace(/, took .*? · /, ' · ')
    const colored = (await onTerminal('default', true)).text
    const plain = (await onTerminal('default', false)).text
    expect(last(screenOf(colored).join('\n'))).toBe(last(screenOf(plain).join('\n')))
    expect(last(screenOf(colored).join('\n'))).toBe(last(await piped('default')))
    expect(colored).toContain('\u001b[31m')
    expect(plain.replaceAll('\r\u001b[2K', '')).not.toMatch(controls)
  })

  test('shows what runs, how far it is, and how long it still takes', async () => {
    const { text } = await onTerminal('default', false)
    expect(text).toMatch(/█+░* \d+ % · round 4\/8 · 9 errors · ~\d+ s left · runc · random 4 KiB I\/O/)
    expect(text).toContain('warm-up 1/1')
  })

  test('is repainted at most ten times a second, and each second when nothing happens', () => {
    const out = new Memory(true)
    const status = new StatusLine(out)
    for (let at = 0; at < 1000; at++) {
      vi.advanceTimersByTime(1)
      status.show(() => `step ${at}`)
      if (at % 50 === 0) status.print(['kept'])
    }
    expect(out.text.split('step').length - 1).toBeLessThanOrEqual(11)
    vi.advanceTimersByTime(3000)
    expect(out.text.split('step').length - 1).toBeLessThanOrEqual(15)
    status.clear()
    expect(screenOf(out.text).filter((line) => line !== 'kept')).toEqual([''])
  })
})
