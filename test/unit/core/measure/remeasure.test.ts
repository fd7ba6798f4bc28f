import { describe, expect, it } from 'vitest'
import { Samples } from '../../../../src/core/judge/samples.ts'
import { isDisturbed, measureUndisturbed, RemeasureBudget } from '../../../../src/core/measure/remeasure.ts'
import { type HostCounters, loadBetween, psiWaitTime, ticksOf } from '../../../../src/host/load.ts'
import { aPlan, aSample, benchId, withValues } from '../judge/builders.ts'

const still = { busy: 0, steal: 0 }
const reading = (over: Partial<HostCounters> = {}): HostCounters => ({
  at: 0n,
  guest: still,
  client: still,
  own: { guests: 0, client: 0, housekeeping: 0 },
  self: 0,
  waited: 0,
  ...over,
})
const apart = { guest: [1], client: [0] }

describe('the load of the host', () => {
  it('is read from /proc/stat for the guests’ CPUs alone', () => {
    const text = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 400 5 6 7 8 0 0\ncpu1 10 20 30 40 50 60 70 80 0 0\n'
    expect(ticksOf(text, [1])).toEqual({ busy: 60, steal: 80 })
    expect(ticksOf(text, [0, 1])).toEqual({ busy: 66, steal: 88 })
    expect(psiWaitTime('some avg10=1.0 avg60=1.0 avg300=1.0 total=946\nfull avg10=0 total=1\n')).toBe(946)
    expect(psiWaitTime(null)).toBeNull()
  })

  it('is what others ran: neither the guest’s own work, nor that of isobench itself', () => {
    const to = reading({
      at: 2_000_000_000n,
      guest: { busy: 150, steal: 20 },
      client: { busy: 30, steal: 0 },
      own: { guests: 0.9e9, client: 0, housekeeping: 0.06e9 },
      self: 40_000,
      waited: 500_000,
    })
    const load = { steal: 0.1, otherProcesses: 0.25, otherProcessesOnClientCpus: null, cpuPressure: 0.25, runnable: 3 }
    expect(loadBetween(reading(), to, apart, 3)).toEqual(load)
    expect(loadBetween(reading({ own: null }), to, apart, 3).otherProcesses).toBeNull()
    expect(
      loadBetween(reading({ own: { guests: 2e9, client: 0, housekeeping: 0 } }), to, apart, 3).otherProcesses,
    ).toBeNull()
  })

  it('counts on the clients’ CPUs where a client worked, and as one where they are the guests’', () => {
    const to = reading({
      at: 1_000_000_000n,
      guest: { busy: 80, steal: 0 },
      client: { busy: 80, steal: 0 },
      own: { guests: 0.5e9, client: 0.3e9, housekeeping: 0 },
    })
    expect(loadBetween(reading(), to, apart, 0)).toMatchObject({ otherProcesses: 0.3, otherProcessesOnClientCpus: 0.5 })
    const shared = { guest: [0], client: [0] }
    expect(loadBetween(reading(), to, shared, 0)).toMatchObject({ otherProcesses: 0, otherProcessesOnClientCpus: null })
  })

  it('disturbs from 5 % steal or 10 % of others, but not by one tick of the clock', () => {
    const load = { steal: 0, otherProcesses: null, otherProcessesOnClientCpus: null, cpuPressure: 1, runnable: 9 }
    expect(isDisturbed(load, 1)).toBe(false)
    expect(isDisturbed({ ...load, steal: 0.06 }, 1)).toBe(true)
    expect(isDisturbed({ ...load, steal: 0.2 }, 0.05)).toBe(false)
    expect(isDisturbed({ ...load, otherProcesses: 0.09 }, 1)).toBe(false)
    expect(isDisturbed({ ...load, otherProcesses: 0.11 }, 1)).toBe(true)
    expect(isDisturbed({ ...load, otherProcessesOnClientCpus: 0.11 }, 1)).toBe(true)
  })
})

describe('a disturbed sample', () => {
  it('gives way to the one taken after it, and both stay', () => {
    const samples = [
      aSample('runc', 0, { ...withValues({ latency: 90 }), disturbed: true }),
      aSample('runc', 0, withValues({ latency: 20 })),
      aSample('runc', 1, { ...withValues({ latency: 80 }), disturbed: true }),
      aSample('runc', 1, { ...withValues({ latency: 60 }), disturbed: true }),
    ]
    const all = new Samples(samples)
    expect(all.of(benchId, 'runc')).toHaveLength(4)
    expect([...all.series(benchId, 'runc', 'latency').rounds]).toEqual([
      [0, 20],
      [1, 70],
    ])
  })

  it('is taken at most once more, and a run repeats at most a tenth of its steps', async () => {
    const budget = RemeasureBudget.forPlan(aPlan())
    expect(Array.from({ length: 5 }, () => budget.take())).toEqual([true, true, true, false, false])
    expect(RemeasureBudget.forPlan(aPlan(), false).take()).toBe(false)
    const quiet = { steal: 0, otherProcesses: 0, otherProcessesOnClientCpus: null, cpuPressure: 0, runnable: 1 }
    const loads = [{ ...quiet, otherProcesses: 0.5 }, { ...quiet, steal: 0.2 }, quiet]
    let taken = 0
    const take = async () => [aSample('runc', taken++, { wallMs: 1000, ...withValues({ latency: 1 }) })]
    const meter = () => () => loads[taken - 1]!
    const samples = await measureUndisturbed(take, meter, new RemeasureBudget(1))
    expect(samples.map(({ disturbed, load }) => [disturbed, load])).toEqual([
      [true, loads[0]],
      [true, loads[1]],
    ])
    const undisturbed = await measureUndisturbed(take, meter, new RemeasureBudget(1))
    expect(undisturbed.map(({ disturbed }) => disturbed)).toEqual([undefined])
  })
})
