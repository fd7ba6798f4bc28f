import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { guestEnv } from '../host/image-recipe.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { enterNamespaces, waitForHostPid } from './shared/namespaces.ts'

function bwrapArgv(sandbox: GuestSandbox, argv: GuestArgv): HostArgv {
  return [
    'bwrap',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--share-net',
    '--die-with-parent',
    ...['--ro-bind', sandbox.rootfs, '/'],
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--tmpfs', '/tmp', '--tmpfs', '/run'],
    ...['--bind', sandbox.dataDir, '/data'],
    '--clearenv',
    ...guestEnv.flatMap((setting) => ['--setenv', ...setting.split('=')]),
    '--',
    ...argv,
  ]
}

/** bubblewrap: namespaces without a runtime, as Flatpak and other desktop sandboxes use them. */
export const bubblewrap = defineDriver({
  kind: 'bubblewrap',
  family: 'container',
  description: 'bubblewrap, the namespaces of desktop sandboxes',
  options: z.strictObject({}),
  requirements: () => [
    { binary: 'bwrap', package: 'bubblewrap' },
    { binary: 'nsenter', package: 'util-linux' },
  ],
  version: () => ['bwrap', '--version'],
  oneShot: async (sandbox, argv) => sandbox.wrap(bwrapArgv(sandbox, argv)),
  boot: async (sandbox) => {
    const leader = await waitForHostPid(await sandbox.spawn(sandbox.wrap(bwrapArgv(sandbox, idleCommand))), idleCommand)
    return { execArgv: (argv) => sandbox.wrap(enterNamespaces(leader, ['env', '-i', ...guestEnv, ...argv])) }
  },
})
