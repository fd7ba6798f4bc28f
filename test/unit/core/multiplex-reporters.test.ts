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
  const received: string[] = []
  const all = multiplexReporters(
    [
      { name: 'first', reporter: first },
      { name: 'second', reporter: second },
    ],
    (name, error) => received.push(`${name}: ${(error as Error).message}`),
  )
  return { all, received }
}

test('a reporter that throws in every hook is reported once and does not affect others', async () => {
  const alone = new Memory()
  await tell(reporters.dot!.create(contextOf(alone)))
  const out = new Memory()
  const { all, received } = together(throwing, reporters.dot!.create(contextOf(out)))
  await tell(all)
  expect(out.text).toBe(alone.text)
  expect(received).toEqual(['first: a fault'])
})

test('a hook that is asynchronous where none should be is isolated too', async () => {
  const late = { onSample: async () => fail() } as unknown as Reporter
  const { all, received } = together(late, {})
  await tell(all)
  expect(received).toEqual(['first: a fault'])
})

test('a hook that nobody waits for is named at the end if it has not ended, once for each reporter', async () => {
  const received: string[] = []
  const never = (): Promise<never> => new Promise(() => {})
  const several = async () => {
    for (let turn = 0; turn < 20; turn++) await null
  }
  const hooks: Record<string, object> = {
    never: { onPlan: never, onSample: never, onFinish: () => {} },
    several: { onSample: several, onStop: several },
    broken: { onSample: async () => fail() },
    sync: { onSample: () => {} },
  }
  const all = multiplexReporters(
    Object.entries(hooks).map(([name, reporter]) => ({ name, reporter: reporter as Reporter })),
    (name) => received.push(`${name} failed`),
    (name, hook) => received.push(`${name} ${hook}`),
  )
  await tell(all)
  expect(received).toEqual(['broken failed', 'never onPlan'])
})

test('a file that cannot be written throws after all reporters were called', async () => {
  const out = new Memory()
  const json = reporters.json!.create(contextOf(out, { file: '/etc/passwd/file.json' }))
  const { all, received } = together(json, reporters.csv!.create(contextOf(out)))
  await expect(all.onFinish(makeReport())).rejects.toThrow(ReportFileError)
  expect(out.text).toMatch(/^bench,params,/)
  expect(received).toEqual([])
})

test('a run that ends with an error leaves no status line', async () => {
  const out = new Memory(true)
  const one = reporters.default!.create(contextOf(out))
  one.onPrepare?.('probing kata')
  one.onAbort?.()
  expect(out.text.endsWith('\r\u001b[2K')).toBe(true)
})
