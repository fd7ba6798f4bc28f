import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { which } from '../../guest/requirements.ts'
import type { Options, Runtime } from './options.ts'

/** The release that this was written for, from its documentation and its configuration templates. */
export const release = '4.1.0'

const shim = 'containerd-shim-kata-v2'

/** Where releases are unpacked, and where distributions put the files of it. */
const prefixes = ['/opt/kata', '/usr']

/** The shim that a platform runs: its own, that of an unpacked release, or the one in PATH. */
export function findShim({ binary, runtime }: Pick<Options, 'binary' | 'runtime'>): string {
  const folder = runtime === 'rust' ? 'runtime-rs/bin' : 'bin'
  return binary ?? which(join('/opt/kata', folder, shim)) ?? which(shim) ?? shim
}

/** Which of the two runtimes a shim says it is: both have the same name. */
export function runtimeOf(shim: string): Runtime | undefined {
  const said = spawnSync(shim, ['--version'], { encoding: 'utf8', timeout: 10_000 }).stdout ?? ''
  if (said.includes('(Rust)')) return 'rust'
  return said.includes('(Golang)') ? 'go' : undefined
}

/** Where an installation's configuration for a runtime and a hypervisor may be, the preferred first. */
export function configurationFiles({ config, runtime, hypervisor }: Options): string[] {
  if (config !== undefined) return [config]
  // Dragonball is the Rust runtime's alone, and needs no word to tell.
  const suffix = runtime === 'rust' && hypervisor !== 'dragonball' ? '-runtime-rs' : ''
  const folders = runtime === 'rust' ? ['runtime-rs', '.'] : ['.']
  return prefixes.flatMap((prefix) =>
    folders.map((folder) =>
      join(prefix, 'share/defaults/kata-containers', folder, `configuration-${hypervisor}${suffix}.toml`),
    ),
  )
}

/** The one that is there. */
export const configurationOf = (options: Options): string | undefined => configurationFiles(options).find(existsSync)

/** How to come by it: nothing of it is in Debian, and isobench downloads nothing. */
export function howToInstall({ runtime }: Pick<Options, 'runtime'>): string {
  const file = `${runtime === 'rust' ? 'kata-static' : 'kata-go-static'}-${release}-amd64.tar.zst`
  const after =
    runtime === 'rust' ? '' : `, beside kata-static-${release}-amd64.tar.zst, which has what both runtimes share`
  return (
    `take ${file} of release ${release} of github.com/kata-containers/kata-containers${after}; ` +
    `compare sha256sum with the digest that the release's page shows beside the file; tar --zstd -xf ${file} -C /`
  )
}
