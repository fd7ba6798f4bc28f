import { expect, it } from 'vitest'
import { addBarrierTraces, addIdleTrace } from '../../../../src/core/measure/traced-sample.ts'
import { seeded } from '../../../../src/core/stats/index.ts'
import type { Tracer } from '../../../../src/tracing/tracer.ts'

it('the idle rate of a platform is the mean of all its background traces, with their deviation', () => {
  const [tracer, other] = [{} as Tracer, {} as Tracer]
  expect(addIdleTrace(tracer, 'runc', { futex: 5, constructor: 2 }, 1)).toEqual({
    mean: { futex: 5, constructor: 2 },
    deviation: {},
  })
  const { mean, deviation } = addIdleTrace(tracer, 'runc', { futex: 3, read: 1 }, 1)
  expect(mean).toEqual({ futex: 4, constructor: 1, read: 0.5 })
  expect(deviation.futex).toBeCloseTo(Math.SQRT2)
  expect(deviation.read).toBeCloseTo(Math.SQRT1_2)
  expect(addIdleTrace(tracer, 'crun', { read: 3 }, 1).mean).toEqual({ read: 3 })
  expect(addIdleTrace(other, 'runc', {}, 1)).toEqual({ mean: {}, deviation: {} })
})

it('the same calls vary by the same, however long each control looked', () => {
  const random = seeded('idling')
  // One in ten milliseconds has a call.
  const count = (seconds: number) => Array.from({ length: seconds * 100 }).filter(() => random() < 0.1).length
  const deviationOf = (seconds: number) => {
    const tracer = {} as Tracer
    let last = {}
    for (let at = 0; at < 400; at++)
      last = addIdleTrace(tracer, 'runc', { futex: count(seconds) / seconds }, seconds).deviation
    return (last as { futex: number }).futex
  }
  // Binomial: the root of 100 * 0.1 * 0.9.
  for (const seconds of [0.5, 1, 4]) expect(Math.abs(deviationOf(seconds) / 3 - 1), `${seconds} s`).toBeLessThan(0.1)
})

it('a call that idling happens to make once is no greater for the next hundred controls without it', () => {
  const tracer = {} as Tracer
  const first = addIdleTrace(tracer, 'gvisor', { tgkill: 1 }, 1)
  let last = first
  for (let at = 0; at < 99; at++) last = addIdleTrace(tracer, 'gvisor', {}, 1)
  expect(first.mean).toEqual({ tgkill: 1 })
  expect(last.mean.tgkill).toBeCloseTo(0.01)
  expect(last.deviation.tgkill).toBeCloseTo(0.1)
})

it('the calls of a barrier are what nearly all passes had, plus three times the distance to the middle', () => {
  const tracer = {} as Tracer
  const often = (futex: number) => Array.from({ length: 6 }, () => ({ read: 1, futex }))
  // read: ten times one; futex: the middle is 4 and nine in ten have 6 at most; clone: one in ten.
  const first = [...often(4), ...[6, 6, 6, 9].map((futex) => ({ read: 1, futex, ...(futex === 9 && { clone: 1 }) }))]
  expect(addBarrierTraces(tracer, 'docker', first)).toEqual({ read: 1, futex: 12 })
  expect(
    addBarrierTraces(tracer, 'docker', [...often(4), ...[5, 5, 5, 5].map((futex) => ({ read: 1, futex }))]),
  ).toEqual({
    read: 1,
    futex: 12,
  })
  expect(addBarrierTraces(tracer, 'runc', [])).toEqual({})
})
