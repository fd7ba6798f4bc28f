import { dirname } from 'node:path'
import { expect, it, vi } from 'vitest'
import { addPendingCall, failLoopingCall } from '../../../../src/core/project/pending-calls.ts'

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
