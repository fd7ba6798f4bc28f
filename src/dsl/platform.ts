import { checkTags, describeValue, repeatedValue, suggestion, withErrorLocation, withKnownMembers } from './checked.ts'
import { callerLocation, DefinitionError, type Location } from './errors.ts'

/** How strongly a platform isolates, and by what means. */
export type PlatformFamily = 'native' | 'container' | 'secure-container' | 'hypervisor' | 'unikernel'

export const platformFamilies: readonly PlatformFamily[] = [
  'native',
  'container',
  'secure-container',
  'hypervisor',
  'unikernel',
]

/**
 * How a platform executes the code of its guests: on the CPU, on a nested hypervisor, or by emulation.
 * Only `hardware` measurements support claims about hardware.
 */
export type CpuMode = 'hardware' | 'nested' | 'emulated'

/**
 * What confines the guests of platforms that have a choice. `default`: what the users of the platform run. `none`:
 * without seccomp filter and no_new_privs.
 */
export type Security = 'default' | 'none'

/**
 * The project's config, for types. Declare it at the end of isobench.config.ts, and the compiler finds names of
 * platforms in claims that the config does not have:
 *
 * `declare module 'isobench' { interface Register { config: typeof config } }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: projects add to it
export interface Register {}

type RegisteredConfig = Register extends { readonly config: infer C }
  ? C extends (...args: never[]) => infer R
    ? Awaited<R>
    : C
  : unknown

type NameOf<P> = P extends { readonly name: infer N extends string } ? N : string

/**
 * The name of a platform: any text, or one of the names of the registered config. Write `name as PlatformName` for one
 * that is computed.
 */
export type PlatformName = RegisteredConfig extends { readonly platforms: readonly (infer P)[] } ? NameOf<P> : string

/** Options that every platform takes besides those of its driver. */
export interface PlatformOptions<N extends string = string> {
  /** The name in reports and for `--platform`. Default: the kind of the driver. */
  readonly name?: N
  readonly tags?: readonly string[]
  /**
   * More files that the platform depends on, such as the configuration of a daemon, relative to the config's folder.
   * `isobench watch` measures the platform again when one of them is saved.
   */
  readonly watchFiles?: readonly string[]
}

/** The members of a driver that `platform` uses. `isobench/driver` has the whole contract. */
export interface PlatformDriver {
  readonly kind: string
  readonly options: { parse(value: unknown): unknown }
  oneShot(...args: never[]): unknown
  boot(...args: never[]): unknown
}

/** The options that authors may give to a driver: the input type of its schema (standardschema.dev; zod has one). */
export type DriverInput<D extends Pick<PlatformDriver, 'options'>> = D['options'] extends {
  readonly '~standard'?: { readonly types?: { readonly input: infer I } | undefined }
}
  ? KnownOptions<I>
  : Record<string, unknown>

// A schema without options has an index signature of `never`, which `name` and `tags` would not fit.
type KnownOptions<I> = unknown extends I ? Record<string, unknown> : [I] extends [Record<string, never>] ? unknown : I

/** A platform of the config: a driver under a name, with its options. */
export interface PlatformSpec<N extends string = string> {
  readonly kind: string
  readonly name: N
  readonly tags: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
  readonly watchFiles?: readonly string[]
  /** The option `security` of the config, for drivers that have this option. */
  readonly security?: Security
  readonly driver?: object
  readonly location?: Location
}

/** Selects the platforms of a claim by name, by family, or by tag. Plain data. */
export type Selector =
  | { readonly by: 'name'; readonly names: readonly string[] }
  | { readonly by: 'family'; readonly families: readonly PlatformFamily[] }
  | { readonly by: 'tag'; readonly tags: readonly string[] }
  | { readonly by: 'all' }

const nameRule = /^[a-z][a-z0-9-]{0,30}$/

function definePlatform(
  driver: string | PlatformDriver,
  input: PlatformOptions & Record<string, unknown>,
  location?: Location,
): PlatformSpec {
  const kind = typeof driver === 'string' ? driver : driver?.kind
  if (typeof kind === 'string' && typeof driver === 'object' && typeof driver.options?.parse !== 'function') {
    throw new DefinitionError(
      `the driver "${kind}" has no options.parse().`,
      'pass the result of defineDriver({ options: z.strictObject({}), ... }), or options with another parse(value)',
      location,
    )
  }
  if (typeof kind !== 'string') {
    throw new DefinitionError(
      'platform() needs the kind of a driver of isobench, or a driver object.',
      "write platform('runc'), or pass the result of defineDriver({ ... })",
      location,
    )
  }
  const { name = kind, tags = [], watchFiles, ...options } = input
  if (!nameRule.test(name)) {
    throw new DefinitionError(
      `the platform name ${JSON.stringify(name)} is not allowed.`,
      nameRule.test(name.toLowerCase())
        ? `did you mean "${name.toLowerCase()}"? Names have small letters only`
        : 'use a small letter followed by up to 30 small letters, digits and "-"',
      location,
    )
  }
  withErrorLocation(
    () => location,
    () => checkTags(`platform "${name}"`, tags),
  )
  return {
    kind,
    name,
    tags,
    options,
    ...(watchFiles && { watchFiles }),
    ...(typeof driver === 'object' && { driver }),
    ...(location && { location }),
  }
}

type OptionsArgument<I, N extends string> =
  Partial<I> extends I ? [options?: PlatformOptions<N> & I] : [options: PlatformOptions<N> & I]

/** The function `platform`. `Kinds` has the options of each driver of isobench, by kind. */
export interface PlatformFunction<Kinds> {
  /**
   * Defines a platform that uses a driver of isobench.
   * @throws {DefinitionError} if the name is not allowed
   */
  <K extends keyof Kinds & string, const N extends string = K>(
    kind: K,
    options?: PlatformOptions<N> & Kinds[K],
  ): PlatformSpec<NoInfer<N>>
  /**
   * Defines a platform that uses a driver of yours. Its schema types the options, which stand beside `name`, `tags` and
   * `watchFiles`; an option of the driver cannot have one of these names.
   * @throws {DefinitionError} if the name is not allowed, or if `driver` is not a driver
   */
  <D extends PlatformDriver, const N extends string = D['kind']>(
    driver: D,
    ...options: OptionsArgument<DriverInput<D>, N>
  ): PlatformSpec<NoInfer<N>>
  /** Selects the platforms of these families. */
  family(...families: [PlatformFamily, ...PlatformFamily[]]): Selector
  /** Selects the platforms with any of these tags. */
  tag(...tags: [string, ...string[]]): Selector
  /** Selects platforms by name. */
  named(...names: [PlatformName, ...PlatformName[]]): Selector
  /** The median of at least two platforms in each round, to compare others with. Omits platforms without samples. */
  medianOf(...names: [PlatformName, PlatformName, ...PlatformName[]]): Median
}

/** The median of several platforms, to compare others with. */
export interface Median {
  readonly medianOf: readonly string[]
}

/** @throws {DefinitionError} if a selector would select no platform at all */
function checkSome(
  name: string,
  values: readonly unknown[],
  example: string,
  locate: () => Location | undefined,
): void {
  if (values.length > 0) return
  const fix = `name at least one: platform.${name}(${example})`
  throw new DefinitionError(`platform.${name}() selects no platform.`, fix, locate())
}

/** @throws {DefinitionError} if the names are not those of at least two platforms, each once */
function checkMedian(names: readonly unknown[], locate: () => Location | undefined): void {
  const repeated = repeatedValue(names)
  if (repeated !== undefined)
    throw new DefinitionError(
      `platform.medianOf() has ${describeValue(repeated)} twice.`,
      'name each platform once',
      locate(),
    )
  if (names.length >= 2 && names.every((name) => typeof name === 'string')) return
  const given = names.map(describeValue).join(', ') || 'none'
  throw new DefinitionError(
    `platform.medianOf() takes the names of at least two platforms, and this is ${given}.`,
    "write platform.medianOf('runc', 'crun'); to compare with one platform, name it without medianOf",
    locate(),
  )
}

/** `platform` without the types of the built-in kinds: the entry point `isobench` adds those. */
export const platform: PlatformFunction<Record<string, Record<string, unknown>>> = withKnownMembers(
  Object.assign(
    function platform(driver: string | PlatformDriver, options: object = {}): PlatformSpec {
      return definePlatform(driver, options as PlatformOptions & Record<string, unknown>, callerLocation(platform))
    },
    {
      family: function family(...families: PlatformFamily[]): Selector {
        checkSome('family', families, "'container'", () => callerLocation(family))
        const unknown = families.find((one) => !platformFamilies.includes(one))
        if (unknown === undefined) return { by: 'family', families }
        throw new DefinitionError(
          `there is no family of platforms ${describeValue(unknown)}.`,
          suggestion(String(unknown), platformFamilies),
          callerLocation(family),
        )
      },
      tag: function tag(...tags: string[]): Selector {
        checkSome('tag', tags, "'hardened'", () => callerLocation(tag))
        return { by: 'tag', tags }
      },
      named: function named(...names: string[]): Selector {
        checkSome('named', names, "'runc'", () => callerLocation(named))
        return { by: 'name', names }
      },
      medianOf: function medianOf(...names: string[]): Median {
        checkMedian(names, () => callerLocation(medianOf))
        return { medianOf: names }
      },
    },
  ),
  (name) => `isobench has no platform.${name}.`,
)

/** Returns whether `selector` matches a platform with this name, family and tags. */
export function matchesSelector(
  selector: Selector,
  candidate: { readonly name: string; readonly family: PlatformFamily; readonly tags: readonly string[] },
): boolean {
  switch (selector.by) {
    case 'name':
      return selector.names.includes(candidate.name)
    case 'family':
      return selector.families.includes(candidate.family)
    case 'tag':
      return candidate.tags.some((tag) => selector.tags.includes(tag))
    case 'all':
      return true
  }
}

/** Formats a selector: `container or secure-container`. */
export function describeSelector(selector: Selector): string {
  switch (selector.by) {
    case 'name':
      return selector.names.join(' or ')
    case 'family':
      return selector.families.join(' or ')
    case 'tag':
      return selector.tags.map((tag) => `#${tag}`).join(' or ')
    case 'all':
      return 'any platform'
  }
}
