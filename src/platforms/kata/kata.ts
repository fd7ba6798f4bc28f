import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { MachineError } from '../../errors.ts'
import { host } from '../../guest/host.ts'
import { which } from '../../guest/requirements.ts'
import { oomKills } from '../../guest/vm/conductor.ts'
import { kvmObstacle, nestedKvm } from '../../guest/vm/kvm.ts'
import { openTask, runTask, type Shim } from '../containerd/task.ts'
import { containerdRequirements } from '../containerd.ts'
import { defineDriver, type Obstacle, type Place } from '../driver.ts'
import { dropIn, writeConfiguration } from './configuration.ts'
import { configurationFiles, configurationOf, howToInstall, shimOf } from './installation.ts'
import { type Options, options } from './options.ts'
import { syslog, syslogBinds } from './syslog.ts'

/**
 * How containerd runs a container by Kata's shim with a configuration; the machine's size is the guest's limit. The shim is not
 * in the guest's network namespace: the Go runtime would take that for the host's, and refuse it.
 */
export const shimWith = (place: Place, shim: string, configuration: string): Shim => ({
  runtime: shim,
  options: ['--runtime-config-path', configuration],
  resources: 'unlimited',
  binds: syslogBinds(place, syslog()),
  inside: place.insideTap,
})

function prepare(place: Place, given: Options): Shim {
  const installed = configurationOf(given)
  if (installed === undefined)
    throw new MachineError(missingConfiguration(given).reason, missingConfiguration(given).fix)
  const file = writeConfiguration(join(place.directory, 'kata'), installed, dropIn(given, place.limits))
  return shimWith(place, which(shimOf(given)) ?? shimOf(given), file)
}

const missingConfiguration = (given: Options): Obstacle => ({
  reason: `there is no configuration of Kata's ${given.runtime} runtime for ${given.hypervisor}: not ${configurationFiles(given).join(', not ')}`,
  fix: `name it: { config: '/…/configuration-….toml' }, or ${howToInstall(given)}`,
})

/** What of the host's the shim asks for before it starts a machine. */
function missingOfHost({ runtime, hypervisor }: Options): Obstacle | undefined {
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

/** Either runtime's shim has the same name and says which it is. */
const saidBy = { rust: '(Rust)', go: '(Golang)' } as const

async function obstacle(given: Options): Promise<string | Obstacle | undefined> {
  const { runtime } = given
  const shim = shimOf(given)
  const said = spawnSync(shim, ['--version'], { encoding: 'utf8', timeout: 10_000 }).stdout ?? ''
  const other = runtime === 'rust' ? 'go' : 'rust'
  if (said.includes(saidBy[other])) {
    return { reason: `${shim} is Kata's ${other} runtime`, fix: `give runtime: '${other}', or ${howToInstall(given)}` }
  }
  if (configurationOf(given) === undefined) return missingConfiguration(given)
  return (await kvmObstacle()) ?? missingOfHost(given)
}

/** Kata Containers: a container in a virtual machine of its own, through containerd. */
export const kata = defineDriver<Options>({
  kind: 'kata',
  family: 'secure-container',
  about: 'Kata Containers, a container in a virtual machine of its own, through containerd',
  options,
  requirements: (given) => [...containerdRequirements, { binary: shimOf(given), hint: howToInstall(given) }],
  files: (given) => [configurationOf(given)].filter((file) => file !== undefined),
  // A constant text; before the release's number there is another, in the name of the shim.
  version: (given) => ['sh', '-c', '"$1" --version | sed "s/.*version: //"', 'sh', shimOf(given)],
  apart: nestedKvm,
  obstacle,
  details: async ({ runtime, hypervisor, sharedFs }) => `${runtime}, ${hypervisor}, ${sharedFs}`,
  once: (place, argv, given) => runTask(place, argv, prepare(place, given)),
  open: async (place, given) => {
    const handle = await openTask(place, prepare(place, given))
    // The guest's own kernel kills, and tells nobody.
    const memoryKills = async () => oomKills(await host(handle.enter(['cat', '/proc/vmstat']), { timeout: 10 }))
    return { ...handle, memoryKills }
  },
})
