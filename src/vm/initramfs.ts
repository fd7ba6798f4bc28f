import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { globSync } from 'tinyglobby'
import { guestEnv } from '../host/image-recipe.ts'
import { which } from '../host/packages.ts'
import { runHostCommand } from '../host/process.ts'
import { programPath } from '../util/assets.ts'
import { HostError } from '../util/errors.ts'

/** One entry of an archive that the kernel unpacks into its initial root file system. */
export interface CpioEntry {
  /** Without a slash in front: `dev/console`. Folders come before what is in them. */
  readonly path: string
  /** Type and permissions as in stat(2): 0o100755 is a program. */
  readonly mode: number
  readonly content?: Uint8Array
  /** Of a character device: major and minor number. */
  readonly device?: readonly [number, number]
}

/** The file types of stat(2). */
export const fileType = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const

const hex = (value: number) => value.toString(16).padStart(8, '0').toUpperCase()
const padded = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])

function encode({ path, mode, content = new Uint8Array(), device = [0, 0] }: CpioEntry, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`)
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, name.length, 0]
  // Header and name are padded together.
  return Buffer.concat([
    padded(Buffer.concat([Buffer.from(`070701${fields.map(hex).join('')}`), name])),
    padded(content),
  ])
}

/**
 * An archive in the "newc" format: Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's sources. Times
 * and owners are zero, so the same entries give the same bytes.
 */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const all = [...entries, { path: 'TRAILER!!!', mode: 0 }]
  return Buffer.concat(all.map((entry, at) => encode(entry, at + 1)))
}

/** Formats by their first bytes, with the program and Debian's package for those that Node 20 cannot read. */
const formats: readonly { readonly magic: string; readonly program: string; readonly package: string }[] = [
  { magic: 'fd377a585a00', program: 'xz', package: 'xz-utils' },
  { magic: '28b52ffd', program: 'zstd', package: 'zstd' },
  // The kernel's LZ4 is the legacy frame format.
  { magic: '02214c18', program: 'lz4', package: 'lz4' },
]

/**
 * What was compressed with gzip, xz, zstd or LZ4; what is in none of these formats is given back as it is. Bytes after the end,
 * such as a kernel's own, are left alone.
 * @throws MachineError when the program for it is missing, or cannot read it.
 */
export function decompress(bytes: Buffer): Buffer {
  if (bytes.subarray(0, 2).toString('hex') === '1f8b') return gunzipSync(bytes)
  const format = formats.find(({ magic }) => bytes.subarray(0, magic.length / 2).toString('hex') === magic)
  if (!format) return bytes
  const program = which(format.program)
  if (!program) throw new HostError(`${format.program} is not installed`, `apt-get install ${format.package}`)
  const { stdout, stderr } = spawnSync(program, ['--decompress', '--stdout', '--quiet'], {
    input: bytes,
    maxBuffer: 512 * 1024 * 1024,
  })
  if (stdout.length === 0) throw new HostError(`${format.program} could not read it: ${stderr.toString().trim()}`)
  return stdout
}

/** This host's Perl with the libraries that it is linked against, at the paths that it wants them at. */
async function interpreter(): Promise<CpioEntry[]> {
  const perl = which('perl')
  if (!perl) throw new HostError('perl is not installed', 'apt-get install perl-base')
  const libraries = [...(await runHostCommand(['ldd', perl])).matchAll(/(\/\S+)/g)].map(([, path]) => path!)
  return [
    ...libraries.map((path) => ({ path: path.slice(1), mode: fileType.file | 0o755, content: readFileSync(path) })),
    { path: 'usr/bin/perl', mode: fileType.file | 0o755, content: readFileSync(realpathSync(perl)) },
  ]
}

/** Every folder above the entries, the upper first. */
function foldersOf(entries: readonly CpioEntry[]): CpioEntry[] {
  const folders = new Set<string>()
  const add = (path: string) => {
    if (path === '.' || folders.has(path)) return
    add(dirname(path))
    folders.add(path)
  }
  for (const { path } of entries) add(dirname(path))
  for (const path of ['proc', 'sys', 'dev', 'root']) add(path)
  return [...folders].map((path) => ({ path, mode: fileType.folder | 0o755 }))
}

const quoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`

/** The environment of the guest's processes as the agent reads it: a piece of Perl. */
function environment(): string {
  const pairs = guestEnv.map((setting) => {
    const [name, ...value] = setting.split('=')
    return `${quoted(name!)}, ${quoted(value.join('='))}`
  })
  return `%environment = (${pairs.join(', ')}); 1;\n`
}

/**
 * The first file system of every guest with a kernel of its own: the agent, which is its first process, what the agent needs,
 * and the modules in the order to load them.
 */
export async function initramfs(modules: readonly KernelModule[]): Promise<Buffer> {
  const file = (path: string, content: Uint8Array | string, permissions = 0o644): CpioEntry => ({
    path,
    mode: fileType.file | permissions,
    content: typeof content === 'string' ? Buffer.from(content) : content,
  })
  const files: CpioEntry[] = [
    ...(await interpreter()),
    // The kernel opens it for the first process before anything is mounted.
    { path: 'dev/console', mode: fileType.device | 0o600, device: [5, 1] },
    file('init', readFileSync(programPath('init.pl')), 0o755),
    file('isobench/frames.pl', readFileSync(programPath('frames.pl'))),
    file('isobench/agent.pl', readFileSync(programPath('agent.pl'))),
    file('isobench/environment.pl', environment()),
    file('isobench/modules', modules.map(({ name }) => `${name}\n`).join('')),
    ...modules.map(({ name, bytes }) => file(`isobench/${name}.ko`, bytes)),
  ]
  return cpio([...foldersOf(files), ...files])
}

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
