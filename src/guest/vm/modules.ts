import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { globSync } from 'tinyglobby'
import { HostError } from '../../errors.ts'
import { decompress } from './decompress.ts'

/** What a guest needs of its kernel: buses, disks, links, the agent's channel, and the ways to share a folder. */
const wanted = [
  'virtio_pci',
  'virtio_mmio',
  'virtio_console',
  'virtio_blk',
  'virtio_net',
  'virtio_rng',
  'vmw_vsock_virtio_transport',
  // ext4 asks for it by its algorithm's name, when nobody is there to look for a module.
  'crc32c_generic',
  'ext4',
  'virtiofs',
  '9pnet_virtio',
  '9p',
]

/** A module to be loaded, and the bytes to load. */
export interface KernelModule {
  readonly name: string
  readonly bytes: Buffer
}

/** The kernel takes `-` and `_` in a module's name for the same. */
const nameOf = (file: string) =>
  basename(file)
    .replace(/\.ko(\..*)?$/, '')
    .replaceAll('-', '_')

/** What `depends=` in a module's `.modinfo` says: modpost writes the section as texts that are ended by NULs. */
function dependenciesOf(module: Buffer): string[] {
  const text = module.toString('latin1')
  const found = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? ''
  return found.split(',').filter(Boolean).map(nameOf)
}

/**
 * The modules that a guest needs, each after those that it depends on. Debian's package has no `modules.dep`: that is made
 * when it is installed. What this kernel has built in, or does not have at all, is left out.
 * @param folder The modules of one release: `…/lib/modules/6.12.1-amd64`.
 */
export function modulesFor(folder: string): KernelModule[] {
  const builtin = join(folder, 'modules.builtin')
  const inKernel = new Set(existsSync(builtin) ? readFileSync(builtin, 'utf8').split('\n').map(nameOf) : [])
  const files = new Map(
    globSync('**/*.ko{,.xz,.zst,.gz}', { cwd: folder, absolute: true }).map((file) => [nameOf(file), file]),
  )
  const ordered = new Map<string, Buffer>()
  const add = (name: string, neededBy?: string) => {
    if (ordered.has(name) || inKernel.has(name)) return
    const file = files.get(name)
    if (file === undefined) {
      if (neededBy === undefined) return
      throw new HostError(`the module ${neededBy} needs ${name}, which ${folder} does not have`)
    }
    const bytes = decompress(readFileSync(file))
    for (const needed of dependenciesOf(bytes)) add(needed, name)
    ordered.set(name, bytes)
  }
  for (const name of wanted) add(name)
  return [...ordered].map(([name, bytes]) => ({ name, bytes }))
}
