import { join } from 'node:path'
import type { GuestSandbox, Requirement } from '../../platforms/driver.ts'
import { runHostCommand } from '../host.ts'

/** What making one needs on the host. */
export const dataDiskRequirements: readonly Requirement[] = [
  { binary: 'mke2fs', package: 'e2fsprogs' },
  { binary: 'debugfs', package: 'e2fsprogs' },
  { binary: 'fallocate', package: 'util-linux' },
]

/** MiB: twice what the largest file of isobench's own benches takes. */
const size = 4096

/** Where a guest's data disk is, made or not. */
export const dataDisk = ({ stateDir: directory }: Pick<GuestSandbox, 'stateDir'>): string =>
  join(directory, 'data.ext4')

/**
 * A file system of the guest's own for /data, where its monitor shares no folder. All of its blocks are allocated: reads of a
 * sparse file find nothing to read, and came at 31 GB/s.
 */
export async function makeDataDisk(place: Pick<GuestSandbox, 'stateDir'>, mebibytes = size): Promise<string> {
  const file = dataDisk(place)
  await runHostCommand(['fallocate', '--length', `${mebibytes}MiB`, file])
  // mke2fs would give the blocks back (nodiscard), and leave tables for the guest's kernel to write while it is measured.
  const extended = 'nodiscard,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0'
  await runHostCommand([
    'mke2fs',
    '-q',
    '-F',
    '-t',
    'ext4',
    '-b',
    '4096',
    '-m',
    '0',
    '-N',
    '65536',
    '-E',
    extended,
    file,
  ])
  // A guest finds /data empty.
  await runHostCommand(['debugfs', '-w', '-R', 'rmdir lost+found', file])
  return file
}
