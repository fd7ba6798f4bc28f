import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { which } from '../guest/requirements.ts'
import { defineDriver, type GuestArgv, type GuestSandbox, type HostArgv, idleCommand } from './driver.ts'
import { guestEnv } from './guest-env.ts'
import { privateMounts } from './private-mounts.ts'
import { prepareSystemd, type SystemdFolder, systemdInit, waitForSystemd, withOutcome } from './systemd-boot.ts'

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
