import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { host } from './host.ts'

/** Directories that an image must have, because every platform mounts something there. */
export const mountPoints = ['/data', '/dev', '/proc', '/run', '/sys', '/tmp'] as const

/** The device nodes that the OCI runtime specification gives every container (config-linux.md, "Default Devices"). */
const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`)

const tmpfs = (at: string, mode: string) => host(['mount', '-t', 'tmpfs', '-o', `mode=${mode}`, 'tmpfs', at])

/**
 * A /dev of the guest's own, as a container has it. Never the host's: that is one file system wherever it is mounted, and
 * whoever removed a forgotten view would remove the host's devices with it.
 */
async function makeDevices(at: string): Promise<void> {
  await tmpfs(at, '0755')
  await host(['cp', '--archive', ...devices, at])
  for (const folder of ['pts', 'shm']) mkdirSync(join(at, folder))
  await host(['mount', '-t', 'devpts', '-o', 'newinstance,ptmxmode=0666,mode=0620', 'devpts', join(at, 'pts')])
  await tmpfs(join(at, 'shm'), '1777')
  const links = { fd: '', stdin: '/0', stdout: '/1', stderr: '/2' }
  for (const [name, descriptor] of Object.entries(links)) symlinkSync(`/proc/self/fd${descriptor}`, join(at, name))
  symlinkSync('pts/ptmx', join(at, 'ptmx'))
}

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
  await host(['mount', '-t', 'sysfs', '-o', 'ro', 'sysfs', on('/sys')])
  await makeDevices(on('/dev'))
  for (const path of ['/tmp', '/run']) await tmpfs(on(path), '1777')
  await host(['mount', '--bind', data, on('/data')])
}
