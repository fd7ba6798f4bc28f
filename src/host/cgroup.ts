import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostError } from '../util/errors.ts'
import { recordFinalUsage } from './load.ts'
import { mounts } from './mounts.ts'
import { type HostArgv, isAlive, processId } from './process.ts'

/** The limits of one guest. */
export interface Limits {
  /** Host CPU numbers. */
  readonly cpus: readonly number[]
  readonly memoryBytes: number
}

interface Hierarchy {
  readonly path: string
  readonly version: 1 | 2
  readonly controllers: readonly string[]
}

const managedControllers = ['cpuset', 'cpu', 'cpuacct', 'memory', 'pids', 'freezer']

/** Every cgroup hierarchy that is mounted: one on a v2 host, one per controller on a v1 host, both on a hybrid one. */
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

/** The folder of isobench's groups in every hierarchy. */
const rootGroup = 'isobench'

function hierarchyWith(controller: string): Hierarchy | undefined {
  return hierarchies().find(
    ({ controllers, version }) => controllers.includes(controller) || (version === 2 && controller === 'freezer'),
  )
}

/** 1 where the memory controller is in a v1 hierarchy, 2 in a unified one. */
export function cgroupVersion(): 1 | 2 {
  const memory = hierarchyWith('memory')
  if (!memory) throw new HostError('no cgroup hierarchy has the memory controller', 'boot with cgroups enabled')
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
  // Children, those that a runtime makes included, start with our CPUs rather than none.
  writeFileSync(join(to, 'cgroup.clone_children'), '1')
}

/** Makes the group `name` with its limits; a runtime makes its own group below it, where it can only have less. */
export function makeCgroup(name: string, limits: Limits): void {
  for (const hierarchy of hierarchies()) {
    const { path, version, controllers } = hierarchy
    if (version === 2 && !controllers.includes('memory')) continue
    createRootGroup(hierarchy)
    const folder = join(path, rootGroup, name)
    mkdirSync(folder)
    const has = (controller: string) => controllers.includes(controller)
    if (has('cpuset')) {
      if (version === 1) copyCpuset(join(path, rootGroup), folder)
      writeFileSync(join(folder, 'cpuset.cpus'), limits.cpus.join(','))
    }
    if (has('memory')) {
      writeFileSync(join(folder, version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), String(limits.memoryBytes))
    }
    if (version === 2) {
      writeFileSync(
        join(folder, 'cgroup.subtree_control'),
        managedControllers
          .filter(has)
          .map((name) => `+${name}`)
          .join(' '),
      )
    }
    // Processes only at the leaves, as v2 demands: ours here, the runtime's container beside them.
    mkdirSync(join(folder, 'host'))
  }
}

/** Argv that runs `argv` inside the group `name`. */
export function cgroupExecArgv(name: string, argv: readonly string[]): HostArgv {
  const known = hierarchies().flatMap(({ controllers }) => controllers)
  const groups = managedControllers.filter((controller) => known.includes(controller)).join(',')
  return ['cgexec', '-g', `${groups}:${rootGroup}/${name}/host`, ...argv]
}

/** Where an OCI runtime puts its container: below the group `name`. */
export const cgroupPath = (name: string): string => `/${rootGroup}/${name}/guest`

/** Where LXC puts a container's processes, relative to each hierarchy. */
export const cgroupName = (name: string, child: string): string => `${rootGroup}/${name}/${child}`

function treeOf(folder: string): string[] {
  if (!existsSync(folder)) return []
  const children = readdirSync(folder, { withFileTypes: true }).filter((item) => item.isDirectory())
  return [...children.flatMap((child) => treeOf(join(folder, child.name))), folder]
}

/** The live processes of the group `name` and of every group below it. */
export function processesOf(name: string): number[] {
  const pids = new Set<number>()
  for (const { path } of hierarchies()) {
    for (const folder of treeOf(join(path, rootGroup, name))) {
      for (const pid of readWords(join(folder, 'cgroup.procs'))) pids.add(Number(pid))
    }
  }
  return [...pids].filter((pid) => {
    const id = pid > 0 ? processId(pid) : undefined
    return id !== undefined && isAlive(id)
  })
}

/**
 * How many processes of the group `name` and of every group below it the kernel has killed for want of memory. A hypervisor's
 * guest has a kernel of its own, which tells nobody.
 */
export function oomKillCount(name: string): number {
  const memory = hierarchyWith('memory')
  if (!memory) return 0
  const folder = join(memory.path, rootGroup, name)
  // v2 counts in a group what happened below it; v1 does not.
  const files =
    memory.version === 2
      ? [join(folder, 'memory.events')]
      : treeOf(folder).map((below) => join(below, 'memory.oom_control'))
  return files.reduce((sum, file) => {
    const words = readWords(file)
    return sum + Number(words[words.indexOf('oom_kill') + 1] ?? 0)
  }, 0)
}

/** Tells, each time it is asked, whether such a kill has come since it was last asked. */
export function oomMonitor(name: string): () => boolean {
  let known = oomKillCount(name)
  return () => {
    const before = known
    known = oomKillCount(name)
    return known > before
  }
}

/** Stops or resumes everything in the group `name`, and waits until it is so. */
export async function setFrozen(name: string, frozen: boolean): Promise<void> {
  const freezer = hierarchyWith('freezer')
  if (!freezer) throw new HostError('no cgroup hierarchy can freeze', 'boot with the freezer controller')
  const folder = join(freezer.path, rootGroup, name)
  if (!existsSync(folder)) return
  const v1 = freezer.version === 1
  const set = (to: boolean) =>
    writeFileSync(
      join(folder, v1 ? 'freezer.state' : 'cgroup.freeze'),
      v1 ? (to ? 'FROZEN' : 'THAWED') : to ? '1' : '0',
    )
  set(frozen)
  const isSo = () =>
    v1
      ? readFileSync(join(folder, 'freezer.state'), 'utf8').trim() === (frozen ? 'FROZEN' : 'THAWED')
      : readFileSync(join(folder, 'cgroup.events'), 'utf8').includes(`frozen ${frozen ? 1 : 0}`)
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 200) throw new HostError(`the cgroup ${name} did not ${frozen ? 'freeze' : 'thaw'} within 2 s`)
    await sleep(10)
    // A v1 freezer can stay at FREEZING when a process forks or ends meanwhile; as runc does: thaw, and ask again.
    if (v1 && frozen && tries % 20 === 19) set(false)
    if (v1) set(frozen)
  }
}

/** Ends everything in the group `name` and removes it everywhere. Nothing to do is success. */
export async function removeCgroup(name: string): Promise<void> {
  // On v1 a frozen process does not take even SIGKILL.
  await setFrozen(name, false)
  for (let tries = 0; ; tries++) {
    const left = processesOf(name)
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended meanwhile.
      }
    }
    if (left.length === 0) {
      recordFinalUsage(name)
      if (removeFolders(name)) return
    }
    if (tries > 500)
      throw new HostError(`the cgroup ${name} still holds processes 5 s after they were killed: ${left.join(' ')}`)
    await sleep(10)
  }
}

function removeFolders(name: string): boolean {
  let gone = true
  for (const { path } of hierarchies()) {
    for (const folder of treeOf(join(path, rootGroup, name))) {
      try {
        rmdirSync(folder)
      } catch (error) {
        // A zombie keeps its group until it is reaped.
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
    // Another guest's group is there, or it was never made.
  }
}
