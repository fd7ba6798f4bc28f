import * as z from 'zod'
import { addressOf, joinBridge } from './docker/bridge.ts'
import { ask, type Daemon, removingContainers } from './docker/client.ts'
import { startDaemon } from './docker/own.ts'
import { isSecure, runtimeRequirement, runtimes } from './docker/runtimes.ts'
import { defineDriver, type GuestArgv, type HostArgv, idle, type Place } from './driver.ts'
import { guestEnv } from './guest-env.ts'

const options = z.strictObject({
  /** The OCI runtime below it. */
  runtime: z.enum(runtimes).default('runc'),
})
type Options = z.output<typeof options>

/** The run's daemon, with the image, and with a label of the guest's on what is made for it. */
async function daemonFor(place: Place): Promise<{ readonly daemon: Daemon; readonly image: string }> {
  const daemon = await place.forRun('docker', async (ground) => {
    const started = await startDaemon(ground)
    await joinBridge(started, ground, place.rootfs)
    return started
  })
  const image = await daemon.image(place.rootfs)
  await place.undoneBy(`the containers of ${place.id}`, removingContainers(daemon, guestLabel(place)))
  return { daemon, image }
}

const guestLabel = ({ id }: Place) => `isobench.guest=${id}`

const settings = (place: Place, { labels }: Daemon, { runtime }: Options): readonly string[] => [
  `--name=${place.id}`,
  ...[...labels, guestLabel(place)].map((label) => `--label=${label}`),
  `--runtime=${runtime === 'kata' ? 'io.containerd.kata.v2' : runtime}`,
  `--cgroup-parent=${place.containerGroup}`,
  // The group above has these limits already; runtimes with a kernel of their own go by what they are told.
  `--cpuset-cpus=${place.limits.cpus.join(',')}`,
  `--memory=${place.limits.memoryBytes}`,
  '--hostname=isobench',
  '--read-only',
  ...['--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777', '--tmpfs=/run:rw,exec,nosuid,nodev,mode=755'],
  // Below the hard limit of hosts without CAP_SYS_RESOURCE.
  '--ulimit=nofile=16384:16384',
  '--log-driver=none',
  `--mount=type=bind,source=${place.data},destination=/data`,
  ...guestEnv.map((setting) => `--env=${setting}`),
]

// A constant text: the pid and argv come as positional parameters, and nothing of a user's is interpreted.
// A zombie, which kill would still find, has no exe.
const watching = `guest=$1; shift; exec 3<&0
"$@" <&3 3<&- & client=$!
{ while test -e "/proc/$guest/exe"; do sleep 1; done; sleep 1; kill -KILL "$client"; } <&- 3<&- >/dev/null 2>&1 & watcher=$!
wait "$client"; code=$?
kill "$watcher" 2>/dev/null
exit "$code"`

/**
 * `docker exec` is not told when a sandbox is gone with all that ran in it, as when it went over its memory, and would wait
 * for ever. Argv that runs it, and ends it with 137 when the process `guest` is gone.
 */
const untilGone = (guest: string, argv: HostArgv): HostArgv => ['sh', '-c', watching, 'sh', guest, ...argv]

/** Docker, through a dockerd and its default bridge. */
export const docker = defineDriver<Options>({
  kind: 'docker',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  about: 'Docker, through a daemon and its default bridge, over an OCI runtime',
  options,
  requirements: ({ runtime }) => [
    { binary: 'dockerd', package: 'docker.io' },
    { binary: 'docker', package: 'docker.io' },
    runtimeRequirement(runtime),
  ],
  version: () => ['dockerd', '--version'],
  once: async (place, argv, given) => {
    const { daemon, image } = await daemonFor(place)
    return place.inside(
      daemon.client('run', '--rm', '--interactive', ...settings(place, daemon, given), image, ...argv),
    )
  },
  open: async (place, given) => {
    const { daemon, image } = await daemonFor(place)
    await place.run(place.inside(daemon.client('run', '--detach', ...settings(place, daemon, given), image, ...idle)))
    const address = await addressOf(daemon, place.id)
    const enter = (argv: GuestArgv) => daemon.client('exec', '--interactive', place.id, ...argv)
    if (!isSecure(given.runtime)) return { address, enter: (argv) => place.inside(enter(argv)) }
    const guest = await ask(daemon, 'container', 'inspect', '--format', '{{.State.Pid}}', place.id)
    return { address, enter: (argv) => place.inside(untilGone(guest, enter(argv))) }
  },
})
