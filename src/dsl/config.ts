import type { PlatformSpec } from './platform.ts'

/** The limits that every guest gets, native included. */
export interface GuestLimits {
  /** Whole CPUs; each guest is pinned to the same ones. Default 1. */
  readonly cpus?: number
  /** Memory, such as `'1GiB'` (the default). Page cache of the guest counts. */
  readonly memory?: `${number}${'MiB' | 'GiB'}`
}

export interface ImageConfig {
  /** An own root filesystem, a directory; it replaces isobench's image. */
  readonly rootfs?: string
  /** Debian packages beside isobench's own. */
  readonly packages?: readonly string[]
}

/** How much is measured. */
export interface RunProfile {
  /** Rounds, each a visit to every platform. */
  readonly rounds?: number
  /** Rounds whose samples are thrown away. */
  readonly warmup?: number
  /** How long one sample measures, in seconds. */
  readonly seconds?: number
  /** Time limit of one sample, booting included, in seconds. */
  readonly timeout?: number
  /** Excludes benches with one of these tags, unless the command line selects benches by path, name or tag. */
  readonly skipTags?: readonly string[]
  /** Excludes platforms whose CPUs are emulated in software on this host, unless the command line names platforms. */
  readonly skipEmulated?: boolean
}

export interface Config {
  /** Globs of bench files, from the config's folder. Default: every `.bench.ts` below `benches`. */
  readonly include?: readonly string[]
  readonly platforms: readonly PlatformSpec[]
  readonly guest?: GuestLimits
  readonly image?: ImageConfig
  /**
   * Whether benches with the tag `cpu` or `memory` run native and a platform at the same time, on cores of their own that
   * they swap from round to round. Default false.
   */
  readonly duet?: boolean
  /** `quick`, `full` and `paper` are known; any name can be added, and both can be changed. */
  readonly profiles?: Readonly<Record<string, RunProfile>>
}

/** Checks nothing but types: a config is checked, with its file and line, when it is loaded. */
export function defineConfig(config: Config): Config {
  return config
}
