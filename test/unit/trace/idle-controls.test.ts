import { expect, it } from 'vitest'
import { mostIdle } from '../../../src/core/measure/idle-controls.ts'
import type { Tracer } from '../../../src/guest/trace/tracer.ts'

it('what a platform does while idle is the most of all controls, in calls per second', () => {
  const [tracer, other] = [{} as Tracer, {} as Tracer]
  expect(mostIdle(tracer, 'runc', { futex: 10, constructor: 4 }, 2)).toEqual({ futex: 5, constructor: 2 })
  expect(mostIdle(tracer, 'runc', { futex: 4, read: 1 }, 1)).toEqual({ futex: 5, constructor: 2, read: 1 })
  expect(mostIdle(tracer, 'crun', { read: 3 }, 1)).toEqual({ read: 3 })
  expect(mostIdle(other, 'runc', {}, 1)).toEqual({})
})
