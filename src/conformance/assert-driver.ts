import { resolvePlatforms } from '../core/project/platforms.ts'
import { ensureArtifacts } from '../core/session/artifacts.ts'
import { HostSession } from '../core/session/host-session.ts'
import { probePlatforms } from '../core/session/probe.ts'
import type { Driver } from '../driver.ts'
import { platform } from '../dsl/platform.ts'
import { ensureImage } from '../host/image.ts'
import { messageOf } from '../util/errors.ts'
import { plural } from '../util/text.ts'
import type { ConformanceCheck, ConformanceHost } from './check.ts'
import { guestChecks, oneShotChecks } from './checks.ts'
import { ConformanceError, expectSuccess } from './expectations.ts'
import { savesGuests, snapshotChecks } from './snapshot-checks.ts'

/** How `assertDriver` runs the conformance suite. */
export interface AssertDriverOptions<I> {
  /** The options of the driver, as in the config. */
  readonly options?: I
  /** A directory to use as the root filesystem instead of the image of isobench, which is built if there is none. */
  readonly rootfs?: string
  readonly signal?: AbortSignal
}

/**
 * Runs the conformance suite of the driver contract with real guests. Needs root, and takes a minute or more.
 * @throws {ConformanceError} if a check fails; its message names each failed check
 */
export async function assertDriver<O, I>(
  driver: Driver<O, I>,
  { options, rootfs, signal = new AbortController().signal }: AssertDriverOptions<I> = {},
): Promise<void> {
  const spec = platform(driver as Driver, (options ?? {}) as Record<string, unknown>)
  const [resolved] = resolvePlatforms([spec], {}, 'assertDriver')
  // Less memory than a run has, so that the check of the limit takes less time.
  const guest = { cpus: 1, memoryBytes: 512 * 1024 ** 2 }
  const purpose = `the conformance suite of "${driver.kind}"`
  await using session = await HostSession.open(guest, { purpose, wait: true, signal })
  const image = await ensureImage(rootfs === undefined ? {} : { rootfs }, { journal: session.journal, signal })
  await ensureArtifacts([resolved!], image.rootfs, { journal: session.journal, signal })
  const [probe] = await probePlatforms([resolved!], session, image)
  if (!probe!.available) {
    throw new ConformanceError(`the driver "${driver.kind}" does not work on this host: ${probe!.reason}`, probe!.fix)
  }
  const client = await session.loadClient(image.rootfs)
  const host: ConformanceHost = { session, client, image, signal }
  const failures = await failuresOf([
    ...oneShotChecks(host, resolved!),
    ...((await savesGuests(resolved!)) ? snapshotChecks(host, resolved!) : []),
  ])
  const staying = guestChecks(host, resolved!)
  try {
    await expectSuccess('a guest that boots and stays', staying.open())
    failures.push(...(await failuresOf(staying.checks)))
  } catch (error) {
    failures.push(`boots and waits for commands: ${messageOf(error)}`)
  } finally {
    await staying.close()
  }
  if (failures.length === 0) return
  const lines = failures.map((failure) => `\n  ${failure}`).join('')
  throw new ConformanceError(
    `the driver "${driver.kind}" fails ${plural(failures.length, 'check')}. The guest ...${lines}`,
  )
}

async function failuresOf(checks: readonly ConformanceCheck[]): Promise<string[]> {
  const failures: string[] = []
  for (const { name, run } of checks) {
    try {
      await run()
    } catch (error) {
      failures.push(`${name}: ${messageOf(error)}`)
    }
  }
  return failures
}
