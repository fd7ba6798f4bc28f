import type { PlatformKinds } from '../platforms/index.ts'
import { callerLocation, DefinitionError, type Location } from './errors.ts'

/** How strongly, and by what, a platform isolates. */
export type PlatformFamily = 'native' | 'container' | 'secure-container' | 'hypervisor' | 'unikernel'

export const platformFamilies: readonly PlatformFamily[] = [
  'native',
  'container',
  'secure-container',
  'hypervisor',
  'unikernel',
]

/** What every platform takes beside its driver's own options. */
export interface PlatformOptions {
  /** The name in reports and in `--platform`; the kind when left out. */
  readonly name?: string
  readonly tags?: readonly string[]
  /**
   * More files that the platform depends on, such as a daemon's configuration, from the config's folder: `isobench
   * watch` measures the platform again when one of them is saved.
   */
  readonly watchFiles?: readonly string[]
}

/** A driver object of the author's: see `Driver` for the contract that isobench's own drivers use too. */
export interface CustomDriver {
  readonly driver: object
  readonly options?: Readonly<Record<string, unknown>>
}

/** A named way to isolate, with its options. */
export interface PlatformSpec {
  readonly kind: string
  readonly name: string
  readonly tags: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
  readonly watchFiles?: readonly string[]
  readonly driver?: object
  readonly location?: Location
}

/** Chooses platforms when a claim is judged: by name, by family, or by tag. Plain data. */
export type Selector =
  | { readonly by: 'name'; readonly names: readonly string[] }
  | { readonly by: 'family'; readonly families: readonly PlatformFamily[] }
  | { readonly by: 'tag'; readonly tags: readonly string[] }
  | { readonly by: 'all' }

const nameRule = /^[a-z][a-z0-9-]{0,30}$/

function define(kind: string, given: PlatformOptions & Record<string, unknown>, location?: Location): PlatformSpec {
  const { name = kind, tags = [], watchFiles: watch, driver, ...options } = given
  if (!nameRule.test(name)) {
    throw new DefinitionError(
      `the platform name ${JSON.stringify(name)} cannot be used`,
      nameRule.test(name.toLowerCase())
        ? `did you mean "${name.toLowerCase()}"? Names have small letters only`
        : 'use a small letter followed by up to 30 small letters, digits and "-"',
      location,
    )
  }
  const base = { kind, name, tags, ...(watch && { watchFiles: watch }), ...(location && { location }) }
  return driver === undefined
    ? { ...base, options }
    : { ...base, driver: driver as object, options: (options.options as Record<string, unknown> | undefined) ?? {} }
}

// A kind without options has an index signature of nevers, which `name` and `tags` would not fit.
type OptionsOf<O> = string extends keyof O ? unknown : O

interface PlatformFunction {
  /**
   * A platform of one of isobench's drivers, or with `driver` one of the author's own.
   * @throws AuthorError when the name cannot be used.
   */
  <K extends keyof PlatformKinds>(kind: K, options?: PlatformOptions & OptionsOf<PlatformKinds[K]>): PlatformSpec
  (kind: string, options: PlatformOptions & CustomDriver): PlatformSpec
  /** Selects the platforms of these families. */
  family(...families: [PlatformFamily, ...PlatformFamily[]]): Selector
  /** Selects the platforms with any of these tags. */
  tag(...tags: [string, ...string[]]): Selector
  /** Selects platforms by name. */
  named(...names: [string, ...string[]]): Selector
  /**
   * To compare with the median of several platforms, round by round, leaving out platforms without samples; two are the
   * least.
   */
  medianOf(...names: [string, string, ...string[]]): Median
}

/** The median of several platforms, as what others are compared with. */
export interface Median {
  readonly medianOf: readonly string[]
}

/**
 * Defines a platform of the config, and selects platforms for claims.
 * @throws {DefinitionError} if the name is invalid
 */
export const platform: PlatformFunction = Object.assign(
  function platform(kind: string, options: object = {}): PlatformSpec {
    return define(kind, options as PlatformOptions & Record<string, unknown>, callerLocation(platform))
  },
  {
    family: (...families: PlatformFamily[]): Selector => ({ by: 'family', families }),
    tag: (...tags: string[]): Selector => ({ by: 'tag', tags }),
    named: (...names: string[]): Selector => ({ by: 'name', names }),
    medianOf: (...names: string[]): Median => ({ medianOf: names }),
  },
)

/** Whether `selector` chooses a platform with this name, family and tags. */
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

/** What a selector chooses, in words: `container or secure-container`. */
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
