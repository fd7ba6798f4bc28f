import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { HostSandbox } from '../driver.ts'
import type { Bind } from '../private-mounts.ts'

/** Where Go's `log/syslog` looks for one that listens, in this order. */
const places = ['/dev/log', '/var/run/syslog', '/var/run/log']

/** The socket of the host's syslog, wherever links lead to it. */
export function syslog(): string | undefined {
  const found = places.find(existsSync)
  return found === undefined ? undefined : realpathSync(found)
}

/**
 * Kata's Go runtime does not start without a syslog, and the usual one listens in `/run`, over which a place's own is mounted:
 * so the socket is mounted into that.
 */
export function syslogBinds(
  { stateDir: directory }: Pick<HostSandbox, 'stateDir'>,
  socket: string | undefined,
): readonly Bind[] {
  return socket?.startsWith('/run/') ? [['rbind', socket, join(directory, socket)]] : []
}
