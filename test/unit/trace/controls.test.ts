import { expect, it } from 'vitest'
import { mostOf } from '../../../src/core/measure/controls.ts'
import type { Tracer } from '../../../src/guest/trace/tracer.ts'

it('what a platform does without work is the most of all controls of the kind', () => {
  const [tracer, other] = [{} as Tracer, {} as Tracer]
  expect(mostOf(tracer, 'runc', 'idle', [{ futex: 5, constructor: 2 }])).toEqual({ futex: 5, constructor: 2 })
  expect(mostOf(tracer, 'runc', 'idle', [{ futex: 4, read: 1 }])).toEqual({ futex: 5, constructor: 2, read: 1 })
  expect(mostOf(tracer, 'runc', 'gate', [{ read: 1 }, {}, { read: 3, clone: 1 }])).toEqual({ read: 3, clone: 1 })
  expect(mostOf(tracer, 'crun', 'idle', [{ read: 3 }])).toEqual({ read: 3 })
  expect(mostOf(other, 'runc', 'idle', [{}])).toEqual({})
})
