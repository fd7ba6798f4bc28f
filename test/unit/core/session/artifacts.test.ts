import { afterEach, expect, it, vi } from 'vitest'
import type { ResolvedPlatform } from '../../../../src/core/project/platforms.ts'
import { ensureArtifacts } from '../../../../src/core/session/artifacts.ts'
import type { Artifact } from '../../../../src/driver.ts'
import type { CleanupJournal } from '../../../../src/host/journal.ts'
import { InterruptedError } from '../../../../src/util/errors.ts'

afterEach(() => void vi.useRealTimers())

function platformWith(ensure: Artifact['ensure']): ResolvedPlatform {
  const artifacts = () => [{ name: 'guest kernel', path: '/nonexistent/kernel', ensure }]
  return { spec: { name: 'mine' }, driver: { requirements: () => [], artifacts }, options: {} } as never
}

it('a build that fails is a line, and one that never ends ends 10 s after an interruption', async () => {
  vi.useFakeTimers()
  const lines: string[] = []
  const controller = new AbortController()
  const options = {
    journal: {} as CleanupJournal,
    signal: controller.signal,
    onLine: (line: string) => lines.push(line),
  }
  const fails = () => Promise.reject(new Error('no compiler'))
  await ensureArtifacts([platformWith(fails)], undefined, options)
  expect(lines).toEqual(['making the guest kernel', 'the guest kernel could not be made: no compiler'])
  const failed = vi.fn()
  const building = ensureArtifacts([platformWith(() => new Promise(() => {}))], undefined, options).catch(failed)
  await vi.advanceTimersByTimeAsync(1000)
  controller.abort(new InterruptedError('interrupted'))
  await vi.advanceTimersByTimeAsync(9_999)
  expect(failed).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  await building
  expect(failed).toHaveBeenCalledWith(controller.signal.reason)
})
