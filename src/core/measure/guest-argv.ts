import { checkOptions, describeValue, isObject } from '../../dsl/checked.ts'
import type { GuestArgv } from '../../host/process.ts'
import type { Command } from '../../tools/command.ts'
import { IsobenchError } from '../../util/errors.ts'

/** The commands of a workload. What they carry reaches the guest as it is, or is refused. */

/** A workload called a function of the guest with something that cannot be a command. */
export class CommandArgumentError extends IsobenchError {
  readonly code = 'ISOBENCH_COMMAND_ARGUMENT'
}

/**
 * A command as argv in the guest. The image's `env` sets the environment, so drivers need not support that.
 * @throws {CommandArgumentError} if a workload passed something other than a command, or a text that would change
 * @throws {TypeError} if it has a field that a command does not have
 */
export function guestArgv(command: Command): GuestArgv {
  checkCommand(command)
  const { argv, env = {}, cwd } = command
  const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return settings.length === 0 && cwd === undefined
    ? argv
    : ['env', ...(cwd === undefined ? [] : ['-C', cwd]), ...settings, ...argv]
}

function checkCommand(given: unknown): asserts given is Command {
  const argv = isObject(given) ? given.argv : undefined
  if (!isObject(given) || !isArgv(argv)) {
    const words = typeof given === 'string' ? given.trim().split(/\s+/) : ['echo', 'hi']
    const fix = `command(${words.map((word) => `'${word}'`).join(', ')})`
    throw new CommandArgumentError(
      `expected a command, got ${describeValue(given)}. isobench starts no shell. Write ${fix}, from isobench/tools`,
    )
  }
  const what = `the command ${argv[0]}`
  checkOptions(what, given, ['argv', 'env', 'cwd'])
  for (const [at, text] of argv.entries()) checkText(at === 0 ? what : `${what}: argument ${at}`, text)
  if (argv[0].includes('='))
    throw new CommandArgumentError(
      `${what} has "=" in the name of its program, and guests start programs by env, which would set a variable. ` +
        `Write command('sh', '-c', 'exec "$0" "$@"', '${argv[0]}'), or rename the program`,
    )
  if (given.cwd !== undefined) checkText(`${what}: cwd`, given.cwd)
  if (given.env !== undefined) checkEnvironment(what, given.env)
}

const isArgv = (argv: unknown): argv is [string, ...string[]] =>
  Array.isArray(argv) && argv.length > 0 && argv.every((one) => typeof one === 'string')

function checkEnvironment(what: string, env: unknown): void {
  if (!isObject(env)) throw new CommandArgumentError(`${what}: env is ${describeValue(env)}. Write { NAME: 'value' }`)
  for (const [name, value] of Object.entries(env)) {
    // env(1) would read a name that begins with a dash as an option.
    if (!/^[^=-][^=]*$/.test(name))
      throw new CommandArgumentError(`${what}: ${JSON.stringify(name)} cannot be the name of a variable`)
    checkText(`${what}: the variable ${name}`, value)
  }
}

/** A text of execve(2) ends at a NUL character, and Node replaces a lone surrogate by another character. */
function checkText(what: string, text: unknown): void {
  if (typeof text !== 'string') throw new CommandArgumentError(`${what} is ${describeValue(text)}, not a text`)
  if (text.includes('\0')) throw new CommandArgumentError(`${what} has a NUL character, where the text would end`)
  if (/\p{Surrogate}/u.test(text))
    throw new CommandArgumentError(`${what} has half of a surrogate pair, which UTF-8 does not have`)
}
