/** Cgroups of isobench on v1, v2 and hybrid hosts: creating, limiting, freezing, counting OOM kills, and removing. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../util/errors.ts'
import { parseCpuList } from './cpus.ts'
import { recordFinalUsage } from './load.ts'
import { mounts } from './mounts.ts'
import { type HostArgv, isAlive, processId } from './process.ts'

/** The limits of one guest. */
export interface Limits {
  /** Host CPU numbers. */
  readonly cpus: readonly number[]
  readonly memoryBytes: number
  /** The most processes and threads, those of the platform included. Absent: no limit. */
  readonly processes?: number
  /** The most bytes of `/data`. Absent: no limit. */
  readonly dataBytes?: number
}

interface Hierarchy {
  readonly path: string
  readonly version: 1 | 2
  readonly controllers: readonly string[]
}

const managedControllers = ['cpuset', 'cpu', 'cpuacct', 'memory', 'pids', 'freezer']

/**
 * Lists the mounted cgroup hierarchies: one on a v2 host, one per controller on a v1 host, both kinds on a hybrid host.
 */
function hierarchies(): Hierarchy[] {
  return mounts()
    .filter(({ type, path }) => (type === 'cgroup' || type === 'cgroup2') && path.startsWith('/sys/fs/cgroup'))
    .map(({ path, type, superOptions }) => ({
      path,
      version: type === 'cgroup2' ? 2 : 1,
      controllers: type === 'cgroup2' ? readWords(join(path, 'cgroup.controllers')) : superOptions,
    }))
}

function readWords(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split(/\s+/).filter(Boolean)
  } catch {
    return []
  }
}

/** isobench's parent cgroup in every hierarchy. */
const rootGroup = 'isobench'

function hierarchyWith(controller: string): Hierarchy | undefined {
  return hierarchies().find(
    ({ controllers, version }) => controllers.includes(controller) || (version === 2 && controller === 'freezer'),
  )
}

/**
 * Returns 1 if the memory controller is in a v1 hierarchy, 2 if it is in the unified hierarchy.
 * @throws {HostError} if no hierarchy has the memory controller
 */
export function cgroupVersion(): 1 | 2 {
  const memory = hierarchyWith('memory')
  if (!memory)
    throw new HostError('no cgroup hierarchy has the memory controller.', 'boot the host with cgroups enabled')
  return memory.version
}

function createRootGroup({ path, version, controllers }: Hierarchy): void {
  const folder = join(path, rootGroup)
  if (version === 2) {
    const enable = managedControllers.filter((name) => controllers.includes(name)).map((name) => `+${name}`)
    writeFileSync(join(path, 'cgroup.subtree_control'), enable.join(' '))
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'cgroup.subtree_control'), enable.join(' '))
    return
  }
  mkdirSync(folder, { recursive: true })
  if (controllers.includes('cpuset')) copyCpuset(path, folder)
}

function copyCpuset(from: string, to: string): void {
  for (const name of ['cpuset.cpus', 'cpuset.mems']) {
    writeFileSync(join(to, name), readFileSync(join(from, name), 'utf8').trim())
  }
  // Without clone_children, cgroups that a runtime creates below ours would start without CPUs.
  writeFileSync(join(to, 'cgroup.clone_children'), '1')
}

/**
 * Creates the cgroup `name` below isobench's parent cgroup. `isobench clean` may remove the empty parent between the
 * creation of the two.
 */
function createGroup(hierarchy: Hierarchy, name: string): string {
  const folder = join(hierarchy.path, rootGroup, name)
  for (let tries = 0; ; tries++) {
    try {
      createRootGroup(hierarchy)
      mkdirSync(folder)
      return folder
    } catch (error) {
      // ENODEV: the parent was removed while its file was open.
      if (!['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '') || tries >= 10) throw error
    }
  }
}

/**
 * Creates the cgroup `name` with its limits. A runtime creates its own cgroup below it, within the same limits.
 * @param name with a slash below another cgroup of isobench. The limits of both apply: `isob-1a2b3c-0/isob-1a2b3c-1`
 */
export function makeCgroup(name: string, limits: Limits): void {
  for (const hierarchy of hierarchies()) {
    const { version, controllers } = hierarchy
    if (version === 2 && !controllers.includes('memory')) continue
    const folder = createGroup(hierarchy, name)
    const has = (controller: string) => controllers.includes(controller)
    if (has('cpuset')) {
      if (version === 1) copyCpuset(dirname(folder), folder)
      writeFileSync(join(folder, 'cpuset.cpus'), limits.cpus.join(','))
    }
    if (has('memory')) {
      writeFileSync(join(folder, memoryLimitFile(version)), String(limits.memoryBytes))
    }
    if (has('pids') && limits.processes !== undefined) writeFileSync(join(folder, 'pids.max'), String(limits.processes))
    if (version === 2) {
      writeFileSync(
        join(folder, 'cgroup.subtree_control'),
        managedControllers
          .filter(has)
          .map((name) => `+${name}`)
          .join(' '),
      )
    }
    // cgroup v2 allows processes only in leaves: host processes are in `host`, the runtime's container is next to it.
    mkdirSync(join(folder, 'host'))
  }
}

const memoryLimitFile = (version: 1 | 2): string => (version === 1 ? 'memory.limit_in_bytes' : 'memory.max')

/** Sets the limit of the cgroup `name` and of all cgroups below it together, in bytes. */
export function setMemoryLimit(name: string, bytes: number): void {
  const memory = hierarchyWith('memory')
  if (memory) writeFileSync(join(memory.path, rootGroup, name, memoryLimitFile(memory.version)), String(bytes))
}

/** Moves the processes of the cgroup `name`, and of every cgroup below it, to other CPUs. */
export function setCpus(name: string, cpus: readonly number[]): void {
  const cpuset = hierarchyWith('cpuset')
  if (!cpuset) return
  const upwards = childrenFirst(join(cpuset.path, rootGroup, name))
  const file = (folder: string) => join(folder, 'cpuset.cpus')
  // With v2, a cgroup without own CPUs has those of its parent.
  const own = upwards.filter((folder) => cpuset.version === 1 || readWords(file(folder)).length > 0)
  const widened = (folder: string) => [...new Set([...parseCpuList(readWords(file(folder)).join(',')), ...cpus])]
  // With v1, the CPUs of a cgroup must always be among those of its parent.
  for (const folder of [...own].reverse()) writeFileSync(file(folder), widened(folder).join(','))
  for (const folder of own) writeFileSync(file(folder), cpus.join(','))
}

/** Returns argv that runs `argv` inside the cgroup `name`. */
export function cgroupExecArgv(name: string, argv: readonly string[]): HostArgv {
  const known = hierarchies().flatMap(({ controllers }) => controllers)
  const groups = managedControllers.filter((controller) => known.includes(controller)).join(',')
  return ['cgexec', '-g', `${groups}:${rootGroup}/${name}/host`, ...argv]
}

/** Returns the path of an OCI runtime's container below the cgroup `name`, as the OCI specification's `cgroupsPath`. */
export const cgroupPath = (name: string): string => `/${rootGroup}/${name}/guest`

/** Returns the cgroup name for LXC, relative to each hierarchy. */
export const cgroupName = (name: string, child: string): string => `${rootGroup}/${name}/${child}`

/** The directory and everything below it, children first. */
function childrenFirst(folder: string): string[] {
  if (!existsSync(folder)) return []
  const children = readdirSync(folder, { withFileTypes: true }).filter((item) => item.isDirectory())
  return [...children.flatMap((child) => childrenFirst(join(folder, child.name))), folder]
}

/** Lists the live processes of the cgroup `name` and of every cgroup below it. */
export function liveProcesses(name: string): number[] {
  const pids = new Set<number>()
  for (const { path } of hierarchies()) {
    for (const folder of childrenFirst(join(path, rootGroup, name))) {
      for (const pid of readWords(join(folder, 'cgroup.procs'))) pids.add(Number(pid))
    }
  }
  return [...pids].filter((pid) => {
    const id = pid > 0 ? processId(pid) : undefined
    return id !== undefined && isAlive(id)
  })
}

/** What v1 knows of processes that the kernel killed because memory ran out. */
export interface OomKillsV1 {
  /** Kills in the cgroups that exist. A runtime that removes the cgroup of a guest removes its count. */
  readonly counted: number
  /** How often a limit of the cgroup, or of one above it, was reached. */
  readonly limitHits: number
  /** Kills on the whole host since the cgroup was created. */
  readonly onHost: number
  /** Whether no process is left. */
  readonly hasEnded: boolean
}

/**
 * The kills in a cgroup with v1. If none is counted and the guest has ended after it reached a limit, kills on the host
 * count as its own, because an OCI runtime has removed the count with its cgroup when it returns.
 */
export const oomKillsV1 = ({ counted, limitHits, onHost, hasEnded }: OomKillsV1): number =>
  counted === 0 && hasEnded && limitHits > 0 ? onHost : counted

/**
 * Returns a function that counts the processes of the cgroup `name`, and of every cgroup below it, that the kernel has
 * killed since then because memory ran out. Does not include kills by the guest kernel of a VM.
 */
export function oomKillCounter(name: string): () => number {
  const memory = hierarchyWith('memory')
  if (!memory) return () => 0
  const folder = join(memory.path, rootGroup, name)
  // v2 includes the kills of child cgroups, also of removed ones; v1 does not.
  if (memory.version === 2) return () => sumOf('oom_kill', [join(folder, 'memory.events')])
  const killsOnHost = () => sumOf('oom_kill', ['/proc/vmstat'])
  const before = killsOnHost()
  const counts = (file: string, folders: readonly string[]) => folders.map((one) => join(one, file))
  const withParent = name.split('/').map((_, at, parts) => join(memory.path, rootGroup, ...parts.slice(0, at + 1)))
  return () =>
    oomKillsV1({
      counted: sumOf('oom_kill', counts('memory.oom_control', childrenFirst(folder))),
      limitHits: counts('memory.failcnt', withParent).reduce((sum, file) => sum + Number(readWords(file)[0] ?? 0), 0),
      onHost: killsOnHost() - before,
      hasEnded: liveProcesses(name).length === 0,
    })
}

/**
 * Returns the fields of `memory.stat` of the cgroup `name`. On v2 they include child cgroups; on v1 only those that
 * start with `total_` do (Documentation/admin-guide/cgroup-v1/memory.rst). Empty if there is no such cgroup.
 */
export function memoryStatistics(name: string): ReadonlyMap<string, number> {
  const memory = hierarchyWith('memory')
  const words = memory ? readWords(join(memory.path, rootGroup, name, 'memory.stat')) : []
  return new Map(words.flatMap((word, at) => (at % 2 === 0 ? [[word, Number(words[at + 1])] as const] : [])))
}

/** Returns the kernel memory of the cgroup `name` in bytes on v1; undefined on v2, which has it in `memory.stat`. */
export function kernelMemoryV1(name: string): number | undefined {
  const memory = hierarchyWith('memory')
  const [bytes] = memory ? readWords(join(memory.path, rootGroup, name, 'memory.kmem.usage_in_bytes')) : []
  return bytes === undefined ? undefined : Number(bytes)
}

/**
 * Returns the most memory in bytes that was charged to the cgroup `name` at one time, with up to 64 pages per CPU that
 * the kernel charges in advance. Undefined if the kernel does not record it: v2 has it since Linux 5.19.
 */
export function peakMemory(name: string): number | undefined {
  const memory = hierarchyWith('memory')
  const file = memory?.version === 1 ? 'memory.max_usage_in_bytes' : 'memory.peak'
  const [bytes] = memory ? readWords(join(memory.path, rootGroup, name, file)) : []
  return bytes === undefined ? undefined : Number(bytes)
}

/** The sum of a field of several files with lines such as `oom_kill 3`. */
function sumOf(field: string, files: readonly string[]): number {
  return files.reduce((sum, file) => {
    const words = readWords(file)
    const at = words.indexOf(field)
    return sum + (at < 0 ? 0 : Number(words[at + 1]))
  }, 0)
}

/** Returns whether the kernel has refused a process or a thread in the cgroup `name` because of its limit. */
export function hasRefusedProcesses(name: string): boolean {
  const pids = hierarchyWith('pids')
  if (!pids) return false
  // The event counts where the limit is since Linux 6.11, and where the process was before that.
  const folders = childrenFirst(join(pids.path, rootGroup, name))
  return (
    sumOf(
      'max',
      folders.map((folder) => join(folder, 'pids.events')),
    ) > 0
  )
}

/** Kills the processes of the cgroup `name`. Those that start at the same time may survive. */
export function killProcesses(name: string): void {
  for (const pid of liveProcesses(name)) kill(pid)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has already ended.
  }
}

/** Lets no process of the cgroup start another one, because a fork bomb starts them faster than isobench kills. */
function refuseProcesses(name: string): void {
  const pids = hierarchyWith('pids')
  const file = pids && join(pids.path, rootGroup, name, 'pids.max')
  if (file && existsSync(file)) writeFileSync(file, '0')
}

/**
 * Freezes or thaws the cgroup `name`, and waits until the kernel reports the new state.
 * @throws {HostError} if that takes longer than 2 s
 */
export async function setFrozen(name: string, frozen: boolean): Promise<void> {
  const freezer = hierarchyWith('freezer')
  if (!freezer) throw new HostError('no cgroup hierarchy has the freezer controller.', 'boot the host with the freezer')
  const folder = join(freezer.path, rootGroup, name)
  if (!existsSync(folder)) return
  const v1 = freezer.version === 1
  const set = (to: boolean) =>
    writeFileSync(
      join(folder, v1 ? 'freezer.state' : 'cgroup.freeze'),
      v1 ? (to ? 'FROZEN' : 'THAWED') : to ? '1' : '0',
    )
  set(frozen)
  const isReached = () =>
    v1
      ? readFileSync(join(folder, 'freezer.state'), 'utf8').trim() === (frozen ? 'FROZEN' : 'THAWED')
      : readFileSync(join(folder, 'cgroup.events'), 'utf8').includes(`frozen ${frozen ? 1 : 0}`)
  for (let tries = 0; !isReached(); tries++) {
    if (tries > 200) throw new HostError(`the cgroup ${name} did not ${frozen ? 'freeze' : 'thaw'} within 2 s.`)
    await sleep(10)
    // A v1 freezer can get stuck in FREEZING if a process forks or ends at that moment. Like runc: thaw and retry.
    if (v1 && frozen && tries % 20 === 19) set(false)
    if (v1) set(frozen)
  }
}

/**
 * Kills all processes of the cgroup `name` and removes it from every hierarchy.
 * @returns false if it does not exist
 */
export async function removeCgroup(name: string): Promise<boolean> {
  const isThere = hierarchies().some(({ path }) => existsSync(join(path, rootGroup, name)))
  // With v1, even SIGKILL does not end a frozen process.
  await setFrozen(name, false)
  refuseProcesses(name)
  for (let tries = 0; ; tries++) {
    const left = liveProcesses(name)
    for (const pid of left) kill(pid)
    if (left.length === 0) {
      recordFinalUsage(name)
      if (removeFolders(name)) return isThere
    }
    if (tries > 500) throw new HostError(`the cgroup ${name} still has processes 5 s after SIGKILL: ${left.join(' ')}.`)
    await sleep(10)
  }
}

function removeFolders(name: string): boolean {
  let gone = true
  for (const { path } of hierarchies()) {
    for (const folder of childrenFirst(join(path, rootGroup, name))) {
      try {
        rmdirSync(folder)
      } catch (error) {
        // A zombie keeps its cgroup busy until it is reaped.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') gone = false
      }
    }
    removeParentIfEmpty(join(path, rootGroup))
  }
  return gone
}

function removeParentIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Another guest's cgroup is in it, or it does not exist.
  }
}
