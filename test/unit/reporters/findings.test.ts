import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { buildReport, withFindings } from '../../../src/core/judge/report.ts'
import { claimsOf } from '../../../src/core/model/suite.ts'
import { readRecord } from '../../../src/core/records/record-file.ts'
import type { Claim } from '../../../src/dsl/claim.ts'
import { explain, findingsMarkdown, findingsTable } from '../../../src/reporters/findings.ts'
import { statedFindings } from '../../../src/reporters/stated-findings.ts'
import { createColors } from '../../../src/reporters/terminal/table.ts'
import { widthOf } from '../../../src/util/text.ts'

const file = fileURLToPath(new URL('../../fixtures/records/prime-latency-boot.jsonl', import.meta.url))
const record = readRecord(file)
const { benches, findings } = record.plan
// A finding about a bench that this run excludes, and one about a platform that it does not have.
const [claim] = claimsOf(findings[0]!) as [Claim]
const withClaim = (id: number, over: Partial<Claim>) => ({
  ...findings[0]!,
  id,
  parts: [{ title: 'a part', claims: [{ ...claim, ...over }] }],
})
const elsewhere = withClaim(40, { bench: 'b.bench.ts#other' })
const lacking = withClaim(41, { on: { by: 'name', names: ['osv'] } })
const suite = { benches: [...benches, { ...benches[0]!, id: 'b.bench.ts#other' }], problems: [] }
const stated = [lacking, elsewhere, ...findings]
const report = buildReport(withFindings(record, { ...suite, findings: stated }), {
  strict: false,
  shown: stated.map(({ id }) => id),
})
const view = {
  width: 80,
  root: '/',
  ink: createColors({ color: false }),
}

describe('the table of findings', () => {
  const lines = findingsTable(report, view, { all: true, command: 'isobench findings' })

  it('fits 80 columns', () => {
    for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(80)
  })

  it('has every finding in the order of its number, also those that the run did not measure', () => {
    const numbers = lines.flatMap((line) => /^ *(\d+) {2}[✓✗?–]/.exec(line)?.[1] ?? []).map(Number)
    expect(numbers).toEqual(report.findings.map(({ id }) => id))
    expect(numbers).toContain(40)
    expect([...numbers].sort((a, b) => a - b)).toEqual(numbers)
  })

  it('says what was measured, which way it moved, and what is missing', () => {
    const text = lines.join('\n')
    expect(text).toMatch(/1 {2}✗ contradicted {2,}gvisor 0\.752 \[0\.715, 0\.813\] ×native, events {2}worse/)
    expect(text).toContain('needs osv: not in this run')
    expect(text).toContain('the bench was not part of this run')
    expect(lines.at(-1)).toContain(`exit code ${report.exit.code}`)
  })

  it('doubts what moved for the better by a figure that is more likely of a cache', () => {
    const moved = report.findings.find(({ id }) => id === 1)!
    const decisive = report.claims[moved.decisiveClaim!]!
    const suspect: typeof report = {
      ...report,
      cases: report.cases.map((one) => ({
        ...one,
        results: one.results.map((cell) =>
          one.case === decisive.case && decisive.platforms.includes(cell.platform)
            ? { ...cell, flags: ['suspiciously-fast'] }
            : cell,
        ),
      })),
      findings: report.findings.map((one) => (one === moved ? { ...one, direction: 'better' } : one)),
    }
    expect(findingsMarkdown(suspect)).toContain('suspect: more than a tenth better than native')
    expect(findingsTable(suspect, view, { all: true, command: 'isobench findings' }).join(' ')).toMatch(
      /suspect {2}more than a tenth better/,
    )
    expect(findingsMarkdown({ ...suspect, cases: report.cases })).not.toContain('suspect:')
    expect(findingsMarkdown(report)).not.toContain('suspect:')
  })

  it("exits for the findings alone: a bench's own expectations only take part in the correction", () => {
    expect(report.claims.some(({ finding }) => finding === null)).toBe(true)
    expect(report.exit.claims.filter((index) => report.claims[index]!.finding === null)).toEqual([])
  })
})

describe('a finding explained', () => {
  const lines = explain(report, report.findings.find(({ id }) => id === 2)!, view)

  it('fits 80 columns, and names the claim, its samples round by round, and the reasoning', () => {
    for (const line of lines) expect(widthOf(line), line).toBeLessThanOrEqual(80)
    const text = lines.join(' ').replace(/\s+/g, ' ')
    expect(text).toContain('claimed within 5 % of native')
    expect(text).toMatch(/samples gvisor 1: \d+/)
    expect(text).toMatch(/native 1: [\d,]+, 2: /)
    expect(text).toContain('The whole interval lies where the claim is false, on the side that hurts.')
    expect(text).toContain('one comparison that is contradicted decides against its part')
  })
})

/** The numbers of a table's rows, each with its verdict. */
const rowsOf = (markdown: string) =>
  [...markdown.matchAll(/^\| (\d+) \|.*?(?<!\\)\| ([✓◐✗?–]) ([\w -]+?) \|.*$/gm)].map(([row, id, mark, verdict]) => ({
    id: Number(id),
    shown: `${mark} ${verdict}`,
    cells: row.replaceAll('\\|', '').split('|').length - 2,
  }))

/** What the command prints has this form, whatever the figures. */
function expectForm(markdown: string): void {
  const [first, blank, head] = markdown.trim().split('\n')
  expect(first).toMatch(/^Profile [\w-]+, \d+ rounds, \d{4}-\d\d-\d\d, .+, \d+ CPUs.*\.$/)
  expect(blank).toBe('')
  expect(head).toMatch(
    /^\| # \| (the paper says|statement) \| verdict \| measured here, with its 90 % interval \| moved \|$/,
  )
  const rows = rowsOf(markdown)
  const decided = rows.filter(({ shown }) => /holds|contradicted|inconclusive/.test(shown))
  const others = rows.filter((row) => !decided.includes(row))
  expect(rows).toEqual([...decided, ...others])
  for (const some of [decided, others])
    expect(some.map(({ id }) => id)).toEqual(some.map(({ id }) => id).sort((a, b) => a - b))
  expect(decided.every(({ cells }) => cells === 5) && others.every(({ cells }) => cells === 4)).toBe(true)
  const of = (shown: string) => rows.filter((row) => row.shown === shown).length
  const [tally] = markdown.match(/^\d+ (hold|contradicted|inconclusive|not evaluated).*\.$/m) ?? ['']
  const counted = { '✓ holds': 'hold', '✗ contradicted': 'contradicted', '? inconclusive': 'inconclusive' }
  for (const [shown, word] of Object.entries({ ...counted, '– not evaluated': 'not evaluated' })) {
    const [, number = '0'] = new RegExp(`(\\d+) ${word}( \\(| ·|\\.)`).exec(tally) ?? []
    expect([shown, Number(number)]).toEqual([shown, of(shown)])
  }
  const lacking = others.length === 1 ? '1 finding' : `${others.length} findings`
  expect(markdown).toContain(`<details><summary>${lacking} that are not decided here`)
}

describe('the findings that say something', () => {
  const lines = findingsTable(report, view, { all: false, command: 'isobench findings --paper' })
  const text = lines.join('\n')

  it('come alone and first, with the number of the others', () => {
    const numbers = lines.flatMap((line) => /^ *(\d+) {2}[✓✗?–◐]/.exec(line)?.[1] ?? []).map(Number)
    const moved = report.findings.filter(({ outcome }) => outcome === 'contradicted' || outcome === 'inconclusive')
    expect([...numbers].sort((a, b) => a - b)).toEqual(moved.map(({ id }) => id))
    const rest = report.findings.length - moved.length
    expect(text).toContain(`${rest} findings not shown here: isobench findings --paper --all`)
  })

  it('say in a sentence what is worst, what was allowed, and how many comparisons hold', () => {
    const plain = text.replace(/\s+/g, ' ')
    expect(plain).toMatch(/events of gvisor: 25 % less than native \[19, 28 %\]; 5 % allowed/)
    expect(plain).toMatch(/\d+ of \d+ comparisons hold/)
  })
})

describe('the findings without a run', () => {
  const source = { title: 'A paper, 2021', doi: '10.1000/1', section: '3.4', figures: [12] }
  const own = { ...findings[0]!, id: 101 }
  const cited = {
    ...findings[0]!,
    source,
    parts: [{ title: 'a clause', quote: 'its words', margins: 'on par: 5 %', claims: [claim] }],
  }
  const lines = statedFindings([own, cited], benches, view)
  const text = lines.join('\n')

  it('say where they are from, and how the words became claims and margins', () => {
    expect(text).toContain('1 finding of A paper, 2021, https://doi.org/10.1000/1')
    expect(text).toMatch(/source +A paper, 2021, section 3\.4, figure 12\n/)
    expect(text).toMatch(/part +a clause\n +words +“its words”\n +margins +on par: 5 %\n +claims +events of /)
  })

  it('are not a paper’s in a project that cites none', () => {
    expect(text).toContain('1 finding of this project')
    expect(statedFindings([own], benches, view).join('\n')).not.toMatch(/paper|doi/i)
  })

  it('fit 80 columns', () => {
    expect(lines.filter((line) => widthOf(line) > 80)).toEqual([])
  })
})

describe('the findings as Markdown', () => {
  it('leave out what an import does not say', () => {
    const { environment, profile } = report
    const imported = {
      ...report,
      profile: { ...profile, name: 'imported', rounds: 0 },
      environment: {
        ...environment,
        isobench: 'imported: a paper',
        startedAt: '2021',
        cpu: { ...environment.cpu, model: 'EPYC', count: 0 },
        virtualization: null,
      },
    }
    expect(findingsMarkdown(imported).split('\n')[0]).toBe('imported: a paper, 2021, EPYC.')
  })

  it('are a table of what is decided, and one of what is not, with a row for each', () => {
    const markdown = findingsMarkdown(report)
    expectForm(markdown)
    expect(
      rowsOf(markdown)
        .map(({ id }) => id)
        .sort((a, b) => a - b),
    ).toEqual(report.findings.map(({ id }) => id))
  })

  it('have the title of their series, also if there are no others', () => {
    const [finding] = report.findings
    const markdown = findingsMarkdown({ ...report, findings: [{ ...finding!, id: '2026-1' }] })
    expect(markdown.split('\n')[2]).toBe('**Findings of the series 2026**')
  })

  it('are in docs/evidence/findings.md in the form that the command prints, with all 28 and A1 to A7', () => {
    const readme = readFileSync(new URL('../../../docs/evidence/findings.md', import.meta.url), 'utf8')
    const [, between] = /<!-- findings: .*? -->\n(.*?)<!-- end of findings -->/s.exec(readme) ?? []
    expect(between, 'the page has the place for the table').toBeDefined()
    expectForm(between!)
    const ids = rowsOf(between!)
      .map(({ id }) => id)
      .sort((a, b) => a - b)
    expect(ids).toEqual([
      ...Array.from({ length: 28 }, (_, at) => at + 1),
      ...Array.from({ length: 7 }, (_, at) => 101 + at),
    ])
  })
})
