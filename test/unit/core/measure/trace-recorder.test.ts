import { describe, expect, it } from 'vitest'
import { TraceRecorder } from '../../../../src/core/measure/traced-guest-api.ts'

/** A recorder of a tracer that counts nothing. */
const aRecorder = (): TraceRecorder => {
  const tracer = {
    start: () => {},
    stop: () => {},
    recording: <T>(use: () => Promise<T>) => use(),
    collect: async () => ({}),
  }
  const confinement = { ready: async () => {}, started: () => {}, ended: () => {} }
  const { signal } = new AbortController()
  return new TraceRecorder(tracer as never, { refresh: () => {} } as never, 0.004, signal, confinement as never)
}

describe('the controls of a traced sample', () => {
  it('end before a client begins that was asked at the same time', async () => {
    const recorder = aRecorder()
    const order: string[] = []
    const command = recorder.barrier(async () => void order.push('control'))
    const client = recorder.controlled().then(() => order.push('client'))
    await Promise.all([command, client])
    expect(order).toEqual([...new Array<string>(10).fill('control'), 'client'])
  })

  it('are recorded with a later command, if a client works at the first one', async () => {
    const recorder = aRecorder()
    let passes = 0
    const roundTrip = async () => void passes++
    await recorder.controlled()
    recorder.begin()
    await recorder.barrier(roundTrip)
    expect(passes).toBe(0)
    recorder.end()
    await recorder.barrier(roundTrip)
    expect(passes).toBe(10)
    expect((await recorder.counts()).barrier).toMatchObject({ recordings: 10 })
  })
})
