import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { command } from '../../../src/commands/merge.ts'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../src/core/model/record.ts'
import { benchSeconds, createShardPlan } from '../../../src/core/project/shard-plan.ts'
import { recordText } from '../../../src/core/records/merge.ts'
import { readRecord } from '../../../src/core/records/record-file.ts'
import { provisionalNotes } from '../../../src/reporters/summary.ts'
import { benches, idOf, shard } from '../../support/shards.ts'
import { aPlan } from '../core/judge/builders.ts'

const top = mkdtempSync(join(tmpdir(), 'isobench-merge-command-'))
afterAll(() => rmSync(top, { recursive: true }))
let cwd = ''
let runs = 0
beforeEach(() => {
  cwd = join(top, String(++runs))
  mkdirSync(join(cwd, 'results/node-1'), { recursive: true })
})

const put = (name: string, record: RunRecord) =>
  writeFileSync(join(cwd, 'results', name), recordText(record, '2026-01-03T00:00:00.000Z'))

async function merge(names: readonly string[], options: Record<string, unknown> = {}) {
  let [out, err] = ['', '']
  const io = {
    cwd,
    out: { write: (text: string) => (out += text) },
    err: { write: (text: string) => (err += text) },
  }
  const paths = names.map((name) => join(cwd, name))
  const code = await command.run(paths, { strict: false, group: false, ...options } as never, io as never)
  return { code, out, err }
}

describe('isobench merge', () => {
  it('takes a folder with its folders, and a glob', async () => {
    put('node-1/a.jsonl', shard(1))
    put('b.jsonl', shard(2))
    put('c.jsonl', shard(3))
    const folder = await merge(['results'], { out: 'all.jsonl', strict: true })
    expect(folder).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringMatching(/^Wrote .*all\.jsonl: 3 records\.\n$/),
    })
    expect(readRecord(join(cwd, 'all.jsonl')).plan.shard!.indices).toEqual([1, 2, 3])
    const glob = await merge(['results/**/*.jsonl'])
    const withoutEnd = (text: string) => text.trimEnd().split('\n').slice(0, -1)
    expect(withoutEnd(glob.out)).toEqual(withoutEnd(readFileSync(join(cwd, 'all.jsonl'), 'utf8')))
    await expect(merge(['results/*.json'])).rejects.toThrow('no file matches')
  })

  it('names a lost shard and missing rounds, and exits with 3 with --strict', async () => {
    put('a.jsonl', shard(1))
    put('b.jsonl', shard(2, { rounds: 4, status: 'killed' }))
    const { code, err } = await merge(['results'], { out: 'all.jsonl' })
    expect(code).toBe(0)
    expect(err).toMatch(/missing {2}shard 3\/3 of plan [0-9a-f]+: no record\. 1 bench: x\.bench\.ts#c\n/)
    expect(err).toMatch(
      / measure it: isobench run --shard 3\/3 --records \S+results, with the options of the other shards\n/,
    )
    expect(err).toMatch(
      /missing {2}x\.bench\.ts#b: 4 of 10 rounds in .*b\.jsonl \(shard 2\/3\), because it was killed\n/,
    )
    expect((await merge(['results'], { out: 'again.jsonl', strict: true })).code).toBe(3)
  })

  it('leaves a broken file of a folder out, which is then a lost shard, and refuses it by name', async () => {
    put('a.jsonl', shard(1))
    put('b.jsonl', shard(2))
    writeFileSync(join(cwd, 'results/empty.jsonl'), '')
    const { code, err } = await merge(['results'], { out: 'all.jsonl', strict: true })
    expect(code).toBe(3)
    expect(err).toMatch(/warning {2}.*empty\.jsonl is no run record: it is empty\. It is left out\.\n/)
    expect(err).toContain('missing  shard 3/3')
    await expect(merge(['results/empty.jsonl'])).rejects.toThrow('is no run record')
  })

  it('exits with 3 with --strict if it cannot read a record, and the merged record knows', async () => {
    for (const index of [1, 2, 3]) put(`${index}.jsonl`, shard(index))
    writeFileSync(join(cwd, 'results/empty.jsonl'), '')
    expect((await merge(['results'], { out: 'all.jsonl', strict: true })).code).toBe(3)
    const record = readRecord(join(cwd, 'all.jsonl'))
    expect(record.plan.unreadableRecords).toBe(1)
    const report = buildReport(record, { strict: true })
    expect([report.exit.code, provisionalNotes(report)]).toEqual([
      3,
      ['Incomplete: the merge left out 1 record that it could not read.'],
    ])
    await merge(['all.jsonl'], { out: 'again.jsonl' })
    expect(readRecord(join(cwd, 'again.jsonl')).plan.unreadableRecords).toBe(1)
  })

  it('counts a damaged line as missing', async () => {
    for (const index of [1, 2, 3]) put(`${index}.jsonl`, shard(index))
    const file = join(cwd, 'results/2.jsonl')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"round":3', '"round":x'))
    const { code, err } = await merge(['results'], { out: 'all.jsonl', strict: true })
    expect(code).toBe(3)
    expect(err).toMatch(/warning {2}.*2\.jsonl:5 is not JSON/)
  })

  it('says which record of a repeated shard counts, and why', async () => {
    put('a.jsonl', shard(1))
    put('b.jsonl', shard(2, { rounds: 4, status: 'killed' }))
    put('b2.jsonl', shard(2, { at: '2026-01-05' }))
    put('c.jsonl', shard(3))
    const { code, err } = await merge(['results'], { out: 'all.jsonl', strict: true })
    expect(code).toBe(0)
    expect(err).toMatch(
      /\/b\.jsonl is left out: .*\/b2\.jsonl is of the same shard 2\/3, and counts because it finished/,
    )
    expect(readRecord(join(cwd, 'all.jsonl')).samples).toHaveLength(60)
  })

  it('counts only the records of --plan', async () => {
    const { platforms, profile } = aPlan()
    const planned = createShardPlan(benchSeconds({ benches, platforms, profile }), 3, {
      filters: [],
      profile: 'quick',
      seed: 's',
    })
    writeFileSync(join(cwd, 'plan.json'), JSON.stringify(planned))
    put('old.jsonl', shard(1))
    await expect(merge(['results'], { plan: 'plan.json' })).rejects.toThrow('none of 1 record is of the plan')
    for (const index of [2, 3]) put(`${index}.jsonl`, shard(index, { run: planned.id, planned }))
    const { code, err } = await merge(['results'], { plan: 'plan.json', out: 'all.jsonl', strict: true })
    expect(code).toBe(3)
    expect(err).toContain('1 record of other runs left out.\n')
    expect(err).toContain(`missing  shard 1/3 of plan ${planned.id}: no record. 1 bench: ${idOf('a')}\n`)
    expect(err).toContain(` measure it: isobench run --plan plan.json --shard 1/3 --records ${join(cwd, 'results')}\n`)
    const mixed = await merge(['results'], { out: 'mixed.jsonl' })
    expect(mixed.err).toMatch(
      new RegExp(
        `The records are of 2 shard plans: [0-9a-f]+ \\(1 of 3 shards\\), ${planned.id} \\(2 of 3 shards\\)\\.\n`,
      ),
    )
    expect(mixed.err).toContain(` measure it: isobench run --plan FILE --shard 1/3 --records ${join(cwd, 'results')}\n`)
  })

  it('refuses a plan that was edited, so that no shard has other rounds under its id', async () => {
    const { platforms, profile } = aPlan()
    const selection = { filters: [], profile: 'quick', seed: 's', rounds: 5 }
    const planned = createShardPlan(benchSeconds({ benches, platforms, profile }), 3, selection)
    writeFileSync(join(cwd, 'plan.json'), JSON.stringify({ ...planned, selection: { ...selection, rounds: 3 } }))
    put('a.jsonl', shard(1, { run: planned.id, planned }))
    await expect(merge(['results'], { plan: 'plan.json' })).rejects.toThrow('was edited since isobench plan wrote it')
  })

  it('never overwrites, and leaves no part of a record', async () => {
    put('a.jsonl', shard(1))
    writeFileSync(join(cwd, 'all.jsonl'), 'mine')
    await expect(merge(['results'], { out: 'all.jsonl' })).rejects.toThrow('already exists')
    expect(readFileSync(join(cwd, 'all.jsonl'), 'utf8')).toBe('mine')
    expect(readdirSync(cwd).sort()).toEqual(['all.jsonl', 'results'])
  })

  it('with --group, writes all files or none', async () => {
    const other = shard(2)
    put('a.jsonl', shard(1))
    put('b.jsonl', { ...other, environment: { ...other.environment, kernel: '1.0.0' } })
    writeFileSync(join(cwd, 'all-2.jsonl'), 'mine')
    await expect(merge(['results'], { group: true, out: 'all.jsonl' })).rejects.toThrow('all-2.jsonl already exists')
    expect(existsSync(join(cwd, 'all-1.jsonl'))).toBe(false)
    const { err } = await merge(['results'], { group: true, out: 'kinds.jsonl' })
    const kernels = [shard(1).environment.kernel, '1.0.0']
    for (const [at, kernel] of kernels.entries()) {
      const kind = `\\d+ × .*, Linux ${kernel.replaceAll('.', '\\.')}\\b.*`
      expect(err).toMatch(new RegExp(`Wrote .*kinds-${at + 1}\\.jsonl: 1 record of ${kind}\\.\n`))
      expect(err).toMatch(new RegExp(`missing  shard 3/3 of plan [0-9a-f]+: no record of ${kind}\\. 1 bench: `))
    }
    expect(err).toContain(', with the options of the other shards, on a host of this kind\n')
  })

  it('refuses one shard of two hosts, unless the run on one of them ended early', async () => {
    const on = (kernel: string, record: RunRecord) => ({
      ...record,
      environment: { ...record.environment, kernel },
    })
    for (const index of [1, 2, 3]) put(`${index}.jsonl`, on('6.1.0', shard(index)))
    const early = shard(2, { rounds: 4, status: 'killed', at: '2026-01-01' })
    put('early.jsonl', on('6.12.0', early))
    expect((await merge(['results'], { out: 'all.jsonl' })).err).toContain('early.jsonl is left out')
    put('other.jsonl', on('6.12.0', shard(1, { at: '2026-01-05' })))
    await expect(merge(['results'], { out: 'again.jsonl' })).rejects.toThrow(
      /1\.jsonl and .*other\.jsonl are of different hosts: kernel: 6\.1\.0 and 6\.12\.0/,
    )
  })

  it('with --group, refuses a folder without a readable record', async () => {
    writeFileSync(join(cwd, 'results/empty.jsonl'), '')
    await expect(merge(['results'], { group: true, out: 'all.jsonl' })).rejects.toThrow(
      /no run record in .*results can be read/,
    )
  })
})
