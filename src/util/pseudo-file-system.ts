import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/** The file systems that show the kernel's own objects, by their numbers in linux/magic.h. */
const pseudoFileSystems: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
  [0x1cd1, 'devpts'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
  [0xf97cff8c, 'selinuxfs'],
  [0xcafe4a11, 'bpf'],
  [0x6165676c, 'pstore'],
  [0xde5e81e4, 'efivarfs'],
  [0x42494e4d, 'binfmt_misc'],
])

/**
 * Returns the name of the file system of a path if it holds no files of users. The path need not exist. The kernel's
 * refusals there are misleading, such as "no permission" for root, and a new folder in a cgroup is another cgroup.
 */
export function pseudoFileSystem(path: string): string | undefined {
  let nearest = path
  while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest)
  try {
    return pseudoFileSystems.get(statfsSync(nearest).type)
  } catch {
    return undefined
  }
}
