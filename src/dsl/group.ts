/** `group`: benches with a common start of their names. */

import {
  checkFields,
  checkTagsAndTimeout,
  checkText,
  describeValue,
  isGenerator,
  isPlainFunction,
  isThenable,
  withErrorLocation,
} from './checked.ts'
import { callerLocation, DefinitionError } from './errors.ts'
import { registry } from './registry.ts'
import { groupServer, type ServerOptions } from './server.ts'

/** What all benches of a group have. A bench of the group may have another time limit, and more tags. */
export interface GroupOptions {
  readonly tags?: readonly string[]
  /** Time limit of one sample, in seconds. */
  readonly timeout?: number
  /**
   * A server that all benches of the group use: their `run`, `prepare` and `cleanup` receive it as `server`. isobench
   * starts it in the guest before every sample, and stops it after. Neither is part of the sample's times.
   */
  readonly server?: ServerOptions
}

/**
 * Groups benches: their names start with the name of the group and ` > `. Groups may be nested.
 *
 * The function runs at once. It returns what `register` returns, such as the benches for claims outside of the group.
 * @throws {DefinitionError} if the arguments are not a name and a function that registers at once
 */
export function group<T>(name: string, register: () => T): T
export function group<T>(name: string, options: GroupOptions, register: () => T): T
export function group<T>(name: string, ...rest: readonly [GroupOptions | (() => T), (() => T)?]): T {
  const location = () => callerLocation(group)
  const [options, register] = typeof rest[0] === 'function' ? [{}, rest[0]] : [rest[0], rest[1]]
  if (typeof name !== 'string' || name.trim() === '' || !isPlainFunction(register))
    throw new DefinitionError(
      `group() takes a name and a function, and this is ${describeValue(name)} and ${describeValue(register)}.`,
      "write group('name', () => { bench(...) })",
      location(),
    )
  const outer = registry().group
  const server = withErrorLocation(location, () => {
    checkText('the name of a group', name)
    checkFields(`group "${name}"`, options, ['tags', 'timeout', 'server'])
    checkTagsAndTimeout(`group "${name}"`, options)
    return options.server === undefined ? outer?.server : groupServer(`group "${name}"`, options.server)
  })
  const timeout = options.timeout ?? outer?.timeout
  registry().group = {
    name: outer ? `${outer.name} > ${name}` : name,
    tags: [...(outer?.tags ?? []), ...(options.tags ?? [])],
    ...(timeout !== undefined && { timeout }),
    ...(server && { server }),
  }
  const count = () => Object.values(registry()).reduce((sum, one) => sum + (Array.isArray(one) ? one.length : 0), 0)
  const before = count()
  try {
    const result = register()
    if (isThenable(result) || isGenerator(result))
      throw new DefinitionError(
        `the function of group "${name}" returns ${isGenerator(result) ? 'a generator' : 'a promise'}, ` +
          'so isobench cannot know which benches are in the group.',
        isGenerator(result) ? 'iterate it inside of the group' : 'await what it needs before the group',
        location(),
      )
    if (count() === before)
      registry().warnings.push(
        new DefinitionError(
          `group "${name}" registers nothing.`,
          "call bench('name', workload) in its function, or remove the group",
          location(),
        ),
      )
    return result
  } finally {
    registry().group = outer
  }
}
