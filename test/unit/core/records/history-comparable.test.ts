import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { command, historyLines } from '../../../../src/commands/history.ts'
import { checkOptions } from '../../../../src/commands/options.ts'
import type { RunRecord } from '../../../../src/core/model/record.ts'
import { hostDifferences } from '../../../../src/core/records/fingerprint.ts'
import { readHistory } from '../../../../src/core/records/history.ts'
import { recordText } from '../../../../src/core/records/merge.ts'
import { seeded } from '../../../../src/core/stats/index.ts'
import { createColors } from '../../../../src/reporters/terminal/table.ts'
import { mergeAll } from '../../../support/merged.ts'
import { Memory } from '../../reporters/fixture.ts'
import {
  aBench,
  aPlan,
  aPlatform,
  aRecord,
  benchId,
  costing,
  environmentOf,
  native,
  scaled,
} from '../judge/builders.ts'

const root = mkdtempSync(join(tmpdir(), 'isobench-comparable-'))
const runs = join(root, '.isobench', 'runs')
afterEach(() => rmSync(root, { recursive: true, force: true }))

const day = (run: number) => new Date(Date.UTC(2026, 0, run + 1)).toISOString()

/** A run of each day; runc is 40 % slower from run `from` on. */
function runOf(run: number, from: number): RunRecord {
  const random = seeded(`run ${run}`)
  const noisy = [...native(), ...costing('runc', run < from ? 1.1 : 1.54)].map((sample, at) => ({
    ...scaled(sample, 1 + 0.02 * (random() - 0.5)),
    startedAt: new Date(Date.UTC(2026, 0, run + 1, 0, 0, at)).toISOString(),
  }))
  const plan = aPlan({ seed: `seed ${run}`, platforms: [aPlatform('native'), aPlatform('runc')] })
  return aRecord({ environment: { ...environmentOf(), startedAt: day(run) }, plan, samples: noisy })
}

type Edit = (record: RunRecord) => RunRecord

function store(
  count: number,
  { from = count, edit = (one) => one }: { from?: number; edit?: (one: RunRecord, run: number) => RunRecord } = {},
) {
  mkdirSync(runs, { recursive: true })
  for (let run = 0; run < count; run++) write(`${String(run).padStart(2, '0')}.jsonl`, edit(runOf(run, from), run))
}

const write = (name: string, record: RunRecord) => writeFileSync(join(runs, name), recordText(record, day(0)))

/** Runs `history --fail-on worse`. */
async function failOnWorse(): Promise<{ code: number; out: string; err: string }> {
  writeFileSync(
    join(root, 'isobench.config.mjs'),
    "export default { platforms: [{ kind: 'native', name: 'native', tags: [], options: {} }] }",
  )
  const [out, err] = [new Memory(), new Memory()]
  const io = { cwd: root, out, err, color: false, commands: [] } as never
  const code = await command.run([], checkOptions('isobench history', command.options, { failOn: ['worse'] }), io)
  return { code, out: out.text.replace(/\s+/g, ' '), err: err.text }
}

const benchDigest: Edit = (record) => ({
  ...record,
  plan: { ...record.plan, benches: record.plan.benches.map((one) => ({ ...one, digest: 'edited' })) },
})
const sampleDigests: Edit = (record) => ({
  ...record,
  samples: record.samples.map((one) => ({ ...one, workDigest: 'edited' })),
})
const image: Edit = (record) => ({ ...sampleDigests(record), environment: { ...record.environment, image: 'new' } })
const metricOf =
  (unit: string, better: 'lower' | 'higher'): Edit =>
  (record) => ({
    ...record,
    plan: { ...record.plan, benches: [aBench({ metrics: { latency: { unit, better }, rate: { unit, better } } })] },
  })
const renamed: Edit = (record) =>
  JSON.parse(JSON.stringify(record).replaceAll('#disk', '#disc').replaceAll('"disk"', '"disc"'))
const otherHost: Edit = ({ environment, ...record }) => ({
  ...record,
  environment: { ...environment, cpu: { ...environment.cpu, count: 64 } },
})

test.each([
  ['the bench', benchDigest],
  ['the samples', sampleDigests],
])('a step that comes with other work of %s names it, and is no regression of the platform', async (_, edit) => {
  for (const offset of [0, -2, 2]) {
    rmSync(root, { recursive: true, force: true })
    store(19, { from: 12, edit: (one, run) => (run >= 12 + offset ? edit(one) : one) })
    const { code, out, err } = await failOnWorse()
    expect(out).toContain('runc worse')
    expect(out).toContain('work of the bench: ')
    expect(out).not.toContain('recorded no other change')
    expect(code).toBe(4)
    expect(err).toContain('nothing is judged: ')
  }
})

test('ten runs of the new work are judged alone', async () => {
  store(24, { from: 12, edit: (one, run) => (run >= 12 ? benchDigest(one) : one) })
  expect(await failOnWorse()).toMatchObject({ code: 0, err: '' })
  rmSync(root, { recursive: true, force: true })
  store(30, { from: 24, edit: (one, run) => (run >= 12 ? benchDigest(one) : one) })
  expect(await failOnWorse()).toMatchObject({ code: 1 })
})

test('other work of one bench does not pass a run although other benches can be judged', async () => {
  const more = aBench({ id: 'b.bench.ts#more', name: 'more', file: 'b.bench.ts' })
  const withMore: Edit = (record) => ({
    ...record,
    plan: {
      ...record.plan,
      benches: [...record.plan.benches, more],
      cases: [...record.plan.cases, { id: more.id, bench: more.id, params: {} }],
    },
    samples: [
      ...record.samples,
      ...runOf(Number(record.plan.seed.slice(5)), 99).samples.map((one) => ({ ...one, case: more.id })),
    ],
  })
  const edited: Edit = (record) => ({
    ...record,
    plan: {
      ...record.plan,
      benches: record.plan.benches.map((one) => (one.id === benchId ? { ...one, digest: 'edited' } : one)),
    },
  })
  store(20, { from: 12, edit: (one, run) => (run >= 12 ? edited(withMore(one)) : withMore(one)) })
  const { code, err } = await failOnWorse()
  expect(code).toBe(4)
  expect(err).toContain('the work changed with the level of disk · latency on runc')
})

test('another image is named, and does not excuse a regression', async () => {
  store(20, { from: 12, edit: (one, run) => (run >= 12 ? image(one) : one) })
  const { code, out } = await failOnWorse()
  expect(code).toBe(1)
  expect(out).toContain('also changed then: image: an image → new')
  expect(out).not.toContain('work of the bench')
})

test.each([
  ['renamed bench', renamed],
  ['metric with another unit', metricOf('us', 'lower')],
  ['metric with another direction', metricOf('ms', 'higher')],
  ['host', otherHost],
])('a new %s needs ten runs too', async (_, edit) => {
  for (const since of [1, 8]) {
    rmSync(root, { recursive: true, force: true })
    store(20, { edit: (one, run) => (run >= 20 - since ? edit(one) : one) })
    const { code, err } = await failOnWorse()
    expect(code).toBe(4)
    expect(err).toContain(`no metric of the latest run has more than ${since} yet`)
  }
  rmSync(root, { recursive: true, force: true })
  store(24, { edit: (one, run) => (run >= 12 ? edit(one) : one) })
  expect(await failOnWorse()).toMatchObject({ code: 0, err: '' })
})

test('a bench that the latest run did not select is judged by the runs that did', async () => {
  const more = aBench({ id: 'b.bench.ts#more', name: 'more', file: 'b.bench.ts' })
  store(20, {
    edit: (one, run) =>
      run < 19
        ? one
        : {
            ...one,
            plan: aPlan({
              ...one.plan,
              benches: [more],
              cases: [{ id: more.id, bench: more.id, params: {} }],
              excluded: [{ bench: benchId, reason: 'filter' }],
            }),
            samples: one.samples.map((sample) => ({ ...sample, case: more.id })),
          },
  })
  expect(await failOnWorse()).toMatchObject({ code: 0, err: '' })
})

test('native alone passes nothing', async () => {
  const platforms = [aPlatform('native')]
  store(20, {
    edit: (one) => ({
      ...one,
      plan: { ...one.plan, platforms },
      samples: one.samples.filter(({ platform }) => platform === 'native'),
    }),
  })
  expect((await failOnWorse()).code).toBe(4)
})

test('copies of a run, and a merge of runs, count once', async () => {
  store(2)
  for (let copy = 0; copy < 12; copy++) copyFileSync(join(runs, '01.jsonl'), join(runs, `copy-${copy}.jsonl`))
  write('merged.jsonl', mergeAll([runOf(0, 99), runOf(1, 99)]))
  const { hosts, copies } = readHistory(root, () => true)
  expect(hosts[0]!.runs.map(({ startedAt }) => startedAt)).toEqual([day(0), day(1)])
  expect(copies).toHaveLength(13)
  expect(copies).toContainEqual({ record: 'copy-3.jsonl', of: '01.jsonl' })
  const { code, err } = await failOnWorse()
  expect(code).toBe(4)
  expect(err).toContain('left out, because another record has the same samples: ')
})

test('a merge of which a part is absent counts instead of the part that is there', () => {
  store(1)
  write('merged.jsonl', mergeAll([runOf(0, 99), runOf(1, 99)]))
  const { hosts, copies } = readHistory(root, () => true)
  expect(hosts[0]!.runs).toHaveLength(1)
  expect(copies).toEqual([{ record: '00.jsonl', of: 'merged.jsonl' }])
})

test('series of one metric with two directions have two names', () => {
  store(4, { edit: (one, run) => (run >= 2 ? metricOf('ms', 'higher')(one) : one) })
  const lines = historyLines(readHistory(root, () => true).hosts[0]!, 100, createColors({ color: false }))
  expect(lines).toContain('disk · latency (ms, lower is better)')
  expect(lines).toContain('disk · latency (ms, higher is better)')
  expect(readdirSync(runs)).toHaveLength(4)
})

test('a difference of confinement names only what differs', () => {
  const security = { capabilities: ['chown', 'net_raw', 'kill'], seccomp: 'filter', noNewPrivileges: true } as const
  const withSecurity = (over: object) =>
    aRecord({ plan: aPlan({ platforms: [aPlatform('runc', { security: { ...security, ...over } })] }) })
  const other = withSecurity({ capabilities: ['chown', 'kill'], seccomp: 'none', noNewPrivileges: false })
  expect(hostDifferences(withSecurity({}), other)).toEqual([
    {
      what: 'security of runc',
      baseline: 'with net_raw; seccomp filter; no_new_privs set',
      current: 'without net_raw; seccomp none; no_new_privs not set',
    },
  ])
})

/** The record with another bench of the same file beside its own. */
function beside(one: RunRecord): RunRecord {
  const more = aBench({ id: 'a.bench.ts#more', name: 'more' })
  const samples = one.samples.map((sample) => ({ ...sample, case: more.id }))
  const plan = aPlan({ ...one.plan, benches: [...one.plan.benches, more] })
  return {
    ...one,
    plan: { ...plan, cases: [...one.plan.cases, { id: more.id, bench: more.id, params: {} }] },
    samples: [...one.samples, ...samples],
  }
}

const without = (one: RunRecord, id: string): RunRecord => ({
  ...one,
  plan: {
    ...one.plan,
    benches: one.plan.benches.filter((bench) => bench.id !== id),
    cases: one.plan.cases.filter((point) => point.bench !== id),
  },
  samples: one.samples.filter((sample) => sample.case !== id),
})

test.each([1, 6, 9])('a bench that the latest %d runs lost or renamed is not clean', async (lost) => {
  for (const how of [(one: RunRecord) => beside(renamed(one)), (one: RunRecord) => without(beside(one), benchId)]) {
    store(24, { edit: (one, run) => (run < 24 - lost ? beside(one) : how(one)) })
    const { code, out, err } = await failOnWorse()
    expect(code).toBe(4)
    expect(err).toMatch(/^nothing is judged: the latest run does not have disk · .* on runc, which is lost or has/)
    expect(out).toMatch(/runc .* ms +–/)
    rmSync(root, { recursive: true, force: true })
  }
})

test('a bench counts as removed after ten runs, and one of a file that was not selected is not lost', async () => {
  store(24, { edit: (one, run) => (run < 14 ? beside(one) : without(beside(one), benchId)) })
  expect(await failOnWorse()).toMatchObject({ code: 0, err: '' })
  rmSync(root, { recursive: true, force: true })
  const elsewhere = (one: RunRecord): RunRecord =>
    JSON.parse(JSON.stringify(one).replaceAll('a.bench.ts', 'b.bench.ts'))
  const both = (one: RunRecord): RunRecord => {
    const other = elsewhere(one)
    const plan = {
      ...one.plan,
      benches: [...one.plan.benches, ...other.plan.benches],
      cases: [...one.plan.cases, ...other.plan.cases],
    }
    return { ...one, plan, samples: [...one.samples, ...other.samples] }
  }
  store(24, { edit: (one, run) => (run < 23 ? both(one) : one) })
  expect(await failOnWorse()).toMatchObject({ code: 0, err: '' })
})

test('damaged lines are said, and in the latest run they pass nothing', async () => {
  store(20)
  const damage = (name: string) => {
    const lines = readFileSync(join(runs, name), 'utf8').split('\n')
    writeFileSync(join(runs, name), lines.map((line, at) => (at > 3 && at < 6 ? 'garbage' : line)).join('\n'))
  }
  damage('05.jsonl')
  expect(await failOnWorse()).toMatchObject({
    code: 0,
    err: 'read without damaged lines: 05.jsonl (2 damaged lines)\n',
  })
  damage('19.jsonl')
  expect(await failOnWorse()).toMatchObject({
    code: 4,
    err: expect.stringContaining('nothing is judged: the latest run has damaged lines: 19.jsonl\n'),
  })
})

/** The record with a rate of 0 on a platform. */
const stalled = (one: RunRecord, name: string): RunRecord => ({
  ...one,
  samples: one.samples.map((sample) =>
    sample.platform === name && sample.outcome.ok
      ? { ...sample, outcome: { ...sample.outcome, values: { ...sample.outcome.values, rate: 0 } } }
      : sample,
  ),
})

test('a collapse to 0 is worse, and its ratio is 0', async () => {
  store(24, { edit: (one, run) => (run < 18 ? one : stalled(one, 'runc')) })
  const { code, out, err } = await failOnWorse()
  expect(code).toBe(1)
  expect(err).toMatch(/^1 metric became worse: disk · rate on runc, since 2026-01-19\n$/)
  expect(out).toMatch(/runc .*0 ops\/s +0\.00 +worse/)
})

test('native at 0 leaves no ratio, shows none of an older run, and passes nothing', async () => {
  store(24, { edit: (one, run) => (run < 23 ? one : stalled(one, 'native')) })
  const { code, out, err } = await failOnWorse()
  expect(code).toBe(4)
  expect(err).toBe('nothing is judged: the latest run has no ratio to native of disk · rate on runc\n')
  expect(out).toMatch(/runc [^/]*ops\/s [\d,.]+ ops\/s *$/)
})
