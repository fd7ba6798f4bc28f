/**
 * A program to run, as plain data: what to run is said here, where and how it runs is the guest's business.
 * Nothing passes through a shell, so nothing needs quoting and nothing is expanded.
 */
export interface Command {
  /** The program, then its arguments, exactly as `execve` gets them. */
  readonly argv: readonly [string, ...string[]]
  /** Variables added to the guest's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Working directory inside the guest; the guest's own default without it. */
  readonly cwd?: string
}

/**
 * Builds a {@link Command}. Numbers are written as JavaScript writes them, so they must be finite.
 *
 * @throws TypeError for an empty program, for a NUL byte (`execve` would cut the argument there) and for NaN or
 * an infinity (no tool reads them; they are a mistake in the bench).
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
 * Checks a count that a tool takes (threads, seconds, MiB …). Most tools read `0` as "for ever" or "default", and of
 * `1.5` only the front.
 *
 * @throws TypeError unless `value` is a whole number and at least `least`.
 */
export function requireCount(what: string, value: number, least = 1): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new TypeError(`${what} must be a whole number of at least ${least}, not ${value}.`)
}

/**
 * A duration for a tool that counts whole seconds, rounded up.
 * @throws TypeError when it is not above 0.
 */
export function ceilSeconds(seconds: number): number {
  if (!(seconds > 0)) throw new TypeError(`seconds must be above 0, not ${seconds}.`)
  return requireCount('seconds', Math.ceil(seconds))
}
