import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { hideHybridHierarchy } from './crun.ts'
import { defineDriver, type GuestArgv, type GuestSandbox, type HostArgv, idleCommand } from './driver.ts'
import { guestEnv } from './guest-env.ts'
import { cpuModeOf, engineOptions, modePreflight, requireRunsc, runscFlags } from './gvisor/options.ts'
import { chownDataDir, makeRootless, rootlessPreflight } from './podman/rootless.ts'
import { podmanSettings } from './podman/settings.ts'
import { privateMounts } from './private-mounts.ts'
import { isSecure, makeProgram, runtimeRequirement, runtimeVersionText } from './runtimes.ts'

const options = z
  .strictObject({
    /** The OCI runtime below it. */
    runtime: z.enum(['crun', 'runc', 'runsc']).default('crun'),
    /** Whether an unprivileged user runs it: root in the guest is then that user. */
    rootless: z.boolean().default(false),
    ...engineOptions,
  })
  .refine(({ runtime, rootless }) => !(rootless && runtime === 'runsc'), {
    path: ['runtime'],
    message: 'rootless podman runs over "crun" or "runc": runsc needs root for a network of its own',
  })
  .superRefine(requireRunsc)
type Options = z.output<typeof options>

/** podman, with all that it keeps below the place. */
async function podmanFor(place: GuestSandbox, given: Options): Promise<(...args: readonly string[]) => HostArgv> {
  const at = (name: string) => join(place.stateDir, 'podman', name)
  mkdirSync(at('tmp'), { recursive: true })
  writeFileSync(at('containers.conf'), podmanSettings(at('networks')))
  const inMounts = await privateMounts(place)
  const { runtime } = given
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
    `--runtime=${runtime === 'runsc' ? makeProgram(at('runtimes/runsc'), runtime, runscFlags(given)) : runtime}`,
  ]
  return (...args) => inMounts(runtime === 'crun' ? hideHybridHierarchy([...command, ...args]) : [...command, ...args])
}

/** What every container has, whoever runs it. */
const common = (place: GuestSandbox): readonly string[] => [
  `--name=${place.id}`,
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
  `--mount=type=bind,source=${place.dataDir},destination=/data`,
  ...guestEnv.map((setting) => `--env=${setting}`),
]

/** podman for one guest: argv of a command of it, and what `run` is given before the guest's argv. */
interface Engine {
  command(...args: readonly string[]): HostArgv
  readonly container: readonly string[]
}

async function rootful(place: GuestSandbox, given: Options): Promise<Engine> {
  const container = [
    ...common(place),
    `--cgroup-parent=${place.cgroupPath}`,
    `--network=ns:${place.netns}`,
    // Over it an overlay: podman makes an /etc/mtab, and that in the image if it were let.
    ...['--rootfs', `${place.rootfs}:O`],
  ]
  return { command: await podmanFor(place, given), container }
}

async function rootless(place: GuestSandbox, { runtime }: Options): Promise<Engine> {
  const podman = await place.oncePerRun(`podman-${runtime}`, (ground) => makeRootless(ground, runtime))
  const rootfs = await podman.image(place.rootfs)
  const command = (...args: readonly string[]) => place.wrap(podman.command(...args))
  chownDataDir(place)
  // The store ends with the run; a container that is left in it until then is but a record.
  const removing = podman.command('rm', '--force', '--time=0', '--ignore', place.id)
  await place.onCleanup(`the container of ${place.id}`, ['sh', '-c', '"$@" || exit 0', 'sh', ...removing])
  const container = [
    ...common(place),
    // A user without rights can't join the guest's namespace, so podman is started in it; nor can it make cgroups on every
    // host: the container stays in the place's.
    '--network=host',
    ...(runtime === 'crun' ? ['--cgroups=disabled'] : []),
    ...['--rootfs', `${rootfs}:O`],
  ]
  return { command, container }
}

const engineFor = (place: GuestSandbox, given: Options) => (given.rootless ? rootless : rootful)(place, given)

/** podman, a container engine without a daemon, over an OCI runtime. */
export const podman = defineDriver<Options>({
  kind: 'podman',
  family: ({ runtime }) => (isSecure(runtime) ? 'secure-container' : 'container'),
  description: 'podman, an engine without a daemon over an OCI runtime, as root or as an unprivileged user',
  options,
  requirements: ({ runtime, rootless }) => [
    { binary: 'podman', package: 'podman' },
    runtimeRequirement(runtime),
    ...(rootless
      ? [
          { binary: 'newuidmap', package: 'uidmap' },
          { binary: 'setpriv', package: 'util-linux' },
        ]
      : []),
  ],
  version: () => ['podman', '--version'],
  versionDetails: (given) => runtimeVersionText(given.runtime, runscFlags(given)),
  preflight: async ({ rootless, mode }) => (rootless ? rootlessPreflight() : modePreflight(mode)),
  cpuMode: async ({ mode }) => cpuModeOf(mode),
  oneShot: async (place, argv, given) => {
    const { command, container } = await engineFor(place, given)
    return command('run', '--rm', '--interactive', ...container, ...argv)
  },
  boot: async (place, given) => {
    const { command, container } = await engineFor(place, given)
    await place.run(command('run', '--detach', ...container, ...idleCommand))
    return { execArgv: (argv: GuestArgv) => command('exec', '--interactive', place.id, ...argv) }
  },
})
