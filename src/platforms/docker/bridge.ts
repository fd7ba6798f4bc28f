import { basename } from 'node:path'
import { host } from '../../guest/host.ts'
import { idle, type RunGround } from '../driver.ts'
import { ask, type Daemon } from './client.ts'

const bridge = '.NetworkSettings.Networks.bridge'

/** A container's address on the daemon's default bridge. */
export const addressOf = (daemon: Daemon, container: string): Promise<string> =>
  ask(daemon, 'container', 'inspect', '--format', `{{${bridge}.IPAddress}}`, container)

/**
 * Puts isobench's client namespace on the daemon's default bridge, so that guests are called on at their own addresses,
 * without a published port. A container that only sleeps gives its link away: so the daemon itself has made the port and
 * keeps its address from others, and it takes both back when that container is removed.
 */
export async function joinBridge(daemon: Daemon, ground: RunGround, rootfs: string): Promise<void> {
  const container = `${ground.id}-client`
  const image = await daemon.image(rootfs)
  const labels = daemon.labels.map((label) => `--label=${label}`)
  // By runc, whatever the daemon's default: its links are the kernel's own.
  const settings = ['--runtime=runc', '--read-only', '--log-driver=none', `--cgroup-parent=${ground.containerGroup}`]
  await ground.run(
    ground.inside(daemon.client('run', '--detach', '--name', container, ...labels, ...settings, image, ...idle)),
  )
  const format = `{{.State.Pid}} {{${bridge}.IPAddress}}/{{${bridge}.IPPrefixLen}}`
  const [pid, address] = (await ask(daemon, 'container', 'inspect', '--format', format, container)).split(' ')
  const link = `isob-${basename(ground.id).split('-').at(-1)}`
  const [netns, name] = [ground.clientNetns, basename(ground.clientNetns)]
  await host(['nsenter', `--target=${pid}`, '--net', 'ip', 'link', 'set', 'eth0', 'netns', netns, 'name', link])
  await host(['ip', '-n', name, 'addr', 'add', address!, 'dev', link])
  await host(['ip', '-n', name, 'link', 'set', link, 'up'])
}
