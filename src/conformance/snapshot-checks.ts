import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execInGuest } from '../core/measure/guest-api.ts'
import type { ResolvedPlatform } from '../core/project/platforms.ts'
import type { GuestHandle } from '../driver.ts'
import { killProcesses } from '../host/cgroup.ts'
import type { OwnedGuestSandbox } from '../host/sandbox.ts'
import { runTimed } from '../host/timed-process.ts'
import { AsyncDisposableStack } from '../util/async-disposable-stack.ts'
import { type ConformanceCheck, type ConformanceHost, shell } from './check.ts'
import { expectNone, expectSuccess, expectText } from './expectations.ts'
import { left, bootSeconds as limit, traces } from './traces.ts'

/** Whether the driver can save guests on this host. */
export const savesGuests = async ({ driver, options }: ResolvedPlatform): Promise<boolean> =>
  driver.snapshots !== undefined && (await driver.snapshots.preflight?.(options)) === undefined

/** Returns the checks of a driver that can save guests on this host. See `savesGuests`. */
export function snapshotChecks(
  { session, image, signal }: Omit<ConformanceHost, 'client'>,
  { spec, driver, options }: ResolvedPlatform,
): ConformanceCheck[] {
  const snapshots = driver.snapshots!
  /** Runs a script in a guest and returns its output. */
  const print = async ({ execArgv }: GuestHandle, script: string) => {
    const bounds = { until: performance.now() + limit * 1000, signal, exec: runTimed }
    const target = { name: spec.name, rootfs: image.rootfs, execArgv }
    return (await execInGuest(target, shell(script), {}, bounds)).stdout
  }
  return [
    {
      name: 'is saved, and several guests start from it at once, each with its memory and its processes',
      run: async () => {
        const before = traces(image.rootfs)
        const ids: string[] = []
        {
          await using places = new AsyncDisposableStack()
          const create = async (): Promise<OwnedGuestSandbox> => {
            const place = places.use(await session.createSandbox(image.rootfs, limit))
            ids.push(place.id)
            return place
          }
          const original = await create()
          const saved = await (snapshots.boot ?? driver.boot)(original, options)
          const remember =
            'echo remembered > /tmp/mark; setsid sleep 1000 < /dev/null > /dev/null 2>&1 & echo $! > /tmp/sleeper'
          await expectSuccess('exit code 0', print(saved, remember))
          const folder = join(original.stateDir, 'snapshot')
          mkdirSync(folder)
          await expectSuccess('a saved guest', snapshots.save(original, folder, options))
          killProcesses(original.group)
          const restored = await Promise.all(
            [await create(), await create()].map((place) =>
              expectSuccess('a restored guest', snapshots.restore(place, folder, options)),
            ),
          )
          for (const [at, guest] of restored.entries()) {
            const state = 'cat /tmp/mark; kill -0 "$(cat /tmp/sleeper)" && echo runs'
            const seen = expectSuccess('exit code 0', print(guest, state))
            expectText('its memory and its process', 'remembered\nruns\n', await seen)
            await print(guest, `echo "guest ${at}" > /tmp/mark`)
          }
          for (const [at, guest] of restored.entries())
            expectText('the memory of one guest', `guest ${at}\n`, await print(guest, 'cat /tmp/mark'))
        }
        expectNone('object of the removed guests on the host', await left(before, image.rootfs, ids))
      },
    },
  ]
}
