import type { Driver } from '../../driver.ts'
import { DefinitionError } from '../../dsl/errors.ts'
import type { PlatformSpec } from '../../dsl/platform.ts'
import { closestMatch } from '../../util/closest-match.ts'
import { messageOf } from '../../util/errors.ts'
import { ProjectError } from '../model/suite.ts'

/** A platform of the config with its driver and its checked options. */
export interface ResolvedPlatform {
  readonly spec: PlatformSpec
  readonly driver: Driver
  readonly options: unknown
}

/** What zod says about one wrong option. */
interface OptionIssue {
  readonly code?: string
  readonly path: readonly PropertyKey[]
  readonly message: string
}

const issuesOf = (error: unknown) => (error as { readonly issues?: readonly OptionIssue[] }).issues

/** Lists the options that a driver has if one of them is unknown. A wrong value has its own message. */
function optionsFix(error: unknown, { kind, options }: Driver): string {
  const issues = issuesOf(error)
  if (issues && !issues.some(({ code }) => code === 'unrecognized_keys'))
    return `see "${kind}" in docs/reference/platforms.md`
  const { shape } = options as { readonly shape?: object }
  if (shape === undefined) return 'see docs/reference/platforms.md'
  const names = Object.keys(shape)
  const known = names.length === 0 ? 'has no options' : `takes ${names.join(', ')}`
  return `"${kind}" ${known}: see docs/reference/platforms.md`
}

function optionIssues(error: unknown): string {
  const issues = issuesOf(error)
  if (!issues) return messageOf(error)
  return issues.map(({ path, message }) => [path.map(String).join('.'), message].filter(Boolean).join(': ')).join('; ')
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
  const resolved = specs.map((spec): ResolvedPlatform | DefinitionError => {
    const driver =
      (spec.driver as Driver | undefined) ?? (Object.hasOwn(drivers, spec.kind) ? drivers[spec.kind] : undefined)
    if (!driver) {
      const close = closestMatch(spec.kind, Object.keys(drivers))
      const fix = close
        ? `did you mean "${close}"?`
        : `use one of: ${Object.keys(drivers).join(', ')}, or pass your own driver: platform(driver)`
      return new DefinitionError(`there is no platform "${spec.kind}"`, fix, spec.location)
    }
    try {
      return { spec, driver, options: driver.options.parse(spec.options) }
    } catch (error) {
      return new DefinitionError(
        `the options of platform "${spec.name}" are wrong: ${optionIssues(error)}`,
        optionsFix(error, driver),
        spec.location,
      )
    }
  })
  const wrong = resolved.filter((platform) => platform instanceof DefinitionError)
  if (wrong.length > 0) {
    throw new ProjectError(
      wrong.map(({ message, fix, location }) => ({ file, message, fix, ...(location && { location }) })),
    )
  }
  return resolved as ResolvedPlatform[]
}
