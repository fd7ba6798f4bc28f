import type { Limits } from '../../guest/cgroup.ts'
import { runHostCommand } from '../../guest/host.ts'
import type { HostArgv, HostSandbox } from '../driver.ts'
import { pipeTarInto } from '../packing.ts'
import type { Runtime } from '../runtimes.ts'

/** A dockerd that answers, and what isobench keeps in it for a run. */
export interface Daemon {
  /** Whether isobench has started it: then it ends with the run, and all that it has. */
  readonly own: boolean
  /** Argv of its client. */
  client(...args: readonly string[]): HostArgv
  /** What it calls a runtime with these flags; one of isobench's own hears of it now, of Kata as one for guests of these limits. */
  runtime(runtime: Runtime, flags: readonly string[], limits: Limits): Promise<string>
  /** The name of an image with the files of this root filesystem. */
  image(rootfs: string): Promise<string>
  /** The labels of all that isobench makes in it. */
  readonly labels: readonly string[]
}

/** What the client prints, without its line end. */
export const dockerQuery = async (daemon: Pick<Daemon, 'client'>, ...args: readonly string[]): Promise<string> =>
  (await runHostCommand(daemon.client(...args))).trim()

/** The client, with settings of nobody's: those of the user may name another daemon, or start programs for credentials. */
export const clientOf =
  (ground: Pick<HostSandbox, 'stateDir'>, socket: string): Daemon['client'] =>
  (...args) => ['docker', '--config', `${ground.stateDir}/docker-client`, '--host', socket, ...args]

// Constant texts: names and argv come as positional parameters, and nothing of a user's is interpreted.

// A container may be going already, by its own `--rm`: then the client complains, and there is nothing to remove next time.
const removeContainers = `filter=$1 gone=$2; shift 2
for try in 1 2 3 4 5 6 7 8 9 10; do
  found=$("$@" container ls --all --quiet --filter "$filter") || exit "$gone"
  test -n "$found" || exit 0
  "$@" container rm --force --volumes $found && exit 0
  sleep 0.2
done
exit 1`

const removeContainersAndImages = `filter=$1; shift
for kind in container image; do
  found=$("$@" "$kind" ls --all --quiet --filter "$filter" | sort -u) || exit
  test -z "$found" || "$@" "$kind" rm --force $found || exit
done`

/** Argv that removes the containers with a label. A daemon of isobench's own that has gone has taken them along. */
export const removeContainersArgv = ({ own, client }: Daemon, label: string): HostArgv => [
  'sh',
  ...['-c', removeContainers, 'sh', `label=${label}`, own ? '0' : '1'],
  ...client(),
]

/** Argv that removes the containers and the images with a label. */
export const removeAllArgv = (client: Daemon['client'], label: string): HostArgv => [
  'sh',
  ...['-c', removeContainersAndImages, 'sh', `label=${label}`],
  ...client(),
]

/** Argv that makes the image `name` of a folder's files. */
export const importingFolder = (client: Daemon['client'], folder: string, name: string, label: string): HostArgv =>
  pipeTarInto(folder, client('import', '--change', `LABEL ${label}`, '-', name))
