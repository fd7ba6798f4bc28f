/** Reports of stored records, merging, history, and the options for CI. */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Sample } from '../../src/core/model/record.ts'
import type { Report } from '../../src/core/model/report.ts'
import { recordText } from '../../src/core/records/merge.ts'
import { readRecord } from '../../src/core/records/record-file.ts'
import { makeRecord } from '../unit/reporters/fixture.ts'
import { largeRecord } from '../unit/reporters/large-record.ts'
import { benchFile, config, expectNoStack, imports, Project, repository } from './support/cli.ts'
import { ensureImage } from './support/host.ts'
import { describeUnless, skip } from './support/skip.ts'

const real = join(repository, 'test/fixtures/records/prime-latency-boot.jsonl')

const withConfig = () =>
  Project.with({ 'isobench.config.ts': config('native', 'runc'), 'real.jsonl': readFileSync(real, 'utf8') })

const chromium = await (async () => {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome'])
    if (!(await execa(name, ['--version'], { reject: false, stdin: 'ignore' })).failed) return name
  return undefined
})()
const noBrowser = chromium ? '' : 'apt-get install chromium'

/** Lets a page read the pages in its frames, which are files too. */
const filesInFrames = '--allow-file-access-from-files'

/** The page's DOM after it has loaded, and the lines of its console. */
async function open(file: string): Promise<{ dom: string; console: string[] }> {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', filesInFrames]
  const rest = ['--disable-background-networking', '--enable-logging=stderr', '--dump-dom', `file://${file}`]
  const { stdout, stderr } = await execa(chromium!, [...flags, ...rest], { timeout: 60_000, stdin: 'ignore' })
  const said = stderr.split('\n').filter((line) => line.includes('CONSOLE'))
  return { dom: stdout, console: said }
}

/**
 * Runs a script in the page, without the policy that would block it. Returns what the script wrote to the title.
 * @param when after the frames of the page have loaded; at once by default
 */
async function ask(project: Project, page: string, code: string, when?: 'load'): Promise<unknown> {
  const answer = `document.title = JSON.stringify((() => { ${code} })())`
  const asking = page
    .replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, '')
    .replace('</body>', `<script>${when ? `addEventListener('load', () => { ${answer} })` : answer}</script></body>`)
  project.write({ 'asking.html': asking })
  const { dom } = await open(project.path('asking.html'))
  const title = /<title>(.*?)<\/title>/s.exec(dom)![1]!
  return JSON.parse(
    title.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
  )
}

/** A record of about 40,000 samples: those of the real one, for more benches and rounds. */
function large(): string {
  const { file: _, ...record } = readRecord(real)
  const copies = Array.from({ length: 22 }, (_, at) => (id: string) => id.replace('.ts#', `.ts#${at} `))
  const measured = record.samples.filter(({ warmup }) => !warmup)
  const plan = {
    ...record.plan,
    benches: copies.flatMap((as) =>
      record.plan.benches.map((one) => ({
        ...one,
        id: as(one.id),
        claims: one.claims.map((claim) => ({ ...claim, bench: as(claim.bench) })),
      })),
    ),
    cases: copies.flatMap((as) => record.plan.cases.map((one) => ({ ...one, id: as(one.id), bench: as(one.bench) }))),
  }
  const samples = copies.flatMap((as) =>
    Array.from({ length: 20 }, (_, block) =>
      measured.map((one): Sample => ({ ...one, case: as(one.case), round: block * 5 + one.round })),
    ).flat(),
  )
  return recordText({ ...record, plan, samples }, '2026-01-01T00:00:00.000Z')
}

describe('isobench report', () => {
  test('writes any report of a stored record, and ends with 0 for all verdicts', async () => {
    using project = withConfig()
    const files = ['junit=a/junit.xml', 'html=a/report.html', 'benchmark-action=a/bench.json', 'csv=a/all.csv']
    const args = files.flatMap((file) => ['--reporter', file])
    const { exitCode, stdout, stderr } = await project.isobench([
      'report',
      'real.jsonl',
      '--reporter',
      'default',
      ...args,
    ])
    expect(exitCode).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toContain('prime verification')
    for (const name of ['junit.xml', 'report.html', 'bench.smaller.json', 'bench.bigger.json', 'all.csv'])
      expect(project.read(`a/${name}`)).toContain('gvisor')
  })

  test('a file that cannot be written ends with 5, after the other reporters have written', async () => {
    using project = withConfig()
    const args = ['--reporter', 'json=/dev/full', '--reporter', 'default']
    const done = await project.isobench(['report', 'real.jsonl', ...args])
    expect(done.exitCode).toBe(5)
    expect(done.stdout).toContain('prime verification')
    expect(done.stderr).toContain('cannot be written')
    expectNoStack(done)
  })

  test('colours a pipe only where FORCE_COLOR asks, and never where NO_COLOR does', async () => {
    using project = withConfig()
    const colored = async (env: Record<string, string>) => {
      const options = { cwd: project.root, env: { VITEST: '', ...env }, stdin: 'ignore' } as const
      const bin = join(repository, 'bin/isobench.js')
      return (await execa(process.execPath, [bin, 'report', 'real.jsonl'], options)).stdout.includes('\u001b[')
    }
    expect(await colored({ FORCE_COLOR: '' })).toBe(false)
    expect(await colored({ FORCE_COLOR: '0' })).toBe(false)
    expect(await colored({ FORCE_COLOR: '1' })).toBe(true)
    expect(await colored({ FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false)
  })
})

describeUnless(noBrowser, 'program-missing', 'the html report in Chromium', () => {
  test('says nothing on the console, has its charts, and its filter shows what it says', async () => {
    using project = withConfig()
    await project.isobench(['report', 'real.jsonl', '--reporter', 'html=report.html'])
    const { dom, console } = await open(project.path('report.html'))
    expect(console).toEqual([])
    expect(dom.split('<svg').length - 1).toBeGreaterThan(6)
    const look = async () =>
      (await ask(
        project,
        project.read('report.html'),
        `const rows = () => [...document.querySelectorAll('.entries > li[data-kind]')]
         .filter((row) => row.closest('.filtered').querySelector('[name=findings-filter]'))
         .filter((row) => getComputedStyle(row).display !== 'none').map((row) => row.dataset.kind)
       const radio = (value) => document.querySelector('[name=findings-filter][value=' + value + ']')
       radio('all').click()
       const all = rows()
       radio('contradicted').click()
       const contradicted = rows()
       radio('all').click()
       const row = document.querySelector('svg .row')
       const tip = row.querySelector('.tip')
       const before = getComputedStyle(tip).display
       row.focus()
       const named = !!radio('all').closest('label') && !!radio('all').closest('fieldset')
       return { all, contradicted, again: rows().length, named,
         tip: [before, getComputedStyle(tip).display], hasFocus: document.hasFocus() }`,
      )) as { all: string[]; contradicted: string[]; again: number; named: boolean; tip: string[]; hasFocus: boolean }
    let seen = await look()
    // Now and then a window without a screen has no focus yet when its page is asked, and then no row of it has.
    for (let again = 0; again < 5 && !seen.hasFocus; again++) seen = await look()
    expect(seen.all).toHaveLength(9)
    expect(seen.contradicted).toEqual(seen.all.filter((kind) => kind.startsWith('contradicted')))
    expect(seen.contradicted.length).toBeGreaterThan(0)
    expect(seen).toMatchObject({ again: 9, named: true, tip: ['none', 'block'] })
  })

  test('runs and loads nothing of what a guest or an author wrote', async () => {
    using project = withConfig()
    project.write({ 'hostile.jsonl': recordText(makeRecord(true), '2026-01-01T00:00:00.000Z') })
    await project.isobench(['report', 'hostile.jsonl', 'real.jsonl', '--reporter', 'html=report.html'])
    const { dom, console } = await open(project.path('report.html'))
    expect(console).toEqual([])
    expect(dom).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    // Both beside each other, on unlike hosts, before each by itself.
    expect(dom).toMatch(/Side by side[\s\S]*Host A: [\s\S]*Host B: [\s\S]*<svg[\s\S]*Record 1: [\s\S]*Record 2: /)
    const elements = await ask(
      project,
      project.read('report.html'),
      `const all = [...document.querySelectorAll('*')]
       const handlers = all.filter((one) => [...one.attributes].some(({ name }) => name.startsWith('on')))
       const outward = 'img, iframe, object, embed, link, a[href]:not([href^="#"]), [src]'
       const loads = all.filter((one) => one.matches(outward))
       return { scripts: document.scripts.length, handlers: handlers.length, loads: loads.length }`,
    )
    expect(elements).toEqual({ scripts: 1, handlers: 0, loads: 0 })
  })

  test('of 7 benches on 18 platforms is at most 12,000 px high, fits a phone, and shows where links lead', async () => {
    using project = withConfig()
    project.write({ 'large.jsonl': recordText(largeRecord(), '2026-01-01T00:00:00.000Z') })
    await project.isobench(['report', 'large.jsonl', '--reporter', 'html=report.html'])
    // The narrowest window of Chromium is wider than a phone, a frame is not. Sections have their size only when seen.
    const style = '<style>section { content-visibility: visible !important }</style></head>'
    project.write({ 'page.html': project.read('report.html').replace('</head>', style) })
    const frame = (target: string, width: number) =>
      `<iframe src="page.html#${target}" style="width: ${width}px"></iframe>`
    const claims = [...project.read('page.html').matchAll(/<li id="(claim-[^"]+)" data-kind="holds"/g)]
    const frames = [frame('', 1280), frame('', 390), frame(claims[0]![1]!, 1280), frame('platform-gvisor', 390)]
    const code = `return [...document.querySelectorAll('iframe')]
      .map(({ contentDocument }) => [contentDocument.documentElement, contentDocument.querySelector(':target')])
      .map(([page, target]) => ({
        height: page.scrollHeight,
        isTooWide: page.scrollWidth > page.clientWidth,
        target: target?.getBoundingClientRect().height ?? 0,
      }))`
    const host = `<head><title></title></head><body>${frames.join('')}</body>`
    const seen = (await ask(project, host, code, 'load')) as { height: number; isTooWide: boolean; target: number }[]
    expect(seen.map(({ isTooWide }) => isTooWide)).toEqual([false, false, false, false])
    for (const { height } of seen.slice(0, 2)) {
      expect(height).toBeGreaterThan(5000)
      expect(height).toBeLessThanOrEqual(12_000)
    }
    // A claim that the filter hides, and a row of folded details.
    for (const { target } of seen.slice(2)) expect(target).toBeGreaterThan(10)
  })

  test('of a record of about 10 MB opens in less than two seconds', async () => {
    using project = withConfig()
    const text = large()
    expect(text.length).toBeGreaterThan(9_000_000)
    project.write({ 'large.jsonl': text })
    expect((await project.isobench(['report', 'large.jsonl', '--reporter', 'html=report.html'])).exitCode).toBe(0)
    expect((await open(project.path('report.html'))).console).toEqual([])
    // By the page's own clock, from its opening to its layout: how long the browser takes to start is not the page's.
    const times: number[] = []
    for (let n = 0; n < 3; n++)
      times.push(
        (await ask(
          project,
          project.read('report.html'),
          'document.body.getBoundingClientRect(); return performance.now()',
        )) as number,
      )
    expect(Math.min(...times)).toBeLessThan(2000)
  })
})

describe('isobench merge', () => {
  test('names what differs and writes nothing, and --group writes a record for each host', async () => {
    using project = withConfig()
    const other = project
      .read('real.jsonl')
      .replace('"startedAt":"2026-', '"startedAt":"2027-')
      .replace('"count":2', '"count":4')
    project.write({ 'other.jsonl': other })
    const refused = await project.isobench(['merge', 'real.jsonl', 'other.jsonl', '--out', 'all.jsonl'])
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toContain('CPUs: 2 and 4')
    expectNoStack(refused)
    const grouped = await project.isobench(['merge', 'real.jsonl', 'other.jsonl', '--group', '--out', 'all.jsonl'])
    expect(grouped.exitCode).toBe(0)
    expect(['all-1.jsonl', 'all-2.jsonl'].map((name) => readRecord(project.path(name)).environment.cpu.count)).toEqual([
      2, 4,
    ])
  })
})

test('isobench history skips a broken record and says so', async () => {
  using project = withConfig()
  mkdirSync(project.path('.isobench/runs'), { recursive: true })
  copyFileSync(real, project.path('.isobench/runs/a.jsonl'))
  writeFileSync(project.path('.isobench/runs/b.jsonl'), 'not a record\n')
  const { exitCode, stdout, stderr } = await project.isobench(['history', '--bench', 'prime'])
  expect(exitCode).toBe(0)
  expect(stderr).toContain('skipped b.jsonl')
  expect(stdout).toMatch(/prime verification · events\n(?: .*\n)* {2}gvisor +▄/)
  expect(stdout).not.toContain('memory lat')
})

describe('the flags of run', () => {
  beforeAll(ensureImage)
  const spoken = (name: string, code: string) => benchFile(code, '{ expect: { time: expect.withinNative(10) } }', name)
  const slow = `const { stdout } = await guest.exec(command('uname', '-n'))
    return { time: await say(stdout.trim() === 'isobench' ? 200 : 100) }`

  /** If other processes have the CPUs, isobench decides nothing against a platform. */
  const isOverloaded = (claims: readonly unknown[]) => JSON.stringify(claims).includes('"host-overloaded')

  test('--shard on two hosts and merge give the verdicts of one run', async (context) => {
    using project = Project.with({
      'isobench.config.ts': config('native', 'runc'),
      'benches/a.bench.ts': spoken('first', 'return { time: await say(100) }'),
      'benches/b.bench.ts': spoken('second', slow),
    })
    for (const shard of ['1/2', '2/2']) await project.run(['--rounds', '5', '--shard', shard])
    const records = project.records()
    expect(records.map((file) => readRecord(file).plan.benches.map(({ name }) => name))).toEqual([
      ['first'],
      ['second'],
    ])
    expect(readRecord(records[0]!).plan.excluded).toEqual([{ bench: 'benches/b.bench.ts#second', reason: 'shard' }])
    expect((await project.isobench(['merge', ...records, '--out', 'all.jsonl'])).exitCode).toBe(0)
    const { exitCode, stdout } = await project.isobench(['judge', 'all.jsonl', '--json'])
    const { claims } = JSON.parse(stdout) as Report
    if (isOverloaded(claims)) skip(context, 'busy-host', 'isobench decided nothing')
    const verdicts = claims.map(({ outcome }) => outcome)
    expect(verdicts.sort()).toEqual(['contradicted', 'holds'])
    expect(exitCode).toBe(1)

    // The latest record is that of the second shard, and its bench failed.
    const again = await project.run(['--rounds', '5', '--last-failed'])
    expect(again.report.cases.map(({ bench }) => bench.name)).toEqual(['second'])
    expect(again.report.excluded).toEqual([{ bench: 'benches/a.bench.ts#first', reason: 'not-failed-before' }])
    const text = readFileSync(records[0]!, 'utf8')
    project.write({ '.isobench/runs/later.jsonl': text.replace(/"startedAt":"\d{4}/, '"startedAt":"2999') })
    const all = await project.isobench(['run', '--last-failed', '--dry-run'])
    expect(all.stdout).toContain('nothing failed in the latest run: all benches are measured')
  })

  test('--fail-fast stops after the round that decides, and exits with 1', async (context) => {
    using project = Project.of(spoken('slow', slow))
    const { exitCode, report, record } = await project.run(['--rounds', '30', '--fail-fast'])
    if (isOverloaded(report.claims)) skip(context, 'busy-host', 'isobench decided nothing')
    expect(exitCode).toBe(1)
    expect(report.claims[0]!.outcome).toBe('contradicted')
    expect(new Set(record.samples.map(({ round }) => round)).size).toBeLessThan(10)
  })

  test('bench.only is refused if CI=true, with its location, unless --no-forbid-only', async () => {
    const bench = `${imports}
const work = workload('w', { metrics: { time: lower('ms') }, run: async () => ({ time: 1 }) })
bench.only('marked', work)
`
    using project = Project.of(bench)
    const refused = await project.isobench(['run', '--dry-run'], { env: { CI: 'true' } })
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toMatch(/benches\/it\.bench\.ts:5:\d+ .*"marked" is marked \.only/)
    expect((await project.isobench(['run', '--dry-run', '--no-forbid-only'], { env: { CI: 'true' } })).exitCode).toBe(0)
    expect((await project.isobench(['run', '--dry-run'], { env: { CI: 'false' } })).exitCode).toBe(0)
    expect((await project.isobench(['run', '--dry-run', '--forbid-only'], { env: { CI: '' } })).exitCode).toBe(5)
  })
})
