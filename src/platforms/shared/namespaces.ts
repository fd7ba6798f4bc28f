import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type GuestArgv, type HostArgv, idleCommand } from '../../host/process.ts'
import type { GuestSandbox, HostSandbox } from '../../host/sandbox.ts'
import { HostError } from '../../util/errors.ts'

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number)
}

function findBelow(pid: number, commandLine: string): number | undefined {
  if (read(`/proc/${pid}/cmdline`) === commandLine) return pid
  for (const child of childrenOf(pid)) {
    const found = findBelow(child, commandLine)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The host pid of the guest's process `argv` below the launcher `pid`, once it runs.
 * @throws MachineError when it does not appear within 20 s.
 */
export async function waitForHostPid(pid: number, argv: GuestArgv): Promise<number> {
  const commandLine = `${argv.join('\0')}\0`
  for (let tries = 0; tries < 2000; tries++) {
    const found = findBelow(pid, commandLine)
    if (found !== undefined) return found
    await sleep(10)
  }
  throw new HostError(`the guest's ${argv[0]} did not start within 20 s`)
}

/** Argv that runs `argv` in the namespaces, the root and the working directory of the process `leader`. */
export const enterNamespaces = (leader: number, argv: GuestArgv): HostArgv => [
  'nsenter',
  `--target=${leader}`,
  '--mount',
  '--uts',
  '--ipc',
  '--pid',
  '--root',
  '--wd',
  '--',
  ...argv,
]

/** Makes something once for each key; whoever asks meanwhile waits for it. */
export function memoizeAsync<T>(make: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const made = new Map<string, Promise<T>>()
  return (key) => {
    const there = made.get(key) ?? make(key)
    made.set(key, there)
    return there
  }
}

// A constant text: the folder and argv come as positional parameters, and nothing of a user's is interpreted.
const pack = `folder=$1 owners=$2; shift 2
tar --xattrs --xattrs-include='*' --numeric-owner --owner-map="$owners" --group-map="$owners" -C "$folder" -c . | "$@"`

/**
 * Argv that gives a folder's files to `argv` as a tar archive at its input, with their capabilities and their owners, or those
 * that a file says in the form of tar's `--owner-map`.
 */
export const pipeTarInto = (folder: string, argv: HostArgv, owners = '/dev/null'): HostArgv => [
  'sh',
  ...['-c', pack, 'sh', folder, owners],
  ...argv,
]

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
