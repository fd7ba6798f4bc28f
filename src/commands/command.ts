/** A command of the line as data: cli.ts wires these to the parser. */
export interface CommandSpec {
  /** As in `--help`: `run [...filters]`. */
  readonly usage: string
  readonly about: string
  readonly options: readonly OptionSpec[]
  /** Returns the exit code. */
  run(args: readonly string[], options: Readonly<Record<string, unknown>>, io: Io): Promise<number>
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

export const configOption: OptionSpec = {
  flag: '--config <file>',
  about: 'the config, when it is not the nearest isobench.config.ts',
}
export const platformOption: OptionSpec = {
  flag: '--platform <names>',
  about: 'only these platforms of the config, by name: a,b',
}
export const jsonOption: OptionSpec = { flag: '--json', about: 'write JSON to standard output' }
export const waitOption: OptionSpec = { flag: '--wait', about: 'wait while another isobench has this machine' }
export const installOption: OptionSpec = {
  flag: '--install',
  about: 'install what is missing through apt, without asking',
}
