import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { guestEnv } from '../host/image-recipe.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { enterNamespaces, privateMounts, waitForHostPid } from './shared/namespaces.ts'

// A constant text: folders and argv come as positional parameters, and nothing of a user's is interpreted.
const enterGroups =
  'while [ "$1" != -- ]; do mkdir -p "$1" && echo 0 > "$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'

/**
 * nspawn makes groups below the one that it is in, in systemd's hierarchies, which have no limits and which isobench leaves
 * alone: so it gets a group of the place's there. On a v2 host there is but one, and this group is below the limits.
 */
function inOwnGroups(place: GuestSandbox, argv: HostArgv): HostArgv {
  const root = '/sys/fs/cgroup'
  const hierarchies = existsSync(join(root, 'cgroup.controllers'))
    ? [root]
    : [join(root, 'systemd'), join(root, 'unified')].filter((path) => existsSync(join(path, 'cgroup.procs')))
  const groups = hierarchies.map((path) => join(path, place.cgroupName('nspawn')))
  return ['sh', '-c', enterGroups, 'sh', ...groups, '--', ...argv]
}

async function spawn(place: GuestSandbox, argv: GuestArgv): Promise<HostArgv> {
  // nspawn writes a lock beside the tree that it runs: so that is not the image's own folder.
  const root = join(place.stateDir, 'root')
  const command: HostArgv = [
    'systemd-nspawn',
    '--quiet',
    `--directory=${root}`,
    '--read-only',
    `--machine=${place.id}`,
    '--hostname=isobench',
    // Neither systemd nor its machine manager need to run on the host.
    '--register=no',
    '--keep-unit',
    '--as-pid2',
    '--pipe',
    '--settings=no',
    '--link-journal=no',
    '--resolv-conf=off',
    '--timezone=off',
    `--network-namespace-path=${place.netns}`,
    '--rlimit=NOFILE=16384',
    `--bind=${place.dataDir}:/data`,
    ...guestEnv.map((setting) => `--setenv=${setting}`),
    '--',
    ...argv,
  ]
  const inMounts = await privateMounts(place, [['bind,ro', place.rootfs, root]])
  return inMounts(inOwnGroups(place, command))
}

/** systemd-nspawn: what systemd's users have, here without systemd on the host. */
export const nspawn = defineDriver({
  kind: 'nspawn',
  family: 'container',
  description: "systemd-nspawn, systemd's own container launcher",
  options: z.strictObject({}),
  requirements: () => [
    { binary: 'systemd-nspawn', package: 'systemd-container' },
    { binary: 'nsenter', package: 'util-linux' },
  ],
  version: () => ['systemd-nspawn', '--version'],
  oneShot: (place, argv) => spawn(place, argv),
  boot: async (place) => {
    const leader = await waitForHostPid(await place.spawn(await spawn(place, idleCommand)), idleCommand)
    return { execArgv: (argv) => place.wrap(enterNamespaces(leader, ['env', '-i', ...guestEnv, ...argv])) }
  },
})
