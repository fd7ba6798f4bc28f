import { describe, expect, it } from 'vitest'
import { Samples } from '../../../src/core/judge/samples.ts'
import { isDisturbed, Repeats, watched } from '../../../src/core/measure/disturbance.ts'
import { loadBetween, type PressureReading, ticksOf, waitedOf } from '../../../src/guest/pressure.ts'
import { benchId, planOf, sampleOf } from '../judge/world.ts'

const reading = (over: Partial<PressureReading> = {}): PressureReading => ({
  at: 0n,
  busy: 0,
  steal: 0,
  own: 0,
  waited: 0,
  ...over,
})

describe('the load of the host', () => {
  it('is read from /proc/stat for the guests’ CPUs alone', () => {
    const text = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 400 5 6 7 8 0 0\ncpu1 10 20 30 40 50 60 70 80 0 0\n'
    expect(ticksOf(text, [1])).toEqual({ busy: 190, steal: 80 })
    expect(ticksOf(text, [0, 1])).toEqual({ busy: 209, steal: 88 })
    expect(waitedOf('some avg10=1.0 avg60=1.0 avg300=1.0 total=946\nfull avg10=0 total=1\n')).toBe(946)
    expect(waitedOf(null)).toBeNull()
  })

  it('tells the guest’s own work from others’, where the kernel does', () => {
    const to = reading({ at: 2_000_000_000n, busy: 150, steal: 20, own: 1e9, waited: 500_000 })
    expect(loadBetween(reading(), to, 1, 3)).toEqual({ steal: 0.1, foreign: 0.25, waiting: 0.25, runnable: 3 })
    expect(loadBetween(reading({ own: null }), to, 1, 3).foreign).toBeNull()
    expect(loadBetween(reading({ own: 2e9 }), to, 1, 3).foreign).toBeNull()
  })

  it('disturbs from 5 % steal or 10 % of others, but not by one tick of the clock', () => {
    const load = { steal: 0, foreign: null, waiting: 1, runnable: 9 }
    expect(isDisturbed(load, 1)).toBe(false)
    expect(isDisturbed({ ...load, steal: 0.06 }, 1)).toBe(true)
    expect(isDisturbed({ ...load, steal: 0.2 }, 0.05)).toBe(false)
    expect(isDisturbed({ ...load, foreign: 0.09 }, 1)).toBe(false)
    expect(isDisturbed({ ...load, foreign: 0.11 }, 1)).toBe(true)
  })
})

describe('a disturbed sample', () => {
  it('gives way to the one taken after it, and both stay', () => {
    const samples = [
      sampleOf('runc', 0, { values: { latency: 90 }, disturbed: true }),
      sampleOf('runc', 0, { values: { latency: 20 } }),
      sampleOf('runc', 1, { values: { latency: 80 }, disturbed: true }),
      sampleOf('runc', 1, { values: { latency: 60 }, disturbed: true }),
    ]
    const all = new Samples(samples)
    expect(all.of(benchId, 'runc')).toHaveLength(4)
    expect([...all.series(benchId, 'runc', 'latency').rounds]).toEqual([
      [0, 20],
      [1, 70],
    ])
  })

  it('is taken at most once more, and a run repeats at most a tenth of its steps', async () => {
    const plan = planOf()
    const repeats = new Repeats(plan)
    expect(Array.from({ length: 5 }, () => repeats.take())).toEqual([true, true, true, false, false])
    let taken = 0
    const quiet = await watched(
      async () => sampleOf('runc', taken++, { wallMs: 0, values: { latency: 1 } }),
      [0],
      repeats,
    )
    expect(taken).toBe(quiet.length)
    expect(quiet[0]!.load).toMatchObject({ runnable: expect.any(Number) })
  })
})
