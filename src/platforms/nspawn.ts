import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { guestEnv } from '../host/environment.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { deviceBinds, execConfined, privateMounts, waitForHostPid } from './shared/namespaces.ts'
import {
  confinementProblem,
  requiresSeccomp,
  type SecurityOption,
  securityOption,
  writeSeccompProgram,
} from './shared/security.ts'

// The script is constant: directories and argv are positional parameters, so the shell does not interpret them.
const enterGroups =
  'while [ "$1" != -- ]; do mkdir -p "$1" && echo 0 > "$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'

/**
 * nspawn creates cgroups below its own one in systemd's hierarchies, which isobench does not manage. So it gets a
 * cgroup of the sandbox's name there. On a v2 host there is only one hierarchy, and this cgroup is below the limits.
 */
function inOwnGroups(sandbox: GuestSandbox, argv: HostArgv): HostArgv {
  const root = '/sys/fs/cgroup'
  const hierarchies = existsSync(join(root, 'cgroup.controllers'))
    ? [root]
    : [join(root, 'systemd'), join(root, 'unified')].filter((path) => existsSync(join(path, 'cgroup.procs')))
  const groups = hierarchies.map((path) => join(path, sandbox.cgroupName('nspawn')))
  return ['sh', '-c', enterGroups, 'sh', ...groups, '--', ...argv]
}

async function spawn(sandbox: GuestSandbox, argv: GuestArgv, { security }: SecurityOption): Promise<HostArgv> {
  // nspawn writes a lock file next to its root directory, so the root is not the image directory itself.
  const root = join(sandbox.stateDir, 'root')
  const command: HostArgv = [
    // nspawn has no option that turns off its filters (systemd's page ENVIRONMENT).
    'env',
    ...(security === 'none' ? ['SYSTEMD_SECCOMP=0'] : []),
    'systemd-nspawn',
    '--quiet',
    `--directory=${root}`,
    '--read-only',
    `--machine=${sandbox.id}`,
    '--hostname=isobench',
    // Do not require systemd or its machine manager on the host.
    '--register=no',
    '--keep-unit',
    '--as-pid2',
    // Otherwise root's home, and on every other platform it is the root.
    '--chdir=/',
    '--pipe',
    '--settings=no',
    '--link-journal=no',
    '--resolv-conf=off',
    '--timezone=off',
    `--network-namespace-path=${sandbox.netns}`,
    '--rlimit=NOFILE=16384',
    `--bind=${sandbox.dataDir}:/data`,
    ...guestEnv.map((setting) => `--setenv=${setting}`),
    '--',
    ...argv,
  ]
  const inMounts = await privateMounts(sandbox, [
    ['bind,ro', sandbox.rootfs, root],
    // nspawn keeps these flags and has no option for them.
    ['bind,nosuid,nodev', sandbox.dataDir, sandbox.dataDir],
    // nspawn makes nodes with the numbers of those that it finds.
    ...(await deviceBinds(sandbox)),
  ])
  return inMounts(inOwnGroups(sandbox, command))
}

/** systemd-nspawn, without systemd on the host. */
export const nspawn = defineDriver({
  kind: 'nspawn',
  family: 'container',
  description: "systemd-nspawn, systemd's own container launcher",
  options: z.strictObject(securityOption),
  requirements: () => [
    { binary: 'systemd-nspawn', package: 'systemd-container' },
    { binary: 'nsenter', package: 'util-linux' },
    { binary: 'perl', package: 'perl-base' },
  ],
  version: () => ['systemd-nspawn', '--version'],
  preflight: async () => confinementProblem(),
  requiresSeccomp: (options) => requiresSeccomp(options),
  oneShot: (sandbox, argv, options) => spawn(sandbox, argv, options),
  boot: async (sandbox, options) => {
    const leader = await waitForHostPid(await sandbox.spawn(await spawn(sandbox, idleCommand, options)), idleCommand)
    const filter = writeSeccompProgram(sandbox, options)
    return { execArgv: (argv) => sandbox.wrap(execConfined(leader, filter, ['env', '-i', ...guestEnv, ...argv])) }
  },
})
