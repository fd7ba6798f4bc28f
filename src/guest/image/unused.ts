import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from '../paths.ts'

/** Something in the cache that no guest of this project's boots from. */
export interface UnusedArtifact {
  readonly path: string
  /** On the disk; of files that are shared with others, too. */
  readonly bytes: number
}

/** What of each folder is whole: what is being made, and locks, have longer names. */
const folders = [
  ['kernels', /^[0-9a-f]{16}$/],
  ['disks', /^[0-9a-f]{16}\.ext4$/],
] as const

function bytesOf(path: string): number {
  const { blocks } = lstatSync(path)
  const below = lstatSync(path).isDirectory() ? readdirSync(path).map((name) => bytesOf(join(path, name))) : []
  return below.reduce((sum, bytes) => sum + bytes, blocks * 512)
}

/** The guest kernels and disks in the cache, but those at these paths. */
export function unusedArtifacts(used: readonly string[]): UnusedArtifact[] {
  const keep = new Set(used)
  return folders.flatMap(([name, whole]) => {
    const folder = join(cacheFolder(), name)
    const found = existsSync(folder) ? readdirSync(folder).filter((entry) => whole.test(entry)) : []
    return found
      .map((entry) => join(folder, entry))
      .filter((path) => !keep.has(path))
      .map((path) => ({ path, bytes: bytesOf(path) }))
  })
}
