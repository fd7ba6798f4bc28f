/** Every report distinguishes any two cases and records, and finds their source line. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { reporterProject } from '../../../src/commands/reporters.ts'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../src/core/model/record.ts'
import type { Report } from '../../../src/core/model/report.ts'
import { benchInfo } from '../../../src/core/model/suite.ts'
import { claimLocation } from '../../../src/reporters/claim-place.ts'
import { matrixOf } from '../../../src/reporters/headline/matrix.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { inProject, recordNames } from '../../../src/reporters/summary.ts'
import { aBench, aClaim, aPlan, costing, environmentOf, native } from '../core/judge/builders.ts'
import { contextOf, Memory, makeRecord } from './fixture.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'isobench-identity-')))
afterAll(() => rmSync(folder, { recursive: true }))

/** The record with a second copy of each bench in a file of the same name in another folder. */
function twice(record: RunRecord): RunRecord {
  const { benches, cases } = record.plan
  const moved = (text: string) => text.replace(/^benches\//, 'benches/other/')
  const copies = benches.map((bench) => ({ ...bench, id: moved(bench.id), file: moved(bench.file), claims: [] }))
  return {
    ...record,
    plan: {
      ...record.plan,
      benches: [...benches, ...copies],
      cases: [...cases, ...cases.map((one) => ({ ...one, id: moved(one.id), bench: moved(one.bench) }))],
    },
    samples: [...record.samples, ...record.samples.map((one) => ({ ...one, case: moved(one.case) }))],
  }
}

describe('benches of the same name in two files', () => {
  it('have the file in their names, and others have not', () => {
    const benches = ['benches/net/boot.bench.ts', 'benches/disk/boot.bench.ts'].map((file) =>
      aBench({ id: `${file}#startup`, file, name: 'startup' }),
    )
    const single = aBench({ id: 'benches/net/boot.bench.ts#stop', file: 'benches/net/boot.bench.ts', name: 'stop' })
    const names = [...benches, single].map(({ id }) => benchInfo(id, [...benches, single]).name)
    expect(names).toEqual(['startup (net/boot)', 'startup (disk/boot)', 'stop'])
  })

  it('have different columns in the matrix, and different names in every report', async () => {
    const record = twice(makeRecord(false))
    const report = buildReport(record, { strict: false })
    const names = [...new Map(report.cases.map(({ bench }) => [bench.id, bench.name])).values()]
    expect(names.length).toBe(record.plan.benches.filter(({ mode }) => mode === 'run').length)
    expect(new Set(names).size).toBe(names.length)
    const labels = matrixOf(report, { columns: 100, rows: 100 })!.columns.map(({ label, detail }) => label + detail)
    expect(new Set(labels).size).toBe(labels.length)
    for (const name of ['default', 'markdown', 'html']) {
      const out = new Memory()
      await reporters[name]!.create(contextOf(out, { all: true })).onFinish?.(report)
      expect(out.text, name).toContain('(other/')
    }
  })
})

describe('records of the same name', () => {
  const names = (...records: string[]) => recordNames(records.map((record) => ({ record })))

  it('have as many folders in their names as it takes', () => {
    expect(names('a/run.jsonl', 'b/run.jsonl')).toEqual(['a/run.jsonl', 'b/run.jsonl'])
    expect(names('x/a/run.jsonl', 'y/a/run.jsonl', 'z.jsonl')).toEqual(['x/a/run.jsonl', 'y/a/run.jsonl', 'z.jsonl'])
    expect(names('run.jsonl', './run.jsonl')).toEqual(['run.jsonl', 'run.jsonl (2)'])
    expect(names('/run.jsonl', '/a/run.jsonl')).toEqual(['/run.jsonl', 'a/run.jsonl'])
  })

  it.each(['default', 'csv', 'junit', 'markdown', 'pr', 'html'])('have different names in %s', async (name) => {
    const out = new Memory()
    const runs = ['a', 'b'].map((at) => {
      const record = { ...makeRecord(false), file: `/records/${at}/run.jsonl` }
      return { plan: record.plan, report: buildReport(record, { strict: false }) }
    })
    await reporters[name]!.create(contextOf(out)).onStoredRuns!(runs)
    expect(out.text).toContain('a/run.jsonl')
    expect(out.text).toContain('b/run.jsonl')
  })
})

describe('the source line of a claim', () => {
  const write = (file: string) => {
    mkdirSync(join(folder, file, '..'), { recursive: true })
    writeFileSync(join(folder, file), '')
  }

  it('is found in another checkout of the project than the one that measured', () => {
    write('benches/net/boot.bench.ts')
    write('index.ts')
    expect(inProject('/jenkins/workspace/app@2/benches/net/boot.bench.ts', folder)).toBe('benches/net/boot.bench.ts')
    expect(inProject(join(folder, 'lib/x.ts'), folder)).toBe('lib/x.ts')
    expect(inProject('/elsewhere/lib/index.ts', folder)).toBe('/elsewhere/lib/index.ts')
    const { claims } = buildReport(makeRecord(false), { strict: false })
    const verdict = claims.find(({ claim }) => claim.location)!
    const recorded = verdict.claim.location!.file
    write(recorded.replace('/project/', ''))
    expect(claimLocation(verdict, folder)).toEqual({
      file: recorded.replace('/project/', ''),
      line: verdict.claim.location!.line,
    })
  })

  it('is relative to the config, not to the folder of the command', async () => {
    write('packages/bench/isobench.config.ts')
    const reporter = ['github']
    const root = join(folder, 'packages/bench')
    const config = 'packages/bench/isobench.config.ts'
    const found = (cwd: string, given?: string) =>
      reporterProject({ reporter, json: false, config: given }, { cwd, err: process.stderr })
    const project = { root, configFile: join(folder, config) }
    expect(await found(folder, config)).toEqual(project)
    expect(await found(root)).toEqual(project)
    expect(await found(folder)).toEqual({ root: folder })
  })
})

describe('a claim that benches share', () => {
  const file = 'benches/a/x.bench.ts'
  const lines = { x: 8, X: 9, 'a b': 10 }
  const at = (line: number) => ({ file: `/project/${file}`, line, column: 1 })

  /** Benches of one file that share the claim in line 4, and one with a claim in its second line, 12. */
  function sharing(): Report {
    const shared = aClaim({ kind: 'atMost', value: 1 })
    const [benchCase] = aPlan().cases
    const benches = Object.entries({ ...lines, own: 11 }).map(([name, line]) => {
      const id = `${file}#${name}`
      const claim = { ...shared, bench: id, location: at(name === 'own' ? 12 : 4) }
      return aBench({ id, file, name, location: at(line), claims: [claim] })
    })
    const plan = { ...aPlan(), benches, cases: benches.map(({ id }) => ({ ...benchCase!, id, bench: id })) }
    const samples = benches.flatMap(({ id }) =>
      [...native(), ...costing('runc', 1.5)].map((one) => ({ ...one, case: id })),
    )
    const environment = environmentOf()
    const record = { file: 'r.jsonl', environment, plan, problems: [], samples, status: 'finished' as const }
    return buildReport(record, { strict: false })
  }

  const written = async (name: string, report: Report) => {
    const out = new Memory()
    await reporters[name]!.create(contextOf(out, { all: true, out: Object.assign(out, { columns: 200 }) })).onFinish?.(
      report,
    )
    return out.text
  }

  it.each(['default', 'verbose', 'markdown', 'pr', 'github', 'junit', 'html'])('is distinct in %s', async (name) => {
    const text = (await written(name, sharing())).replace(/<[^>]*>/g, ' ')
    const parts = [...text.matchAll(/benches\/a\/x\.bench\.ts:4\b[^\n]*/g)].map(([part]) => part)
    if (name !== 'github') for (const part of parts) expect(part).not.toContain('the bench')
    const shown = name === 'github' ? text : parts.join('\n')
    for (const line of Object.values(lines)) expect(shown).toContain(`bench at ${file}:${line}`)
    expect(text).toMatch(name === 'github' ? /file=benches.a.x.bench.ts,line=12,/ : /benches.a.x.bench.ts:12\b/)
    expect(text).not.toContain(`bench at ${file}:11`)
  })

  it('names the bench in every line of the Markdown list', async () => {
    const text = await written('markdown', sharing())
    const claims = text
      .slice(text.indexOf('<summary>Claims'))
      .split('\n')
      .filter((line) => /^- [✗?]/.test(line))
    expect(claims.map((line) => /^- [✗?] (.*?):/.exec(line)![1])).toEqual(['x', 'X', 'a b', 'own'])
    expect(claims.map((line) => line.split('; ').at(-1))).toEqual([
      ...Object.values(lines).map((line) => `${file}:4 (bench at ${file}:${line})`),
      `${file}:12 (the bench)`,
    ])
  })
})
