import childProcess, { ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Keeps user code away from the descriptor of standard output, and from closing a standard descriptor.
 *
 * No function of Node 20 duplicates a descriptor, so the reporter's cannot move to another number. Starting Node a
 * second time, with other descriptors, would double the start-up time. Instead, Node's functions get standard error
 * from user code that passes standard output to a child process, or writes to its number.
 */

const [stdin, stdout, stderr] = [0, 1, 2]

/** Without one of them, the next file that isobench opens would get its number, and what is printed. */
const isStandard = (descriptor: unknown): boolean =>
  descriptor === stdin || descriptor === stdout || descriptor === stderr

type Method = (...given: unknown[]) => unknown

/** Whether `value`, a part of the option `stdio`, leads to standard output. `at`: the descriptor in the child. */
function isStandardOutput(value: unknown, at: number): boolean {
  if (value === 'inherit') return at === stdout
  return value === stdout || (typeof value === 'object' && value !== null && (value as { fd?: unknown }).fd === stdout)
}

/** The option `stdio` of a child process, with standard error in the place of standard output. */
function redirectedStdio(stdio: unknown): unknown {
  if (stdio === 'inherit') return ['inherit', stderr, 'inherit']
  return Array.isArray(stdio) ? stdio.map((one, at) => (isStandardOutput(one, at) ? stderr : one)) : stdio
}

/** Options of a function of `node:child_process`. Other arguments stay as they are. */
function redirectedOptions(given: unknown): unknown {
  if (typeof given !== 'object' || given === null || !('stdio' in given)) return given
  return { ...given, stdio: redirectedStdio(given.stdio) }
}

/** Replaces a method. The new one has the properties of the old one, which `util.promisify` reads. */
function replace<T extends object>(owner: T, name: keyof T, create: (original: Method) => Method): void {
  const original = owner[name] as Method
  const method = create(original)
  // With `this`, and with a prototype like the original, which is a function too.
  const replaced = function (this: unknown, ...given: unknown[]) {
    return Reflect.apply(method, this, given)
  }
  owner[name] = Object.defineProperties(replaced, Object.getOwnPropertyDescriptors(original)) as T[keyof T]
}

let isRedirected = false

/**
 * From now on, child processes and writes of user code in this thread reach standard error instead of standard output.
 * It has no effect on native addons, on paths such as /dev/stdout, and on worker threads of user code.
 */
export function redirectStandardDescriptor(): void {
  if (isRedirected) return
  isRedirected = true
  // All asynchronous functions of the module end here.
  replace(
    ChildProcess.prototype as unknown as { spawn: Method },
    'spawn',
    (spawn) =>
      function (this: unknown, options) {
        return Reflect.apply(spawn, this, [redirectedOptions(options)])
      },
  )
  for (const name of ['spawnSync', 'execFileSync', 'execSync'] as const)
    replace(
      childProcess,
      name,
      (original) =>
        (...given) =>
          original(...given.map(redirectedOptions)),
    )
  const writers = [
    ...(['write', 'writeSync', 'writev', 'writevSync'] as const),
    ...(['writeFile', 'writeFileSync', 'appendFile', 'appendFileSync'] as const),
  ]
  for (const name of writers)
    replace(
      fs,
      name,
      (original) =>
        (to, ...rest) =>
          original(to === stdout ? stderr : to, ...rest),
    )
  // Streams that user code opens for the descriptor close it when they end.
  replace(fs, 'closeSync', (original) => (descriptor) => (isStandard(descriptor) ? undefined : original(descriptor)))
  replace(fs, 'close', (original) => (descriptor, done) => {
    if (!isStandard(descriptor)) return done === undefined ? original(descriptor) : original(descriptor, done)
    if (typeof done === 'function') process.nextTick(done, null)
    return undefined
  })
  syncBuiltinESMExports()
}
