/** CRIU (criu.org), with which container runtimes of the host kernel save containers. */

import { spawnSync } from 'node:child_process'
import { hostEnvironment } from '../../host/environment.ts'
import { which } from '../../host/packages.ts'
import { sanitize } from '../../util/text.ts'

/** The error of `criu check`, without CRIU's time stamps and source positions. */
export function criuError(output: string): string | undefined {
  const line = output.split('\n').find((text) => /\bError\b/.test(text))
  const text = line?.replace(/^.*?\bError\s*(\([^)]*\))?:?\s*/, '').trim()
  return text ? sanitize(text) : undefined
}

/** Returns why CRIU cannot save processes on this host, or undefined. A release can be too old for a kernel. */
export async function criuObstacle(): Promise<{ readonly reason: string; readonly fix: string } | undefined> {
  if (which('criu') === undefined) return { reason: 'CRIU is not installed', fix: 'apt-get install criu' }
  const { status, stdout, stderr } = spawnSync('criu', ['check'], { encoding: 'utf8', env: hostEnvironment() })
  if (status === 0) return undefined
  const why = criuError(`${stderr}\n${stdout}`)
  return {
    reason: `criu check fails on this kernel${why === undefined ? '' : `: ${why}`}`,
    fix: 'put a newer criu first in PATH: 4.1.1 of Debian 13 works with Linux 6.18',
  }
}
