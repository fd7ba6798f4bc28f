import type { Driver } from '../../driver.ts'
import { DefinitionError } from '../../dsl/errors.ts'
import type { PlatformSpec } from '../../dsl/platform.ts'
import { closestMatch } from '../../util/closest-match.ts'
import { ProjectError } from '../model/suite.ts'
import { fixFor, optionIssues } from '../session/probe.ts'

/** A platform of the config with the driver that runs it and its checked options. */
export interface ResolvedPlatform {
  readonly spec: PlatformSpec
  readonly driver: Driver
  readonly options: unknown
}

/**
 * Finds each platform's driver and checks its options.
 * @throws AuthoringError naming every platform of the config that cannot be used.
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
        : `use one of: ${Object.keys(drivers).join(', ')}, or give your own: { driver }`
      return new DefinitionError(`there is no platform "${spec.kind}"`, fix, spec.location)
    }
    try {
      return { spec, driver, options: driver.options.parse(spec.options) }
    } catch (error) {
      return new DefinitionError(
        `the options of platform "${spec.name}" are wrong: ${optionIssues(error)}`,
        fixFor(error, driver),
        spec.location,
      )
    }
  })
  const wrong = resolved.filter((one) => one instanceof DefinitionError)
  if (wrong.length > 0) {
    throw new ProjectError(
      wrong.map(({ message, fix, location }) => ({ file, message, fix, ...(location && { location }) })),
    )
  }
  return resolved as ResolvedPlatform[]
}
