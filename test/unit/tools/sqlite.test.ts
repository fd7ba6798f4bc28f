import { describe, expect, it } from 'vitest'
import { sqlite } from '../../../src/tools/sqlite.ts'
import { expectNoTruncatedFigure, expectRefusals, fixture } from './fixtures.ts'

describe('SQLite', () => {
  const inserts = fixture('sqlite-3.46.1-inserts.txt')

  it('inserts for a time', () => {
    const { argv } = sqlite.insert({ folder: '/data', seconds: 1 })
    expect([argv[0], argv[1], ...argv.slice(3)]).toEqual(['python3', '-c', '/data', '1'])
    expect(() => sqlite.insert({ folder: '/data', seconds: 0 })).toThrow(TypeError)
  })

  it('is read', () => {
    const { insertsPerSecond, p50Us, p99Us } = sqlite.parse(inserts)
    expect(insertsPerSecond).toBeCloseTo(25229.249, 1)
    expect([p50Us, p99Us]).toEqual([36.48500205599703, 63.964998844312504])
  })

  it('is refused if rows are missing, or nothing was inserted', () => {
    const edited = (over: object) => `${JSON.stringify({ ...JSON.parse(inserts), ...over })}\n`
    expect(() => sqlite.parse(edited({ rows: 3 }))).toThrow(/inserts made 3 rows/)
    expect(() => sqlite.parse(edited({ inserts: 0, rows: 0 }))).toThrow(/inserts is 0/)
    expect(() => sqlite.parse(edited({ seconds: 0 }))).toThrow(/seconds is 0/)
  })

  it('is never read from a part, and from nothing else', () => {
    expectNoTruncatedFigure(inserts, sqlite.parse)
    expectRefusals(inserts, '36.48500205599703', sqlite.parse)
  })
})
