/** Returns the exit code. */
export type Run = (args: readonly string[], options: Readonly<Record<string, unknown>>, io: Io) => Promise<number>

/** A command of the line as data: cli.ts wires these to the parser. */
export interface CommandSpec {
  /** As in `--help`: `run [...filters]`. */
  readonly usage: string
  readonly about: string
  readonly options: readonly OptionSpec[]
  /** Loads what does the work, which most command lines do not need. */
  load(): Promise<{ readonly run: Run }>
}

export interface OptionSpec {
  /** `--rounds <n>`: a value is in angle brackets. */
  readonly flag: string
  readonly about: string
}

/** Where a command reads and writes. */
export interface Io {
  readonly cwd: string
  readonly out: NodeJS.WriteStream
  readonly err: NodeJS.WriteStream
  readonly color: boolean
}
