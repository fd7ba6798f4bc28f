import { dirname } from 'node:path'
import { expect, it, vi } from 'vitest'
import { addPendingCall, endAfterLoops, failLoopingCall } from '../../../../src/core/project/pending-calls.ts'

it('a loop fails the call of the function that it is in, and no call of other code', () => {
  const fail = vi.fn()
  const file = import.meta.filename
  const what = 'boot() of the driver of "mine"'
  using _call = addPendingCall({ what, root: dirname(file), locate: () => ({ file, line: 10, column: 3 }), fail })
  expect(failLoopingCall(['at tick (/p/benches/a.bench.ts:14:5)'], 20)).toBe(false)
  expect(failLoopingCall([`at before (${file}:9:5)`], 20)).toBe(false)
  expect(fail).not.toHaveBeenCalled()
  expect(failLoopingCall([`at boot (${file}:12:7)`], 20)).toBe(true)
  expect(fail).toHaveBeenCalledExactlyOnceWith(
    expect.objectContaining({
      message: `${what} ran a loop for more than 20 s`,
      location: { file, line: 12, column: 7 },
    }),
  )
})

it.each([
  ['of a call', 'version() of the driver of "mine"', 12],
  ['of no call', 'the driver of "mine"', 9],
])('work that an interrupted loop %s keeps from ending fails soon after', async (_, what, line) => {
  vi.useFakeTimers()
  const file = import.meta.filename
  const about = { what: 'the driver of "mine"', root: dirname(file), locate: () => undefined }
  const ofCall = { what: 'version() of the driver of "mine"', locate: () => ({ file, line: 10, column: 3 }) }
  using _call = addPendingCall({ ...about, ...ofCall, fail: () => {} })
  const work = endAfterLoops(about, () => new Promise(() => {})).catch((error: unknown) => error)
  expect(failLoopingCall([`at version (${file}:${line}:5)`], 20)).toBe(true)
  const settled = vi.fn()
  void work.then(settled)
  await vi.advanceTimersByTimeAsync(4900)
  expect(settled).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(200)
  vi.useRealTimers()
  expect(await work).toMatchObject({
    message: `${what} ran a loop for more than 20 s`,
    location: { file, line, column: 5 },
  })
  expect(failLoopingCall([`at late (${file}:9:5)`], 20)).toBe(false)
})
