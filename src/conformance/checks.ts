/** The checks of the conformance suite, with real guests. The end-to-end tests and `assertDriver` run the same ones. */

import { setTimeout as sleep } from 'node:timers/promises'
import { runSteps } from '../core/measure/boot-phases.ts'
import { execInGuest, guestOomMonitor } from '../core/measure/guest-api.ts'
import type { ResolvedPlatform } from '../core/project/platforms.ts'
import { type GuestHandle, platformFamily } from '../driver.ts'
import { liveProcesses } from '../host/cgroup.ts'
import type { OwnedGuestSandbox } from '../host/sandbox.ts'
import { runTimed } from '../host/timed-process.ts'
import {
  type ConformanceCheck,
  type ConformanceHost,
  eventually,
  type GuestUnderTest,
  oddArguments,
  shell,
  soon,
} from './check.ts'
import { commandChecks } from './command-checks.ts'
import {
  describeProcess,
  expectFailure,
  expectNone,
  expectSuccess,
  expectText,
  expectThat,
  quote,
} from './expectations.ts'
import { networkChecks } from './network-checks.ts'
import { cpuCheck, fileChecks, limitChecks } from './resource-checks.ts'
import { left, bootSeconds as limit, namespacesOf, traces } from './traces.ts'

/** Returns the checks of a guest that runs one command. They are independent of each other. */
export function oneShotChecks(
  { session, image, signal }: Omit<ConformanceHost, 'client'>,
  { driver, options }: ResolvedPlatform,
): ConformanceCheck[] {
  const bounds = { timeoutMs: limit * 1000, signal, label: 'the guest' }
  const stepsCheck: ConformanceCheck = {
    name: 'boots in separate steps, prints its output, and is removed',
    run: async () => {
      await using place = await session.createSandbox(image.rootfs, limit)
      const steps = await driver.bootSteps!(place, ['/bin/busybox', 'echo', 'booted'], options)
      const { timeoutMs, ...rest } = bounds
      const booting = runSteps(place, steps, { exec: runTimed, options: rest, remaining: () => timeoutMs })
      await expectSuccess('the output of a guest that is created, started and removed', booting)
    },
  }
  return [
    {
      name: 'gets its arguments as they are, gives its output and its exit code, and ends with it',
      run: async () => {
        await using place = await session.createSandbox(image.rootfs, limit)
        const { argv: command } = shell('printf "%s|" "$@"; echo err >&2; exit 7', ...oddArguments)
        const argv = await driver.oneShot(place, command, options)
        // A daemon of the guest's own.
        const prepared = liveProcesses(place.group)
        const running = runTimed(argv, { ...bounds, exitCodes: [7] })
        const { stdout, stderr } = await expectSuccess('exit code 7', running)
        expectText('the arguments', `${oddArguments.join('|')}|`, stdout)
        expectThat(stderr.includes('err'), '"err" at standard error', quote(stderr))
        // An engine's monitor may still be putting away what it wrote.
        await eventually(soon, () => {
          const others = liveProcesses(place.group).filter((pid) => !prepared.includes(pid))
          expectNone(`process of the guest ${soon / 1000} s after its end`, others.map(describeProcess))
        })
      },
    },
    {
      name: 'leaves nothing: after several of them, and when killed while booting',
      run: async () => {
        const before = traces(image.rootfs)
        const ids: string[] = []
        // Where a kernel boots, one takes seconds.
        const until = performance.now() + 4000
        for (let boots = 0; boots < 10 && (boots === 0 || performance.now() < until); boots++) {
          await using place = await session.createSandbox(image.rootfs, limit)
          ids.push(place.id)
          const argv = await driver.oneShot(place, ['/bin/true'], options)
          await expectSuccess('exit code 0', runTimed(argv, bounds))
        }
        for (const timeoutMs of [5, 20, 60, 150]) {
          await using place = await session.createSandbox(image.rootfs, limit)
          ids.push(place.id)
          const argv = await driver.oneShot(place, ['/bin/sleep', '60'], options)
          const expected = `a guest that still runs after ${timeoutMs} ms, because its command is \`sleep 60\``
          await expectFailure(expected, /timed out after/, runTimed(argv, { ...bounds, timeoutMs }))
        }
        expectNone('object of removed guests on the host', await left(before, image.rootfs, ids))
      },
    },
    ...(driver.bootSteps ? [stepsCheck] : []),
  ]
}

/** Returns the checks of a guest that stays. Call `open`, then run them in order: the last one removes the guest. */
export function guestChecks(host: ConformanceHost, { spec, driver, options }: ResolvedPlatform) {
  const { session, image, signal } = host
  let before: ReadonlySet<string>
  let place: OwnedGuestSandbox
  let handle: GuestHandle
  let outOfMemory: () => Promise<boolean>
  const guest: GuestUnderTest = {
    ...host,
    get place() {
      return place
    },
    get handle() {
      return handle
    },
    target: {
      name: spec.name,
      rootfs: image.rootfs,
      execArgv: (argv, options) => handle.execArgv(argv, options),
      ranOutOfMemory: () => outOfMemory(),
    },
    bounds: () => ({ until: performance.now() + limit * 1000, signal, exec: runTimed }),
    endsServers: true,
    exec: (command, input = {}) => execInGuest(guest.target, command, input, guest.bounds()),
  }
  const checks: ConformanceCheck[] = [
    ...commandChecks(guest),
    cpuCheck(guest),
    ...networkChecks(guest, (second) => driver.boot(second, options)),
    ...fileChecks(guest, platformFamily(driver, options)),
    ...limitChecks(guest),
    {
      name: 'leaves nothing, with commands still running in it',
      run: async () => {
        const running = guest.exec({ argv: ['sleep', '60'] }).catch(() => {})
        await sleep(100)
        const namespaces = namespacesOf(liveProcesses(place.group))
        await place[Symbol.asyncDispose]()
        await running
        const found = await left(before, image.rootfs, [place.id], namespaces)
        expectNone('object of the removed guest on the host', found)
      },
    },
  ]
  return {
    checks,
    open: async (): Promise<void> => {
      before = traces(image.rootfs)
      place = await session.createSandbox(image.rootfs, limit)
      handle = await driver.boot(place, options)
      outOfMemory = guestOomMonitor(place, handle)
    },
    close: async (): Promise<void> => {
      await place?.[Symbol.asyncDispose]()
    },
  }
}
