import { join } from 'node:path'
import { which } from '../../guest/requirements.ts'
import { guestOomKillsVia } from '../../guest/vm/conductor.ts'
import { kvmCpuMode } from '../../guest/vm/kvm.ts'
import { runTask, type ShimConfig, startTask } from '../containerd/task.ts'
import { containerdRequirements } from '../containerd.ts'
import { defineDriver, type GuestSandbox } from '../driver.ts'
import { kataConfigDropIn, writeConfiguration } from './configuration.ts'
import { configurationOf, findShim, howToInstall } from './installation.ts'
import { obstacle, requiredConfiguration } from './obstacle.ts'
import { type Options, options } from './options.ts'
import { syslog, syslogBinds } from './syslog.ts'

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
