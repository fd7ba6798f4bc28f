/** Returns the exit code. */
export type CommandHandler = (
  args: readonly string[],
  options: Readonly<Record<string, unknown>>,
  io: CommandIo,
) => Promise<number>

/** A command of the line as data: cli.ts wires these to the parser. */
export interface CommandSpec {
  /** As in `--help`: `run [...filters]`. */
  readonly usage: string
  readonly description: string
  readonly options: readonly OptionSpec[]
  /** Loads what does the work, which most command lines do not need. */
  load(): Promise<{ readonly run: CommandHandler }>
}

export interface OptionSpec {
  /** `--rounds <n>`: a value is in angle brackets. */
  readonly flag: string
  readonly description: string
}

/** Where a command reads and writes. */
export interface CommandIo {
  readonly cwd: string
  readonly out: NodeJS.WriteStream
  readonly err: NodeJS.WriteStream
  readonly color: boolean
}
