/** Boots outside of a run, for measurements of the time that they take. */

import { HostSession } from '../../src/core/session/host-session.ts'
import type { Driver } from '../../src/driver.ts'
import { ensureImage } from '../../src/host/image.ts'
import type { HostArgv } from '../../src/host/process.ts'
import { drivers } from '../../src/platforms/index.ts'

/**
 * Calls `measure` with the host command that boots a guest and runs `busybox true`, and with a folder that is removed
 * afterwards. Each boot gets a new sandbox that has run one process, as a boot of a bench does.
 */
export type Boot = <T>(measure: (argv: HostArgv, folder: string) => Promise<T>) => Promise<T>

/**
 * Measures drivers with their default options, one after the other. Waits for the lock of the host.
 * @param purpose the name of the measurement
 */
export async function withBoots(
  purpose: string,
  names: readonly string[],
  measure: (name: string, boot: Boot) => Promise<void>,
): Promise<void> {
  await using session = await HostSession.open(
    { cpus: 1, memoryBytes: 1024 ** 3 },
    { purpose: `evidence: ${purpose}`, wait: true, signal: new AbortController().signal },
  )
  const { rootfs } = await ensureImage({}, { journal: session.journal })
  for (const name of names) {
    const driver = drivers[name] as Driver
    const options = driver.options.parse({})
    await measure(name, async (work) => {
      await using sandbox = await session.createSandbox(rootfs, 60)
      const argv = await driver.oneShot(sandbox, ['/bin/busybox', 'true'], options)
      await sandbox.run(sandbox.wrap(['true']))
      return await work(argv, sandbox.stateDir)
    })
  }
}
