import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type GuestSandbox, type HostArgv, type HostSandbox, idleCommand } from './driver.ts'
import { waitForHostPid } from './namespaces.ts'

// A constant text: folders and argv come as positional parameters, and nothing of a user's is interpreted.
const script = 'while [ "$1" != -- ]; do mount -o "$1" "$2" "$3" || exit; shift 3; done; shift; exec "$@"'

/** Something mounted in a second place. */
export type Bind = readonly [how: 'rbind' | 'bind,ro', from: string, to: string]

/**
 * Argv that runs `argv` with folders of the place mounted where a tool insists on writing, so that it leaves nothing on
 * the host: `/run`, in which it finds the guest's network namespace alone, and what `binds` adds. That process and its
 * children alone see these mounts. What they are mounted on is made below the place's directory; anywhere else it is there
 * already, or mounting fails: this writes nothing to the host's own files.
 */
export function withPrivateMounts(
  place: Pick<HostSandbox, 'stateDir' | 'netns'>,
  argv: HostArgv,
  binds: readonly Bind[] = [],
): HostArgv {
  const run = join(place.stateDir, 'run')
  const all: readonly Bind[] = [
    ...binds,
    ['rbind', place.netns, join(place.stateDir, place.netns)],
    ['rbind', run, '/run'],
  ]
  for (const [, from, to] of all) {
    if (!to.startsWith(`${place.stateDir}/`)) continue
    const isFolder = statSync(from).isDirectory()
    mkdirSync(isFolder ? to : dirname(to), { recursive: true })
    if (!isFolder) writeFileSync(to, '')
  }
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', ...all.flat(), '--', ...argv]
}

/**
 * The same mounts, made once and before anything is timed: wraps argv so that it runs where they are. A process that only
 * sleeps keeps them until the place goes.
 */
export async function privateMounts(
  place: GuestSandbox,
  binds: readonly Bind[] = [],
): Promise<(argv: HostArgv) => HostArgv> {
  const keeper = await waitForHostPid(
    await place.spawn(place.wrap(withPrivateMounts(place, idleCommand, binds))),
    idleCommand,
  )
  return (argv) => place.wrap(['nsenter', `--target=${keeper}`, '--mount', ...argv])
}
