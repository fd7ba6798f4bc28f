import { readFileSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { programPath } from '../../entries.ts'
import { HostError } from '../../errors.ts'
import { guestEnv } from '../../platforms/guest-env.ts'
import { runHostCommand } from '../host.ts'
import { which } from '../requirements.ts'
import { type CpioEntry, cpio, fileType } from './cpio.ts'
import type { KernelModule } from './modules.ts'

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
