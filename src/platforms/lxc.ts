import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { defineDriver } from '../driver.ts'
import { guestEnv } from '../host/image-recipe.ts'
import { which } from '../host/packages.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../host/process.ts'
import type { GuestSandbox } from '../host/sandbox.ts'
import { HostError } from '../util/errors.ts'
import { privateMounts } from './shared/namespaces.ts'

/** A boot of the image's own systemd that runs one command when it is up, as a system container's user would. */

/** What the container's first process is. It takes what follows its name for the kernel's command line. */
export const systemdInit: HostArgv = ['/sbin/init', 'systemd.unit=isobench.target']

/** Where the two folders of the place are in the guest. */
const units = '/run/systemd/system'
const outcome = '/run/isobench'

/** Units of Debian's that cannot work in a container, and would count as failed. */
const masked = ['sys-kernel-debug.mount']

/** An argument of ExecStart=, as systemd.syntax(7) and systemd.service(5) have it: `%` would be a specifier. */
export const quotedArgument = (argument: string): string => {
  const escaped = argument.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a unit is made of lines, and these would end one or be refused
  const control = /[\u0000-\u001f\u007f]/g
  return `"${escaped.replace(control, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`
}

// A constant text: the command comes as positional parameters. The file `code` is the end marker: what a container's
// launcher returns says nothing of the command.
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
    // The colon: no variable is put in.
    `ExecStart=:${command.map(quotedArgument).join(' ')}`,
    '',
  ].join('\n')
}

const target = '[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nWants=isobench.service\n'

/** A folder of the place, and where the guest has to find it. Root in the guest must own it. */
export interface SystemdFolder {
  readonly from: string
  readonly to: string
}

const unitsOf = (place: GuestSandbox) => join(place.stateDir, 'units')
const outcomeOf = (place: GuestSandbox) => join(place.stateDir, 'outcome')

/** Writes what makes the image's systemd run `argv` once it is up, and then stay or power off. */
export function prepareSystemd(
  place: GuestSandbox,
  argv: GuestArgv,
  then: 'stay' | 'poweroff',
): readonly SystemdFolder[] {
  for (const folder of [unitsOf(place), outcomeOf(place)]) mkdirSync(folder)
  writeFileSync(join(unitsOf(place), 'isobench.target'), target)
  for (const name of masked) symlinkSync('/dev/null', join(unitsOf(place), name))
  writeFileSync(join(unitsOf(place), 'isobench.service'), unitOf(argv, then))
  return [
    { from: unitsOf(place), to: units },
    { from: outcomeOf(place), to: outcome },
  ]
}

/** Seconds that a guest which stays may take to be up. */
const bootTimeout = 60

/**
 * Waits until a guest that stays has run its command: then it is up.
 * @throws MachineError when its launcher, the process `pid`, ends before, or after a minute.
 */
export async function waitForSystemd(place: GuestSandbox, pid: number): Promise<void> {
  const marker = join(outcomeOf(place), 'code')
  for (let tries = 0; !existsSync(marker) || readFileSync(marker, 'utf8') === ''; tries++) {
    if (!existsSync(`/proc/${pid}`)) throw new HostError("the guest's systemd ended before it was up")
    if (tries > bootTimeout * 100) throw new HostError(`the guest's systemd was not up within ${bootTimeout} s`)
    await sleep(10)
  }
}

// A constant text: folder and argv come as positional parameters. Opening a pipe both ways never waits, and gives its
// reader the end of the file when no guest has ever opened it.
const relay = `out=$1; shift
mkfifo "$out/stdout" "$out/stderr" || exit
cat "$out/stdout" & cat "$out/stderr" >&2 &
"$@" < /dev/null
: <> "$out/stdout"; : <> "$out/stderr"
wait
read -r code < "$out/code" || { echo "the guest's systemd ended before it had run the command" >&2; exit 125; }
exit "$code"`

/** Wraps the launcher's argv: passes on the command's output while it comes, and its exit code when the guest is gone. */
export const withOutcome = (place: GuestSandbox, argv: HostArgv): HostArgv => [
  'sh',
  '-c',
  relay,
  'sh',
  outcomeOf(place),
  ...argv,
]

const options = z.strictObject({
  /** What the container's first process is: the command alone, or the image's systemd, which runs the command when it is up. */
  init: z.enum(['none', 'systemd']).default('none'),
  /** Whether root in the container is root on the host. */
  privileged: z.boolean().default(false),
  /** A file of LXC settings that come after isobench's own, and win over them. LXC's default.conf has no part. */
  config: z.string().startsWith('/', 'give an absolute path').optional(),
})
type Options = z.output<typeof options>

/** The host's ids that an unprivileged guest's stand for. Nothing on the host belongs to them. */
const ids = '0 1000000 65536'

/** Where LXC finds the image. It makes and removes something in there before it mounts it read-only. */
const rootOf = (place: GuestSandbox) => join(place.stateDir, 'root')

/** A line of the configuration; paths in the guest are told without their first slash. */
const mounted = (what: string, at: string, options: string) => `lxc.mount.entry = ${what} ${at.slice(1)} ${options} 0 0`

const inMemory = (at: string, mode: string, create = '') =>
  mounted('tmpfs', at, `tmpfs nosuid,nodev,mode=${mode}${create}`)

/** What the guest finds at /sys. A sysfs of its own takes rights over the network namespace, which unprivileged ones lack. */
function sysOf({ privileged, init }: Options): string[] {
  const sys = privileged ? ['lxc.mount.auto = sys:ro'] : [mounted('/sys', '/sys', 'none rbind,ro')]
  if (init === 'systemd') {
    // The unified hierarchy from the guest's own group down, whatever the host has: systemd needs no controller, and what
    // limits the guest is above it.
    return [...sys, mounted('cgroup2', '/sys/fs/cgroup', 'cgroup2 nosuid,nodev,noexec')]
  }
  return privileged ? sys : [...sys, mounted('tmpfs', '/sys/fs/cgroup', 'tmpfs ro')]
}

/** What systemd and its services write to, in a root that is read-only. */
const systemdWrites = ['/var/lib/systemd', '/var/log', '/var/tmp'].map((at) => inMemory(at, '755'))

const configOf = (place: GuestSandbox, given: Options, folders: readonly SystemdFolder[]): string => {
  const { privileged, init, config } = given
  // Idmapped, so that root in the guest is root on its data and the image keeps its owners.
  const mapped = privileged ? '' : ',idmap=container'
  const group = (name: string) => place.cgroupName(name)
  return [
    'lxc.uts.name = isobench',
    `lxc.rootfs.path = dir:${rootOf(place)}`,
    `lxc.rootfs.options = ro${mapped}`,
    // The monitor starts in the guest's network namespace already.
    'lxc.net.0.type = none',
    'lxc.apparmor.profile = unconfined',
    'lxc.pty.max = 64',
    'lxc.tty.max = 0',
    'lxc.console.path = none',
    'lxc.mount.auto = proc:mixed',
    ...sysOf(given),
    inMemory('/tmp', '1777'),
    inMemory('/run', '755'),
    mounted(place.dataDir, '/data', `none bind${mapped}`),
    ...folders.map(({ from, to }) => mounted(from, to, `none bind,create=dir${mapped}`)),
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
 * Without a PATH, LXC does not find newuidmap and writes the map itself, as root may. With it, LXC would insist on a range
 * for root in /etc/subuid, a file of the host's.
 */
const withoutPath: HostArgv = ['env', '-u', 'PATH']

/** LXC's tools, with their container below the place. */
async function toolsFor(place: GuestSandbox): Promise<(name: string, ...args: readonly string[]) => HostArgv> {
  // Its locks are in /run, wherever its containers are.
  const inMounts = await privateMounts(place, [['bind,ro', place.rootfs, rootOf(place)]])
  const container = ['-P', join(place.stateDir, 'lxc'), '-n', place.id]
  return (name, ...args) => inMounts([...withoutPath, which(name) ?? name, ...container, ...args])
}

function configure(place: GuestSandbox, given: Options, folders: readonly SystemdFolder[] = []): string {
  const folder = join(place.stateDir, 'lxc')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'config')
  writeFileSync(file, configOf(place, given, folders))
  return file
}

/** LXC, unprivileged unless asked otherwise: the guest's root is nobody on the host. */
export const lxc = defineDriver<Options>({
  kind: 'lxc',
  family: 'container',
  description: 'LXC, a container with its own monitor process',
  options,
  requirements: () => [{ binary: 'lxc-start', package: 'lxc' }],
  configFiles: ({ config }) => (config === undefined ? [] : [config]),
  version: () => ['lxc-start', '--version'],
  requiredImageFiles: ({ init }) => (init === 'systemd' ? [{ file: '/sbin/init', package: 'systemd-sysv' }] : []),
  oneShot: async (place, argv, given) => {
    const tool = await toolsFor(place)
    if (given.init === 'none') return tool('lxc-execute', '-f', configure(place, given), '--', ...argv)
    const config = configure(place, given, prepareSystemd(place, argv, 'poweroff'))
    return withOutcome(place, tool('lxc-start', '-F', '-f', config, '--', ...systemdInit))
  },
  boot: async (place, given) => {
    const tool = await toolsFor(place)
    if (given.init === 'none') {
      await place.run(tool('lxc-start', '-f', configure(place, given), '-d', '--', ...idleCommand))
    } else {
      const config = configure(place, given, prepareSystemd(place, ['/bin/true'], 'stay'))
      await waitForSystemd(place, await place.spawn(tool('lxc-start', '-F', '-f', config, '--', ...systemdInit)))
    }
    const env = guestEnv.flatMap((setting) => ['--set-var', setting])
    return { execArgv: (argv: GuestArgv) => tool('lxc-attach', '--clear-env', ...env, '--', ...argv) }
  },
})
