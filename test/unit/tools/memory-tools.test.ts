import { describe, expect, it } from 'vitest'
import { mbw } from '../../../src/tools/mbw.ts'
import { ToolOutputError } from '../../../src/tools/parse.ts'
import { tinymembench } from '../../../src/tools/tinymembench.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture, JUNK } from './fixtures.ts'

describe('mbw', () => {
  const all = fixture('mbw-1.2.2-all.txt')
  const one = fixture('mbw-1.2.2-mcblock.txt')

  it.each([
    ['memcpy', '-t0'],
    ['dumb', '-t1'],
    ['mcblock', '-t2'],
  ] as const)('runs %s', (method, flag) => {
    expect(mbw.run({ method, runs: 5, mebibytes: 256 }).argv).toEqual(['mbw', '-q', '-n', '5', flag, '256'])
  })

  it('refuses a method that it does not have', () => {
    const run = { method: 'toString' as 'memcpy', runs: 5, mebibytes: 256 }
    expect(() => mbw.run(run)).toThrow('mbw has no method "toString"')
  })

  it('reads the average, not a run', () => {
    expect(mbw.parse(all, 'memcpy')).toEqual({ mebibytesPerSecond: 4765.096 })
    expect(mbw.parse(all, 'dumb')).toEqual({ mebibytesPerSecond: 6019.847 })
    expect(mbw.parse(all, 'mcblock')).toEqual({ mebibytesPerSecond: 8408.33 })
    expect(mbw.parse(one, 'mcblock')).toEqual({ mebibytesPerSecond: 9189.681 })
    expect(() => mbw.parse(one, 'memcpy')).toThrow(ToolOutputError)
  })

  it('reads no part of a report, and nothing else', () => {
    expectNoTruncatedFigure(all, (output) => mbw.parse(output, 'dumb'))
    expectNoTruncatedFigure(one, (output) => mbw.parse(output, 'mcblock'))
    expectRefusals(one, '9189.681', (output) => mbw.parse(output, 'mcblock'))
  })
})

describe('tinymembench', () => {
  const full = fixture('tinymembench-0.4.9-full.txt')
  const main = 'Memory bandwidth tests'

  it('runs to its end, or for a time', () => {
    expect(tinymembench.run().argv).toEqual(['stdbuf', '-oL', 'tinymembench'])
    expect(tinymembench.run({ seconds: 25 }).argv).toEqual(['timeout', '25', 'stdbuf', '-oL', 'tinymembench'])
  })

  it('reads copies and latencies by section', () => {
    const { copies, latencies } = tinymembench.parse(full)
    expect(Object.keys(copies)).toEqual([main])
    expect(Object.keys(copies[main]!)).toHaveLength(29)
    expect(copies[main]).toMatchObject({ 'C copy': 6612.9, 'C copy backwards (32 byte blocks)': 6856.6 })
    expect(copies[main]).toMatchObject({ 'standard memcpy': 14450.5, 'SSE2 nontemporal fill': 24239.6 })
    expect(Object.keys(latencies)).toEqual(['MADV_NOHUGEPAGE', 'MADV_HUGEPAGE'])
    expect(Object.keys(latencies.MADV_HUGEPAGE!)).toEqual(Array.from({ length: 17 }, (_, i) => String(1024 << i)))
    expect(latencies.MADV_NOHUGEPAGE![67108864]).toEqual({ singleNs: 169.8, dualNs: 195.6 })
    expect(latencies.MADV_HUGEPAGE![67108864]).toEqual({ singleNs: 164.7, dualNs: 192 })
  })

  it('keeps sections apart that have tests of the same name', () => {
    const bar = '='.repeat(74)
    const more = `${bar}\n== Framebuffer read tests.       ==\n${bar}\n\n C copy  :   10.0 MB/s\n`
    const { copies } = tinymembench.parse(full + more)
    expect(copies['Framebuffer read tests.']).toEqual({ 'C copy': 10 })
    expect(copies[main]!['C copy']).toBe(6612.9)
    const named = tinymembench.parse(full + more.replace('Framebuffer read tests.', 'constructor')).copies
    expect(Object.getOwnPropertyDescriptor(named, 'constructor')?.value).toEqual({ 'C copy': 10 })
  })

  it('looks up one figure, or says that it did not finish', () => {
    expect(tinymembench.parseCopy(full, 'standard memset')).toBe(28681.4)
    expect(tinymembench.parseLatency(full, 65536)).toEqual({ singleNs: 0.7, dualNs: 1 })
    expect(tinymembench.parseLatency(full, 65536, 'MADV_HUGEPAGE')).toEqual({ singleNs: 0.9, dualNs: 1.4 })
    expect(() => tinymembench.parseCopy(full, 'NEON copy')).toThrow('"NEON copy" did not finish')
    expect(() => tinymembench.parseLatency(full, 1000)).toThrow(ToolOutputError)
    // Names that every object has.
    for (const name of ['toString', 'constructor', '__proto__']) {
      expect(() => tinymembench.parseCopy(full, name)).toThrow(`"${name}" did not finish`)
      expect(() => tinymembench.parseLatency(full, 1024, name)).toThrow(ToolOutputError)
    }
  })

  it('takes from a stopped run what it finished, and no figure of a line that was cut off', () => {
    const whole = tinymembench.parse(full)
    let parts = 0
    for (let length = 0; length < full.length; length++) {
      let part: ReturnType<typeof tinymembench.parse>
      try {
        part = tinymembench.parse(full.slice(0, length))
      } catch (error) {
        if (!(error instanceof ToolOutputError)) throw error
        continue
      }
      parts++
      for (const side of ['copies', 'latencies'] as const) {
        for (const [section, figures] of Object.entries(part[side])) {
          const expected = whole[side][section] as Record<string, unknown>
          for (const [key, value] of Object.entries(figures)) {
            if (JSON.stringify(value) !== JSON.stringify(expected[key])) expect.fail(`${length}: ${section} ${key}`)
          }
        }
      }
    }
    expect(parts).toBeGreaterThan(5000)
  })

  it('looks up no figure in a part but the whole one', () => {
    expectNoTruncatedFigure(full.slice(0, 2000), (output) => tinymembench.parseCopy(output, 'C copy'))
  })

  it('refuses what is no report', () => {
    for (const junk of JUNK) expect(() => tinymembench.parse(junk)).toThrow(ToolOutputError)
    for (const bad of ['-1', 'nan', 'inf', '1,5']) {
      expect(() => tinymembench.parse(full.replace('6612.9', bad))).toThrow(ToolOutputError)
      expect(() => tinymembench.parse(full.replace('169.8', bad))).toThrow(ToolOutputError)
    }
    expect(() => tinymembench.parse(full + full)).toThrow('appears twice')
  })
})
