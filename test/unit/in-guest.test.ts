import { describe, expect, it } from 'vitest'
import { refuseLikeEmpty, throughputOf, tickOf, timeCalls } from '../../src/in-guest.ts'

/** A clock with steps and with readings that take time, and work that takes time. In nanoseconds. */
function fakeTime({ step, cost }: { readonly step: number; readonly cost: number }) {
  let time = 0
  return {
    clock: () => {
      time += cost
      return BigInt(Math.floor(time / step) * step)
    },
    work: (nanoseconds: number) => () => {
      time += nanoseconds
    },
  }
}

const clocks = [
  { clock: 'of Linux on x86', step: 10, cost: 30 },
  { clock: 'that is a system call', step: 1, cost: 2500 },
  { clock: 'with the steps of jiffies', step: 4_000_000, cost: 40 },
]

/** A short warm-up, because the work takes no real time. */
const options = { seconds: 0.01, warmUp: 10_000_000, batches: 5 }

const callOften = (fn: () => unknown, calls: number): void => {
  for (let i = 0; i < calls; i++) fn()
}

describe('the time of a function in the guest', () => {
  const cases = clocks.flatMap((clock) => [700, 25_000, 9_000_000].map((nanoseconds) => ({ ...clock, nanoseconds })))

  it.each(cases)('of $nanoseconds ns is right with a clock $clock', async ({ nanoseconds, ...about }) => {
    const { clock, work } = fakeTime(about)
    const timed = await timeCalls(callOften, work(nanoseconds), { ...options, clock })
    expect(timed.median / nanoseconds).toBeGreaterThan(0.998)
    expect(timed.median / nanoseconds).toBeLessThan(1.003)
  })

  it('is that of single calls if one takes longer than a batch', async () => {
    const { clock, work } = fakeTime(clocks[0]!)
    expect((await timeCalls(callOften, work(1_100_000), { ...options, clock })).isBatched).toBe(false)
    expect((await timeCalls(callOften, work(900_000), { ...options, clock })).isBatched).toBe(true)
  })

  it('has the fewest batches also if the sample is shorter', async () => {
    const { clock, work } = fakeTime(clocks[0]!)
    let calls = 0
    const slow = work(2e9)
    const count = () => {
      calls++
      slow()
    }
    await timeCalls(callOften, count, { ...options, clock, seconds: 0.001 })
    // Two more for the warm-up.
    expect(calls).toBe(7)
  })

  it('is that of batches also if the guest is stopped during the first call', async () => {
    const { clock, work } = fakeTime(clocks[0]!)
    const [stop, fast] = [work(1e9), work(700)]
    let calls = 0
    const timed = await timeCalls(callOften, () => (calls++ === 0 ? stop() : fast()), { ...options, clock })
    expect(timed.median / 700).toBeCloseTo(1, 2)
  })

  it('awaits each call before the next', async () => {
    const { clock, work } = fakeTime(clocks[0]!)
    let open = 0
    let most = 0
    const wait = work(1_000_000)
    const loop = async (fn: () => unknown, calls: number): Promise<void> => {
      for (let i = 0; i < calls; i++) await fn()
    }
    const fn = async () => {
      most = Math.max(most, ++open)
      await null
      wait()
      open--
    }
    const { median } = await timeCalls(loop, fn, { ...options, clock })
    expect(most).toBe(1)
    expect(median / 1_000_000).toBeCloseTo(1, 3)
  })
})

it.each([
  [clocks[0]!, 30],
  [clocks[1]!, 2500],
  [clocks[2]!, 4_000_000],
])('the tick of a clock is its step or the cost of a reading: %j', (about, tick) => {
  expect(tickOf(fakeTime(about).clock)).toBe(tick)
})

describe('the rate of a function in the guest', () => {
  it('is the inverse of its time', () => {
    expect(throughputOf(250_000)).toBe(4000)
  })

  it.each([0, Number.NaN, -1])('does not exist for a call of %d ns', (call) => {
    expect(() => throughputOf(call)).toThrow(`a call takes ${call} ns`)
  })
})

describe('a function in the guest', () => {
  it.each([
    [2.7, 2.6],
    [2.5, 2.6],
    [3.6, 2.6],
  ])('cannot be measured if a call takes %d ns and one of an empty function %d ns', (call, empty) => {
    expect(() => refuseLikeEmpty(call, empty)).toThrow(
      `a call takes ${call} ns, and a call of an empty function ${empty} ns`,
    )
  })

  it('can be measured if it takes longer than an empty one', () => {
    expect(() => refuseLikeEmpty(4, 2.6)).not.toThrow()
  })

  it('is timed by its fastest batch for this, because others are disturbed', async () => {
    const { clock, work } = fakeTime(clocks[0]!)
    let at = 0
    const [fast, slow] = [work(1_000_000), work(3_000_000)]
    const fn = () => (++at % 10 === 0 ? fast() : slow())
    const { fastest, median } = await timeCalls(callOften, fn, { ...options, clock, batches: 20 })
    expect([fastest / 1e6, median / 1e6].map(Math.round)).toEqual([1, 3])
  })
})
