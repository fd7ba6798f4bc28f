import { rmSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { buildReport } from '../../../../src/core/judge/report.ts'
import { interruptSignal } from '../../../../src/core/measure/interruption.ts'
import { LateErrors } from '../../../../src/core/measure/late-errors.ts'
import { measureProject } from '../../../../src/core/measure/measure-project.ts'
import { errorOf } from '../../../../src/core/model/record.ts'
import type { Problem } from '../../../../src/core/model/suite.ts'
import { importProblem } from '../../../../src/core/project/import-default.ts'
import { mergeRecords } from '../../../../src/core/records/merge.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import { fileSource, SharedParts, surveyRecord } from '../../../../src/core/records/record-survey.ts'
import { StrayError } from '../../../../src/util/stray-errors.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { type FakeBench, fakeRun } from '../../../support/fake-project.ts'
import { withoutRunnerListeners } from '../../../support/runner-listeners.ts'

withoutRunnerListeners()

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

async function measured(benches: Readonly<Record<string, FakeBench>>, rounds = 3, onBenchEnd = () => {}) {
  const seen: string[] = []
  using interruption = interruptSignal((what) => seen.push(what))
  const host = fakeHost({ native: {}, runc: { ms: 104 } })
  const onProblems = (problems: readonly { readonly message: string }[]) =>
    void seen.push(...problems.map(({ message }) => message))
  const options = fakeRun(host, benches, { rounds, reporter: { onProblems, onBenchEnd }, signal: interruption.signal })
  roots.push(options.project.root)
  const report = await measureProject(options)
  return { report, seen, record: readRecord(report.record) }
}

/** Leaves an error behind in its first sample. The other ones take long enough for it. */
const leaving = (leave: () => unknown): FakeBench => {
  let calls = 0
  return {
    run: async (context) => {
      if (calls++ > 0) return slow.run!(context)
      leave()
      return { time: 100 }
    },
  }
}

function fail(): never {
  throw new Error('too late')
}

function failRepeatedly(): void {
  let left = 3
  const timer = setInterval(() => {
    if (--left === 0) clearInterval(timer)
    fail()
  }, 5)
}

const slow: FakeBench = {
  run: async () => {
    await new Promise((resolve) => setTimeout(resolve, 30))
    return { time: 100 }
  },
}

const message = 'a.bench.ts#bad on native left an error that no code handles: too late'

describe('an error that a workload leaves behind for the time after its end', () => {
  it.each([
    ['a timer', () => setTimeout(fail, 5)],
    ['a promise', () => new Promise((resolve) => setTimeout(resolve, 5)).then(fail)],
    ['a timer that fails again and again', failRepeatedly],
  ])('of %s fails its bench and the run, and the other benches are measured', async (_, leave) => {
    const { report, seen, record } = await measured({ bad: leaving(leave), slow })
    expect(seen).toEqual([message])
    expect(report).toMatchObject({ status: 'finished', exit: { code: 5 } })
    expect(report.problems).toMatchObject([{ file: 'a.bench.ts', message }])
    const errors = (bench: string) => record.samples.filter((one) => one.case.endsWith(bench)).map(errorOf)
    expect(errors('slow')).toEqual(Array(6).fill(undefined))
    // The sample that was measured when it failed is not affected.
    expect(errors('bad')).toEqual([undefined, undefined, ...Array(4).fill(`not measured, because ${message}`)])
  })

  it('is a problem at its own line, or at the bench if it has no stack', () => {
    const { dirname, filename } = import.meta
    const location = { file: '/p/a.bench.ts', line: 3, column: 1 }
    const problems: Problem[] = []
    const late = new LateErrors(dirname, (problem) => problems.push(problem))
    for (const [id, thrown] of [
      ['a', new Error('late')],
      ['b', { code: 1 }],
    ] as const)
      late.ofBench({ id, file: 'a.bench.ts', location }, new StrayError(thrown, id))
    expect(problems).toMatchObject([{ location: { file: filename } }, { location }])
  })

  it.each([
    ['at its place', 'the same error'],
    ['without a stack', { code: 1 }],
  ])('is not reported again if collecting has found it: %s', (_, thrown) => {
    const error = typeof thrown === 'string' ? new Error(thrown) : thrown
    const { dirname } = import.meta
    const found = importProblem(error, dirname, 'a.bench.ts')
    const problems: Problem[] = []
    const late = new LateErrors(
      dirname,
      (problem) => problems.push(problem),
      () => [found],
    )
    expect(late.ofFile('a.bench.ts', new StrayError(error))).toBe(true)
    expect(problems).toEqual([])
    expect(late.ofFile('b.bench.ts', new StrayError(error))).toBe(true)
    expect(late.ofFile('a.bench.ts', new StrayError(new Error('another')))).toBe(true)
    expect(problems.map(({ file, message }) => `${file} ${message}`)).toEqual([
      expect.stringMatching(/^b.bench.ts an error that no code handles: /),
      'a.bench.ts an error that no code handles: another',
    ])
  })

  it('of an interval is handled also after the record is complete, and a new one is not', () => {
    const late = new LateErrors(import.meta.dirname, () => {})
    late.ofFile('a.bench.ts', new StrayError(new Error('again')))
    late.end()
    expect(late.ofFile('a.bench.ts', new StrayError(new Error('again')))).toBe(true)
    expect(late.ofFile('b.bench.ts', new StrayError(new Error('again')))).toBe(false)
  })

  it('is in the record, also after the last sample, and a merge has it', async () => {
    const { report, record } = await measured({ bad: leaving(() => setTimeout(fail, 50)) }, 1)
    expect(report.exit.code).toBe(5)
    expect(record.problems.map((one) => one.message)).toEqual([message])
    expect(buildReport(record, { strict: false }).exit.code).toBe(5)
    const survey = surveyRecord(fileSource(record.file), new SharedParts())
    expect(mergeRecords([survey]).problems.map((one) => one.message)).toEqual([message])
  })
})

it('an error of no workload after the last sample is one of the run, and every exit code is 5', async () => {
  const { report, record } = await measured({ one: slow }, 1, () => void setTimeout(fail, 20))
  expect(report).toMatchObject({ status: 'stopped', exit: { code: 5 } })
  expect(record.samples).toHaveLength(2)
  expect(record.problems).toMatchObject([
    { file: 'isobench.config.ts', message: 'an error that no code handles: too late' },
  ])
})

it('an error of no workload stops the run: what is measured is kept, and every exit code is 5', async () => {
  setTimeout(fail, 50)
  const { report, seen, record } = await measured({ one: slow, two: slow })
  const text = 'an error that no code handles: too late'
  expect(seen).toEqual(['an error that no code handles', text])
  expect(report).toMatchObject({ status: 'stopped', exit: { code: 5 } })
  expect(record.problems).toMatchObject([{ file: 'isobench.config.ts', message: text }])
  expect(buildReport(record, { strict: false })).toMatchObject({ status: 'stopped', exit: { code: 5 } })
})
