/** CRIU (criu.org), with which container runtimes of the host kernel save containers. */

import { spawnSync } from 'node:child_process'
import type { SnapshotAbility, Unavailable } from '../../driver.ts'
import { hostEnvironment } from '../../host/environment.ts'
import { which } from '../../host/packages.ts'
import { sanitize } from '../../util/text.ts'
import { containerSnapshots, type OciRuntime } from './oci.ts'

/** The error of `criu check`, without CRIU's time stamps and source positions. */
export function criuError(output: string): string | undefined {
  const line = output.split('\n').find((text) => /\bError\b/.test(text))
  const text = line?.replace(/^.*?\bError\s*(\([^)]*\))?:?\s*/, '').trim()
  return text ? sanitize(text) : undefined
}

/** Returns why CRIU cannot save processes on this host, or undefined. A release can be too old for a kernel. */
function criuObstacle(): Unavailable | undefined {
  if (which('criu') === undefined) return { reason: 'CRIU is not installed', fix: 'apt-get install criu' }
  const { status, stdout, stderr } = spawnSync('criu', ['check'], { encoding: 'utf8', env: hostEnvironment() })
  if (status === 0) return undefined
  const why = criuError(`${stderr}\n${stdout}`)
  return {
    reason: `criu check fails on this kernel${why === undefined ? '' : `: ${why}`}`,
    fix: 'put a newer criu first in PATH: 4.1.1 of Debian 13 works with Linux 6.18',
  }
}

/**
 * Returns how a runtime that calls CRIU saves containers. CRIU moves the restored processes into the cgroup of the new
 * container.
 * @param obstacle returns why this build of the runtime cannot do that
 */
export function criuSnapshots<O>(
  runtimeOf: (options: O) => OciRuntime,
  obstacle: (options: O) => Unavailable | undefined = () => undefined,
): SnapshotAbility<O> {
  return {
    preflight: async (options) => criuObstacle() ?? obstacle(options),
    ...containerSnapshots<O>((options) => ({
      ...runtimeOf(options),
      snapshotOptions: (folder, work) => ['--image-path', folder, '--work-path', work],
    })),
  }
}
