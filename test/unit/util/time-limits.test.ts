import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { afterRunningTime } from '../../../src/util/time-limits.ts'

const block = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)

it('a time limit counts no time in which other code blocks the main thread', async () => {
  let calls = 0
  using _limit = afterRunningTime(0.3, () => calls++)
  block(600)
  await sleep(100)
  expect(calls).toBe(0)
  await sleep(400)
  expect(calls).toBe(1)
})

it('a time limit that is disposed calls nothing', async () => {
  let calls = 0
  afterRunningTime(0.05, () => calls++)[Symbol.dispose]()
  await sleep(150)
  expect(calls).toBe(0)
})
