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

it('what going through a gate does is the most of nine in ten times, over all samples', () => {
  const tracer = {} as Tracer
  const often = Array.from({ length: 8 }, () => ({ read: 1, write: 1 }))
  expect(without(tracer, 'docker', 'gate', [...often, { read: 2 }, { read: 9, clone: 1 }])).toEqual({
    read: 2,
    write: 1,
  })
  expect(without(tracer, 'docker', 'gate', [...often, { read: 2, clone: 1 }, { clone: 2 }])).toEqual({
    read: 2,
    write: 1,
    clone: 1,
  })
  expect(without(tracer, 'docker', 'idle', [{}])).toEqual({})
  expect(without(tracer, 'runc', 'gate', [])).toEqual({})
})
