/** Objects that guests could leave on the host, listed before and after. */

import { execFileSync } from 'node:child_process'
import { type Dirent, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hostEnvironment } from '../host/environment.ts'
import { guestsFolder } from '../host/paths.ts'
import { isAlive, processId } from '../host/process.ts'

/** Seconds that one boot or command may take. Emulated CPUs take a minute on a busy host; a VM may set more. */
export const bootSeconds = Number(process.env.ISOBENCH_PROBE_SECONDS || 150)

/** Folders, and whether to look below them: where the platforms' own tools keep their state when they are let. */
const watched: readonly (readonly [folder: string, deep: boolean])[] = [
  ['/run', true],
  ['/dev/shm', true],
  ['/etc/cni', true],
  ['/etc/docker', true],
  ['/var/lib', false],
  ['/var/lib/containers', true],
  ['/var/lib/lxc', true],
  ['/var/lib/docker', false],
  ['/var/lib/machines', true],
  ['/var/tmp', false],
]

/** The content of a folder and, optionally, below it. Other processes may remove files at the same time. */
function below(folder: string, deep: boolean): string[] {
  let items: Dirent[]
  try {
    items = readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
  return items.flatMap((item) => {
    const path = join(folder, item.name)
    return deep && item.isDirectory() ? [path, ...below(path, true)] : [path]
  })
}

/** The kernel creates the files of a cgroup. Only the cgroups are listed. */
function cgroups(folder = '/sys/fs/cgroup'): string[] {
  let items: Dirent[]
  try {
    items = readdirSync(folder, { withFileTypes: true }).filter((item) => item.isDirectory())
  } catch {
    return []
  }
  return items.flatMap(({ name }) => [join(folder, name), ...cgroups(join(folder, name))])
}

/** A cgroup without our names that has processes belongs to another user of this host. */
function inhabited(group: string): boolean {
  try {
    return readFileSync(join(group, 'cgroup.procs'), 'utf8') !== ''
  } catch {
    return false
  }
}

const lines = (text: string) => text.split('\n').filter(Boolean)

/** Another isobench may run during the tests, with another state folder and so another lock. */
const ours = (line: string) => !/\bisob-|\/isobench\b|\bisob\d/.test(line)

/** All objects on the host that a guest could have created, except those with names of isobench. */
export function traces(image: string): ReadonlySet<string> {
  const mounts = lines(readFileSync('/proc/self/mountinfo', 'utf8')).map((line) => `mount ${line.split(' ')[4]}`)
  const links = lines(execFileSync('ip', ['-brief', 'link'], { encoding: 'utf8', env: hostEnvironment() })).map(
    (line) => line.split(/\s+/)[0]!,
  )
  const loops = readdirSync('/sys/block').filter((name) => read(`/sys/block/${name}/loop/backing_file`) !== '')
  // A change of a folder shows what was made in it and removed.
  const folders = [image, ...below(image, false), join(image, 'usr/bin'), join(image, 'var/lib')]
  const changes = folders.map((path) => `${path} of ${lstatSync(path).ctime.toISOString()}`)
  const files = watched.flatMap(([folder, deep]) => below(folder, deep))
  return new Set(
    [...cgroups(), ...mounts, ...links.map((link) => `link ${link}`), ...loops, ...files].filter(ours).concat(changes),
  )
}

/** Namespaces that processes of the guest have and the host does not, as the kernel names them: `pid:[4026532500]`. */
export function namespacesOf(pids: readonly number[]): string[] {
  const hosts = new Set(namespacesIn('self'))
  return [...new Set(pids.flatMap((pid) => namespacesIn(String(pid))))].filter((name) => !hosts.has(name))
}

function namespacesIn(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/ns`).map((name) => readlinkSync(`/proc/${pid}/ns/${name}`))
  } catch {
    // The process has ended.
    return []
  }
}

/** The namespaces that something on this host still holds, without new ones that reuse a number. */
function heldNamespaces(wanted: ReadonlySet<string>): string[] {
  const holders = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  return holders.flatMap((pid) => {
    const held = namespacesIn(pid).filter((name) => wanted.has(name))
    return held.length > 0 && ours(read(`/proc/${pid}/cgroup`)) ? held.map((name) => `${name} of process ${pid}`) : []
  })
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

/** Whatever carries the guest's own name: processes, cgroups, mounts, namespaces, folders. */
function named(id: string): string[] {
  const name = new RegExp(`${id}(?!\\d)`)
  const processes = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => name.test(read(`/proc/${pid}/cmdline`)) || name.test(read(`/proc/${pid}/cgroup`)))
    .map((pid) => processId(Number(pid)))
    .filter((process) => process !== undefined && isAlive(process))
    .map((process) => `process ${process!.pid} ${read(`/proc/${process!.pid}/cmdline`).replaceAll('\0', ' ')}`)
  const folders = [
    ...cgroups(),
    ...lines(readFileSync('/proc/self/mountinfo', 'utf8')),
    ...below('/run', true),
    ...below(guestsFolder(), false),
  ]
  return [...processes, ...folders.filter((folder) => name.test(folder))]
}

/**
 * Returns new objects, objects named after `ids`, and processes in `namespaces`. Waits up to 5 s, because the first
 * process of a PID namespace stays until the host's init has reaped the processes that it adopted.
 */
export async function left(
  before: ReadonlySet<string>,
  image: string,
  ids: readonly string[],
  namespaces: readonly string[] = [],
): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const found = [
      ...ids.flatMap(named),
      ...heldNamespaces(new Set(namespaces)),
      ...[...traces(image)].filter((trace) => !before.has(trace) && !inhabited(trace)),
    ]
    if (found.length === 0 || tries >= 50) return found
    await sleep(100)
  }
}
