/** LXC, including guests that boot the image's systemd and run one command after the boot. */

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { defineDriver, type Unavailable } from '../driver.ts'
import { guestEnv } from '../host/environment.ts'
import { which } from '../host/packages.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { HostError } from '../util/errors.ts'
import { deviceBinds, privateMounts } from './shared/namespaces.ts'
import { requiresSeccomp, securityOption } from './shared/security.ts'

/** The container's first process. systemd treats the arguments as its kernel command line. */
export const systemdInit: HostArgv = ['/sbin/init', 'systemd.unit=isobench.target']

/** Where the guest finds the two directories of the sandbox. */
const units = '/run/systemd/system'
const outcome = '/run/isobench'

/** Debian units that fail in a container. */
const masked = ['sys-kernel-debug.mount']

/** Quotes an argument of ExecStart= (systemd.syntax(7), systemd.service(5)). An unescaped `%` would be a specifier. */
export const quotedArgument = (argument: string): string => {
  const escaped = argument.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end the line of the unit, or be refused
  const control = /[\u0000-\u001f\u007f]/g
  return `"${escaped.replace(control, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`
}

// The script is constant: the command is passed as positional parameters. The file `code` marks the end, because the
// exit code of a container's launcher is unrelated to the command.
const inGuest = `"$@" > ${outcome}/stdout 2> ${outcome}/stderr < /dev/null; echo $? > ${outcome}/code`

function unitOf(argv: GuestArgv, then: 'stay' | 'poweroff'): string {
  const command = ['/bin/sh', '-c', inGuest, 'sh', '/usr/bin/env', '-i', ...guestEnv, ...argv]
  return [
    '[Unit]',
    'After=multi-user.target',
    ...(then === 'poweroff' ? ['SuccessAction=poweroff', 'FailureAction=poweroff'] : []),
    '[Service]',
    'Type=oneshot',
    'TimeoutStartSec=infinity',
    'WorkingDirectory=/',
    // The colon disables variable substitution.
    `ExecStart=:${command.map(quotedArgument).join(' ')}`,
    '',
  ].join('\n')
}

const target = '[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nWants=isobench.service\n'

/** A directory as LXC finds it, and its path in the guest. Root of the guest must own it. */
interface SystemdFolder {
  readonly from: string
  readonly to: string
}

/**
 * A file or directory of the sandbox that the guest's root reaches. The guest's root is another user of the host and
 * cannot enter the sandbox's directory, but the directory that LXC has as its `/run`.
 */
const reachable = (sandbox: GuestSandbox, name: string) => join(sandbox.stateDir, 'run', name)
/** Its path in the mount namespace of LXC's tools. */
const reached = (name: string) => join('/run', name)

const unitsOf = (sandbox: GuestSandbox) => reachable(sandbox, 'units')
const outcomeOf = (sandbox: GuestSandbox) => reachable(sandbox, 'outcome')

/** Writes the units that make the image's systemd run `argv` after the boot, and then stay or power off. */
function prepareSystemd(sandbox: GuestSandbox, argv: GuestArgv, then: 'stay' | 'poweroff'): readonly SystemdFolder[] {
  for (const folder of [unitsOf(sandbox), outcomeOf(sandbox)]) mkdirSync(folder)
  writeFileSync(join(unitsOf(sandbox), 'isobench.target'), target)
  for (const name of masked) symlinkSync('/dev/null', join(unitsOf(sandbox), name))
  writeFileSync(join(unitsOf(sandbox), 'isobench.service'), unitOf(argv, then))
  return [
    { from: reached('units'), to: units },
    { from: reached('outcome'), to: outcome },
  ]
}

/** Seconds. */
const bootTimeout = 60

/**
 * Waits until a guest with `stay` has run its command, which is the end of its boot.
 * @throws {HostError} if its launcher, the process `pid`, ends before that, or after 60 s
 */
async function waitForSystemd(sandbox: GuestSandbox, pid: number): Promise<void> {
  const marker = join(outcomeOf(sandbox), 'code')
  for (let tries = 0; !existsSync(marker) || readFileSync(marker, 'utf8') === ''; tries++) {
    if (!existsSync(`/proc/${pid}`)) throw new HostError("the guest's systemd ended before the boot was complete.")
    if (tries > bootTimeout * 100) throw new HostError(`the guest's systemd did not boot within ${bootTimeout} s.`)
    await sleep(10)
  }
}

// The script is constant: directory and argv are positional parameters. Opening a FIFO for reading and writing never
// blocks. When it is closed, the reader gets an end of file even if no guest has opened the FIFO.
const relay = `out=$1; shift
mkfifo "$out/stdout" "$out/stderr" || exit
cat "$out/stdout" & cat "$out/stderr" >&2 &
"$@" < /dev/null
: <> "$out/stdout"; : <> "$out/stderr"
wait
read -r code < "$out/code" || { echo "the guest's systemd ended before it had run the command" >&2; exit 125; }
exit "$code"`

/** Returns argv that runs the launcher, prints the command's output as it arrives, and ends with its exit code. */
const withOutcome = (sandbox: GuestSandbox, argv: HostArgv): HostArgv => [
  'sh',
  '-c',
  relay,
  'sh',
  outcomeOf(sandbox),
  ...argv,
]

const optionsSchema = z.strictObject({
  /** The first process: the command itself, or the image's systemd, which runs the command after the boot. */
  init: z.enum(['none', 'systemd']).default('none'),
  /** Whether root in the container is root on the host. */
  privileged: z.boolean().default(false),
  /** A file of LXC settings, which override isobench's. LXC's default.conf is not used. */
  config: z.string().startsWith('/', 'use an absolute path').optional(),
  ...securityOption,
})
type Options = z.output<typeof optionsSchema>

/** The host ids that an unprivileged guest's ids are mapped to. Nothing on the host belongs to them. */
const ids = '0 1000000 65536'

/** A line of the configuration. Paths in the guest have no leading slash. */
const mountEntry = (source: string, target: string, options: string) =>
  `lxc.mount.entry = ${source} ${target.slice(1)} ${options} 0 0`

const inMemory = (target: string, mode: string, create = '') =>
  mountEntry('tmpfs', target, `tmpfs nosuid,nodev,mode=${mode}${create}`)

/** Mounts of /sys. Mounting a new sysfs requires rights over the network namespace, which unprivileged guests lack. */
function sysOf({ privileged, init }: Options): string[] {
  const sys = privileged ? ['lxc.mount.auto = sys:ro'] : [mountEntry('/sys', '/sys', 'none rbind,ro')]
  if (init === 'systemd') {
    // The unified hierarchy below the guest's cgroup, on every host. systemd needs no controllers, and the limits are
    // above it.
    return [...sys, mountEntry('cgroup2', '/sys/fs/cgroup', 'cgroup2 nosuid,nodev,noexec')]
  }
  return privileged ? sys : [...sys, mountEntry('tmpfs', '/sys/fs/cgroup', 'tmpfs ro')]
}

/** Directories that systemd and its services write to. The root is read-only. */
const systemdWrites = ['/var/lib/systemd', '/var/log', '/var/tmp'].map((path) => inMemory(path, '755'))

/** The filter of LXC's own templates. */
const lxcProfile = '/usr/share/lxc/config/common.seccomp'

/** Returns why guests cannot have the default security. */
export const profileProblem = (security: Options['security'], profile = lxcProfile): Unavailable | undefined =>
  security === 'none' || existsSync(profile)
    ? undefined
    : { reason: `there is no ${profile}, the seccomp profile of LXC`, fix: "install it, or set security: 'none'" }

/** What the templates of LXC confine (common.conf and userns.conf): fewer capabilities only if root is the host's. */
const securityOf = ({ privileged, security }: Options): readonly string[] => [
  ...(privileged ? ['lxc.cap.drop = mac_admin mac_override sys_time sys_module sys_rawio'] : []),
  ...(security === 'default' ? [`lxc.seccomp.profile = ${lxcProfile}`] : []),
]

const configOf = (sandbox: GuestSandbox, options: Options, folders: readonly SystemdFolder[]): string => {
  const { privileged, init, config } = options
  // Idmapped mounts: root in the guest owns its data, and the image's files keep their owners.
  const mapped = privileged ? '' : ',idmap=container'
  const group = (name: string) => sandbox.cgroupName(name)
  return [
    'lxc.uts.name = isobench',
    `lxc.rootfs.path = dir:${reached('image')}`,
    `lxc.rootfs.options = ro${mapped}`,
    // LXC's monitor process already starts in the guest's network namespace.
    'lxc.net.0.type = none',
    'lxc.apparmor.profile = unconfined',
    ...securityOf(options),
    'lxc.pty.max = 64',
    'lxc.tty.max = 0',
    'lxc.console.path = none',
    'lxc.mount.auto = proc:mixed',
    ...sysOf(options),
    inMemory('/tmp', '1777'),
    inMemory('/run', '755'),
    mountEntry(reached('data'), '/data', `none bind,nosuid,nodev${mapped}`),
    ...folders.map(({ from, to }) => mountEntry(from, to, `none bind,nosuid,nodev,create=dir${mapped}`)),
    ...(init === 'systemd' ? systemdWrites : []),
    inMemory('/dev/shm', '1777', ',create=dir'),
    ...guestEnv.map((setting) => `lxc.environment = ${setting}`),
    ...(privileged ? [] : [`lxc.idmap = u ${ids}`, `lxc.idmap = g ${ids}`]),
    `lxc.cgroup.dir.monitor = ${group('monitor')}`,
    `lxc.cgroup.dir.monitor.pivot = ${group('pivot')}`,
    `lxc.cgroup.dir.container = ${group('guest')}`,
    ...(config === undefined ? [] : [`lxc.include = ${config}`]),
    '',
  ].join('\n')
}

/**
 * Without PATH, LXC does not find newuidmap and writes the id map itself, as root may. With newuidmap it would require
 * a range for root in the host's /etc/subuid.
 */
const withoutPath: HostArgv = ['env', '-u', 'PATH']

/** Returns a function that creates argv of LXC's tools, with their container in the sandbox. */
async function toolsFor(sandbox: GuestSandbox): Promise<(name: string, ...args: readonly string[]) => HostArgv> {
  // LXC's locks are always in /run.
  // It creates and removes something in the parent of the image before it mounts the image read-only.
  const inMounts = await privateMounts(sandbox, [
    ['bind,ro', sandbox.rootfs, reachable(sandbox, 'image')],
    ['bind,nosuid,nodev', sandbox.dataDir, reachable(sandbox, 'data')],
    // An unprivileged LXC binds the nodes, because mknod is refused in its user namespace.
    ...(await deviceBinds(sandbox)),
  ])
  mkdirSync(reachable(sandbox, 'containers'))
  const container = ['-P', reached('containers'), '-n', sandbox.id]
  return (name, ...args) => inMounts([...withoutPath, which(name) ?? name, ...container, ...args])
}

function configure(sandbox: GuestSandbox, options: Options, folders: readonly SystemdFolder[] = []): string {
  const folder = join(sandbox.stateDir, 'lxc')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'config')
  writeFileSync(file, configOf(sandbox, options, folders))
  return file
}

/** LXC, unprivileged by default: the guest's root has no rights on the host. */
export const lxc = defineDriver({
  kind: 'lxc',
  family: 'container',
  description: 'LXC, a container with its own monitor process',
  options: optionsSchema,
  requirements: () => [{ binary: 'lxc-start', package: 'lxc' }],
  configFiles: ({ config }) => (config === undefined ? [] : [config]),
  version: () => ['lxc-start', '--version'],
  preflight: async ({ security }) => profileProblem(security),
  requiredImageFiles: ({ init }) => (init === 'systemd' ? [{ file: '/sbin/init', package: 'systemd-sysv' }] : []),
  requiresSeccomp: (options) => requiresSeccomp(options),
  oneShot: async (sandbox, argv, options) => {
    const tool = await toolsFor(sandbox)
    if (options.init === 'none') return tool('lxc-execute', '-f', configure(sandbox, options), '--', ...argv)
    const config = configure(sandbox, options, prepareSystemd(sandbox, argv, 'poweroff'))
    return withOutcome(sandbox, tool('lxc-start', '-F', '-f', config, '--', ...systemdInit))
  },
  boot: async (sandbox, options) => {
    const tool = await toolsFor(sandbox)
    if (options.init === 'none') {
      await sandbox.run(tool('lxc-start', '-f', configure(sandbox, options), '-d', '--', ...idleCommand))
    } else {
      const config = configure(sandbox, options, prepareSystemd(sandbox, ['/bin/true'], 'stay'))
      await waitForSystemd(sandbox, await sandbox.spawn(tool('lxc-start', '-F', '-f', config, '--', ...systemdInit)))
    }
    const env = guestEnv.flatMap((setting) => ['--set-var', setting])
    return { execArgv: (argv: GuestArgv) => tool('lxc-attach', '--clear-env', ...env, '--', ...argv) }
  },
})
