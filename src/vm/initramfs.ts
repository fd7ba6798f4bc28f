/** The initramfs of VMs: Perl, isobench's agent, and kernel modules, in a cpio archive. */

import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { globSync } from 'tinyglobby'
import { guestEnv, hostEnvironment } from '../host/environment.ts'
import { which } from '../host/packages.ts'
import { runHostCommand } from '../host/process.ts'
import { programPath } from '../util/assets.ts'
import { HostError } from '../util/errors.ts'

/** An entry of the cpio archive that the kernel unpacks into its initial root filesystem. */
export interface CpioEntry {
  /** Without a leading slash: `dev/console`. Directories come before their content. */
  readonly path: string
  /** Type and permissions as in stat(2): 0o100755 is a program. */
  readonly mode: number
  readonly content?: Uint8Array
  /** Major and minor number of a character device. */
  readonly device?: readonly [number, number]
}

/** File types of stat(2). */
export const fileType = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const

const hex = (value: number) => value.toString(16).padStart(8, '0').toUpperCase()
const pad4 = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])

function encode({ path, mode, content = new Uint8Array(), device = [0, 0] }: CpioEntry, inode: number): Buffer {
  const name = Buffer.from(`${path}\0`)
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, name.length, 0]
  // The format pads header and name together.
  return Buffer.concat([pad4(Buffer.concat([Buffer.from(`070701${fields.map(hex).join('')}`), name])), pad4(content)])
}

/**
 * Creates an archive in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst in the kernel
 * sources). Times and owners are zero, so the same entries result in the same bytes.
 */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const all = [...entries, { path: 'TRAILER!!!', mode: 0 }]
  return Buffer.concat(all.map((entry, index) => encode(entry, index + 1)))
}

/** Compression formats that Node.js 20 cannot read: their first bytes, the program that can, and its Debian package. */
const formats: readonly { readonly magic: string; readonly program: string; readonly package: string }[] = [
  { magic: 'fd377a585a00', program: 'xz', package: 'xz-utils' },
  { magic: '28b52ffd', program: 'zstd', package: 'zstd' },
  // The kernel uses LZ4's legacy frame format.
  { magic: '02214c18', program: 'lz4', package: 'lz4' },
]

/**
 * Decompresses gzip, xz, zstd or LZ4. Returns bytes in other formats unchanged. Ignores data after the end of the
 * compressed stream, such as the rest of a kernel image.
 * @throws {HostError} if the program for the format is not installed or fails
 */
export function decompress(bytes: Buffer): Buffer {
  if (bytes.subarray(0, 2).toString('hex') === '1f8b') return gunzipSync(bytes)
  const format = formats.find(({ magic }) => bytes.subarray(0, magic.length / 2).toString('hex') === magic)
  if (!format) return bytes
  const program = which(format.program)
  if (!program) throw new HostError(`${format.program} is not installed.`, `apt-get install ${format.package}`)
  const { stdout, stderr } = spawnSync(program, ['--decompress', '--stdout', '--quiet'], {
    input: bytes,
    maxBuffer: 512 * 1024 * 1024,
    env: hostEnvironment(),
  })
  if (stdout.length === 0) throw new HostError(`${format.program} failed: ${stderr.toString().trim()}`)
  return stdout
}

/** The host's Perl and its shared libraries, at the paths where the loader expects them. */
async function interpreter(): Promise<CpioEntry[]> {
  const perl = which('perl')
  if (!perl) throw new HostError('perl is not installed.', 'apt-get install perl-base')
  const libraries = [...(await runHostCommand(['ldd', perl])).matchAll(/(\/\S+)/g)].map(([, path]) => path!)
  return [
    ...libraries.map((path) => ({ path: path.slice(1), mode: fileType.file | 0o755, content: readFileSync(path) })),
    { path: 'usr/bin/perl', mode: fileType.file | 0o755, content: readFileSync(realpathSync(perl)) },
  ]
}

/** Lists the directories above the entries, parents first. */
function parentFolders(entries: readonly CpioEntry[]): CpioEntry[] {
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

const perlQuote = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`

/** Perl code that sets the environment of the agent's commands. */
function environment(): string {
  const pairs = guestEnv.map((setting) => {
    const [name, ...value] = setting.split('=')
    return `${perlQuote(name!)}, ${perlQuote(value.join('='))}`
  })
  return `%environment = (${pairs.join(', ')}); 1;\n`
}

/**
 * Creates the initramfs of every VM: the agent, which is the guest's first process, the interpreter that runs it, and
 * the modules in the order in which to load them.
 */
export async function initramfs(modules: readonly KernelModule[]): Promise<Buffer> {
  const file = (path: string, content: Uint8Array | string, permissions = 0o644): CpioEntry => ({
    path,
    mode: fileType.file | permissions,
    content: typeof content === 'string' ? Buffer.from(content) : content,
  })
  const files: CpioEntry[] = [
    ...(await interpreter()),
    // The kernel opens it for the first process before it mounts anything.
    { path: 'dev/console', mode: fileType.device | 0o600, device: [5, 1] },
    file('init', readFileSync(programPath('init.pl')), 0o755),
    file('isobench/frames.pl', readFileSync(programPath('frames.pl'))),
    file('isobench/agent.pl', readFileSync(programPath('agent.pl'))),
    file('isobench/environment.pl', environment()),
    file('isobench/modules', modules.map(({ name }) => `${name}\n`).join('')),
    ...modules.map(({ name, bytes }) => file(`isobench/${name}.ko`, bytes)),
  ]
  return cpio([...parentFolders(files), ...files])
}

/** The drivers of a guest: buses, disks, network, the agent's channel, and shared directories. */
const requiredModules = [
  'virtio_pci',
  'virtio_mmio',
  'virtio_console',
  'virtio_blk',
  'virtio_net',
  'virtio_rng',
  'vmw_vsock_virtio_transport',
  // ext4 requests it by the name of the algorithm, at a time when nothing could load a module on demand.
  'crc32c_generic',
  'ext4',
  'virtiofs',
  '9pnet_virtio',
  '9p',
]

/** A kernel module and its content. */
export interface KernelModule {
  readonly name: string
  readonly bytes: Buffer
}

/** The kernel treats `-` and `_` in module names as equal. */
const moduleName = (file: string) =>
  basename(file)
    .replace(/\.ko(\..*)?$/, '')
    .replaceAll('-', '_')

/** Reads `depends=` from a module's `.modinfo` section, which modpost writes as NUL-terminated strings. */
function dependenciesOf(module: Buffer): string[] {
  const text = module.toString('latin1')
  const dependencies = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? ''
  return dependencies.split(',').filter(Boolean).map(moduleName)
}

/**
 * Returns the modules that a guest needs, each after its dependencies. Reads the dependencies from the modules, because
 * `modules.dep` is only generated when Debian's package is installed. Skips modules that are built in or do not exist.
 * @param folder modules of one kernel release: `.../lib/modules/6.12.1-amd64`
 */
export function modulesFor(folder: string): KernelModule[] {
  const builtin = join(folder, 'modules.builtin')
  const inKernel = new Set(existsSync(builtin) ? readFileSync(builtin, 'utf8').split('\n').map(moduleName) : [])
  const files = new Map(
    globSync('**/*.ko{,.xz,.zst,.gz}', { cwd: folder, absolute: true }).map((file) => [moduleName(file), file]),
  )
  const ordered = new Map<string, Buffer>()
  const add = (name: string, neededBy?: string) => {
    if (ordered.has(name) || inKernel.has(name)) return
    const file = files.get(name)
    if (file === undefined) {
      if (neededBy === undefined) return
      throw new HostError(`the kernel module ${neededBy} needs ${name}, which is not in ${folder}.`)
    }
    const bytes = decompress(readFileSync(file))
    for (const needed of dependenciesOf(bytes)) add(needed, name)
    ordered.set(name, bytes)
  }
  for (const name of requiredModules) add(name)
  return [...ordered].map(([name, bytes]) => ({ name, bytes }))
}
