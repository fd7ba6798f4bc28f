import { join } from 'node:path'
import { which } from '../../guest/requirements.ts'
import { memoryKillsBy } from '../../guest/vm/conductor.ts'
import { nestedKvm } from '../../guest/vm/kvm.ts'
import { openTask, runTask, type Shim } from '../containerd/task.ts'
import { containerdRequirements } from '../containerd.ts'
import { defineDriver, type Place } from '../driver.ts'
import { dropIn, writeConfiguration } from './configuration.ts'
import { configurationOf, howToInstall, shimOf } from './installation.ts'
import { obstacle, requiredConfiguration } from './obstacle.ts'
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
  const file = writeConfiguration(
    join(place.directory, 'kata'),
    requiredConfiguration(given),
    dropIn(given, place.limits),
  )
  return shimWith(place, which(shimOf(given)) ?? shimOf(given), file)
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
    return { ...handle, memoryKills: () => memoryKillsBy(handle.enter) }
  },
})
