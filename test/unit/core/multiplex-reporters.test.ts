import { expect, test } from 'vitest'
import { multiplexReporters, type Reporter, ReportFileError } from '../../../src/core/reporter.ts'
import { reporters } from '../../../src/reporters/index.ts'
import { contextOf, Memory, makeReport, tell } from '../reporters/fixture.ts'

const fail = (): never => {
  throw new Error('a fault')
}
const throwing: Reporter = {
  onPrepare: fail,
  onProblems: fail,
  onPlan: fail,
  onStepStart: fail,
  onSample: fail,
  onFinish: async () => fail(),
  onStoredRuns: fail,
  onAbort: fail,
}

function together(first: Reporter, second: Reporter) {
  const told: string[] = []
  const all = multiplexReporters(
    [
      { name: 'first', reporter: first },
      { name: 'second', reporter: second },
    ],
    (name, error) => told.push(`${name}: ${(error as Error).message}`),
  )
  return { all, told }
}

test('a reporter that throws in every hook is told of once and hurts no other', async () => {
  const alone = new Memory()
  await tell(reporters.dot!.create(contextOf(alone)))
  const out = new Memory()
  const { all, told } = together(throwing, reporters.dot!.create(contextOf(out)))
  await tell(all)
  expect(out.text).toBe(alone.text)
  expect(told).toEqual(['first: a fault'])
})

test('a hook that is asynchronous where none should be is isolated too', async () => {
  const late = { onSample: async () => fail() } as unknown as Reporter
  const { all, told } = together(late, {})
  await tell(all)
  expect(told).toEqual(['first: a fault'])
})

test('a file that cannot be written is thrown after all were told', async () => {
  const out = new Memory()
  const json = reporters.json!.create(contextOf(out, { file: '/etc/passwd/file.json' }))
  const { all, told } = together(json, reporters.csv!.create(contextOf(out)))
  await expect(all.onFinish(makeReport())).rejects.toThrow(ReportFileError)
  expect(out.text).toMatch(/^bench,params,/)
  expect(told).toEqual([])
})

test('a run that ends with an error leaves no status line', async () => {
  const out = new Memory(true)
  const one = reporters.default!.create(contextOf(out))
  one.onPrepare?.('probing kata')
  one.onAbort?.()
  expect(out.text.endsWith('\r\u001b[2K')).toBe(true)
})
