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
  kataConfigDropIn,
  type Options,
  optionsSchema,
  runtimeOf,
  shimRequirement,
  syslog,
  syslogBinds,
  writeConfiguration,
} from './shared/kata-installation.ts'

const missingConfiguration = (options: Options): Unavailable => ({
  reason:
    `Kata's ${options.runtime} runtime has no configuration for ${options.hypervisor}: ` +
    `found none of ${configurationFiles(options).join(', ')}`,
  fix: `set { config: '/.../configuration-....toml' }, or ${shimRequirement(options).installHint}`,
})

/**
 * Returns the path of the installation's configuration.
 * @throws {HostError} if there is none
 */
export function requiredConfiguration(options: Options): string {
  const configuration = configurationOf(options)
  if (configuration !== undefined) return configuration
  const { reason, fix } = missingConfiguration(options)
  throw new HostError(reason, fix)
}

/** Returns what the shim needs of the host before it starts a VM, if that is missing. */
function missingOfHost({ runtime, hypervisor }: Options): Unavailable | undefined {
  if (hypervisor === 'qemu' && !existsSync('/dev/vhost-vsock')) {
    return {
      reason: 'Kata connects to its agent in QEMU through /dev/vhost-vsock, which is missing',
      fix: 'modprobe vhost_vsock',
    }
  }
  if (runtime === 'go' && syslog() === undefined) {
    return {
      reason: "Kata's Go runtime needs a syslog, and this host has none",
      fix: 'start systemd-journald or another service that listens at /dev/log',
    }
  }
  return undefined
}

/** Returns why an installed Kata cannot run with these options. */
export async function kataPreflight(options: Options): Promise<string | Unavailable | undefined> {
  const { runtime } = options
  const shim = findShim(options)
  const found = runtimeOf(shim)
  if (found !== undefined && found !== runtime) {
    return {
      reason: `${shim} is Kata's ${found} runtime`,
      fix: `set runtime: '${found}', or ${shimRequirement(options).installHint}`,
    }
  }
  if (configurationOf(options) === undefined) return missingConfiguration(options)
  return (await kvmPreflight()) ?? missingOfHost(options)
}

/**
 * Returns how containerd runs a container with a Kata shim. The size of the VM is the guest's limit. The shim runs
 * outside of the guest's network namespace: the Go runtime would mistake that for the host's and refuse it.
 */
export const kataShimConfig = (sandbox: GuestSandbox, shim: string, configuration: string): ShimConfig => ({
  runtime: shim,
  options: ['--runtime-config-path', configuration],
  resources: 'unlimited',
  binds: syslogBinds(sandbox, syslog()),
  wrap: sandbox.wrapWithTap,
})

function prepare(sandbox: GuestSandbox, options: Options): ShimConfig {
  const file = writeConfiguration(
    join(sandbox.stateDir, 'kata'),
    options,
    requiredConfiguration(options),
    kataConfigDropIn(options, sandbox.limits),
  )
  return kataShimConfig(sandbox, which(findShim(options)) ?? findShim(options), file)
}

/** Kata Containers: a container in its own VM, through containerd. */
export const kata = defineDriver({
  kind: 'kata',
  family: 'secure-container',
  description: 'Kata Containers, a container in its own VM, through containerd',
  options: optionsSchema,
  requirements: (options) => [...containerdRequirements, shimRequirement(options)],
  configFiles: (options) => [configurationOf(options)].filter((file) => file !== undefined),
  // The script is constant. The sed command removes text before the version number, which contains another number.
  version: (options) => ['sh', '-c', '"$1" --version | sed "s/.*version: //"', 'sh', findShim(options)],
  cpuMode: kvmCpuMode,
  preflight: kataPreflight,
  versionDetails: async ({ runtime, hypervisor, sharedFs }) => `${runtime}, ${hypervisor}, ${sharedFs}`,
  oneShot: (sandbox, argv, options) => runTask(sandbox, argv, prepare(sandbox, options)),
  boot: async (sandbox, options) => {
    const handle = await startTask(sandbox, prepare(sandbox, options))
    return { ...handle, oomKillCount: () => guestOomKillsVia(handle.execArgv) }
  },
})
