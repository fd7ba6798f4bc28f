import type { PlatformSpec, Security } from './platform.ts'

/** The limits of every guest, including native. */
export interface GuestLimits {
  /** Number of CPUs. All guests are pinned to the same ones. Default: 1. */
  readonly cpus?: number
  /** Memory including the page cache of the guest, for example `'1GiB'` (the default). */
  readonly memory?: `${number}${'MiB' | 'GiB'}`
  /** Processes and threads, those of the platform included. The kernel refuses more. Default: 4096. */
  readonly processes?: number
  /** Size of `/data`, for example `'4GiB'` (the default). isobench ends a guest that writes more. */
  readonly data?: `${number}${'MiB' | 'GiB'}`
}

/** The root filesystem of every guest. */
export interface ImageConfig {
  /** A directory with the user's own root filesystem, used instead of isobench's image. */
  readonly rootfs?: string
  /** Debian packages to install in addition to isobench's own. */
  readonly packages?: readonly string[]
  /** The day of Debian's archives to build the image from, `'YYYY-MM-DD'`. Default: the day of the build. */
  readonly snapshot?: string
}

/** How much a run measures. */
export interface RunProfile {
  /** Number of rounds. Each round measures every platform. */
  readonly rounds?: number
  /** Number of warm-up rounds. Their samples are not used. */
  readonly warmup?: number
  /** Duration of the measurement in one sample, in seconds. */
  readonly seconds?: number
  /** Time limit of one sample including booting, in seconds. */
  readonly timeout?: number
  /** Excludes benches with one of these tags, unless the command line selects benches by path, name or tag. */
  readonly skipTags?: readonly string[]
  /** Excludes platforms with CPUs that software emulates on this host, unless the command line names platforms. */
  readonly skipEmulated?: boolean
}

/**
 * A reporter as on the command line: `html=report.html`, `./my-reporter.ts`. With options: the path of a reporter of
 * yours, relative to the config's directory, and the second argument of its `create`.
 */
export type ReporterEntry = string | readonly [path: string, options: Readonly<Record<string, unknown>>]

/** The configuration of a project: the default export of isobench.config.ts. */
export interface Config {
  /** Globs of bench files, relative to the config's directory. Default: every `.bench.ts` in `benches`. */
  readonly include?: readonly string[]
  readonly platforms: readonly PlatformSpec[]
  /**
   * Excludes platforms with one of these tags from runs, unless the command line names them or has `--all-platforms`.
   * Default: none.
   */
  readonly skipPlatformTags?: readonly string[]
  readonly guest?: GuestLimits
  readonly image?: ImageConfig
  /**
   * Digests of files of releases, by address: `{ 'https://...': 'sha256:...' }`. `isobench provision` and `--install`
   * refuse other files. Needed for releases that isobench knows no digest of.
   */
  readonly releaseDigests?: Readonly<Record<string, `sha256:${string}` | `sha512:${string}`>>
  /** What confines the guests of platforms that have the option `security`. Default: `'default'`. */
  readonly security?: Security
  /**
   * Whether benches with the tag `cpu` or `memory` run native and a platform at the same time, on separate cores that
   * they swap every round. Default: false.
   */
  readonly duet?: boolean
  /** The reporters of `run`, `judge` and `report` without `--reporter`. Default: `['default']`. */
  readonly reporters?: readonly ReporterEntry[]
  /** Changes the profiles `quick`, `full` and `paper`, or adds others. */
  readonly profiles?: Readonly<Record<string, RunProfile>>
  /** The default of `--rounds`: `10`, or `'10..30'`. Default: the profile's. */
  // Not `${number}`: '10...30' is 10, two dots and .30.
  readonly rounds?: number | `${bigint}..${bigint}`
  /** The default of `--seed`. Default: random. */
  readonly seed?: string
  /** The default of `isobench run --baseline`. A run before the baseline is saved compares with nothing. */
  readonly baseline?: string
}

/** For which command line a config function returns the config. */
export interface ConfigEnvironment {
  /** `run`, `list`, `watch`, `noise`, `time`, or `other` for all other commands. */
  readonly command: string
  /** The name of the profile: that of `--profile`, or `quick`. */
  readonly profile: string
}

/** A function that returns the config. */
export type ConfigFunction = (environment: ConfigEnvironment) => Config | Promise<Config>

/** `C` without fields that no config has. TypeScript itself looks for them only in a parameter that is not generic. */
type KnownFields<C> = C & { readonly [K in Exclude<keyof C, keyof Config>]: never }

/**
 * Returns its argument: a config, or a function that returns one for a command and a profile. It only helps editors
 * with types, also with the names of its platforms (see `Register`); isobench checks the config when it loads it.
 */
export function defineConfig<const C extends Config>(config: KnownFields<C>): C
export function defineConfig<const C extends Config>(
  config: (environment: ConfigEnvironment) => KnownFields<C> | Promise<KnownFields<C>>,
): (environment: ConfigEnvironment) => C | Promise<C>
export function defineConfig(config: Config | ConfigFunction): Config | ConfigFunction {
  return config
}
