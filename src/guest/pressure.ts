/** What else the host does: read before and after a sample, so that one that was disturbed is known. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mounts } from './mounts.ts'

/** Counters of the host, to be subtracted from later ones. */
export interface PressureReading {
  /** Nanoseconds of the monotonic clock. */
  readonly at: bigint
  /** Of the guests' CPUs, in clock ticks of 10 ms: all that was run, and what the hypervisor below took. */
  readonly busy: number
  readonly steal: number
  /** Nanoseconds that isobench's own guests ran on these CPUs; null where no hierarchy tells it for each CPU. */
  readonly own: number | null
  /** Microseconds in which some process of the host waited for a CPU; null where the kernel has no PSI. */
  readonly waited: number | null
}

/** What happened between two readings. Shares are of the time of the guests' CPUs. */
export interface Load {
  /** Taken by the hypervisor that this host runs in. */
  readonly steal: number
  /** Run by others than the guest; null where it cannot be told apart. */
  readonly foreign: number | null
  /** Share of the time in which some process of the host, the guest's included, waited for a CPU (PSI); null without PSI. */
  readonly waiting: number | null
  /** Processes of the whole host that could run, when the sample ended. */
  readonly runnable: number
}

const ticksPerSecond = 100

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/** Reads `/proc/stat` of some CPUs: proc_stat(5). Guest time is part of user time already. */
export function ticksOf(text: string, cpus: readonly number[]): { readonly busy: number; readonly steal: number } {
  const sum = { busy: 0, steal: 0 }
  for (const cpu of cpus) {
    const line = new RegExp(`^cpu${cpu} (.*)$`, 'm').exec(text)
    if (!line) continue
    const [user, nice, system, , , irq, softirq, steal] = line[1]!.trim().split(/\s+/).map(Number)
    sum.busy += user! + nice! + system! + irq! + softirq!
    sum.steal += steal ?? 0
  }
  return sum
}

/** Reads `total=` of the line `some` of `/proc/pressure/cpu`, in microseconds. */
export function waitedOf(text: string | null): number | null {
  const total = /^some .*total=(\d+)/m.exec(text ?? '')
  return total ? Number(total[1]) : null
}

let usageFile: string | null | undefined

/**
 * cgroup v1's accounting of isobench's groups for each CPU, where it is mounted together with `cpu`, whose groups every guest
 * is in. v2 has no such file.
 */
function ownUsage(cpus: readonly number[]): number | null {
  usageFile ??=
    mounts()
      .filter(
        ({ type, superOptions }) =>
          type === 'cgroup' && superOptions.includes('cpuacct') && superOptions.includes('cpu'),
      )
      .map(({ path }) => join(path, 'isobench', 'cpuacct.usage_percpu'))[0] ?? null
  if (usageFile === null || !existsSync(usageFile)) return null
  const usage = read(usageFile)?.trim().split(/\s+/).map(Number)
  return usage ? cpus.reduce((sum, cpu) => sum + (usage[cpu] ?? 0), 0) : null
}

export function readPressure(cpus: readonly number[]): PressureReading {
  return {
    at: process.hrtime.bigint(),
    ...ticksOf(read('/proc/stat') ?? '', cpus),
    own: ownUsage(cpus),
    waited: waitedOf(read('/proc/pressure/cpu')),
  }
}

const round = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * 1000) / 1000

/** The load between two readings of the same CPUs. */
export function loadBetween(from: PressureReading, to: PressureReading, cpus: number, runnable: number): Load {
  const seconds = Math.max(1e-9, Number(to.at - from.at) / 1e9)
  const available = seconds * cpus
  const busy = (to.busy - from.busy) / ticksPerSecond
  // A group that went takes its time along: then the two cannot be told apart.
  const own = from.own === null || to.own === null || to.own < from.own ? null : (to.own - from.own) / 1e9
  const waited = from.waited === null || to.waited === null ? null : (to.waited - from.waited) / 1e6
  return {
    steal: round((to.steal - from.steal) / ticksPerSecond / available),
    foreign: own === null ? null : round((busy - own) / available),
    waiting: waited === null ? null : round(waited / seconds),
    runnable,
  }
}

/** The field `running/total` of `/proc/loadavg`: how many could run, the reader left out. */
export function runnableNow(): number {
  const match = / (\d+)\/\d+ /.exec(read('/proc/loadavg') ?? '')
  return match ? Math.max(0, Number(match[1]) - 1) : 0
}
