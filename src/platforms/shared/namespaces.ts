/** Mount and other namespaces of guests, and pids of processes in them. */

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { deviceNames } from '../../host/mounts.ts'
import { type GuestArgv, type HostArgv, idleCommand } from '../../host/process.ts'
import type { GuestSandbox, HostSandbox } from '../../host/sandbox.ts'
import { syscallNumber } from '../../host/syscall-names.ts'
import { programPath } from '../../util/assets.ts'
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
 * Waits until the guest's process `argv` runs below the launcher `pid`.
 * @returns its pid on the host
 * @throws {HostError} after 20 s
 */
export async function waitForHostPid(pid: number, argv: GuestArgv): Promise<number> {
  const commandLine = `${argv.join('\0')}\0`
  for (let tries = 0; tries < 2000; tries++) {
    const found = findBelow(pid, commandLine)
    if (found !== undefined) return found
    await sleep(10)
  }
  throw new HostError(`the guest's ${argv[0]} did not start within 20 s.`)
}

/** Numbers of the system calls that the program which enters a guest makes. */
const systemCalls = ['setns', 'prctl', 'capset', 'seccomp'].map((name) => syscallNumber(name)).join(',')

/**
 * Returns argv that runs `argv` in the namespaces, the root and the working directory of the process `leader`, with its
 * capabilities and no_new_privs, and with a seccomp filter if it has one.
 * @param filter a file with the program of the filter
 */
export const execConfined = (leader: number, filter: string | undefined, argv: GuestArgv): HostArgv => [
  'perl',
  programPath('enter-guest.pl'),
  String(leader),
  filter ?? '-',
  systemCalls,
  ...argv,
]

/** Memoizes an asynchronous function. Concurrent callers share the promise, even if it rejects. */
export function memoizeAsync<T>(create: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const cache = new Map<string, Promise<T>>()
  return (key) => {
    const promise = cache.get(key) ?? create(key)
    cache.set(key, promise)
    return promise
  }
}

// The script is constant: directory and argv are positional parameters, so the shell does not interpret them.
const tarScript = `folder=$1 owners=$2; shift 2
tar --xattrs --xattrs-include='*' --numeric-owner --owner-map="$owners" --group-map="$owners" -C "$folder" -c . | "$@"`

/**
 * Returns argv that passes the files of a directory as a tar archive to the standard input of `argv`, including
 * capabilities. `owners`: a file in the format of tar's `--owner-map` that changes the owners.
 */
export const pipeTarInto = (folder: string, argv: HostArgv, owners = '/dev/null'): HostArgv => [
  'sh',
  ...['-c', tarScript, 'sh', folder, owners],
  ...argv,
]

// The script is constant: directories and argv are positional parameters, so the shell does not interpret them.
const mountScript = 'while [ "$1" != -- ]; do mount -o "$1" "$2" "$3" || exit; shift 3; done; shift; exec "$@"'

/** A bind mount. */
export type Bind = readonly [how: 'rbind' | 'bind,ro' | 'bind,nosuid,nodev', from: string, to: string]

/**
 * Returns mounts that replace the host's device nodes by those of the sandbox, for platforms that copy or bind the
 * nodes that they find in /dev.
 */
export const deviceBinds = async (sandbox: Pick<HostSandbox, 'deviceNodes'>): Promise<Bind[]> => {
  const folder = await sandbox.deviceNodes()
  return deviceNames
    .filter((name) => existsSync(join('/dev', name)))
    .map((name) => ['rbind', join(folder, name), join('/dev', name)])
}

/**
 * Returns argv that runs `argv` with directories of the sandbox mounted where a tool insists on writing, so that it
 * changes nothing on the host: `/run`, which contains the guest's network namespace, and `binds`. Only this process and
 * its children see the mounts. Creates missing mount points, but only in the state directory. Elsewhere they must
 * exist.
 */
export function withPrivateMounts(
  sandbox: Pick<HostSandbox, 'stateDir' | 'netns'>,
  argv: HostArgv,
  binds: readonly Bind[] = [],
): HostArgv {
  const run = join(sandbox.stateDir, 'run')
  const all: readonly Bind[] = [
    ...binds,
    ['rbind', sandbox.netns, join(sandbox.stateDir, sandbox.netns)],
    ['rbind', run, '/run'],
  ]
  for (const [, from, to] of all) {
    if (!to.startsWith(`${sandbox.stateDir}/`)) continue
    const isFolder = statSync(from).isDirectory()
    mkdirSync(isFolder ? to : dirname(to), { recursive: true })
    if (!isFolder) writeFileSync(to, '')
  }
  return ['unshare', '--mount', 'sh', '-c', mountScript, 'sh', ...all.flat(), '--', ...argv]
}

/**
 * The path on the host of a socket of a process with private mounts. The address of a socket has at most 107 bytes
 * (unix(7)), and the path of a sandbox may be longer.
 */
export const socketOf = (pid: number, path: `/run/${string}`): string => `/proc/${pid}/root${path}`

/**
 * Creates the same mounts once, before anything is timed. A sleeping process keeps them until the sandbox is removed.
 * @returns a function that wraps argv so that it runs with these mounts
 */
export async function privateMounts(
  sandbox: GuestSandbox,
  binds: readonly Bind[] = [],
): Promise<(argv: HostArgv) => HostArgv> {
  const keeper = await waitForHostPid(
    await sandbox.spawn(sandbox.wrap(withPrivateMounts(sandbox, idleCommand, binds))),
    idleCommand,
  )
  return (argv) => sandbox.wrap(['nsenter', `--target=${keeper}`, '--mount', ...argv])
}
