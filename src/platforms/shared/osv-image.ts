/** The disk of an OSv guest: programs of the image with their libraries, in OSv's file system. */

import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Artifact } from '../../driver.ts'
import { buildOnce } from '../../host/lock.ts'
import { cacheFolder } from '../../host/paths.ts'
import { type Elf, readElf } from '../../vm/elf.ts'
import { type RofsEntry, writeRofsDisk } from '../../vm/rofs.ts'

/** The programs that isobench takes from the image, by the name that a workload uses. */
export const osvPrograms: Readonly<Record<string, string>> = {
  iperf3: '/usr/bin/iperf3',
  mbw: '/usr/bin/mbw',
  memcached: '/usr/bin/memcached',
  sysbench: '/usr/bin/sysbench',
  tinymembench: '/usr/bin/tinymembench',
}

/** The program of a boot. Every C function that it calls exists in OSv 0.57, unlike those of `echo`. */
export const bootProgram = '/usr/bin/mawk'

/** OSv's options, and the command of a boot. */
export const bootCommand = `--rootfs=rofs ${bootProgram} "BEGIN { print \\"booted\\" }"`

/** Why OSv cannot run programs of the image. It has no second process, and its disk is read-only without /data. */
export const unsupportedPrograms: Readonly<Record<string, string>> = {
  cp: 'it needs a writable /data',
  ffmpeg: 'it reads a file of /data that another command wrote',
  fio: 'it needs a writable /data',
  'isobench-calls': 'OSv 0.57 does not load static programs',
  'isobench-memory': 'OSv 0.57 does not load static programs',
  mariadbd: 'it needs a writable /data',
  'mariadb-install-db': 'it is a script, which needs processes',
  netserver: 'it starts a process for each test',
  sh: 'a shell needs processes',
  '/bin/sh': 'a shell needs processes',
}

/** Libraries that the loader itself replaces (`program::program` in OSv's core/elf.cc, version 0.57). */
const suppliedLibraries = new Set([
  ...['ld-linux-x86-64.so.2', 'libaio.so.1', 'libc.so.6', 'libcrypt.so.1', 'libdl.so.2', 'libm.so.6'],
  ...['libpthread.so.0', 'libresolv.so.2', 'librt.so.1'],
])

/** Where Debian's loader looks for libraries, in the image. */
const libraryFolders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib', '/lib/x86_64-linux-gnu', '/lib', '/usr/local/lib']

/**
 * Returns the host's path of a file in a root filesystem. Links in it point into it, not to files of the host.
 * @returns undefined if there is no such file
 */
export function fileInRootfs(rootfs: string, path: string): string | undefined {
  let found = '/'
  const parts = path.split('/').filter(Boolean)
  for (let links = 0; parts.length > 0; ) {
    found = resolve(found, parts.shift()!)
    const status = lstatSync(join(rootfs, found), { throwIfNoEntry: false })
    if (!status || links > 40) return undefined
    if (!status.isSymbolicLink()) continue
    links++
    parts.unshift(...readlinkSync(join(rootfs, found)).split('/').filter(Boolean))
    found = readlinkSync(join(rootfs, found)).startsWith('/') ? '/' : dirname(found)
  }
  const file = join(rootfs, found)
  return statSync(file).isFile() ? file : undefined
}

const isoc23 = '__isoc23_'

/**
 * Gives functions of C23 their older names, if the loader has only these: `__isoc23_strtol` differs from `strtol` only
 * in accepting binary numbers. An older name is the end of the newer one, so it begins later in the same text.
 */
export function withOlderNames(bytes: Buffer, { undefinedSymbols }: Elf, available: ReadonlySet<string>): Buffer {
  const changed = Buffer.from(bytes)
  for (const { name, nameField } of undefinedSymbols) {
    if (!name.startsWith(isoc23) || available.has(name) || !available.has(name.slice(isoc23.length))) continue
    changed.writeUInt32LE(changed.readUInt32LE(nameField) + isoc23.length, nameField)
  }
  return changed
}

const folders = ['/dev', '/proc', '/sys', '/tmp', '/data', '/etc']

/** OSv's own table of mounts for a disk with ROFS (`static/etc/fstab_rofs`). */
const fstab = [
  ['/dev/vblk0.1', '/', 'rofs'],
  ['none', '/dev', 'devfs'],
  ['none', '/proc', 'procfs'],
  ['none', '/sys', 'sysfs'],
  ['none', '/tmp', 'ramfs'],
]
  .map((fields) => `${fields.join(' ')} defaults 0 0\n`)
  .join('')

/**
 * Returns the content of a disk: the programs at their paths, and all libraries that they are linked with in /usr/lib,
 * where OSv looks for them. Programs that the root filesystem does not have are left out.
 * @param loader OSv's kernel, which has the C library
 */
export function osvEntries(rootfs: string, programs: readonly string[], loader: Buffer): RofsEntry[] {
  const available = readElf(loader)?.definedSymbols ?? new Set<string>()
  const libraries = new Map<string, RofsEntry>()
  const load = (file: string): Buffer => {
    const bytes = readFileSync(file)
    const elf = readElf(bytes)
    if (!elf) return bytes
    for (const name of elf.needed) {
      if (suppliedLibraries.has(name) || libraries.has(name)) continue
      const found = libraryFolders.map((folder) => fileInRootfs(rootfs, join(folder, name))).find((one) => one)
      if (found === undefined) continue
      // Before its own libraries, because they may need it too.
      libraries.set(name, { path: `/usr/lib/${name}`, file: found })
      libraries.set(name, { path: `/usr/lib/${name}`, content: load(found) })
    }
    return withOlderNames(bytes, elf, available)
  }
  const own = [...new Set([bootProgram, ...programs])].flatMap((path): RofsEntry[] => {
    const file = fileInRootfs(rootfs, path)
    return file === undefined ? [] : [{ path, content: load(file) }]
  })
  return [
    ...folders.map((path): RofsEntry => ({ path, folder: true })),
    { path: '/etc/fstab', content: Buffer.from(fstab) },
    { path: '/etc/hosts', content: Buffer.from('127.0.0.1 localhost\n') },
    { path: '/etc/mnttab', link: '/proc/mounts' },
    ...own,
    ...libraries.values(),
  ]
}

/** What a disk is made of. */
export interface OsvDisk {
  readonly rootfs: string
  /** OSv's kernel. */
  readonly loader: string
  /** Paths of the programs in the root filesystem. */
  readonly programs: readonly string[]
}

/** Increase it if the content of disks changes. */
const recipeVersion = 1

/** Returns where a disk is, whether it exists or not. Its name is a digest of everything that it is made of. */
export function osvDiskPath({ rootfs, loader, programs }: OsvDisk): string {
  const identity = (path: string) => [path, ...(existsSync(path) ? [statSync(path).ino, statSync(path).mtimeMs] : [])]
  const digest = createHash('sha256')
    .update(JSON.stringify([recipeVersion, identity(rootfs), identity(loader), programs]))
    .digest('hex')
  return join(cacheFolder(), 'disks', `${digest.slice(0, 16)}.rofs`)
}

/** Returns the disk as an artifact of a platform. */
export const osvDisk = (disk: OsvDisk): Artifact => ({
  name: 'disk for OSv',
  path: osvDiskPath(disk),
  ensure: (options) =>
    buildOnce(
      osvDiskPath(disk),
      async (temporary) => writeRofsDisk(temporary, osvEntries(disk.rootfs, disk.programs, readFileSync(disk.loader))),
      { ...options, purpose: 'creating the disk for OSv' },
    ),
})
