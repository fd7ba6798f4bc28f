/**
 * A program to run, as plain data. The guest decides where and how it runs. No shell is involved, so nothing is
 * expanded.
 */
export interface Command {
  /** The program and its arguments, as `execve` receives them. */
  readonly argv: readonly [string, ...string[]]
  /** Variables to add to the guest's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Working directory in the guest. Default: the guest's own. */
  readonly cwd?: string
}

/**
 * Creates a {@link Command}. Numbers are converted to text.
 *
 * @throws {TypeError} for an empty program, a NUL byte (`execve` would truncate the argument there), NaN or infinity
 */
export function command(program: string, ...args: (string | number)[]): Command {
  if (typeof program !== 'string' || program === '') throw new TypeError('A command needs the name of a program.')
  return { argv: [checked(program, program), ...args.map((arg) => checked(program, arg))] }
}

function checked(program: string, arg: string | number): string {
  if (typeof arg !== 'string' && !Number.isFinite(arg)) {
    throw new TypeError(`An argument of ${JSON.stringify(program)} must be a string or a finite number, not ${arg}.`)
  }
  const text = String(arg)
  if (text.includes('\0')) {
    throw new TypeError(`An argument of ${JSON.stringify(program)} has a NUL byte: ${JSON.stringify(text)}.`)
  }
  return text
}

/**
 * Checks a number that a tool expects (threads, seconds, MiB, ...). Most tools interpret `0` as "forever" or "default",
 * and only read the front of `1.5`.
 *
 * @throws {TypeError} unless `value` is an integer of at least `least`
 */
export function requireCount(what: string, value: number, least = 1): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new TypeError(`${what} must be a whole number of at least ${least}, not ${value}.`)
}

/**
 * Rounds a duration up for a tool that expects whole seconds.
 * @throws {TypeError} if it is not above 0
 */
export function ceilSeconds(seconds: number): number {
  if (!(seconds > 0)) throw new TypeError(`seconds must be above 0, not ${seconds}.`)
  return requireCount('seconds', Math.ceil(seconds))
}

/**
 * Checks that nothing is left of the options of a tool, which would have no effect.
 * @param call for the message, such as `fio.job()`
 * @throws {TypeError} naming the first option that the tool does not have
 */
export function refuseOthers(call: string, others: object): void {
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw new TypeError(`${call}: there is no option "${unknown}".`)
}
