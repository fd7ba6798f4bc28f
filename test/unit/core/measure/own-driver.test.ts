import { rmSync } from 'node:fs'
import { afterEach, expect, it, vi } from 'vitest'
import { measureProject } from '../../../../src/core/measure/measure-project.ts'
import { errorOf } from '../../../../src/core/model/record.ts'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { readRecord } from '../../../../src/core/records/record-file.ts'
import type { Driver } from '../../../../src/driver.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { fakeRun } from '../../../support/fake-project.ts'

afterEach(() => void vi.useRealTimers())

it.each<[string, Partial<Driver>, string]>([
  [
    'boot() that never ends',
    { boot: () => new Promise<never>(() => {}) },
    'boot() of the driver of "mine" did not end within the 3 s of the sample. ' +
      'Fix: look for an await in it that never ends',
  ],
  [
    'boot() that returns no guest',
    { boot: async () => ({}) as never },
    'boot() of the driver of "mine" returned a wrong value: execArgv is missing. ' +
      'Fix: return a guest: { execArgv(argv) { ... } }: see docs/how-to/add-a-platform.md',
  ],
  [
    'execArgv() that throws',
    {
      boot: async () => ({
        execArgv: () => {
          throw new Error('no namespace')
        },
      }),
    },
    'execArgv() of the guest of "mine" failed: no namespace. Fix: correct it: see docs/how-to/add-a-platform.md',
  ],
])("the sample of a project's own driver fails with the method and its line: %s", async (_, members, error) => {
  vi.useFakeTimers()
  const host = fakeHost({ mine: {} })
  const options = fakeRun(host, { disk: { timeout: 3 } }, { rounds: 1 })
  const spec = { kind: 'mine', name: 'mine', tags: [], options: {}, driver: { ...host.drivers.mine!, ...members } }
  // The place of this file is in the project of the driver.
  const platforms = resolvePlatforms([spec], {}, import.meta.filename)
  const measuring = measureProject({ ...options, platforms })
  let isDone = false
  const done = () => {
    isDone = true
  }
  measuring.then(done, done)
  // Files and messages between threads take real time, so one step would end before the last timer starts.
  while (!isDone) await vi.advanceTimersByTimeAsync(1000)
  const { samples } = readRecord((await measuring).record)
  rmSync(options.project.root, { recursive: true })
  expect(samples.map(errorOf)).toEqual([error])
})
