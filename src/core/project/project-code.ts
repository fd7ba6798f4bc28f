/** Objects of the project with methods that isobench calls: drivers, their guests, and reporters. */

import type * as z from 'zod'
import { describeValue, isPlainFunction, isThenable } from '../../dsl/checked.ts'
import type { Location } from '../../dsl/errors.ts'
import { IsobenchError, isError, messageOf, readableError } from '../../util/errors.ts'
import { wrongOptions } from '../../util/schema-issues.ts'
import { stackLocation } from './error-location.ts'
import { functionLocation } from './function-location.ts'
import { addPendingCall, type PendingCall, runCall } from './pending-calls.ts'
import { ProjectCodeError } from './project-code-error.ts'
import { callInOwnJob, callWithinLimit } from './time-limit.ts'

/** An object of the project, for messages about it. */
export interface ProjectObject {
  /** What it is: `the driver of "mine"`. */
  readonly what: string
  /** Where its members are documented: `docs/how-to/add-a-platform.md`. */
  readonly reference: string
  /** The project's folder. */
  readonly root: string
  /** Where the project uses it, for code that has no known place. */
  readonly location?: Location | undefined
}

/** How isobench calls a method. */
export interface MethodRules {
  /** What it may return. Absent: anything. */
  readonly returns?: z.ZodType
  /** The same in words, for the fix: `a list of paths`. */
  readonly returned?: string
  /** Whether the object must have it. */
  readonly isRequired?: boolean
  /** Whether it may return a promise. */
  readonly isAsync?: boolean
  /**
   * Whether it works for a sample. Errors of isobench then pass as they are, because they say why the sample failed: a
   * command of the host did, or the platform cannot do such work.
   */
  readonly isOfSample?: boolean
  /** Returns what it is called with in the place of its arguments. */
  readonly prepareArguments?: (given: readonly unknown[]) => readonly unknown[]
  /** Whether it may wait for as long as its caller allows. Only a loop before its first `await` has a limit then. */
  readonly mayWait?: boolean
  /** Calls it another way. */
  readonly start?: (call: () => unknown) => unknown
  /** Prepares what it returned. */
  readonly use?: (value: never) => unknown
}

/** The error for a thrown value, with the place where the project's code threw it. */
function errorOf(thrown: unknown, what: string, { root, reference, location }: ProjectObject, method?: unknown) {
  const error = readableError(thrown)
  const own = isError(error) ? stackLocation(String(error.stack), root) : undefined
  return new ProjectCodeError(
    `${what} failed: ${messageOf(error)}`,
    `correct it: see ${reference}`,
    own ?? functionLocation(method, root) ?? location,
    { cause: thrown },
  )
}

/**
 * Checks a value of the project.
 * @throws {ProjectCodeError} if it is not valid
 */
function check<T>(
  value: T,
  { returns, returned }: MethodRules,
  what: string,
  { reference }: ProjectObject,
  locate: () => Location | undefined,
): T {
  const result = returns?.safeParse(value)
  if (!result || result.success) return value
  const [wrong] = wrongOptions(result.error.issues, value)
  throw new ProjectCodeError(
    `${what}: ${wrong!.message}`,
    `${returned === undefined ? 'correct it' : `return ${returned}`}: see ${reference}`,
    locate(),
  )
}

/**
 * Calls a method of the project.
 * @throws {ProjectCodeError} if it fails, or returns something else than it must
 */
export function callMethod(
  object: ProjectObject,
  name: string,
  method: unknown,
  call: () => unknown,
  rules: MethodRules = {},
): unknown {
  const what = `${name}() of ${object.what}`
  const locate = () => functionLocation(method, object.root) ?? object.location
  const pending: PendingCall = { what, locate, root: object.root }
  const added = addPendingCall(pending)
  const fail = (thrown: unknown): never => {
    added[Symbol.dispose]()
    if (thrown instanceof ProjectCodeError || (rules.isOfSample && thrown instanceof IsobenchError)) throw thrown
    throw errorOf(thrown, what, object, method)
  }
  const end = (value: unknown): unknown => {
    added[Symbol.dispose]()
    const checked = check(value, rules, `${what} returned a wrong value`, object, locate)
    return rules.use ? rules.use(checked as never) : checked
  }
  const isInterrupted = new Promise<never>((_, reject) => {
    pending.fail = reject
  })
  try {
    const start = () => runCall(pending, () => (rules.start ? rules.start(call) : call()))
    const result = rules.mayWait ? callInOwnJob(what, start, pending) : callWithinLimit(what, start, locate)
    if (!isThenable(result)) return end(result)
    if (rules.isAsync) return Promise.race([result, isInterrupted]).then(end).catch(fail)
    // Its error would be one that no code handles.
    void Promise.resolve(result).catch(() => {})
    throw new ProjectCodeError(`${what} returned a promise.`, 'return the value itself, without async', locate())
  } catch (error) {
    return fail(error)
  }
}

/**
 * The same object, with members that are read once and checked, and with methods that isobench calls by their rules.
 * `this` of each method is the object itself, because a class may have private members.
 * @param members what the members that are no methods may be
 * @throws {ProjectCodeError} if a member cannot be read or is wrong
 */
export function guardObject<T extends object>(
  object: ProjectObject,
  given: T,
  methods: Readonly<Record<string, MethodRules>>,
  members: Readonly<Record<string, z.ZodType>> = {},
): T {
  const guarded = Object.create(given) as T
  const define = (name: string, value: unknown) =>
    Object.defineProperty(guarded, name, { value, enumerable: true, writable: true, configurable: true })
  const read = (name: string): unknown => {
    try {
      return Reflect.get(given, name)
    } catch (error) {
      throw errorOf(error, `${name} of ${object.what}`, object)
    }
  }
  for (const [name, returns] of Object.entries(members)) {
    const value = read(name)
    define(
      name,
      check(value, { returns }, `${name} of ${object.what} is wrong`, object, () => object.location),
    )
  }
  for (const [name, rules] of Object.entries(methods)) {
    const method = read(name)
    const isAbsent = method === undefined || method === null
    if ((isAbsent && !rules.isRequired) || (name in members && typeof method !== 'function')) continue
    if (!isPlainFunction(method))
      throw new ProjectCodeError(
        isAbsent
          ? `${object.what} has no ${name}().`
          : `${name} of ${object.what} is ${typeof method === 'function' ? describeValue(method) : 'no function'}.`,
        `write it as a method: see ${object.reference}`,
        object.location,
      )
    define(name, (...args: readonly unknown[]) => {
      const passed = rules.prepareArguments?.(args) ?? args
      return callMethod(object, name, method, () => Reflect.apply(method, given, passed) as unknown, rules)
    })
  }
  return new Proxy(guarded, {
    get: (own, name) => {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name)
      const value: unknown = Reflect.get(given, name)
      return typeof value === 'function' ? value.bind(given) : value
    },
  })
}
