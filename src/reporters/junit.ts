import { basename } from 'node:path'
import type { Report } from '../core/model/report.ts'
import { documentReporter, escapeHtml } from './document.ts'
import { failedLines, fileSeconds, filesWithFailed, type TestCase, testCases } from './junit-cases.ts'
import type { ReporterContext } from './reporter.ts'
import { recordNames } from './summary.ts'

interface Suite {
  readonly name: string
  readonly seconds: number
  readonly report: Report
  readonly cases: readonly TestCase[]
  /** A line for each result with failed samples. */
  readonly failed: readonly string[]
}

function suitesOf(report: Report, { root, against }: ReporterContext): Suite[] {
  const cases = testCases(report, root, against?.(report))
  return [...new Set([...cases.map(({ file }) => file), ...filesWithFailed(report, root)])].map((file) => ({
    name: file,
    seconds: fileSeconds(report, file, root),
    report,
    cases: cases.filter((one) => one.file === file),
    failed: failedLines(report, file, root),
  }))
}

/** The record's name before names keeps the tests of several records apart. */
const ofRecord = ({ name, cases, ...suite }: Suite, record: string): Suite => ({
  ...suite,
  name: `${record}: ${name}`,
  cases: cases.map((one) => ({ ...one, className: `${record}: ${one.className}` })),
})

/** `testsuites` has no attributes, because Ant's schema allows none. */
const xml = (suites: readonly Suite[]): string =>
  ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites>', ...suites.map(suiteXml), '</testsuites>', ''].join('\n')

/**
 * A testsuite per bench file. A testcase per claim and finding that was asked for, and per metric that is compared with
 * a baseline. It fails if it fails the run, and it is skipped if it is not decided. Valid for the schemas of Jenkins'
 * xunit plugin and of Ant, so a test case has neither a file nor an output: the suite has the figures.
 */
export const junit = documentReporter(
  'junit',
  'JUnit XML for CI: a test case per claim and finding',
  (report, context) => xml(suitesOf(report, context)),
  (runs, context) => {
    const names = recordNames(runs.map(({ report }) => report))
    return xml(
      runs.flatMap(({ report }, index) => suitesOf(report, context).map((suite) => ofRecord(suite, names[index]!))),
    )
  },
)

/** `name="value"` for each. */
const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}="${escapeHtml(String(value))}"`)
    .join(' ')

const seconds = (value: number): string => value.toFixed(3)

/** Ant's schema allows no fraction and no time zone. */
const timestamp = (startedAt: string): string =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.exec(startedAt)?.[0] ?? '1970-01-01T00:00:00'

function suiteXml({ name, seconds: time, report, cases, failed }: Suite, index: number): string {
  const number = (outcome: TestCase['outcome']) => cases.filter((one) => one.outcome === outcome).length
  const start = attributes({
    name,
    package: name,
    id: index,
    tests: cases.length,
    failures: number('failure'),
    errors: number('error'),
    skipped: number('skipped'),
    time: seconds(time),
    timestamp: timestamp(report.environment.startedAt),
    hostname: report.environment.hostname || 'localhost',
  })
  const warnings = cases.filter(({ isWarning }) => isWarning)
  return [
    ` <testsuite ${start}>`,
    '  <properties>',
    ...propertiesOf(report).map(([key, value]) => `   <property ${attributes({ name: key, value })}/>`),
    '  </properties>',
    ...cases.map(caseXml),
    `  <system-out>${outputOf(cases)}</system-out>`,
    `  <system-err>${[outputOf(warnings), ...failed.map(escapeHtml)].filter(Boolean).join('\n')}</system-err>`,
    ' </testsuite>',
  ].join('\n')
}

/** What the figures depend on. */
function propertiesOf({ record, seed, profile, platforms, environment }: Report): [string, string][] {
  const { cpu, kernel, virtualization, isobench, node, revision } = environment
  return [
    ['record', basename(record)],
    ['revision', revision ?? 'unknown'],
    ['seed', seed],
    ['profile', profile.name],
    ['rounds', String(profile.rounds)],
    ['cpu', cpu.model],
    ['cpus', String(cpu.count)],
    ['kernel', kernel],
    ['virtualization', virtualization ?? 'none'],
    ['isobench', isobench],
    ['node', node],
    ...platforms
      .filter(({ available }) => available)
      .map(({ name, version }): [string, string] => [`version of ${name}`, version || 'unknown']),
  ]
}

/** A line per case. */
const outputOf = (cases: readonly TestCase[]): string =>
  cases.map(({ className, message }) => escapeHtml(`${className}: ${message}`)).join('\n')

function caseXml({ className, name, outcome, type, message, detail, seconds: time }: TestCase): string {
  const start = `  <testcase ${attributes({ classname: className, name, time: seconds(time) })}`
  if (outcome === 'passed') return `${start}/>`
  // Ant's schema allows no type of a skipped case.
  const about = outcome === 'skipped' ? { message } : { type, message }
  const inside = `<${outcome} ${attributes(about)}>${escapeHtml(detail)}</${outcome}>`
  return `${start}>\n   ${inside}\n  </testcase>`
}
