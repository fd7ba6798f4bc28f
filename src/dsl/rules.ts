/** What a definition may contain. Bench files and run records are checked by the same rules. */

const identifier = /^[A-Za-z][A-Za-z0-9_]*$/

/** Whether a name is allowed for a metric or a parameter. Every object has `constructor`, so it names nothing. */
export const isIdentifier = (name: string): boolean => identifier.test(name) && !(name in Object.prototype)

/** Whether a percentage is a possible margin: a rate cannot be worse by 100 %. */
export const isMargin = (percent: number, better: 'lower' | 'higher'): boolean =>
  percent > 0 && Number.isFinite(percent) && (better === 'lower' || percent < 100)

/** Whether a number is a possible factor of a claim. */
export const isFactor = (by: number): boolean => by >= 1 && Number.isFinite(by)

/** Whether names are different platforms, and at least so many. */
export const areDifferent = (names: readonly string[], least: number): boolean =>
  names.length >= least && new Set(names).size === names.length

/** The fewest platforms of a ranking. */
export const minRanked = 2
/** The fewest platforms of which an order can be unstable. */
export const minUnordered = 3

/** Whether two numbers are a range: the smaller one first. */
export const isRange = (from: number, to: number): boolean => from <= to && Number.isFinite(from) && Number.isFinite(to)

/** Whether a number counts platforms. */
export const isCount = (count: number): boolean => Number.isInteger(count) && count >= 1

/** The largest value of a metric. Statistics square values, and the square of 1e155 is no finite number. */
export const largestFigure = 1e100

/** Whether a value is a possible value of a metric. */
export const isFigure = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= largestFigure

/** Whether a value is a port that a server can listen on. */
export const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65_535
