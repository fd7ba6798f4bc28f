import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { judge } from '../../../../src/core/judge/judge.ts'
import { buildReport } from '../../../../src/core/judge/report.ts'
import type { Environment } from '../../../../src/core/model/record.ts'
import { reportSchema } from '../../../../src/core/model/report.ts'
import type { Problem } from '../../../../src/core/model/suite.ts'
import {
  folderOf,
  hasRecord,
  latestRecord,
  RecordError,
  RecordWriter,
  readRecord,
  recordsByTime,
  type SkippedRecord,
  type UnreadableLine,
} from '../../../../src/core/records/record-file.ts'
import { timeBudgetText } from '../../../../src/reporters/stop.ts'
import { UsageError } from '../../../../src/util/errors.ts'
import {
  aBench,
  aClaim,
  aFinding,
  aPlan,
  aPlatform,
  aSample,
  benchId,
  costing,
  native,
  withError,
  withValues,
} from '../judge/builders.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-record-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const environment: Environment = {
  startedAt: '2026-01-02T03:04:05.678Z',
  isobench: '0.1.0',
  node: 'v20.19.0',
  cpu: { model: 'A CPU — ™', count: 2, governor: null, smt: 'off' },
  memoryBytes: 2 ** 33,
  kernel: '6.1',
  commandLine: 'quiet',
  virtualization: null,
  kvm: false,
  mitigations: { spectre_v2: 'Mitigation: x' },
  cgroupVersion: 2,
  guest: { cpus: [1], memoryBytes: 2 ** 30 },
  image: 'sha256:abc',
  configDigest: 'def',
  revision: null,
}

const location = { file: '/p/a.bench.ts', line: 3, column: 5 }
const plan = aPlan({
  platforms: [
    aPlatform('native'),
    aPlatform('runc', { tags: ['x'] }),
    aPlatform('kata', { available: false, reason: 'no KVM', fix: 'find one' }),
  ],
  benches: [
    aBench({
      location,
      timeout: 9,
      tags: ['io'],
      claims: [
        aClaim({ kind: 'withinNative', percent: 10 }, { on: { by: 'all' }, location }),
        aClaim({ kind: 'atMost', value: 1000 }, { severity: 'warn', where: { mode: 'r' } }),
      ],
    }),
  ],
  findings: [
    aFinding(
      [
        aClaim({ kind: 'equivalentTo', platform: 'native', percent: 10 }),
        aClaim({ kind: 'betterThan', platform: 'native', by: 1.5 }, { on: { by: 'tag', tags: ['x'] } }),
        aClaim({ kind: 'worseThan', platform: 'kata', by: 1 }, { on: { by: 'family', families: ['container'] } }),
        aClaim({ kind: 'ranked', platforms: ['native', 'runc'] }),
        aClaim({ kind: 'atLeast', value: 0 }, { metric: 'rate' }),
      ],
      { location },
    ),
  ],
  excluded: [{ bench: 'a.bench.ts#later', reason: 'todo' }],
})
const problems: Problem[] = [
  { file: 'b.bench.ts', message: 'broken', fix: 'repair it', location },
  { file: 'c.bench.ts', message: 'empty' },
]
const samples = [
  aSample('native', -1, { warmup: true, ...withValues({ latency: 1, rate: 1 }) }),
  ...native(6),
  ...costing('runc', 1.02, { count: 6 }),
  aSample('runc', 7, withError('line one\nline two — “quoted” \u2028')),
]

function write(id: string, { end, only = samples }: { end?: 'finished' | 'interrupted'; only?: typeof samples } = {}) {
  const writer = RecordWriter.start(folderOf(folder), id, environment, plan, problems)
  for (const sample of only) writer.sample(sample)
  if (end) writer.end(end)
  return writer
}

const thrown = (read: () => unknown): unknown => {
  try {
    read()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('benches that did not fit into the time', () => {
  it('are excluded when the record is read, with their warm-up samples, and their claims say so', () => {
    const [first, late] = [aBench(), aBench({ id: 'b.bench.ts#late', file: 'b.bench.ts', name: 'late' })]
    const claim = aClaim({ kind: 'withinNative', percent: 5 }, { bench: late.id })
    const plan = aPlan({ benches: [first, late], findings: [aFinding([claim])] })
    const writer = RecordWriter.start(
      folderOf(folder),
      'late',
      { ...environment, startedAt: '2026-03-01T00:00:00Z' },
      plan,
      [],
    )
    writer.sample(aSample('native', 0, withValues({ latency: 1, rate: 1 })))
    writer.sample(aSample('native', -1, { case: late.id, warmup: true, ...withValues({ latency: 1, rate: 1 }) }))
    writer.end('finished', [{ bench: late.id, reason: 'time-budget', seconds: 61, claims: 1 }])
    const record = readRecord(writer.file)
    expect(record.plan.benches.map(({ id }) => id)).toEqual([first.id])
    expect(record.samples.map((sample) => sample.case)).toEqual([first.id])
    const report = buildReport(record, { strict: false })
    expect(report.claims[0]).toMatchObject({ outcome: 'not-evaluated', reason: { code: 'time-budget' } })
    expect(timeBudgetText(report)).toBe(
      'time budget: about 1 min 1 s more would decide up to 1 claim: late (~1 min 1 s, 1 claim)',
    )
  })
})

describe('a run record', () => {
  it('reads back as it was written, in .isobench/runs, named by its start', () => {
    const { file } = write('equal', { end: 'finished' })
    expect(file).toBe(join(folder, '.isobench', 'runs', '2026-01-02T03-04-05-678Z-equal.jsonl'))
    expect(readRecord(file)).toEqual({ file, environment, plan, problems, samples, status: 'finished' })
  })

  it('distinguishes an interrupted run from a killed one', () => {
    expect(readRecord(write('interrupted', { end: 'interrupted' }).file).status).toBe('interrupted')
    expect(readRecord(write('killed').file).status).toBe('killed')
  })

  it('never begins in the record of another run', () => {
    const { file } = write('twice')
    const before = readFileSync(file)
    expect(() => write('twice')).toThrow(/EEXIST.*-twice\.jsonl/)
    expect(readFileSync(file)).toEqual(before)
  })

  it('has each sample on disk before the call returns', () => {
    const { file } = write('at-once', { only: [] })
    const before = readRecord(file).samples.length
    const writer = write('at-once-2', { only: samples.slice(0, 3) })
    expect([before, readRecord(writer.file).samples.length]).toEqual([0, 3])
  })

  it('carries its verdicts for others to read, and judges the samples again', () => {
    const writer = write('verdicts', { end: 'finished' })
    writer.verdicts({ claims: [], findings: [], exit: { code: 1, claims: [7], findings: [] } })
    const record = readRecord(writer.file)
    expect(record.samples).toEqual(samples)
    expect(judge(record.plan, record.samples)).toEqual(judge(plan, samples))
  })

  it('cut short at any byte: is read without its last line, or is refused by a RecordError', () => {
    const writer = RecordWriter.start(folderOf(folder), 'whole', environment, aPlan(), [])
    for (const sample of samples.slice(-2)) writer.sample(sample)
    writer.end('finished')
    const bytes = readFileSync(writer.file)
    const firstLine = bytes.indexOf(10)
    const file = join(folder, 'cut.jsonl')
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length)
      writeFileSync(file, cut)
      if (length <= firstLine) {
        expect(thrown(() => readRecord(file))).toBeInstanceOf(RecordError)
        continue
      }
      const complete = cut.filter((byte) => byte === 10).length - 1
      const record = readRecord(file)
      expect(record.samples).toEqual(samples.slice(-2).slice(0, complete))
      expect(record.status).toBe('killed')
    }
    // Thousands of cuts: the usual limit is too short on a busy machine.
  }, 60_000)
})

const sampleLine = (outcome: string, round = 3) =>
  `{"type":"sample","sample":{"case":"${benchId}","platform":"runc","round":${round},"warmup":false,` +
  `"workDigest":"d","wallMs":1,"outcome":${outcome}}}`

it('reads a record with a byte order mark', () => {
  const fixture = new URL('../../../fixtures/records/prime-latency-boot.jsonl', import.meta.url)
  const folder = mkdtempSync(join(tmpdir(), 'isobench-bom-'))
  try {
    writeFileSync(join(folder, 'r.jsonl'), `\uFEFF${readFileSync(fixture, 'utf8')}`)
    expect(readRecord(join(folder, 'r.jsonl')).samples.length).toBeGreaterThan(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

describe('what is no run record', () => {
  const good = readFileSync(write('good', { only: samples.slice(0, 2) }).file, 'utf8')
    .trimEnd()
    .split('\n')
  const reading = (lines: readonly string[]): Error => {
    const file = join(folder, 'junk.jsonl')
    writeFileSync(file, `${lines.join('\n')}\n`)
    return thrown(() => readRecord(file)) as Error
  }

  it.each([
    'not JSON',
    '{"type":"sample"',
    '{"type":"unknown"}',
    '{"type":"sample","sample":{}}',
    sampleLine('{"ok":true,"values":{"latency":null}}'),
    sampleLine('{"ok":true,"values":{"latency":1},"error":"it broke"}'),
    sampleLine('{"ok":false,"error":"it broke","values":{"latency":1}}'),
    sampleLine('{"ok":false,"error":"it broke","cause":{"kind":"missing-program"}}'),
    sampleLine('{"ok":false}'),
    sampleLine('{"error":"it broke"}'),
    '[]',
    '5',
    '"text"',
    '\u0000\u0000',
    'null',
  ])('a line %j is left out with its number, and nothing else', (junk) => {
    const file = join(folder, 'junk.jsonl')
    writeFileSync(file, `${[good[0], good[1], junk, good[2]].join('\n')}\n`)
    const unreadable: UnreadableLine[] = []
    const { samples: read } = readRecord(file, (line) => unreadable.push(line))
    expect(read).toEqual(samples.slice(0, 2))
    expect(unreadable).toEqual([{ number: 3, why: expect.stringMatching(/^is not /) }])
  })

  it('a line without which the others contradict the plan is not left out', () => {
    const error = reading([
      good[0]!,
      'not JSON',
      sampleLine('{"ok":true,"values":{"latency":1}}').replace('runc', 'lxc'),
    ])
    expect(error.message).toMatch(/junk\.jsonl:3 contradicts the record/)
  })

  it('a line with values, or with an error and its cause, is read', () => {
    const outcomes = [
      '{"ok":true,"values":{"latency":1}}',
      '{"ok":false,"error":"it broke","cause":{"kind":"missing-program","program":"fio"}}',
    ]
    const file = join(folder, 'outcomes.jsonl')
    writeFileSync(file, `${[good[0], ...outcomes.map((outcome, round) => sampleLine(outcome, round))].join('\n')}\n`)
    expect(readRecord(file).samples.map(({ outcome }) => JSON.stringify(outcome))).toEqual(outcomes)
  })

  it('a file that begins with something else, or is empty, is refused', () => {
    for (const lines of [[], [good[1]!], ['{"type":"end","how":"finished","at":"x"}', ...good]]) {
      expect(reading(lines)).toBeInstanceOf(RecordError)
    }
  })

  it('another version is refused, rather than guessed at', () => {
    const error = reading([good[0]!.replace('"recordVersion":1', '"recordVersion":2')])
    expect(error).toBeInstanceOf(RecordError)
    expect(error.message).toContain('recordVersion')
  })

  it('a file that is not there is the command line’s mistake', () => {
    expect(thrown(() => readRecord(join(folder, 'gone.jsonl')))).toBeInstanceOf(UsageError)
  })
})

describe('the latest record', () => {
  it('is the one with the latest start', () => {
    const root = join(folder, 'latest')
    RecordWriter.start(folderOf(root), 'zzz', environment, plan, [])
    const later = { ...environment, startedAt: '2026-01-02T03:04:06.000Z' }
    const { file } = RecordWriter.start(folderOf(root), 'aaa', later, plan, [])
    expect(latestRecord(root).file).toBe(file)
    expect(basename(file)).toContain('aaa')
  })

  it('is the one of the latest run, whatever the names of the files are', () => {
    const root = mkdtempSync(join(folder, 'renamed-'))
    const later = { ...environment, startedAt: '2026-01-02T03:04:06.000Z' }
    const runs = [
      RecordWriter.start(folderOf(root), 'a', environment, plan, []),
      RecordWriter.start(folderOf(root), 'b', later, plan, []),
    ]
    const [early, late] = runs.map(({ file }, at) => {
      const renamed = join(dirname(file), ['nightly.jsonl', '2020-01-01T00-00-00-000Z-b.jsonl'][at]!)
      renameSync(file, renamed)
      return renamed
    })
    expect(recordsByTime(dirname(early!))).toEqual([early, late])
    mkdirSync(join(dirname(early!), 'folder.jsonl'))
    execFileSync('mkfifo', [join(dirname(early!), 'pipe.jsonl')])
    expect(recordsByTime(dirname(early!))).toEqual([early, late])
    expect(latestRecord(root).file).toBe(late)
  })

  it.each([
    ['empty', ''],
    ['cut in its first line', '{"type":"start","recordVer'],
    ['of another version', '{"type":"start","recordVersion":2}\n'],
    ['one that contradicts itself', undefined],
  ])('is not one that is %s', (_, text) => {
    const root = mkdtempSync(join(folder, 'skipping-'))
    const { file } = RecordWriter.start(folderOf(root), 'readable', environment, plan, [])
    const broken = join(dirname(file), '2026-02-01T00-00-00-000Z-broken.jsonl')
    writeFileSync(broken, text ?? readFileSync(file, 'utf8').repeat(2))
    const skipped: SkippedRecord[] = []
    expect(latestRecord(root, (one) => skipped.push(one)).file).toBe(file)
    expect(skipped).toEqual([{ file: broken, why: expect.stringContaining(broken) }])
  })

  it.each(['', '{"type":"start","recordVer'])('is none if the only file has no whole line: %j', (text) => {
    const root = join(folder, `only-${text.length}`)
    mkdirSync(join(root, '.isobench/runs'), { recursive: true })
    writeFileSync(join(root, '.isobench/runs/2027-01-01T00-00-00-000Z-only.jsonl'), text)
    expect(hasRecord(root)).toBe(false)
    writeFileSync(join(root, '.isobench/runs/2026-01-01T00-00-00-000Z-whole.jsonl'), '{"type":"start"}\n')
    expect(hasRecord(root)).toBe(true)
  })

  it('is a usage error where there is none', () => {
    const root = join(folder, 'none')
    expect(thrown(() => latestRecord(root))).toBeInstanceOf(UsageError)
    mkdirSync(join(root, '.isobench', 'runs'), { recursive: true })
    expect(thrown(() => latestRecord(root))).toBeInstanceOf(UsageError)
    writeFileSync(join(root, '.isobench', 'runs', 'empty.jsonl'), '')
    expect((thrown(() => latestRecord(root)) as Error).message).toMatch(/no run record in .* can be read/)
  })
})

describe('a report of a record', () => {
  const reportOf = (file: string, strict = false) => buildReport(readRecord(file), { strict })

  it.each([undefined, 'finished', 'interrupted'] as const)('fits its schema and survives JSON: %s', (end) => {
    const report = reportOf(write(`report-${end}`, end ? { end } : {}).file)
    expect(reportSchema.parse(report)).toEqual(report)
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
    expect(report.exit.code).toBe(end === 'finished' ? 1 : 130)
  })

  it('fits its schema without any sample, and then nothing holds', () => {
    const report = reportOf(write('report-empty', { only: [] }).file)
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report)
    expect(report.claims.every(({ outcome }) => outcome === 'not-evaluated')).toBe(true)
    expect(report.cases[0]!.results[0]!.metrics.latency).toMatchObject({
      median: null,
      samples: [],
      ratioToNative: null,
    })
  })

  it('has what was measured: medians, the ratio to native, errors, and no cell of an absent platform', () => {
    const [bench] = reportOf(write('report-results').file).cases
    expect(bench!.results.map(({ platform }) => platform)).toEqual(['native', 'runc'])
    const [base, runc] = bench!.results
    expect(base!.metrics.latency!.ratioToNative).toBeNull()
    expect(base!.metrics.latency!.samples).toHaveLength(6)
    expect(runc!.metrics.latency!.ratioToNative!.ratio).toBeCloseTo(1.02, 2)
    expect(runc!.metrics.rate!.ratioToNative!.ratio).toBeCloseTo(1 / 1.02, 2)
    expect(runc!.errors).toHaveLength(1)
    expect(runc!.flags).toEqual([])
  })

  it('flags what is better than native by more than a tenth, in the direction of the metric', () => {
    const flags = (cost: number) =>
      reportOf(write(`report-flag-${cost}`, { only: [...native(6), ...costing('runc', cost, { count: 6 })] }).file)
        .cases[0]!.results[1]!.flags
    expect(flags(0.8)).toEqual(['suspiciously-fast'])
    expect(flags(0.95)).toEqual([])
    expect(flags(2)).toEqual([])
  })
})
