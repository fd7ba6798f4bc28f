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
  const of = (measured: boolean) =>
    planText({ id: 'p1', shards: [{ seconds: 2, benches: [{ id: 'a', digest: 'd', seconds: 2, measured }] }] }, 0.05)
  expect(of(true)).toContain('\nAll durations are those of former runs with samples of 0.05 s.\n')
  expect(of(false)).toContain(
    '\n1 of 1 duration are estimates: there are no former runs with samples of 0.05 s of the bench.\n',
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
