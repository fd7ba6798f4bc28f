import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Limits } from '../../guest/cgroup.ts'
import type { Options } from './options.ts'

/** A table of TOML, by its name. */
export type Tables = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>

/** MiB of the guest's limit that are not the machine's: the shim, the monitor and virtiofsd, and the guest's containerd. */
const overhead = 192

/**
 * What isobench sets in a configuration of Kata's; names and types are those of release 4.1's templates
 * (`configuration-*.toml.in` of its two runtimes). The machine has its size from the start, for it is the guest's limit, and all
 * processes of Kata's are in the guest's cgroup.
 */
export function kataConfigDropIn(
  { hypervisor, sharedFs }: Pick<Options, 'hypervisor' | 'sharedFs'>,
  limits: Limits,
): Tables {
  return {
    [`hypervisor.${hypervisor}`]: {
      default_vcpus: limits.cpus.length,
      default_maxvcpus: limits.cpus.length,
      default_memory: Math.floor(limits.memoryBytes / 1024 ** 2) - overhead,
      // Dragonball serves it itself rather than by a virtiofsd.
      shared_fs: hypervisor === 'dragonball' ? `inline-${sharedFs}` : sharedFs,
    },
    runtime: { sandbox_cgroup_only: true, static_sandbox_resource_mgmt: true },
  }
}

/** As TOML: a string, a number and a truth value are written there as in JSON. */
export const toToml = (tables: Tables): string =>
  Object.entries(tables)
    .map(([name, values]) =>
      [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`), ''].join(
        '\n',
      ),
    )
    .join('\n')

/**
 * A copy of an installation's configuration in `folder`, with its drop-ins, and above them isobench's own: Kata reads the files
 * of `config.d` beside its configuration in the order of their names, and later ones win. The installation stays as it is.
 * Resolves with the file to give to the shim.
 */
export function writeConfiguration(folder: string, installed: string, ours: Tables): string {
  const [file, dropIns] = [join(folder, 'configuration.toml'), join(folder, 'config.d')]
  mkdirSync(dropIns, { recursive: true })
  copyFileSync(installed, file)
  const theirs = join(dirname(installed), 'config.d')
  const names = existsSync(theirs) ? readdirSync(theirs).filter((name) => name.endsWith('.toml')) : []
  for (const name of names) copyFileSync(join(theirs, name), join(dropIns, name))
  writeFileSync(join(dropIns, 'zz-isobench.toml'), toToml(ours))
  return file
}
