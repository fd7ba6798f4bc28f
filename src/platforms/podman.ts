import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { withoutHybrid } from './crun.ts'
import { defineDriver, type GuestArgv, type HostArgv, idle, type Place } from './driver.ts'
import { guestEnv } from './guest-env.ts'
import { privateMounts } from './private-mounts.ts'

const options = z.strictObject({
  /** The OCI runtime below it. */
  runtime: z.enum(['crun', 'runc']).default('crun'),
})
type Options = z.output<typeof options>

/** podman's settings: locks as files rather than in the host's shared memory, and nothing of the host's configuration. */
const settings = (networks: string) => `[engine]
lock_type = "file"
cgroup_manager = "cgroupfs"
events_logger = "none"
[network]
network_config_dir = ${JSON.stringify(networks)}
`

/** podman, with all that it keeps below the place. */
async function podmanFor(place: Place, { runtime }: Options): Promise<(...args: readonly string[]) => HostArgv> {
  const at = (name: string) => join(place.directory, 'podman', name)
  mkdirSync(at('tmp'), { recursive: true })
  writeFileSync(at('containers.conf'), settings(at('networks')))
  const inMounts = await privateMounts(place)
  const command: HostArgv = [
    'env',
    `CONTAINERS_CONF=${at('containers.conf')}`,
    `TMPDIR=${at('tmp')}`,
    'podman',
    `--root=${at('storage')}`,
    // What it keeps in /run is the place's too, by these mounts; a longer path is none that it takes.
    '--runroot=/run/containers',
    '--tmpdir=/run/libpod',
    // No image is ever stored: the guest's root filesystem is given as a folder.
    '--storage-driver=vfs',
    `--runtime=${runtime}`,
  ]
  return (...args) => inMounts(runtime === 'crun' ? withoutHybrid([...command, ...args]) : [...command, ...args])
}

const container = (place: Place): readonly string[] => [
  `--name=${place.id}`,
  `--cgroup-parent=${place.containerGroup}`,
  `--network=ns:${place.netns}`,
  '--hostname=isobench',
  // Or podman would write into the image.
  '--no-hosts',
  '--dns=none',
  '--read-only',
  '--log-driver=none',
  // Its profile refuses libaio's calls, and the other containers have none.
  '--security-opt=seccomp=unconfined',
  // Its defaults are above the hard limits of hosts without CAP_SYS_RESOURCE.
  ...['--ulimit=nofile=16384:16384', '--ulimit=nproc=4096:4096'],
  `--mount=type=bind,source=${place.data},destination=/data`,
  ...guestEnv.map((setting) => `--env=${setting}`),
  // Over it an overlay: podman makes an /etc/mtab, and that in the image if it were let.
  '--rootfs',
  `${place.rootfs}:O`,
]

/** podman, rootful: a container engine without a daemon, over an OCI runtime. */
export const podman = defineDriver<Options>({
  kind: 'podman',
  family: 'container',
  about: 'podman, an engine without a daemon over an OCI runtime',
  options,
  requirements: ({ runtime }) => [
    { binary: 'podman', package: 'podman' },
    { binary: runtime, package: runtime },
  ],
  version: () => ['podman', '--version'],
  once: async (place, argv, given) => {
    const command = await podmanFor(place, given)
    return command('run', '--rm', '--interactive', ...container(place), ...argv)
  },
  open: async (place, given) => {
    const command = await podmanFor(place, given)
    await place.run(command('run', '--detach', ...container(place), ...idle))
    return { enter: (argv: GuestArgv) => command('exec', '--interactive', place.id, ...argv) }
  },
})
