import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { buildReport } from '../../../src/core/judge/report.ts'
import type { RunRecord } from '../../../src/core/model/record.ts'
import { compareRecords } from '../../../src/core/records/compare.ts'
import { readRecord } from '../../../src/core/records/record-file.ts'
import { junit } from '../../../src/reporters/junit.ts'
import { isAsked } from '../../../src/reporters/summary.ts'
import { scaled } from '../core/judge/builders.ts'
import { contextOf, Memory, makeRecord } from './fixture.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))
const real = readRecord(fixture('records/prime-latency-boot.jsonl'))

async function written(records: readonly RunRecord[], strict = false, against?: RunRecord): Promise<string> {
  const out = new Memory()
  const runs = records.map((record) => ({ plan: record.plan, report: buildReport(record, { strict }) }))
  const comparison = against && compareRecords(against, records[0]!, { marginPercent: 5 })
  const view = comparison && { name: 'main', report: buildReport(against, { strict }), comparison }
  await junit.create(contextOf(out, view ? { against: () => view } : {})).onStoredRuns!(runs)
  return out.text
}

interface TestCase {
  readonly classname: string
  readonly name: string
  readonly time: number
  readonly outcome: string
  readonly type: string
}

/** The test cases of a document that isobench wrote. */
const casesOf = (xml: string): TestCase[] =>
  [
    ...xml.matchAll(
      /<testcase classname="([^"]*)" name="([^"]*)" time="([^"]*)"(?:\/>|>\s*<(\w+) (?:type="(\w[^"]*)")?)/g,
    ),
  ].map(([, classname, name, time, outcome = 'passed', type = '']) => ({
    classname: classname!,
    name: name!,
    time: Number(time),
    outcome,
    type,
  }))

const idOf = ({ classname, name }: TestCase): string => `${classname} ${name}`

/** The same record with every margin of `within … % of native` doubled. */
const withOtherMargins = (record: RunRecord): RunRecord =>
  JSON.parse(
    JSON.stringify(record, (_, value) =>
      value?.kind === 'withinNative' ? { ...value, percent: value.percent * 2 } : value,
    ),
  )

describe('the schemas', () => {
  const lacking = spawnSync('xmllint', ['--version']).error ? ' (left out: there is no xmllint here)' : ''
  const validate = (input: string, schema: string) =>
    execFileSync('xmllint', ['--noout', '--nonet', '--schema', fixture(`junit/${schema}.xsd`), '-'], {
      input,
      stdio: 'pipe',
    })

  test.skipIf(lacking).each(['isobench', 'jenkins', 'ant'])(
    `%s accepts a real run, a hostile one, both${lacking}`,
    async (schema) => {
      for (const records of [[real], [makeRecord()], [real, makeRecord(), makeRecord()]])
        validate(await written(records), schema)
      const xml = await written([real], false, { ...real, samples: real.samples.map((one) => scaled(one, 0.5)) })
      validate(xml, schema)
      expect(() => validate(xml.replace(/ name="[^"]*" time/, ' time'), schema)).toThrow()
    },
  )
})

test('every case has a unique pair of class and name, also of several records', async () => {
  for (const records of [[real], [makeRecord(false)], [makeRecord(false), makeRecord(false), real]]) {
    const cases = casesOf(await written(records))
    expect(cases.length).toBeGreaterThan(10)
    expect(new Set(cases.map(idOf)).size).toBe(cases.length)
    expect(cases.filter(({ classname }) => !classname.includes('.bench.ts') && classname !== 'findings')).toHaveLength(
      records.length > 1 ? cases.filter(({ classname }) => classname.endsWith(': findings')).length : 0,
    )
  }
})

test('the names do not change if a margin is edited, and the verdicts do', async () => {
  const [before, after] = [casesOf(await written([real])), casesOf(await written([withOtherMargins(real)]))]
  expect(after.map(idOf)).toEqual(before.map(idOf))
  expect(after.map(({ outcome }) => outcome)).not.toEqual(before.map(({ outcome }) => outcome))
})

test('only what the run was asked for is a case', async () => {
  const report = buildReport(real, { strict: false })
  const notAsked = report.claims.filter(
    ({ reason }) => reason?.code === 'not-measured' || reason?.code === 'platform-unknown',
  )
  expect(notAsked.length).toBeGreaterThan(0)
  const ofClaims = casesOf(await written([real])).filter(({ classname }) => classname !== 'findings')
  expect(ofClaims.length).toBe(report.claims.length - notAsked.length)
})

test('what fails the run fails; what is contradicted without failing it passes with a note', async () => {
  const report = buildReport(real, { strict: false })
  const xml = await written([real])
  const cases = casesOf(xml)
  const count = (outcome: string) => cases.filter((one) => one.outcome === outcome).length
  const failing = [...report.claims, ...report.findings].filter(({ failsRun }) => failsRun)
  expect(failing.length).toBeGreaterThan(0)
  expect(count('failure')).toBe(failing.length)
  expect(cases.filter(({ outcome }) => outcome === 'failure').every(({ type }) => type === 'contradicted')).toBe(true)
  const isOpen = ({ outcome }: { outcome: string }) => outcome === 'inconclusive' || outcome === 'not-evaluated'
  const asked = report.claims.filter(isAsked)
  const undecided = [
    ...asked.filter(isOpen),
    ...report.findings.filter((one) => isOpen(one) && one.claims.some((index) => isAsked(report.claims[index]!))),
  ]
  expect(undecided.length).toBeGreaterThan(2)
  expect(count('skipped')).toBe(undecided.length)
  const warned = report.claims.filter((one) => one.outcome === 'contradicted' && !one.failsRun)
  expect(warned.length).toBeGreaterThan(0)
  const errors = [...xml.matchAll(/<system-err>([^<]*)<\/system-err>/g)].map(([, text]) => text).join('\n')
  expect(errors.match(/contradicted: /g)).toHaveLength(
    warned.length + report.findings.filter((one) => one.outcome === 'contradicted' && !one.failsRun).length,
  )
})

test('--strict fails what is in doubt', async () => {
  const record = makeRecord(false)
  const samples = record.samples.filter(({ round }) => round < 3)
  const cases = casesOf(await written([{ ...record, samples, problems: [] }], true))
  expect(cases.filter(({ outcome }) => outcome === 'failure').map(({ type }) => type)).toContain('inconclusive')
})

test('a regression against the baseline fails, and what did not regress passes', async () => {
  const slower = real.samples.map((one) => (one.platform === 'gvisor' ? scaled(one, 2) : one))
  const compared = casesOf(await written([{ ...real, samples: slower }], false, real)).filter(({ name }) =>
    name.endsWith('no regression against the baseline'),
  )
  expect(
    compared.filter(({ type }) => type === 'regressed').map(({ outcome, name }) => [outcome, name]),
  ).toContainEqual(['failure', 'duration of gvisor: no regression against the baseline'])
  expect(compared.filter(({ outcome }) => outcome === 'passed').length).toBeGreaterThan(3)
})

test('suites have the host, the time, the seed and the versions, and the figures of each claim', async () => {
  const record = makeRecord(false)
  const xml = await written([{ ...record, environment: { ...record.environment, hostname: 'bench-1' } }])
  expect(xml).toMatch(
    /<testsuites>\n <testsuite name="benches\/broken.bench.ts" package="benches\/broken.bench.ts" id="0"/,
  )
  expect(xml).toContain('timestamp="2026-01-01T00:00:00" hostname="bench-1"')
  expect(await written([record])).toContain('hostname="localhost"')
  for (const [name, value] of [
    ['seed', 'seven'],
    ['cpu', 'A CPU'],
    ['kernel', '6.1.0'],
    ['version of gvisor', '1.0'],
  ])
    expect(xml).toContain(`<property name="${name}" value="${value}"/>`)
  // Five samples of a second each, and that of the warm-up round, on one platform.
  expect(casesOf(xml).find(({ name }) => name === 'events of gvisor: within a margin of native')!.time).toBe(9)
  expect(xml).toMatch(/<system-out>[^<]*prime verification: contradicted: events of gvisor is worse than .*: 0\.\d+ \[/)
})

test('the totals of each suite are those of its cases', async () => {
  const xml = await written([makeRecord()])
  const suites = xml.split('<testsuite ').slice(1)
  expect(suites.length).toBeGreaterThan(3)
  for (const suite of suites) {
    const totals = ['tests', 'failures', 'errors', 'skipped'].map((name) =>
      Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)![1]),
    )
    expect(totals).toEqual(['testcase', 'failure', 'error', 'skipped'].map((tag) => suite.split(`<${tag} `).length - 1))
  }
})
