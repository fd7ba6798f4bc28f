import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { MachineError } from '../errors.ts'
import { defineDriver, type GuestArgv, type HostArgv, idle, type Place } from './driver.ts'
import { guestEnv } from './guest-env.ts'
import { withPrivateMounts } from './private-mounts.ts'

const image = 'isobench'

/** A dockerd of the guest's own: in its cgroup and its network namespace, with all that it keeps below the place. */
interface Daemon {
  readonly data: string
  readonly socket: string
}

const daemonOf = (place: Place): Daemon => ({
  data: join(place.directory, 'docker'),
  // Its /run is this folder, by the mounts below.
  socket: join(place.directory, 'run', 'docker.sock'),
})

/** The client, which needs none of the daemon's mounts. */
const client = (place: Place, ...args: readonly string[]): HostArgv =>
  place.inside([
    'docker',
    ...['--config', join(place.directory, 'docker-client')],
    ...['--host', `unix://${daemonOf(place).socket}`],
    ...args,
  ])

async function startDaemon(place: Place): Promise<void> {
  const { data, socket } = daemonOf(place)
  mkdirSync(join(data, 'etc'), { recursive: true })
  const daemon: HostArgv = [
    'dockerd',
    `--data-root=${data}`,
    '--exec-root=/run/docker',
    '--pidfile=/run/docker.pid',
    '--host=unix:///run/docker.sock',
    `--config-file=${join(place.directory, 'daemon.json')}`,
    '--storage-driver=overlay2',
    '--exec-opt=native.cgroupdriver=cgroupfs',
    `--cgroup-parent=${place.containerGroup}`,
    // The guest's link is there already: nothing to be bridged, forwarded or translated.
    ...['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'],
    '--log-level=error',
  ]
  writeFileSync(join(place.directory, 'daemon.json'), '{}')
  // Docker 20.10 keeps a key of its own in there.
  const keys = existsSync('/etc/docker') ? ([['rbind', join(data, 'etc'), '/etc/docker']] as const) : []
  const pid = await place.start(place.inside(withPrivateMounts(place, daemon, keys)))
  await until(() => existsSync(socket), 'dockerd')
  await giveImage(place, pid)
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 2000) throw new MachineError(`${what} did not start within 20 s`)
    await sleep(10)
  }
}

/**
 * Docker runs nothing but what it has imported, and importing copies: 1 GB for each guest. So it imports an empty layer,
 * and the image is mounted where the layer's files would be. It is a lower layer of an overlay: never written to.
 */
async function giveImage(place: Place, daemon: number): Promise<void> {
  const empty = join(place.directory, 'empty.tar')
  writeFileSync(empty, Buffer.alloc(1024))
  await place.run(client(place, 'import', empty, image))
  const layers = join(daemonOf(place).data, 'overlay2')
  const [layer] = readdirSync(layers).filter((name) => /^[0-9a-f]{64}$/.test(name))
  if (layer === undefined) throw new MachineError(`dockerd has put no layer into ${layers}`)
  const target = join(layers, layer, 'diff')
  await place.run(['nsenter', `--target=${daemon}`, '--mount', 'mount', '--bind', place.rootfs, target])
}

const container = (place: Place): readonly string[] => [
  `--name=${place.id}`,
  // The daemon's own, which is the guest's.
  '--network=host',
  '--hostname=isobench',
  '--read-only',
  ...['--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777', '--tmpfs=/run:rw,exec,nosuid,nodev,mode=755'],
  // Below the hard limit of hosts without CAP_SYS_RESOURCE.
  '--ulimit=nofile=16384:16384',
  '--log-driver=none',
  `--mount=type=bind,source=${place.data},destination=/data`,
  ...guestEnv.map((setting) => `--env=${setting}`),
  image,
]

/** Docker, with a daemon of isobench's own: a daemon of the host's is neither asked nor touched. */
export const docker = defineDriver({
  kind: 'docker',
  family: 'container',
  about: 'Docker over runc, with a daemon of its own for each guest',
  options: z.strictObject({}),
  requirements: () => [
    { binary: 'dockerd', package: 'docker.io' },
    { binary: 'docker', package: 'docker.io' },
    { binary: 'nsenter', package: 'util-linux' },
  ],
  version: () => ['dockerd', '--version'],
  once: async (place, argv) => {
    await startDaemon(place)
    return client(place, 'run', '--rm', '--interactive', ...container(place), ...argv)
  },
  open: async (place) => {
    await startDaemon(place)
    await place.run(client(place, 'run', '--detach', ...container(place), ...idle))
    return { enter: (argv: GuestArgv) => client(place, 'exec', '--interactive', place.id, ...argv) }
  },
})
