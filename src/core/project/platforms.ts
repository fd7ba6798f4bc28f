import { realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type * as z from 'zod'
import { type Driver, platformFamily } from '../../driver.ts'
import { isThenable } from '../../dsl/checked.ts'
import type { PlatformSpec } from '../../dsl/platform.ts'
import { type Requirement, which } from '../../host/packages.ts'
import { closestMatch } from '../../util/closest-match.ts'
import { messageOf } from '../../util/errors.ts'
import { wrongOptions } from '../../util/schema-issues.ts'
import type { PlannedPlatform } from '../model/plan.ts'
import { type Problem, ProjectError, type WorkKind } from '../model/suite.ts'
import { functionLocation } from './function-location.ts'
import { guardDriver } from './guard-driver.ts'
import { locateWord } from './locate-word.ts'
import { ProjectCodeError } from './project-code-error.ts'
import { callWithinLimit } from './time-limit.ts'

/** A platform of the config with its driver and its checked options. */
export interface ResolvedPlatform {
  readonly spec: PlatformSpec
  readonly driver: Driver
  readonly options: unknown
  /** The project's folder, if the driver is the project's own. */
  readonly root?: string
}

/** What an error of zod says. Undefined for any other value: a driver of the project may throw anything. */
function wrongOf(error: unknown, given: Readonly<Record<string, unknown>>) {
  try {
    const { issues } = error as Pick<z.ZodError, 'issues'>
    const [issue] = issues
    return issue && { issue, wrong: wrongOptions(issues, given) }
  } catch {
    return undefined
  }
}

/** What is wrong with the options of a platform, how to fix it, and the word that is wrong. */
function optionsProblem(
  error: unknown,
  { kind, options: schema }: Driver,
  given: Readonly<Record<string, unknown>>,
  isOwn: boolean,
): { readonly message: string; readonly fix: string; readonly word?: string } {
  const found = wrongOf(error, given)
  const reference = isOwn ? `see the options of your driver "${kind}"` : `see "${kind}" in docs/reference/platforms.md`
  if (!found) return { message: messageOf(error), fix: reference }
  const { issue, wrong } = found
  const message = wrong.map((one) => one.message.replace(/\.$/, '')).join('; ')
  const {
    code,
    path = [],
    values = [],
    keys = [],
  } = issue as {
    readonly code?: string
    readonly path?: readonly PropertyKey[]
    readonly values?: readonly unknown[]
    readonly keys?: readonly string[]
  }
  const { shape } = schema as { readonly shape?: object }
  if (code === 'unrecognized_keys' && path.length === 0 && shape !== undefined) {
    const names = Object.keys(shape)
    const close = closestMatch(keys[0]!, names)
    const known = names.length === 0 ? 'has no options' : `takes ${names.join(', ')}`
    const hint = close === undefined ? '' : `did you mean "${close}"? `
    return {
      message,
      fix: `${hint}"${kind}" ${known}${isOwn ? '' : ': see docs/reference/platforms.md'}`,
      word: keys[0]!,
    }
  }
  const fix = wrong[0]?.fix ? `${wrong[0].fix}: ${reference}` : reference
  const [option] = path
  const value = given[String(option)]
  if (typeof option !== 'string') return { message, fix }
  if (code !== 'invalid_value' || path.length !== 1 || typeof value !== 'string') return { message, fix, word: option }
  const close = closestMatch(value, values.map(String))
  return { message, fix: close === undefined ? fix : `did you mean "${close}"? ${reference}`, word: value }
}

/**
 * The driver of a platform of the project, with the family that its options decide, which is needed even if nothing is
 * probed.
 * @throws {ProjectCodeError} if a member of the driver is wrong, or its `options.parse()` or `family()` fails
 */
function resolveOwn(spec: PlatformSpec, driver: Driver, given: unknown, root: string): ResolvedPlatform {
  const guarded = guardDriver(spec.name, driver, { root, location: spec.location })
  const what = `options.parse() of the driver of "${spec.name}"`
  const locate = () => functionLocation(driver.options.parse, root) ?? spec.location
  const options = callWithinLimit(what, () => driver.options.parse(given), locate)
  if (isThenable(options)) {
    // Its error would be one that no code handles.
    Promise.resolve(options).catch(() => {})
    throw new ProjectCodeError(`${what} returned a promise.`, 'use a schema that is not asynchronous', locate())
  }
  const family = platformFamily(guarded, options)
  return { spec, driver: Object.defineProperty(guarded, 'family', { value: family }), options, root }
}

/**
 * Finds each platform's driver and checks its options.
 * @param file the config, for messages
 * @throws {ProjectError} with every platform of the config that cannot be used
 */
export function resolvePlatforms(
  specs: readonly PlatformSpec[],
  drivers: Readonly<Record<string, Driver>>,
  file: string,
): ResolvedPlatform[] {
  const root = dirname(resolve(file))
  const resolved = specs.map((spec): ResolvedPlatform | Problem => {
    const driver =
      (spec.driver as Driver | undefined) ?? (Object.hasOwn(drivers, spec.kind) ? drivers[spec.kind] : undefined)
    if (!driver) {
      const close = closestMatch(spec.kind, Object.keys(drivers))
      const fix = close
        ? `did you mean "${close}"?`
        : `use one of: ${Object.keys(drivers).join(', ')}, or pass your own driver: platform(driver)`
      return { file, message: `there is no platform "${spec.kind}"`, fix, ...locateWord(spec.location, spec.kind) }
    }
    try {
      const { shape = {} } = driver.options as { readonly shape?: object }
      const common = spec.security !== undefined && 'security' in shape ? { security: spec.security } : {}
      const given = { ...common, ...spec.options }
      return spec.driver
        ? resolveOwn(spec, driver, given, root)
        : { spec, driver, options: driver.options.parse(given) }
    } catch (error) {
      if (error instanceof ProjectCodeError) return error.problem(file)
      const { message, fix, word } = optionsProblem(error, driver, spec.options, spec.driver !== undefined)
      return {
        file,
        message: `the options of platform "${spec.name}" are wrong: ${message}`,
        fix,
        ...(word === undefined ? spec.location && { location: spec.location } : locateWord(spec.location, word)),
      }
    }
  })
  const wrong = resolved.filter((platform) => 'message' in platform)
  if (wrong.length > 0) throw new ProjectError(wrong, root)
  return resolved as ResolvedPlatform[]
}

/** The kinds of workload that a driver cannot run because it lacks the optional member for them. */
export function unsupportedWorkloads({ vmmStart, snapshots }: Driver): Pick<PlannedPlatform, 'unsupportedWorkloads'> {
  const kinds: WorkKind[] = [
    ...(vmmStart ? [] : (['vmm-start'] as const)),
    ...(snapshots ? [] : (['snapshot'] as const)),
  ]
  return kinds.length > 0 ? { unsupportedWorkloads: kinds } : {}
}

/** The platforms as if all of them worked on this host: nothing is probed. */
export const unprobedPlatforms = (platforms: readonly ResolvedPlatform[]): PlannedPlatform[] =>
  platforms.map(({ spec, driver, options }) => ({
    name: spec.name,
    kind: spec.kind,
    family: platformFamily(driver, options),
    tags: spec.tags,
    ...unsupportedWorkloads(driver),
    available: true,
    version: '',
    cpuMode: 'hardware',
  }))

/** What a driver returns, or else a value if code of the project fails. Its platform is not available then. */
export function orIfDriverFails<T>(otherwise: T, call: () => T): T {
  try {
    return call()
  } catch (error) {
    if (error instanceof ProjectCodeError) return otherwise
    throw error
  }
}

/** The programs of a platform. None if a driver of the project fails: the probe then reports its error. */
export const requirementsOf = ({ driver, options }: Pick<ResolvedPlatform, 'driver' | 'options'>) =>
  orIfDriverFails<readonly Requirement[]>([], () => driver.requirements(options))

/** The programs of a platform, their link targets, and its configuration files. */
export function platformFiles(platform: ResolvedPlatform, root: string): string[] {
  const { driver, options, spec } = platform
  const programs = requirementsOf(platform).flatMap(({ binary }) => {
    const file = which(binary)
    return file === undefined ? [] : [file, ...targetOf(file)]
  })
  const own = orIfDriverFails<readonly string[]>([], () => driver.configFiles?.(options) ?? [])
  const configFiles = [...own, ...(spec.watchFiles ?? [])].map((file) => resolve(root, file))
  return [...new Set([...programs, ...configFiles])]
}

/** The target of a link, or nothing if the file was removed. */
function targetOf(file: string): string[] {
  try {
    return [realpathSync(file)]
  } catch {
    return []
  }
}
