import { collect, judge, readRecord, report } from 'isobench/node'
import { describe, expect, it } from 'vitest'

const record = readRecord('test/fixtures/records/prime-latency-boot.jsonl')

describe('isobench/node', () => {
  it('judges a record as the run did, and stricter if asked', () => {
    const judged = judge(record)
    expect(judged.claims.length).toBeGreaterThan(0)
    expect(judged.record).toBe(record.file)
    const isInconclusive = judged.claims.some(({ outcome }) => outcome === 'inconclusive')
    expect(judge(record, { strict: true }).exit.code).toBe(
      isInconclusive && judged.exit.code === 0 ? 3 : judged.exit.code,
    )
  })

  it('renders one record or several with any reporter', async () => {
    expect(JSON.parse(await report(record, { reporter: 'json' }))).toMatchObject({ schemaVersion: 1 })
    expect(JSON.parse(await report([record, record], { reporter: 'json' }))).toHaveLength(2)
    expect(await report(record)).toContain('native')
    await expect(report(record, { reporter: 'jsn' })).rejects.toThrow('there is no reporter "jsn"')
  })

  it('refuses a folder without a config', async () => {
    await expect(collect({ cwd: '/' })).rejects.toThrow('there is no isobench.config.ts here or above')
  })
})
