import { basename } from 'node:path'
import { runHostCommand } from '../../guest/host.ts'
import { idleCommand, type RunSandbox } from '../driver.ts'
import { type Daemon, dockerQuery } from './client.ts'

const bridge = '.NetworkSettings.Networks.bridge'

/** A container's address on the daemon's default bridge. */
export const addressOf = (daemon: Daemon, container: string): Promise<string> =>
  dockerQuery(daemon, 'container', 'inspect', '--format', `{{${bridge}.IPAddress}}`, container)

/**
 * Puts isobench's client namespace on the daemon's default bridge, so that guests are called on at their own addresses,
 * without a published port. A container that only sleeps gives its link away: so the daemon itself has made the port and
 * keeps its address from others, and it takes both back when that container is removed.
 */
export async function joinBridge(daemon: Daemon, ground: RunSandbox, rootfs: string): Promise<void> {
  const container = `${ground.id}-client`
  const image = await daemon.image(rootfs)
  const labels = daemon.labels.map((label) => `--label=${label}`)
  // By runc, whatever the daemon's default: its links are the kernel's own.
  const settings = ['--runtime=runc', '--read-only', '--log-driver=none', `--cgroup-parent=${ground.cgroupPath}`]
  await ground.run(
    ground.wrap(daemon.client('run', '--detach', '--name', container, ...labels, ...settings, image, ...idleCommand)),
  )
  const format = `{{.State.Pid}} {{${bridge}.IPAddress}}/{{${bridge}.IPPrefixLen}}`
  const [pid, address] = (await dockerQuery(daemon, 'container', 'inspect', '--format', format, container)).split(' ')
  const link = `isob-${basename(ground.id).split('-').at(-1)}`
  const [netns, name] = [ground.clientNetns, basename(ground.clientNetns)]
  await runHostCommand([
    'nsenter',
    `--target=${pid}`,
    '--net',
    'ip',
    'link',
    'set',
    'eth0',
    'netns',
    netns,
    'name',
    link,
  ])
  await runHostCommand(['ip', '-n', name, 'addr', 'add', address!, 'dev', link])
  await runHostCommand(['ip', '-n', name, 'link', 'set', link, 'up'])
}
