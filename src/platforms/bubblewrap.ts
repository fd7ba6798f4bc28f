import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { enterNamespaces, waitForHostPid } from './shared/namespaces.ts'

function sandbox(place: GuestSandbox, argv: GuestArgv): HostArgv {
  return [
    'bwrap',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--share-net',
    '--die-with-parent',
    ...['--ro-bind', place.rootfs, '/'],
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--tmpfs', '/tmp', '--tmpfs', '/run'],
    ...['--bind', place.dataDir, '/data'],
    '--',
    ...argv,
  ]
}

/** bubblewrap: namespaces without a runtime, what Flatpak and many desktop sandboxes use. */
export const bubblewrap = defineDriver({
  kind: 'bubblewrap',
  family: 'container',
  description: 'bwrap, the namespaces that desktop sandboxes use',
  options: z.strictObject({}),
  requirements: () => [
    { binary: 'bwrap', package: 'bubblewrap' },
    { binary: 'nsenter', package: 'util-linux' },
  ],
  version: () => ['bwrap', '--version'],
  oneShot: async (place, argv) => place.wrap(sandbox(place, argv)),
  boot: async (place) => {
    const leader = await waitForHostPid(await place.spawn(place.wrap(sandbox(place, idleCommand))), idleCommand)
    return { execArgv: (argv) => place.wrap(enterNamespaces(leader, argv)) }
  },
})
