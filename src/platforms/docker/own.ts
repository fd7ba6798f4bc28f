import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../../errors.ts'
import { which } from '../../guest/requirements.ts'
import type { HostArgv, RunSandbox } from '../driver.ts'
import { syslog, syslogBinds } from '../kata/syslog.ts'
import { memoizeAsync } from '../once-per.ts'
import { withPrivateMounts } from '../private-mounts.ts'
import { clientOf, type Daemon, dockerQuery, importingFolder } from './client.ts'
import { registry } from './registry.ts'

/**
 * Starts a dockerd for this run: with its containerd, bridge and firewall rules in a namespace, with its data, sockets and
 * `/run` below a folder, and in a cgroup, all of which go with the run.
 */
export async function startDaemon(ground: RunSandbox): Promise<Daemon> {
  const data = join(ground.stateDir, 'docker')
  // Its /run is this folder, by the mounts below.
  const socket = join(ground.stateDir, 'run', 'docker.sock')
  mkdirSync(join(data, 'etc'), { recursive: true })
  const settings = join(ground.stateDir, 'daemon.json')
  writeFileSync(settings, '{}')
  const argv: HostArgv = [
    'dockerd',
    `--data-root=${data}`,
    '--exec-root=/run/docker',
    '--pidfile=/run/docker.pid',
    '--host=unix:///run/docker.sock',
    `--config-file=${settings}`,
    '--storage-driver=overlay2',
    '--exec-opt=native.cgroupdriver=cgroupfs',
    `--cgroup-parent=${ground.cgroupPath}`,
    `--bip=${ground.subnet}.1/24`,
    // Its rules are in its own namespace, whichever kind the host's iptables makes, and no traffic needs them.
    ...(which('iptables') === undefined ? ['--iptables=false'] : []),
    '--log-level=error',
  ]
  // Docker 20.10 keeps a key of its own in there.
  const keys = existsSync('/etc/docker') ? ([['rbind', join(data, 'etc'), '/etc/docker']] as const) : []
  // One of the runtimes may be Kata's.
  const binds = [...keys, ...syslogBinds(ground, syslog())]
  const pid = await ground.spawn(ground.wrap(withPrivateMounts(ground, argv, binds)))
  const client = clientOf(ground, `unix://${socket}`)
  const label = `isobench=${ground.id}`
  await until(
    () => existsSync(socket),
    () => existsSync(`/proc/${pid}`),
  )
  // The socket is there before anybody answers; what dockerd says when it fails is in the same log as this command's error.
  await ground.run(client('version'))
  const runtime = registry({ pid, settings, client, programs: join(ground.stateDir, 'runtimes') })
  return { own: true, client, labels: [label], runtime, image: memoizeAsync((rootfs) => giveImage(rootfs)) }

  /**
   * Docker runs nothing but what it has imported, and importing copies: 1 GB and half a minute. So it imports a layer of one
   * empty file, and the image is mounted where the layer's files would be. It is a lower layer of an overlay: never written to.
   */
  async function giveImage(rootfs: string): Promise<string> {
    const digest = createHash('sha256').update(rootfs).digest('hex').slice(0, 12)
    const folder = join(ground.stateDir, 'layers', digest)
    mkdirSync(folder, { recursive: true })
    // Or two images would be one and the same empty layer.
    writeFileSync(join(folder, digest), '')
    const name = `isobench:${digest}`
    await ground.run(ground.wrap(importingFolder(client, folder, name, label)))
    const layer = await dockerQuery({ client }, 'image', 'inspect', '--format', '{{.GraphDriver.Data.UpperDir}}', name)
    await ground.run(['nsenter', `--target=${pid}`, '--mount', 'mount', '--bind', rootfs, layer])
    return name
  }
}

async function until(isThere: () => boolean, isAlive: () => boolean): Promise<void> {
  for (let tries = 0; !isThere() && isAlive(); tries++) {
    if (tries > 3000) throw new HostError('dockerd did not start within 30 s')
    await sleep(10)
  }
}
