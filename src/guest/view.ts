import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { host } from './host.ts'

/** Directories that an image must have, because every platform mounts something there. */
export const mountPoints = ['/data', '/dev', '/proc', '/run', '/sys', '/tmp'] as const

/**
 * The image as a tree to chroot into: read-only, with what every guest has: /proc, /dev, a /tmp and a /run of its own,
 * and the data directory. Undone with the directory that `at` is in.
 */
export async function makeView(rootfs: string, at: string, data: string): Promise<void> {
  mkdirSync(at, { recursive: true })
  const on = (path: string) => join(at, path)
  await host(['mount', '--bind', rootfs, at])
  await host(['mount', '-o', 'remount,bind,ro', at])
  await host(['mount', '-t', 'proc', 'proc', on('/proc')])
  await host(['mount', '--rbind', '--make-rslave', '/dev', on('/dev')])
  await host(['mount', '-t', 'sysfs', '-o', 'ro', 'sysfs', on('/sys')])
  for (const path of ['/tmp', '/run']) await host(['mount', '-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', on(path)])
  await host(['mount', '--bind', data, on('/data')])
}
