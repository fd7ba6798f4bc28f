/** Host load: CPU time of isobench's own cgroups and of other processes, to detect disturbed samples. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CpuAssignment } from './cpus.ts'
import { mounts } from './mounts.ts'

/** CPU time in nanoseconds since the session started. */
export interface Usage {
  readonly guests: number
  readonly client: number
  /** Commands with which isobench prepares and removes guests. */
  readonly housekeeping: number
}

/** Load generators have cgroups with this suffix. */
const isClient = (name: string): boolean => name.endsWith('-client')

/** Returns the name of the cgroup in which a session runs its housekeeping commands. */
export const housekeepingGroup = (prefix: string): string => `${prefix}-host`

/** Reads the CPU time of a cgroup and its children: `cpuacct.usage` (v1, ns) or `usage_usec` in `cpu.stat` (v2, us). */
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

let accountingRoot: string | null | undefined

/** Finds isobench's cgroup in the hierarchy that accounts for CPU time: v1's cpuacct, or else the unified hierarchy. */
function findAccountingRoot(): string | null {
  if (accountingRoot !== undefined) return accountingRoot
  const all = mounts().filter(({ path }) => path.startsWith('/sys/fs/cgroup'))
  const found =
    all.find(({ type, superOptions }) => type === 'cgroup' && superOptions.includes('cpuacct')) ??
    all.find(({ type }) => type === 'cgroup2')
  accountingRoot = found ? join(found.path, 'isobench') : null
  return accountingRoot
}

/** CPU time of cgroups that were removed, by name. A sample that boots a guest ends after its cgroup was removed. */
const finalUsage = new Map<string, number>()

/**
 * Remembers the CPU time of a cgroup. Call it after its last process ended and before the cgroup is removed. A cgroup
 * below another one is not remembered, because the other one keeps its CPU time.
 */
export function recordFinalUsage(name: string): void {
  if (name.includes('/')) return
  const folder = findAccountingRoot()
  const used = folder === null ? undefined : usageAt(join(folder, name))
  if (used !== undefined) finalUsage.set(name, used)
}

/** Returns the CPU time of a session's cgroups, including removed ones, or `null` if the kernel does not report it. */
export function sessionUsage(prefix: string): Usage | null {
  const folder = findAccountingRoot()
  if (folder === null || !existsSync(folder)) return null
  const isOurs = (name: string) => name.startsWith(`${prefix}-`)
  const usage = { guests: 0, client: 0, housekeeping: 0 }
  const add = (name: string, used: number) => {
    const kind = name === housekeepingGroup(prefix) ? 'housekeeping' : isClient(name) ? 'client' : 'guests'
    usage[kind] += used
  }
  const live = readdirSync(folder).filter(isOurs)
  for (const name of live) {
    const used = usageAt(join(folder, name))
    if (used === undefined) return null
    add(name, used)
  }
  for (const [name, used] of finalUsage) if (isOurs(name) && !live.includes(name)) add(name, used)
  return usage
}

/** CPU time of some CPUs in clock ticks of 10 ms: running processes, and stolen by the hypervisor below this host. */
export interface CpuTicks {
  readonly busy: number
  readonly steal: number
}

/** Counters of the host. The difference of two readings is the load between them. */
export interface HostCounters {
  /** Nanoseconds, monotonic clock. */
  readonly at: bigint
  readonly guest: CpuTicks
  readonly client: CpuTicks
  /** CPU time of this session's cgroups, or `null` if the kernel does not report it. */
  readonly own: Usage | null
  /** CPU time of this process in microseconds. */
  readonly self: number
  /** Microseconds in which at least one process waited for a CPU, or `null` if the kernel has no PSI. */
  readonly waited: number | null
}

/** The load between two readings. Shares are relative to the time of all guest CPUs, or of all load generator CPUs. */
export interface Load {
  /** Share that the hypervisor below this host took. */
  readonly steal: number
  /** Share used by processes other than isobench and its guests, or `null` if unknown. */
  readonly otherProcesses: number | null
  /** The same for the load generator's CPUs, or `null` if unknown or if the load generator was idle. */
  readonly otherProcessesOnClientCpus: number | null
  /** Share of the time in which a process of the host, guests included, waited for a CPU. `null` without PSI. */
  readonly cpuPressure: number | null
  /** Number of runnable processes on the whole host when the sample ended. */
  readonly runnable: number
}

const ticksPerSecond = 100

/** Nanoseconds. A load generator with less CPU time than this was not part of the measurement. */
const idleClientNs = 20e6

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/**
 * Reads the ticks of some CPUs from the text of `/proc/stat` (proc_stat(5)). User time already includes guest time.
 * Interrupts are excluded: they cannot be attributed to a process, and a guest's network causes many.
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

/** Reads `total=` of the line `some` in `/proc/pressure/cpu`, in microseconds. */
export function psiWaitTime(text: string | null): number | null {
  const total = /^some .*total=(\d+)/m.exec(text ?? '')
  return total ? Number(total[1]) : null
}

/** Reads the counters. `prefix`: prefix of the names of this session's cgroups. */
export function readCounters(cores: CpuAssignment, prefix: string): HostCounters {
  const stat = read('/proc/stat') ?? ''
  const { user, system } = process.cpuUsage()
  return {
    at: process.hrtime.bigint(),
    guest: ticksOf(stat, cores.guest),
    client: ticksOf(stat, cores.client),
    own: sessionUsage(prefix),
    self: user + system,
    waited: psiWaitTime(read('/proc/pressure/cpu')),
  }
}

const clampShare = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * 1000) / 1000

/**
 * Returns the load between two readings. It is unknown on which CPUs this process and its housekeeping commands ran, so
 * their time is subtracted from both sets. The result therefore rather underestimates other processes.
 */
export function loadBetween(start: HostCounters, end: HostCounters, cores: CpuAssignment, runnable: number): Load {
  const seconds = Math.max(1e-9, Number(end.at - start.at) / 1e9)
  const own = start.own && end.own && usedBetween(start.own, end.own)
  const self = (end.self - start.self) / 1e6 + (own?.housekeeping ?? 0) / 1e9
  const shared = cores.guest.some((cpu) => cores.client.includes(cpu))
  const share = (of: 'guest' | 'client', ownNs: number) => {
    const busy = (end[of].busy - start[of].busy) / ticksPerSecond
    return clampShare((busy - ownNs / 1e9 - self) / (seconds * cores[of].length))
  }
  const waited = start.waited === null || end.waited === null ? null : (end.waited - start.waited) / 1e6
  return {
    steal: clampShare((end.guest.steal - start.guest.steal) / ticksPerSecond / (seconds * cores.guest.length)),
    otherProcesses: own && share('guest', own.guests + (shared ? own.client : 0)),
    otherProcessesOnClientCpus: own && !shared && own.client > idleClientNs ? share('client', own.client) : null,
    cpuPressure: waited === null ? null : clampShare(waited / seconds),
    runnable,
  }
}

/** `null` if the CPU time went backwards, because a cgroup was removed without recording its final usage. */
function usedBetween(start: Usage, end: Usage): Usage | null {
  const used = {
    guests: end.guests - start.guests,
    client: end.client - start.client,
    housekeeping: end.housekeeping - start.housekeeping,
  }
  return Object.values(used).some((nanoseconds) => nanoseconds < 0) ? null : used
}

/** Returns the number of runnable processes (`running/total` in `/proc/loadavg`), without this one. */
export function runnableCount(): number {
  const match = / (\d+)\/\d+ /.exec(read('/proc/loadavg') ?? '')
  return match ? Math.max(0, Number(match[1]) - 1) : 0
}
