import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import { type Report, reportSchema } from '../../../src/core/model/report.ts'
import { repositoryPath } from '../../../src/reporters/annotation.ts'
import { writeReportFile } from '../../../src/reporters/document.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { UsageError } from '../../../src/util/errors.ts'
import { contextOf, formula, hostile, Memory, makeRecord, makeReport, parseCsv } from './fixture.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not reach an output
const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/
const folder = mkdtempSync(join(tmpdir(), 'isobench-reporters-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function written(name: string, report = makeReport()): Promise<string> {
  const out = new Memory()
  await reporters[name]!.create(contextOf(out)).onFinish?.(report)
  return out.text
}

describe.each(['json', 'junit', 'markdown', 'html', 'github'])('%s', (name) => {
  test('lets no control character but newlines through', async () => {
    expect(await written(name)).not.toMatch(controls)
  })
})

describe.each(['verbose', 'markdown', 'html'])('%s', (name) => {
  test('says when its verdicts are of the profile quick, and of no other', async () => {
    const report = makeReport()
    const note = 'The profile quick uses small sizes'
    expect(await written(name, report)).toContain(note)
    expect(await written(name, { ...report, profile: { ...report.profile, name: 'paper' } })).not.toContain(note)
  })

  test('does not say that a platform cannot run here of which something was measured all the same', async () => {
    const report = makeReport(false)
    const [first] = report.cases
    const platforms = report.platforms.map((one) =>
      one.name === 'gvisor' ? { ...one, available: false, reason: 'KVM is nested here' } : one,
    )
    const text = await written(name, { ...report, platforms, cases: [first!] })
    expect(text.replace(/\s+/g, ' ')).toMatch(
      name === 'verbose'
        ? new RegExp(
            '2 platforms of 7 cannot run here .* 1 platform of 7 cannot boot a guest here ' +
              '– gvisor: KVM is nested here \\(measured: prime verification\\)',
          )
        : /gvisor cannot boot a guest(?: here)?[,:] measured is prime verification/,
    )
    expect(text).not.toMatch(/gvisor cannot run/)
  })
})

describe('a file', () => {
  test('is written whole, in folders that are made for it, and nothing else is left', async () => {
    const file = join(folder, 'deep', 'report.json')
    const out = new Memory()
    await reporters.json!.create(contextOf(out, { file })).onFinish?.(makeReport())
    expect(out.text).toBe('')
    expect(readdirSync(join(folder, 'deep'))).toEqual(['report.json'])
    expect(readFileSync(file, 'utf8')).toBe(await written('json'))
  })

  test('that cannot be written is an error of a write, and leaves the old one alone', async () => {
    const reporter = reporters.csv!.create(
      contextOf(new Memory(), { file: join(folder, 'deep', 'report.json', 'report.csv') }),
    )
    await expect(reporter.onFinish?.(makeReport())).rejects.toMatchObject({ code: 'ISOBENCH_WRITE' })
  })

  test.each(['default', 'verbose', 'dot', 'github'])('is refused by %s', (name) => {
    expect(() => reporters[name]!.create(contextOf(new Memory(), { file: 'x' }))).toThrow(UsageError)
  })
})

test('json is the report, and of the schema', async () => {
  const report = makeReport()
  const parsed: unknown = JSON.parse(await written('json', report))
  expect(parsed).toEqual(report)
  expect(reportSchema.parse(parsed)).toEqual(report)
})

describe('csv', () => {
  const columns =
    'bench params platform round warmup startedAt wallMs disturbed judged metric unit value error location'.split(' ')
  const read = async (report: Report) => {
    const [header, ...rows] = parseCsv(await written('csv', report))
    expect(header).toEqual(columns)
    return rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]!])))
  }

  test('has a row per sample and metric that reads back as it was, with warm-up and failed samples', async () => {
    const record = makeRecord(false)
    const rows = await read(buildReport(record, { strict: false }))
    const expected = record.samples.flatMap(({ platform, round, warmup, outcome }) =>
      outcome.ok
        ? Object.entries(outcome.values).map(([metric, value]) => [platform, round, `${warmup}`, metric, value, ''])
        : [[platform, round, `${warmup}`, '', 0, outcome.error]],
    )
    const shown = rows.map((row) => [
      row.platform,
      Number(row.round),
      row.warmup,
      row.metric,
      Number(row.value),
      row.error,
    ])
    const sorted = (all: unknown[]) => all.map((one) => JSON.stringify(one)).sort()
    expect(sorted(shown)).toEqual(sorted(expected))
  })

  test('marks the sample that was measured again, so that an average does not count its round twice', async () => {
    const record = makeRecord(false)
    const [first] = record.samples.filter(({ warmup, outcome }) => !warmup && outcome.ok)
    const startedAt = '2026-01-01T00:00:07.500Z'
    const again = { ...first!, startedAt, wallMs: 1234.5678 }
    const samples = record.samples.flatMap((one) => (one === first ? [{ ...one, disturbed: true }, again] : [one]))
    const rows = await read(buildReport({ ...record, samples }, { strict: false }))
    const ofRound = rows.filter(
      (row) =>
        row.platform === first!.platform && row.round === String(first!.round) && first!.case.startsWith(row.bench!),
    )
    expect(ofRound).toMatchObject([
      { disturbed: 'true', judged: 'false', startedAt: '', wallMs: '1000' },
      { disturbed: 'false', judged: 'true', startedAt, wallMs: '1234.568' },
    ])
    expect(rows.filter(({ warmup, judged }) => warmup === 'true' && judged === 'true')).toEqual([])
  })

  test('holds no formula and no control character', async () => {
    const report = makeReport()
    report.cases[0]!.results[0]!.platform = formula
    report.cases[0]!.results[1]!.platform = '  @SUM(1)'
    const text = await written('csv', report)
    expect(text.replaceAll('\r\n', '\n')).not.toMatch(controls)
    const rows = parseCsv(text)
    expect(rows.every((row) => row.length === columns.length)).toBe(true)
    expect(rows.flat().filter((field) => /^\s*[=+\-@]/.test(field) && Number.isNaN(Number(field)))).toEqual([])
    expect(rows.some((row) => row[2] === `'${formula}`)).toBe(true)
  })
})

describe('html', () => {
  test('holds no markup of others, no script and no address', async () => {
    const page = await written('html')
    expect(page).not.toMatch(/<script|https?:|\ssrc=|\shref=(?!"#[\w.-]+")|url\(|@import|\son\w+=/i)
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    const tags = new Set([...page.matchAll(/<([a-z][a-z0-9]*)/gi)].map(([, tag]) => tag))
    expect([...tags].filter((tag) => /iframe|object|embed|img|form/.test(tag!))).toEqual([])
  })

  test('plots every figure that its tables compare with native', async () => {
    const report = makeReport(false)
    const page = await written('html', report)
    const compared = report.cases.flatMap(({ results }) =>
      results.flatMap(({ metrics }) => Object.values(metrics).filter(({ ratioToNative }) => ratioToNative)),
    )
    // A picture for wide screens, and one for phones.
    expect(page.split('class="mark').length - 1).toBe(2 * compared.length)
    expect(page).toContain('prefers-color-scheme: dark')
    expect(page).not.toMatch(/NaN|Infinity|undefined/)
    const body = page.slice(page.indexOf('<body>'), page.indexOf('</html>')).replaceAll('<br>', '')
    expect(wellFormed(body)).toBeUndefined()
  })
})

test('markdown keeps each row of a table on one line, with its pipes escaped', async () => {
  const text = await written('markdown')
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  for (const row of rows) expect([4, 6]).toContain(row.replaceAll('\\\\', '').split(/(?<!\\)\|/).length - 2)
  expect(text).not.toContain('<script')
})

describe('repositoryPath', () => {
  test('is relative to the repository of a CI service, also for a project in a subfolder', () => {
    const root = '/repo/packages/bench'
    expect(repositoryPath('benches/a.bench.ts', root, { GITHUB_WORKSPACE: '/repo' })).toBe(
      'packages/bench/benches/a.bench.ts',
    )
    expect(repositoryPath('benches/a.bench.ts', root, { CI_PROJECT_DIR: root })).toBe('benches/a.bench.ts')
    expect(repositoryPath('benches/a.bench.ts', root, { GITHUB_WORKSPACE: '/elsewhere' })).toBe('benches/a.bench.ts')
    expect(repositoryPath('benches/a.bench.ts', root, {})).toBe('benches/a.bench.ts')
  })
})

describe('github', () => {
  test('writes one command a line, with places and escaped messages', async () => {
    const lines = (await written('github')).trimEnd().split('\n')
    for (const line of lines) expect(line).toMatch(/^::(error|warning|notice) file=[^:,]+(,line=\d+)?,title=[^:,]+::./)
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^::error file=benches\/compute\/prime.bench.ts,line=12,.* less than native .*, 5 %25 allowed/,
      ),
    )
  })

  test('appends to the job summary', async () => {
    const file = join(folder, 'summary.md')
    process.env.GITHUB_STEP_SUMMARY = file
    try {
      await written('github')
      await written('github')
    } finally {
      delete process.env.GITHUB_STEP_SUMMARY
    }
    const text = readFileSync(file, 'utf8')
    expect(text.split('# isobench\n').length - 1).toBe(2)
    expect(text).not.toContain(hostile)
  })
})

/** Why `text` is not well-formed, or undefined: tags are balanced, and no bare `<` or `&` is left. */
function wellFormed(text: string): string | undefined {
  const open: string[] = []
  const rest = text
    .replace(/<\?xml[^?]*\?>/, '')
    .replace(/<(\/?)([\w-]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>/g, (_, close, tag, _attributes, empty) => {
      if (close) {
        if (open.pop() !== tag) open.push(`unexpected </${tag}>`)
      } else if (!empty) open.push(tag)
      return ''
    })
  if (open.length > 0) return `left open: ${open.join(', ')}`
  const bare = /<|&(?!(?:amp|lt|gt|quot|#39);)/.exec(rest)
  return bare ? `bare ${rest.slice(bare.index, bare.index + 40)}` : undefined
}

test('an output path without a possible folder is an error, and does not hang', async () => {
  expect(() => writeReportFile('/proc/no-such-folder/deeper/report.json', '{}')).toThrow(
    'cannot be written to /proc/no-such-folder/deeper/report.json',
  )
})
