import { CommanderError, Option, Command as Parser } from 'commander'
import { closestMatch } from '../util/closest-match.ts'
import { UsageError } from '../util/errors.ts'
import { listText } from '../util/text.ts'
import type { ArgumentSpec, Command } from './command.ts'
import { usageLine } from './help.ts'
import { type CheckedOptions, checkOptions, flagNames, type OptionTable } from './options.ts'

/** What a command line asks for. */
export type ParsedCommandLine<Own extends OptionTable> =
  | { readonly help: true }
  | { readonly help: false; readonly args: readonly string[]; readonly options: CheckedOptions<Own> }

/** The parser only splits the command line. Values stay as typed: `007` is not 7. */
function createParser(
  table: OptionTable,
  typed: Record<string, (string | boolean)[]>,
  empty: (flag: string, example: string | undefined) => never,
): Parser {
  const parser = new Parser()
    .helpOption(false)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  parser.option('-h, --help')
  for (const [key, spec] of Object.entries(table)) {
    for (const flag of flagNames(key, spec)) {
      const value = spec.value?.startsWith('[') ? '[value]' : '<value>'
      const flags = spec.short ? `${spec.short}, ${flag}` : flag
      const option = new Option(spec.value === undefined ? flags : `${flags} ${value}`)
      parser.addOption(option)
      parser.on(`option:${option.name()}`, (value: string | null | undefined) => {
        typed[key] ??= []
        // An unset variable of a script gives an empty value, which is no seed and no path.
        if (value === '') empty(flag, spec.example)
        typed[key].push(value ?? !option.negate)
      })
    }
  }
  return parser
}

/**
 * Parses and checks the arguments of one command.
 * @param name as typed, for messages: `isobench run`
 * @throws {UsageError} for an unknown option, a missing or invalid value, and missing or excess arguments
 */
export function parseCommandLine<Own extends OptionTable>(
  name: string,
  command: Command<Own>,
  argv: readonly string[],
): ParsedCommandLine<Own> {
  const typed: Record<string, (string | boolean)[]> = {}
  const parser = createParser(command.options, typed, (flag, example) => {
    throw new UsageError(
      `${name}: ${flag}: the value is empty.`,
      example === undefined ? `leave ${flag} out` : `write, for example, ${example}, or leave ${flag} out`,
    )
  })
  try {
    const { operands, unknown } = parser.parseOptions([...argv])
    if (parser.opts().help || unknown.includes('--help') || unknown.includes('-h')) return { help: true }
    if (unknown.length > 0) throw unknownOption(name, command.options, unknown[0]!)
    checkArguments(name, command.arguments ?? [], operands)
    const unmet = checkTogether(name, command.options, typed, operands)
    return { help: false, args: operands, options: { ...checkOptions(name, command.options, typed), unmet } }
  } catch (error) {
    if (error instanceof CommanderError) throw missingValue(name, command.options, error)
    throw error
  }
}

function unknownOption(name: string, table: OptionTable, typed: string): UsageError {
  const flags = Object.entries(table).flatMap(([key, spec]) => flagNames(key, spec))
  const [flag, value] = typed.split(/=(.*)/s) as [string, string?]
  if (value !== undefined && flags.includes(flag)) {
    const opposite = flags.find((other) => other === flag.replace(/^--/, '--no-'))
    return new UsageError(
      `${name}: ${flag} is a switch and takes no value, but "=${value}" follows it.`,
      `write ${flag} to switch it on, and ${opposite ? `${opposite} to switch it off` : 'leave it out otherwise'}.`,
    )
  }
  const word = (text: string) => text.replace(/^-+(no-)?/, '')
  const match = closestMatch(word(flag), flags.map(word))
  const close = flags.find((known) => word(known) === match)
  return new UsageError(
    `${name}: unknown option "${flag}".${close ? ` Did you mean "${close}"?` : ''}`,
    `${name} --help lists the options.`,
  )
}

/** The only error that the parser itself finds is an option without its value. */
function missingValue(name: string, table: OptionTable, error: CommanderError): UsageError {
  for (const [key, spec] of Object.entries(table)) {
    const flag = flagNames(key, spec)[0]!
    if (error.message.includes(`${flag} <value>'`))
      return new UsageError(`${name}: ${flag} requires a value ${spec.value}.`, `write, for example, ${spec.example}`)
  }
  return new UsageError(`${name}: ${error.message}`, `${name} --help lists the options.`)
}

/**
 * Returns the errors of options that require another one, which the config may set, by the key of that one.
 * @throws {UsageError} if an option is given that the command would ignore beside the others, or without another one
 */
function checkTogether(
  name: string,
  table: OptionTable,
  typed: Readonly<Record<string, unknown>>,
  [first]: readonly string[],
): Record<string, UsageError> {
  const unmet: Record<string, UsageError> = {}
  const flagOf = (key: string) => flagNames(key, table[key]!)[0]!
  for (const [key, { verbs = [], excludes = [], excludesArguments, requires, configMeets }] of Object.entries(table)) {
    if (typed[key] === undefined) continue
    const flag = flagOf(key)
    if (verbs.length > 0 && first !== undefined && !verbs.includes(first))
      throw new UsageError(
        `${name}: ${flag} does not go together with ${first}, only with ${listText(verbs)}.`,
        `omit ${flag}, or write ${name} ${verbs[0]}`,
      )
    const other = excludes.find((one) => typed[one] !== undefined)
    const beside = other !== undefined ? flagOf(other) : excludesArguments && first !== undefined ? `"${first}"` : ''
    if (beside !== '')
      throw new UsageError(`${name}: ${flag} and ${beside} do not go together.`, `omit ${flag} or ${beside}`)
    if (requires === undefined || typed[requires] !== undefined) continue
    const error = new UsageError(
      `${name}: ${flag} means nothing without ${flagOf(requires)}.`,
      `omit ${flag}, or write, for example, ${table[requires]!.example}`,
    )
    if (!configMeets) throw error
    unmet[requires] ??= error
  }
  return unmet
}

function checkArguments(name: string, specs: readonly ArgumentSpec[], args: readonly string[]): void {
  const missing = specs.find(({ required }, index) => required && args[index] === undefined)
  if (missing)
    throw new UsageError(
      `${name}: the argument <${missing.name}> is missing: ${missing.description}.`,
      `write: ${usageLine(name, specs)}`,
    )
  if (args.length > specs.length && !specs.at(-1)?.variadic)
    throw new UsageError(
      `${name}: unexpected argument "${args[specs.length]}".`,
      specs.length === 0 ? `${name} takes no arguments.` : `write: ${usageLine(name, specs)}`,
    )
  for (const [index, { choices, name: argument }] of specs.entries()) {
    const value = args[index]
    if (!choices || value === undefined || choices.includes(value)) continue
    const close = closestMatch(value, choices)
    throw new UsageError(
      `${name}: unknown ${argument} "${value}".${close ? ` Did you mean "${close}"?` : ''}`,
      `use ${choices.slice(0, -1).join(', ')}${choices.length > 1 ? ' or ' : ''}${choices.at(-1)}.`,
    )
  }
}
