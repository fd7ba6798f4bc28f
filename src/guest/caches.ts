import { writeFile } from 'node:fs/promises'
import { runHostCommand } from './host.ts'
import { guestsFolder } from './paths.ts'

/**
 * Writes back what is dirty on the file system that holds the guests' data, then drops the host's page cache, directory entries
 * and inodes, as far as they are clean: sysctl `vm.drop_caches` (Documentation/admin-guide/sysctl/vm.rst). Returns whether
 * the host let it.
 */
export async function dropCaches(): Promise<boolean> {
  await runHostCommand(['sync', '--file-system', guestsFolder()])
  try {
    await writeFile('/proc/sys/vm/drop_caches', '3')
    return true
  } catch {
    // Inside a container, and where the kernel is locked down.
    return false
  }
}
