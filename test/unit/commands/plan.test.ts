import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { planText, samplesOf } from '../../../src/commands/plan.ts'
import { recordFiles } from '../../../src/commands/record-files.ts'
import { recordText } from '../../../src/core/records/merge.ts'
import { shard } from '../../support/shards.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-plan-'))
afterAll(() => rmSync(folder, { recursive: true }))

const read = (name: string, seconds: number) => {
  let err = ''
  const samples = samplesOf(recordFiles(folder, [name]), seconds, {
    err: { write: (text: string) => (err += text) },
  } as never)
  return { count: samples.length, err }
}

it('isobench plan says which former runs its durations are from', () => {
  const of = (...measured: boolean[]) => {
    const benches = measured.map((isMeasured) => ({ id: 'a', digest: 'd', seconds: 2, measured: isMeasured }))
    return planText({ id: 'p1', shards: [{ seconds: 2, benches }] }, 0.05)
      .split('\n')
      .at(-2)
  }
  expect(of(true)).toBe('All durations are those of former runs with samples of 0.05 s.')
  expect(of(false)).toBe('All durations are estimates: no former run has samples of 0.05 s of these benches.')
  expect(of(true, false)).toBe('1 of 2 durations is an estimate: no former run has samples of 0.05 s of that bench.')
  expect(of(true, false, false)).toBe(
    '2 of 3 durations are estimates: no former run has samples of 0.05 s of those benches.',
  )
})

it('isobench plan --from reads records of the same sample length, and no broken files of a folder', () => {
  const [one, other] = [shard(1), shard(2)]
  const { seconds } = one.plan.profile
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text)
  put('a.jsonl', recordText(one, '2026-01-03T00:00:00.000Z'))
  const longer = { ...other.plan, profile: { ...other.plan.profile, seconds: seconds + 9 } }
  put('b.jsonl', recordText({ ...other, plan: longer }, '2026-01-03T00:00:00.000Z'))
  put('c.jsonl', '')
  const { count, err } = read('.', seconds)
  expect(count).toBe(one.samples.length)
  expect(err).toMatch(
    new RegExp(`b\\.jsonl has samples of ${seconds + 9} s, and the plan has samples of ${seconds} s\\. It is left out`),
  )
  expect(err).toMatch(/c\.jsonl is no run record: it is empty\. It is left out\.\n/)
  expect(read('.', seconds + 9).count).toBe(other.samples.length)
  expect(() => read(join(folder, 'c.jsonl'), seconds)).toThrow('it is empty')
})
