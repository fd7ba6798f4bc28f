import * as z from 'zod'
import { describeValue } from '../../dsl/checked.ts'
import type { Location } from '../../dsl/errors.ts'
import { HostCommandError } from '../../host/process.ts'
import { BootError, type HostSandbox, type RunSandbox } from '../../host/sandbox.ts'
import { HostError, messageOf, toText } from '../../util/errors.ts'
import { sanitize } from '../../util/text.ts'
import { stackLocation } from './error-location.ts'
import type { ProjectObject } from './project-code.ts'
import { ProjectCodeError } from './project-code-error.ts'

/** What a driver may pass to the members of its sandbox. TypeScript checks the same, but projects need not use it. */

/** An argument: what it is called, which values are right, and the same in words. */
interface Argument {
  readonly name: string
  readonly schema: z.ZodType
  readonly expected: string
}

const argv: Argument = {
  name: 'argv',
  schema: z.array(z.string()).min(1),
  expected: "a list of texts such as ['mount', '-t', 'proc']",
}
const text = (name: string): Argument => ({ name, schema: z.string().min(1), expected: 'a text' })
const user: Argument = { name: 'user', schema: z.int().min(0).optional(), expected: 'a user id' }
const create: Argument = {
  name: 'create',
  schema: z.custom((value) => typeof value === 'function'),
  expected: 'a function',
}

/** The arguments of each member that has some. */
const members: Readonly<Record<string, readonly Argument[]>> = {
  wrap: [argv],
  wrapWithTap: [argv],
  run: [argv],
  spawn: [argv],
  cgroupName: [text('child')],
  tap: [user],
  oncePerRun: [text('name'), create],
  onCleanup: [text('description'), argv],
  chrootDir: [],
  deviceNodes: [],
}

const describe = (value: unknown): string =>
  Array.isArray(value) ? sanitize(toText(value), 200) : describeValue(value)

/** Errors of commands that a sandbox runs for its driver. Others say why the sample or the run ends. */
const isOfHost = (error: unknown): boolean =>
  error instanceof BootError || error instanceof HostCommandError || error instanceof HostError

/**
 * The sandbox as a driver of the project gets it: its members check their arguments, and their errors state the member
 * and the line that called it.
 * @param method of the driver that gets the sandbox: `boot`
 */
export function guardSandbox<S extends HostSandbox>(object: ProjectObject, method: string, sandbox: S): S {
  const { root, reference, what: owner } = object
  const guarded: Record<string, unknown> = {}
  for (const [name, wanted] of Object.entries(members)) {
    const member = (sandbox as unknown as Record<string, unknown>)[name] as ((...args: never[]) => unknown) | undefined
    if (member === undefined) continue
    const fail = (problem: string, fix: string, stack: string | undefined, cause?: unknown): ProjectCodeError => {
      const location: Location | undefined = stackLocation(stack ?? '', root) ?? object.location
      const message = `sandbox.${name}() in ${method}() of ${owner} ${problem}`
      return new ProjectCodeError(message, `${fix}: see ${reference}`, location, { cause })
    }
    guarded[name] = function called(...given: readonly unknown[]): unknown {
      // Asynchronous errors lose the caller's line if the driver does not await the promise.
      const origin: { stack?: string } = {}
      Error.captureStackTrace(origin, called)
      for (const [at, { name: argument, schema, expected }] of wanted.entries())
        if (!schema.safeParse(given[at]).success)
          throw fail(`got ${describe(given[at])} as ${argument}.`, `pass ${expected}`, origin.stack)
      const explain = (thrown: unknown): never => {
        if (!isOfHost(thrown)) throw thrown
        throw fail(`failed: ${messageOf(thrown)}`, 'correct the command', origin.stack, thrown)
      }
      try {
        const result = Reflect.apply(member, sandbox, prepared(name, given))
        return result instanceof Promise ? result.catch(explain) : result
      } catch (error) {
        return explain(error)
      }
    }
  }
  const prepared = (name: string, given: readonly unknown[]): readonly unknown[] => {
    // `isobench clean` does not know the platform otherwise.
    if (name === 'onCleanup') return [`${String(given[0])} (${owner})`, given[1]]
    if (name !== 'oncePerRun') return given
    const [resource, make] = given as [string, (sandbox: RunSandbox) => Promise<unknown>]
    return [resource, (shared: RunSandbox) => make(guardSandbox(object, method, shared))]
  }
  return { ...sandbox, ...guarded }
}
