import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { defineDriver, type GuestArgv, type HostArgv, idle, type Place } from './driver.ts'

const options = z.strictObject({
  /** What the container's first process is: the command alone, or the image's own systemd. */
  init: z.enum(['none', 'systemd']).default('none'),
  /** Whether root in the container is root on the host. */
  privileged: z.boolean().default(false),
})
type Options = z.output<typeof options>

/** The host's ids that an unprivileged guest's stand for. Nothing on the host belongs to them. */
const ids = '0 1000000 65536'

const configOf = (place: Place, { privileged, init }: Options): string => {
  // Idmapped, so that root in the guest is root on its data and the image keeps its owners.
  const mapped = privileged ? '' : ',idmap=container'
  const group = (name: string) => place.relativeGroup(name)
  return [
    'lxc.uts.name = isobench',
    `lxc.rootfs.path = dir:${place.rootfs}`,
    `lxc.rootfs.options = ro${mapped}`,
    // The monitor starts in the guest's network namespace already.
    'lxc.net.0.type = none',
    'lxc.apparmor.profile = unconfined',
    'lxc.pty.max = 64',
    'lxc.tty.max = 0',
    'lxc.console.path = none',
    `lxc.mount.auto = proc:mixed ${privileged ? 'sys:ro' : ''} ${init === 'systemd' ? 'cgroup:mixed' : ''}`,
    ...(privileged ? [] : ['lxc.mount.entry = /sys sys none rbind,ro 0 0']),
    'lxc.mount.entry = tmpfs tmp tmpfs nosuid,nodev,mode=1777 0 0',
    'lxc.mount.entry = tmpfs run tmpfs nosuid,nodev,mode=755 0 0',
    `lxc.mount.entry = ${place.data} data none bind${mapped} 0 0`,
    ...(privileged ? [] : [`lxc.idmap = u ${ids}`, `lxc.idmap = g ${ids}`]),
    `lxc.cgroup.dir.monitor = ${group('monitor')}`,
    `lxc.cgroup.dir.monitor.pivot = ${group('pivot')}`,
    `lxc.cgroup.dir.container = ${group('guest')}`,
    '',
  ].join('\n')
}

/** A tool of LXC's, with its container below the place. */
function lxc(place: Place, tool: string, ...args: readonly string[]): HostArgv {
  return place.inside([tool, '-P', join(place.directory, 'lxc'), '-n', place.id, ...args])
}

function configure(place: Place, given: Options): string {
  const folder = join(place.directory, 'lxc')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'config')
  writeFileSync(file, configOf(place, given))
  return file
}

export const lxcDriver = defineDriver<Options>({
  kind: 'lxc',
  family: 'container',
  about: 'LXC, a container with its own monitor process',
  options,
  requirements: () => [{ binary: 'lxc-start', package: 'lxc' }],
  version: () => ['lxc-start', '--version'],
  once: async (place, argv, given) =>
    lxc(place, 'lxc-start', '-f', configure(place, given), '-F', '--', ...argv),
  open: async (place, given) => {
    const config = configure(place, given)
    await place.run(lxc(place, 'lxc-start', '-f', config, '-d', '--', ...idle))
    return { enter: (argv: GuestArgv) => lxc(place, 'lxc-attach', '--', ...argv) }
  },
})
export { lxcDriver as lxc }
