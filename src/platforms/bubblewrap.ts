import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { guestEnv } from '../host/environment.ts'
import { deviceNames } from '../host/mounts.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { execConfined, waitForHostPid } from './shared/namespaces.ts'
import {
  confinementProblem,
  defaultCapabilities,
  requiresSeccomp,
  securityOption,
  writeSeccompProgram,
} from './shared/security.ts'

// The script is constant: file and argv are positional parameters, so the shell does not interpret them.
const withFilter: HostArgv = ['sh', '-c', 'filter=$1; shift; exec "$@" 9<"$filter"', 'sh']

/**
 * bubblewrap has no profile, and leaves all capabilities to a guest of root. So guests get those of Docker.
 * It always sets no_new_privs.
 */
async function bwrapArgv(sandbox: GuestSandbox, argv: GuestArgv, filter: string | undefined): Promise<HostArgv> {
  const devices = await sandbox.deviceNodes()
  return [
    ...(filter === undefined ? [] : [...withFilter, filter]),
    'bwrap',
    ...(filter === undefined ? [] : ['--seccomp', '9']),
    ...['--cap-drop', 'ALL', ...defaultCapabilities.flatMap((name) => ['--cap-add', name])],
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--share-net',
    '--die-with-parent',
    ...['--ro-bind', sandbox.rootfs, '/'],
    ...['--proc', '/proc', '--dev', '/dev'],
    // bwrap binds the host's nodes, and root in the guest is root of the host: its chmod would change them.
    ...deviceNames.flatMap((name) => ['--dev-bind', join(devices, name), `/dev/${name}`]),
    ...['--tmpfs', '/tmp', '--tmpfs', '/run'],
    ...['--bind', sandbox.dataDir, '/data'],
    '--clearenv',
    ...guestEnv.flatMap((setting) => ['--setenv', ...setting.split('=')]),
    '--',
    ...argv,
  ] as readonly string[] as HostArgv
}

/** bubblewrap: namespaces without a runtime, as Flatpak and other desktop sandboxes use them. */
export const bubblewrap = defineDriver({
  kind: 'bubblewrap',
  family: 'container',
  description: 'bubblewrap, the namespaces of desktop sandboxes',
  options: z.strictObject(securityOption),
  requirements: () => [
    { binary: 'bwrap', package: 'bubblewrap' },
    { binary: 'perl', package: 'perl-base' },
  ],
  version: () => ['bwrap', '--version'],
  preflight: async () => confinementProblem(),
  requiresSeccomp: (options) => requiresSeccomp(options),
  oneShot: async (sandbox, argv, options) =>
    sandbox.wrap(await bwrapArgv(sandbox, argv, writeSeccompProgram(sandbox, options))),
  boot: async (sandbox, options) => {
    const filter = writeSeccompProgram(sandbox, options)
    const launcher = await sandbox.spawn(sandbox.wrap(await bwrapArgv(sandbox, idleCommand, filter)))
    const leader = await waitForHostPid(launcher, idleCommand)
    return { execArgv: (argv) => sandbox.wrap(execConfined(leader, filter, ['env', '-i', ...guestEnv, ...argv])) }
  },
})
