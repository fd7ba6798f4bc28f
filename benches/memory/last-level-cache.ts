import { readdirSync, readFileSync } from 'node:fs'

/** Used if a host does not report its cache sizes. Larger than most caches. */
const defaultMiB = 64

/** Returns the largest cache of the host's CPU 0 in MiB. Not the guest's, because some guests do not report theirs. */
export function lastLevelCache(): number {
  const folder = '/sys/devices/system/cpu/cpu0/cache'
  try {
    const sizes = readdirSync(folder)
      .filter((name) => name.startsWith('index'))
      .map((name) => Number(/^(\d+)K/.exec(readFileSync(`${folder}/${name}/size`, 'utf8'))?.[1] ?? 0) / 1024)
    const largest = Math.max(...sizes)
    return largest > 0 ? Math.ceil(largest) : defaultMiB
  } catch {
    return defaultMiB
  }
}
