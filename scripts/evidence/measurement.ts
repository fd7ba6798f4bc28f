/** One measurement of `npm run evidence -- NAME`. Its file has the name of the measurement. */
export interface Measurement {
  readonly description: string
  /** The options with their meaning. Every option takes a value. */
  readonly options: Readonly<Record<string, string>>
  run(context: MeasurementContext): Promise<void> | void
}

export interface MeasurementContext {
  /** The checkout of isobench. */
  readonly root: string
  readonly options: Readonly<Record<string, string | undefined>>
  /** Prints a line of the result to standard output. */
  print(line: string): void
}

/** The names in an option such as `--platform runc,crun`, or undefined without the option. */
export const listOption = (value: string | undefined): string[] | undefined => value?.split(',')

/**
 * The number in an option.
 * @throws {Error} if it is not a whole number
 */
export function countOption(value: string | undefined, defaultValue: number): number {
  if (value === undefined) return defaultValue
  if (!/^\d+$/.test(value)) throw new Error(`"${value}" is not a whole number.`)
  return Number(value)
}
