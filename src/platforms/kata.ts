import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { defineDriver, type Unavailable } from '../driver.ts'
import { which } from '../host/packages.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { HostError } from '../util/errors.ts'
import { kvmCpuMode, kvmPreflight } from '../vm/kvm.ts'
import { guestOomKillsVia } from '../vm/supervisor.ts'
import { containerdRequirements, runTask, type ShimConfig, startTask } from './containerd.ts'
import {
  configurationFiles,
  configurationOf,
  findShim,
  howToInstall,
  kataConfigDropIn,
  type Options,
  options,
  runtimeOf,
  syslog,
  syslogBinds,
  writeConfiguration,
} from './shared/kata-installation.ts'

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

/**
 * How containerd runs a container by Kata's shim with a configuration; the machine's size is the guest's limit. The shim is not
 * in the guest's network namespace: the Go runtime would take that for the host's, and refuse it.
 */
export const kataShimConfig = (place: GuestSandbox, shim: string, configuration: string): ShimConfig => ({
  runtime: shim,
  options: ['--runtime-config-path', configuration],
  resources: 'unlimited',
  binds: syslogBinds(place, syslog()),
  wrap: place.wrapWithTap,
})

function prepare(place: GuestSandbox, given: Options): ShimConfig {
  const file = writeConfiguration(
    join(place.stateDir, 'kata'),
    requiredConfiguration(given),
    kataConfigDropIn(given, place.limits),
  )
  return kataShimConfig(place, which(findShim(given)) ?? findShim(given), file)
}

/** Kata Containers: a container in a virtual machine of its own, through containerd. */
export const kata = defineDriver<Options>({
  kind: 'kata',
  family: 'secure-container',
  description: 'Kata Containers, a container in a virtual machine of its own, through containerd',
  options,
  requirements: (given) => [...containerdRequirements, { binary: findShim(given), installHint: howToInstall(given) }],
  configFiles: (given) => [configurationOf(given)].filter((file) => file !== undefined),
  // A constant text; before the release's number there is another, in the name of the shim.
  version: (given) => ['sh', '-c', '"$1" --version | sed "s/.*version: //"', 'sh', findShim(given)],
  cpuMode: kvmCpuMode,
  preflight: obstacle,
  versionDetails: async ({ runtime, hypervisor, sharedFs }) => `${runtime}, ${hypervisor}, ${sharedFs}`,
  oneShot: (place, argv, given) => runTask(place, argv, prepare(place, given)),
  boot: async (place, given) => {
    const handle = await startTask(place, prepare(place, given))
    return { ...handle, oomKillCount: () => guestOomKillsVia(handle.execArgv) }
  },
})
