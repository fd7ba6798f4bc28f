import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CpuAssignment } from './cpus.ts'
import { mounts } from './mounts.ts'

/** What isobench's own guests and clients use of the CPUs: all else that runs there is others' work. */

/** Nanoseconds of CPU time since a session began. */
export interface Usage {
  readonly guests: number
  readonly client: number
}

/** Whether a group is a client's, by its name. */
const isClient = (name: string): boolean => name.endsWith('-client')

/** Reads one group, its children included: `cpuacct.usage` of v1 is in nanoseconds, `usage_usec` of v2's cpu.stat is not. */
function usageAt(folder: string): number | undefined {
  try {
    const v1 = join(folder, 'cpuacct.usage')
    if (existsSync(v1)) return Number(readFileSync(v1, 'utf8'))
    const match = /^usage_usec (\d+)$/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))
    return match ? Number(match[1]) * 1000 : undefined
  } catch {
    return undefined
  }
}

let parent: string | null | undefined

/** Where groups are accounted for: v1's cpuacct, else the unified hierarchy, whose every group has its `cpu.stat`. */
function parentFolder(): string | null {
  if (parent !== undefined) return parent
  const all = mounts().filter(({ path }) => path.startsWith('/sys/fs/cgroup'))
  const found =
    all.find(({ type, superOptions }) => type === 'cgroup' && superOptions.includes('cpuacct')) ??
    all.find(({ type }) => type === 'cgroup2')
  parent = found ? join(found.path, 'isobench') : null
  return parent
}

/** What groups had used when they were removed, by their names: a sample that boots a guest ends without it. */
const ended = new Map<string, number>()

/** Remembers what a group has used. To be called when nothing runs in it any more, before it is removed. */
export function recordFinalUsage(name: string): void {
  const folder = parentFolder()
  const used = folder === null ? undefined : usageAt(join(folder, name))
  if (used !== undefined) ended.set(name, used)
}

/** The CPU time of a session's groups, those that are gone included; null where the kernel does not tell. */
export function usageOf(prefix: string): Usage | null {
  const folder = parentFolder()
  if (folder === null || !existsSync(folder)) return null
  const isOurs = (name: string) => name.startsWith(`${prefix}-`)
  const usage = { guests: 0, client: 0 }
  const add = (name: string, used: number) => {
    usage[isClient(name) ? 'client' : 'guests'] += used
  }
  const live = readdirSync(folder).filter(isOurs)
  for (const name of live) {
    const used = usageAt(join(folder, name))
    if (used === undefined) return null
    add(name, used)
  }
  for (const [name, used] of ended) if (isOurs(name) && !live.includes(name)) add(name, used)
  return usage
}

/** What else the host does: read before and after a sample, so that one that was disturbed is known. */

/** Of some CPUs, in clock ticks of 10 ms: what processes ran there, and what the hypervisor below took. */
export interface CpuTicks {
  readonly busy: number
  readonly steal: number
}

/** Counters of the host, to be subtracted from later ones. */
export interface HostCounters {
  /** Nanoseconds of the monotonic clock. */
  readonly at: bigint
  readonly guest: CpuTicks
  readonly client: CpuTicks
  /** Of this session's groups; null where the kernel does not tell. */
  readonly own: Usage | null
  /** Microseconds of CPU time that this very process used. */
  readonly self: number
  /** Microseconds in which some process of the host waited for a CPU; null where the kernel has no PSI. */
  readonly waited: number | null
}

/** What happened between two readings. Shares are of the time of all of the guests' CPUs, or of the clients'. */
export interface Load {
  /** Taken by the hypervisor that this host runs in. */
  readonly steal: number
  /** Run by others than isobench and its guests; null where it cannot be told apart. */
  readonly otherProcesses: number | null
  /** The same of the clients' CPUs; null also where no client worked. */
  readonly otherProcessesOnClientCpus: number | null
  /** Share of the time in which some process of the host, the guest's included, waited for a CPU (PSI); null without PSI. */
  readonly cpuPressure: number | null
  /** Processes of the whole host that could run, when the sample ended. */
  readonly runnable: number
}

const ticksPerSecond = 100

/** A client that did no more than this was not measured with, in nanoseconds. */
const idleClient = 20e6

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/**
 * Reads `/proc/stat` of some CPUs: proc_stat(5). Guest time is part of user time already. Interrupts are left out: whose they
 * are cannot be told, and a guest's network makes many.
 */
export function ticksOf(text: string, cpus: readonly number[]): CpuTicks {
  const sum = { busy: 0, steal: 0 }
  for (const cpu of cpus) {
    const line = new RegExp(`^cpu${cpu} (.*)$`, 'm').exec(text)
    if (!line) continue
    const [user, nice, system, , , , , steal] = line[1]!.trim().split(/\s+/).map(Number)
    sum.busy += user! + nice! + system!
    sum.steal += steal ?? 0
  }
  return sum
}

/** Reads `total=` of the line `some` of `/proc/pressure/cpu`, in microseconds. */
export function psiWaitTime(text: string | null): number | null {
  const total = /^some .*total=(\d+)/m.exec(text ?? '')
  return total ? Number(total[1]) : null
}

/** @param prefix that the names of this session's groups begin with */
export function readCounters(cores: CpuAssignment, prefix: string): HostCounters {
  const stat = read('/proc/stat') ?? ''
  const { user, system } = process.cpuUsage()
  return {
    at: process.hrtime.bigint(),
    guest: ticksOf(stat, cores.guest),
    client: ticksOf(stat, cores.client),
    own: usageOf(prefix),
    self: user + system,
    waited: psiWaitTime(read('/proc/pressure/cpu')),
  }
}

const round = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * 1000) / 1000

/**
 * The load between two readings. Where this process itself ran is not known: its time is taken off both sets of CPUs, so
 * that others' work is rather told too small.
 */
export function loadBetween(from: HostCounters, to: HostCounters, cores: CpuAssignment, runnable: number): Load {
  const seconds = Math.max(1e-9, Number(to.at - from.at) / 1e9)
  const self = (to.self - from.self) / 1e6
  const own = from.own && to.own && usedBetween(from.own, to.own)
  const shared = cores.guest.some((cpu) => cores.client.includes(cpu))
  const share = (of: 'guest' | 'client', ran: number) => {
    const busy = (to[of].busy - from[of].busy) / ticksPerSecond
    return round((busy - ran / 1e9 - self) / (seconds * cores[of].length))
  }
  const waited = from.waited === null || to.waited === null ? null : (to.waited - from.waited) / 1e6
  return {
    steal: round((to.guest.steal - from.guest.steal) / ticksPerSecond / (seconds * cores.guest.length)),
    otherProcesses: own && share('guest', own.guests + (shared ? own.client : 0)),
    otherProcessesOnClientCpus: own && !shared && own.client > idleClient ? share('client', own.client) : null,
    cpuPressure: waited === null ? null : round(waited / seconds),
    runnable,
  }
}

/** A group that went without being seen takes its time along: then what is own cannot be told. */
function usedBetween(from: Usage, to: Usage): Usage | null {
  const used = { guests: to.guests - from.guests, client: to.client - from.client }
  return used.guests < 0 || used.client < 0 ? null : used
}

/** The field `running/total` of `/proc/loadavg`: how many could run, the reader left out. */
export function runnableCount(): number {
  const match = / (\d+)\/\d+ /.exec(read('/proc/loadavg') ?? '')
  return match ? Math.max(0, Number(match[1]) - 1) : 0
}
