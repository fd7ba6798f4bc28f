import * as z from 'zod'
import { defineDriver, type GuestArgv, type HostArgv, idle, type Place } from './driver.ts'
import { enterNamespaces, leaderOf } from './namespaces.ts'

function sandbox(place: Place, argv: GuestArgv): HostArgv {
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
    ...['--bind', place.data, '/data'],
    '--',
    ...argv,
  ]
}

/** bubblewrap: namespaces without a runtime, what Flatpak and many desktop sandboxes use. */
export const bubblewrap = defineDriver({
  kind: 'bubblewrap',
  family: 'container',
  about: 'bwrap, the namespaces that desktop sandboxes use',
  options: z.strictObject({}),
  requirements: () => [
    { binary: 'bwrap', package: 'bubblewrap' },
    { binary: 'nsenter', package: 'util-linux' },
  ],
  version: () => ['bwrap', '--version'],
  once: async (place, argv) => place.inside(sandbox(place, argv)),
  open: async (place) => {
    const leader = await leaderOf(await place.start(place.inside(sandbox(place, idle))), idle)
    return { enter: (argv) => place.inside(enterNamespaces(leader, argv)) }
  },
})
