import { expect, it } from 'vitest'
import { without } from '../../../src/core/measure/controls.ts'
import type { Tracer } from '../../../src/guest/trace/tracer.ts'

it('what a platform does while idle is the most of all controls', () => {
  const [tracer, other] = [{} as Tracer, {} as Tracer]
  expect(without(tracer, 'runc', 'idle', [{ futex: 5, constructor: 2 }])).toEqual({ futex: 5, constructor: 2 })
  expect(without(tracer, 'runc', 'idle', [{ futex: 4, read: 1 }])).toEqual({ futex: 5, constructor: 2, read: 1 })
  expect(without(tracer, 'crun', 'idle', [{ read: 3 }])).toEqual({ read: 3 })
  expect(without(other, 'runc', 'idle', [{}])).toEqual({})
})

it('what going through a gate does is what nearly all of them did, and what is as far from that as they are apart', () => {
  const tracer = {} as Tracer
  const often = (futex: number) => Array.from({ length: 6 }, () => ({ read: 1, futex }))
  // read: ten times one; futex: the middle is 4 and nine in ten have 6 at most; clone: one in ten.
  const first = [...often(4), ...[6, 6, 6, 9].map((futex) => ({ read: 1, futex, ...(futex === 9 && { clone: 1 }) }))]
  expect(without(tracer, 'docker', 'gate', first)).toEqual({ read: 1, futex: 12 })
  expect(
    without(tracer, 'docker', 'gate', [...often(4), ...[5, 5, 5, 5].map((futex) => ({ read: 1, futex }))]),
  ).toEqual({
    read: 1,
    futex: 12,
  })
  expect(without(tracer, 'docker', 'idle', [{}])).toEqual({})
  expect(without(tracer, 'runc', 'gate', [])).toEqual({})
})
