import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { which } from '../guest/requirements.ts'
import { defineDriver, type GuestArgv, type HostArgv, idle, type Place } from './driver.ts'
import { guestEnv } from './guest-env.ts'
import { privateMounts } from './private-mounts.ts'

const options = z.strictObject({
  /** What the container's first process is: the command, or the image's own systemd, which isobench's image lacks. */
  init: z.enum(['none', 'systemd']).default('none'),
  /** Whether root in the container is root on the host. */
  privileged: z.boolean().default(false),
})
type Options = z.output<typeof options>

/** The host's ids that an unprivileged guest's stand for. Nothing on the host belongs to them. */
const ids = '0 1000000 65536'

/** Where LXC finds the image. It makes and removes something in there before it mounts it read-only. */
const rootOf = (place: Place) => join(place.directory, 'root')

const configOf = (place: Place, { privileged }: Options): string => {
  // Idmapped, so that root in the guest is root on its data and the image keeps its owners.
  const mapped = privileged ? '' : ',idmap=container'
  const group = (name: string) => place.relativeGroup(name)
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
    `lxc.mount.auto = proc:mixed${privileged ? ' sys:ro' : ''}`,
    // A sysfs of its own takes rights over the network namespace, which an unprivileged guest lacks.
    ...(privileged
      ? []
      : ['lxc.mount.entry = /sys sys none rbind,ro 0 0', 'lxc.mount.entry = tmpfs sys/fs/cgroup tmpfs ro 0 0']),
    'lxc.mount.entry = tmpfs tmp tmpfs nosuid,nodev,mode=1777 0 0',
    'lxc.mount.entry = tmpfs run tmpfs nosuid,nodev,mode=755 0 0',
    `lxc.mount.entry = ${place.data} data none bind${mapped} 0 0`,
    'lxc.mount.entry = tmpfs dev/shm tmpfs nosuid,nodev,mode=1777,create=dir 0 0',
    ...guestEnv.map((setting) => `lxc.environment = ${setting}`),
    ...(privileged ? [] : [`lxc.idmap = u ${ids}`, `lxc.idmap = g ${ids}`]),
    `lxc.cgroup.dir.monitor = ${group('monitor')}`,
    `lxc.cgroup.dir.monitor.pivot = ${group('pivot')}`,
    `lxc.cgroup.dir.container = ${group('guest')}`,
    '',
  ].join('\n')
}

/**
 * Without a PATH, LXC does not find newuidmap and writes the map itself, as root may. With it, LXC would insist on a range
 * for root in /etc/subuid, a file of the host's.
 */
const withoutPath: HostArgv = ['env', '-u', 'PATH']

/** LXC's tools, with their container below the place. */
async function toolsFor(place: Place): Promise<(name: string, ...args: readonly string[]) => HostArgv> {
  // Its locks are in /run, wherever its containers are.
  const inMounts = await privateMounts(place, [['bind,ro', place.rootfs, rootOf(place)]])
  const container = ['-P', join(place.directory, 'lxc'), '-n', place.id]
  return (name, ...args) => inMounts([...withoutPath, which(name) ?? name, ...container, ...args])
}

function configure(place: Place, given: Options): string {
  const folder = join(place.directory, 'lxc')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'config')
  writeFileSync(file, configOf(place, given))
  return file
}

/** LXC, unprivileged unless asked otherwise: the guest's root is nobody on the host. */
export const lxc = defineDriver<Options>({
  kind: 'lxc',
  family: 'container',
  about: 'LXC, a container with its own monitor process',
  options,
  requirements: () => [{ binary: 'lxc-start', package: 'lxc' }],
  version: () => ['lxc-start', '--version'],
  obstacle: async ({ init }) =>
    init === 'systemd'
      ? 'a full init needs systemd in the image, and isobench builds its image without one'
      : undefined,
  once: async (place, argv, given) => {
    const tool = await toolsFor(place)
    return tool('lxc-execute', '-f', configure(place, given), '--', ...argv)
  },
  open: async (place, given) => {
    const tool = await toolsFor(place)
    await place.run(tool('lxc-start', '-f', configure(place, given), '-d', '--', ...idle))
    const env = guestEnv.flatMap((setting) => ['--set-var', setting])
    return { enter: (argv: GuestArgv) => tool('lxc-attach', '--clear-env', ...env, '--', ...argv) }
  },
})
