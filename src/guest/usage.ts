/** What isobench's own guests and clients use of the CPUs: all else that runs there is others' work. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mounts } from './mounts.ts'

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
