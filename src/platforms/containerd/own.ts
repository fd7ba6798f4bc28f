import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../../errors.ts'
import type { GuestSandbox, HostArgv } from '../driver.ts'
import { type Bind, withPrivateMounts } from '../private-mounts.ts'

/** A containerd that answers: argv of its client. */
export type Ctr = (...args: readonly string[]) => HostArgv

/** What a daemon and its shims need around them. */
export interface DaemonEnvironment {
  /** What has to be around the daemon on this machine. */
  around?(argv: HostArgv): HostArgv
  /** What of the host's is mounted where they look for it. */
  readonly binds?: readonly Bind[]
  /** Wraps argv so that it runs inside the cgroup; in the guest's network namespace, if it is not given. */
  wrap?(argv: HostArgv): HostArgv
}

/** Parts of containerd that no guest of isobench's needs. Those that a release does not have are not missed by it. */
const disabled = [
  // Kubernetes' interface, which takes as long to start as all the rest: its names before and since containerd 2.
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.nri.v1.nri',
  // It makes /opt/containerd on the host.
  'io.containerd.internal.v1.opt',
  // The image is a folder, so there is nothing to take snapshots of.
  ...['aufs', 'blockfile', 'btrfs', 'devmapper', 'erofs', 'overlayfs', 'zfs'].map(
    (name) => `io.containerd.snapshotter.v1.${name}`,
  ),
]

// A string or a list of strings is the same in TOML and in JSON.
const settings = (root: string) =>
  [
    'version = 2',
    `root = ${JSON.stringify(root)}`,
    'state = "/run/containerd"',
    `disabled_plugins = ${JSON.stringify(disabled)}`,
    '[grpc]',
    'address = "/run/containerd.sock"',
    '',
  ].join('\n')

/**
 * Starts a containerd in a guest's place, where its shims and what they start end with it. Its `/run` is a folder of the
 * place's, in which it finds the guest's network namespace, and what `binds` adds. `around` wraps its argv, and `inside` says
 * where it runs.
 */
export async function startContainerd(
  place: GuestSandbox,
  { around = (argv) => argv, binds, wrap: inside = place.wrap }: DaemonEnvironment = {},
): Promise<Ctr> {
  const [root, config] = [join(place.stateDir, 'containerd'), join(place.stateDir, 'containerd.toml')]
  mkdirSync(root)
  writeFileSync(config, settings(root))
  const daemon = withPrivateMounts(place, around(['containerd', '--config', config, '--log-level', 'error']), binds)
  const pid = await place.spawn(inside(daemon))
  const socket = join(place.stateDir, 'run', 'containerd.sock')
  for (let tries = 0; !existsSync(socket) && existsSync(`/proc/${pid}`); tries++) {
    if (tries > 2000) throw new HostError('containerd did not start within 20 s')
    await sleep(10)
  }
  const ctr: Ctr = (...args) => place.wrap(['ctr', '--address', socket, '--namespace', 'isobench', ...args])
  // The socket is there before anybody answers; what containerd says when it fails is in the same log as this command's error.
  await place.run(ctr('version'))
  return ctr
}
