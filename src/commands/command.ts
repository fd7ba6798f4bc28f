import type { CheckedOptions, Completion, OptionTable } from './options.ts'

/** An argument without a flag. */
export interface ArgumentSpec {
  /** `verb`, `records`. */
  readonly name: string
  readonly description: string
  readonly required?: boolean
  /** Takes all arguments that are left. Only the last argument may. */
  readonly variadic?: boolean
  /** The only values that are valid. */
  readonly choices?: readonly string[]
  readonly completion?: Completion
}

/** The argument of commands that select benches by file. */
export const benchFilters: ArgumentSpec = {
  name: 'filters',
  description: 'bench files, folders, or parts of bench file paths (default: all files)',
  variadic: true,
  completion: 'file',
}

/** A use of the command that help and the reference page show. */
export interface CommandExample {
  /** As typed after `isobench `. */
  readonly line: string
  readonly description: string
}

/** A command: one file of this folder exports one of these, and commands/index.ts lists it. */
export interface Command<Own extends OptionTable = OptionTable> {
  /** One or two sentences. */
  readonly description: string
  readonly arguments?: readonly ArgumentSpec[]
  readonly options: Own
  readonly examples: readonly CommandExample[]
  /** The keys of a command with a screen. */
  readonly keys?: readonly { readonly name: string; readonly description: string }[]
  /** Returns the exit code. */
  run(args: readonly string[], options: CheckedOptions<Own>, io: CommandIo): Promise<number>
}

/** Infers the types of a command's own options. */
export const defineCommand = <const Own extends OptionTable>(command: Command<Own>): Command<Own> => command

/** A line of commands/index.ts. */
export interface CommandEntry {
  readonly name: string
  /** One line of the general help. */
  readonly summary: string
  /** Loads the command's file. Most command lines need only one. */
  load(): Promise<Command>
}

/** Where a command reads and writes. */
export interface CommandIo {
  readonly cwd: string
  readonly out: NodeJS.WriteStream
  readonly err: NodeJS.WriteStream
  readonly color: boolean
  /** All commands, for the ones that describe the command line itself. */
  readonly commands: readonly CommandEntry[]
}
