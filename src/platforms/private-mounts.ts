import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Ground, type HostArgv, idle, type Place } from './driver.ts'
import { leaderOf } from './namespaces.ts'

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
  place: Pick<Ground, 'directory' | 'netns'>,
  argv: HostArgv,
  binds: readonly Bind[] = [],
): HostArgv {
  const run = join(place.directory, 'run')
  const all: readonly Bind[] = [
    ...binds,
    ['rbind', place.netns, join(place.directory, place.netns)],
    ['rbind', run, '/run'],
  ]
  for (const [, from, to] of all) {
    if (!to.startsWith(`${place.directory}/`)) continue
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
export async function privateMounts(place: Place, binds: readonly Bind[] = []): Promise<(argv: HostArgv) => HostArgv> {
  const keeper = await leaderOf(await place.start(place.inside(withPrivateMounts(place, idle, binds))), idle)
  return (argv) => place.inside(['nsenter', `--target=${keeper}`, '--mount', ...argv])
}
