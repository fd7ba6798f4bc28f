import { existsSync } from 'node:fs'
import { HostError } from '../../errors.ts'
import { kvmPreflight } from '../../guest/vm/kvm.ts'
import type { Unavailable } from '../driver.ts'
import { configurationFiles, configurationOf, findShim, howToInstall, runtimeOf } from './installation.ts'
import type { Options } from './options.ts'
import { syslog } from './syslog.ts'

const missingConfiguration = (given: Options): Unavailable => ({
  reason: `there is no configuration of Kata's ${given.runtime} runtime for ${given.hypervisor}: not ${configurationFiles(given).join(', not ')}`,
  fix: `name it: { config: '/…/configuration-….toml' }, or ${howToInstall(given)}`,
})

/**
 * The installation's configuration.
 * @throws MachineError where there is none.
 */
export function requiredConfiguration(given: Options): string {
  const found = configurationOf(given)
  if (found !== undefined) return found
  const { reason, fix } = missingConfiguration(given)
  throw new HostError(reason, fix)
}

/** What of the host's the shim asks for before it starts a machine. */
function missingOfHost({ runtime, hypervisor }: Options): Unavailable | undefined {
  if (hypervisor === 'qemu' && !existsSync('/dev/vhost-vsock')) {
    return {
      reason: 'Kata speaks to its agent in QEMU by /dev/vhost-vsock, which is missing',
      fix: 'modprobe vhost_vsock',
    }
  }
  if (runtime === 'go' && syslog() === undefined) {
    return {
      reason: "Kata's Go runtime does not start without a syslog, and there is none",
      fix: 'start systemd-journald or another that listens at /dev/log',
    }
  }
  return undefined
}

/** Why Kata, which is installed, does not work with these options here. */
export async function obstacle(given: Options): Promise<string | Unavailable | undefined> {
  const { runtime } = given
  const shim = findShim(given)
  const found = runtimeOf(shim)
  if (found !== undefined && found !== runtime) {
    return { reason: `${shim} is Kata's ${found} runtime`, fix: `give runtime: '${found}', or ${howToInstall(given)}` }
  }
  if (configurationOf(given) === undefined) return missingConfiguration(given)
  return (await kvmPreflight()) ?? missingOfHost(given)
}
