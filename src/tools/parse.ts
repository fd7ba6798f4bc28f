/**
 * Shared by all parsers. They read a number only from a complete line or a complete JSON text. A killed tool may print
 * `events per second:  60` instead of `6063.63`, and 60 is a valid number.
 */

/** The output of a tool is not a complete report: the tool failed, was killed, or prints an unknown format. */
export class ToolOutputError extends Error {
  readonly code = 'ISOBENCH_TOOL_OUTPUT'
  override readonly name = 'ToolOutputError'
  /** The name of the tool. */
  readonly tool: string
  /** Up to three last lines of the output, with tabs as two spaces and other control characters escaped. */
  readonly tail: string

  constructor(tool: string, problem: string, output: string) {
    const tail = lastLines(output)
    super(
      `${tool}: ${escapeControls(problem)}. ${tail === '' ? 'The output is empty.' : `Its output ends with:\n${tail}`}`,
    )
    this.tool = tool
    this.tail = tail
  }
}

/** Maximum length of a quoted line, in characters. */
const QUOTED = 200

function lastLines(output: string): string {
  const lines = output.slice(-16_384).replaceAll('\t', '  ').trimEnd().split('\n').slice(-3)
  return lines.map((line) => escapeControls(line.length > QUOTED ? `${line.slice(0, QUOTED)}…` : line)).join('\n')
}

/** Control characters that must not reach the user's terminal (C0, DEL, C1, bidi marks). */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    return `\\u${char.codePointAt(0)!.toString(16).padStart(4, '0')}`
  })
}

/** The source of a regular expression for a label, unit or pattern. Strings are escaped. */
function source(part: string | RegExp): string {
  return typeof part === 'string' ? part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&').replace(/ +/g, ' +') : part.source
}

/** A pattern, and what it matches in words. */
export interface NamedPattern {
  readonly pattern: RegExp
  readonly name: string
}

/**
 * Throws if the tool printed that operations failed. Beside such a line, a complete report counts the other operations.
 * @param pattern for the start of such a line, with the flag `m`. It must match no warning, and no line of a report
 * @throws {ToolOutputError} with the first such line
 */
export function refuseErrorLine(tool: string, output: string, pattern: RegExp): void {
  const start = pattern.exec(output)?.index
  if (start === undefined) return
  const line = /.*/.exec(output.slice(start, start + QUOTED))![0].trimEnd()
  throw new ToolOutputError(tool, `it printed an error: ${line}`, output)
}

/**
 * Returns the number of the only line `label number unit`, with an optional `:` or `=` after the label.
 *
 * The whole line must match. The final newline may only be missing if the line ends with a unit, which shows that it is
 * complete.
 *
 * @param label with its name for the message if it is a pattern
 * @param unit text from the number to the end of the line. A pattern must not match its own prefixes
 * @throws {ToolOutputError} unless exactly one line matches and the number is finite and at least 0
 */
export function labelledNumber(
  tool: string,
  output: string,
  label: string | NamedPattern,
  unit: string | RegExp = '',
): number {
  const pattern = typeof label === 'string' ? label : label.pattern
  const line = new RegExp(`^\\s*(?:${source(pattern)})\\s*[:=]?\\s*(\\S+?)\\s*(?:${source(unit)})\\s*$`)
  const lines = output.split('\n')
  // Text after the last newline may be an incomplete line.
  if (source(unit) === '') lines.pop()
  const matches = lines.map((text) => line.exec(text)?.[1]).filter((text) => text !== undefined)
  const what = typeof label === 'string' ? `"${label}"` : label.name
  if (matches.length === 0) throw new ToolOutputError(tool, `no complete line with ${what}`, output)
  if (matches.length > 1)
    throw new ToolOutputError(tool, `${matches.length} lines with ${what}, so two reports`, output)
  return toNumber(tool, output, what, matches[0]!)
}

/**
 * Returns the groups of the only match of a pattern.
 * @param pattern with the flag `g`. It must match no part of a report that is cut off
 * @param what it matches, for the message: `line with "# tests"`
 * @throws {ToolOutputError} unless it matches once
 */
export function onlyMatch(tool: string, output: string, pattern: RegExp, what: string): readonly string[] {
  const [found, ...more] = output.matchAll(pattern)
  if (!found) throw new ToolOutputError(tool, `no complete ${what}`, output)
  if (more.length === 0) return found
  throw new ToolOutputError(tool, `more than one ${what}, so two reports`, output)
}

/**
 * Returns the number in the output of a program that isobench has no parser for: what the first group of a pattern
 * matches. Commas may separate thousands, as in `1,250.5`.
 * @throws {ToolOutputError} unless the pattern matches exactly once, and its group is a decimal number of at least 0
 */
export function parseNumber(output: string, pattern: RegExp): number {
  const tool = 'parseNumber'
  const matches = [...output.matchAll(new RegExp(pattern, [...new Set([...pattern.flags, 'g'])].join('')))]
  const [, text] = matches[0] ?? []
  if (text === undefined) throw new ToolOutputError(tool, `the output does not match ${pattern}`, output)
  if (matches.length > 1)
    throw new ToolOutputError(tool, `the output matches ${pattern} ${matches.length} times`, output)
  // A comma before any other number of digits may be a decimal comma.
  const isGrouped = /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(text)
  return toNumber(tool, output, `what ${pattern} matches`, isGrouped ? text.replaceAll(',', '') : text)
}

/**
 * Parses a decimal number of at least 0. Throws a ToolOutputError for other text, such as `nan`, `inf`, `-1` or `1,5`.
 */
export function toNumber(tool: string, output: string, what: string, text: string): number {
  const value = /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
  if (Number.isFinite(value)) return value
  throw new ToolOutputError(tool, `${what} is ${JSON.stringify(text)}, not a figure of 0 or more`, output)
}

/**
 * Returns a figure that cannot be 0, such as a rate or the time of an operation. Tools print 0 if nothing took place.
 * @throws {ToolOutputError} if it is 0
 */
export function above0(tool: string, output: string, what: string, figure: number): number {
  if (figure > 0) return figure
  throw new ToolOutputError(tool, `${what} is 0`, output)
}

/** Bytes. No L1 data cache is as large. */
const beyondL1 = 2 ** 20

/**
 * Returns the time of a read in addition to a hit in the L1 cache. Tools print 0 if the hit seemed to take longer.
 * @throws {ToolOutputError} if it is 0, and the buffer does not fit into any L1 cache
 */
export function latencyBeyondL1(tool: string, output: string, bytes: number, nanoseconds: number): number {
  return bytes < beyondL1 ? nanoseconds : above0(tool, output, `the latency of ${bytes} bytes`, nanoseconds)
}

/**
 * Parses the only JSON object in an output. fio and iperf3 may print notes before and after it. The object starts at a
 * line that starts with `{`.
 *
 * @throws {ToolOutputError} if there is no object, more than one, or an incomplete or malformed one
 */
export function parseJson(tool: string, output: string): unknown {
  const start = /^\{/m.exec(output)?.index
  if (start === undefined) throw new ToolOutputError(tool, 'no JSON report', output)
  const end = endOfObject(output, start)
  if (end === undefined) throw new ToolOutputError(tool, 'the JSON report is cut off', output)
  if (/^\{/m.test(output.slice(end))) throw new ToolOutputError(tool, 'two JSON reports', output)
  try {
    return JSON.parse(output.slice(start, end))
  } catch (error) {
    throw new ToolOutputError(tool, `the JSON report is malformed (${(error as Error).message})`, output)
  }
}

function endOfObject(text: string, start: number): number | undefined {
  let depth = 0
  for (const token of text.slice(start).matchAll(/"(?:[^"\\]|\\.)*"?|[{}]/gs)) {
    if (token[0] === '{') depth++
    else if (token[0] === '}' && --depth === 0) return start + token.index + 1
  }
  return undefined
}

/** Returns the value at a path of keys, or `undefined`. Only own properties count, so `constructor` does not exist. */
export function at(json: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => {
    return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
      ? (value as Record<string | number, unknown>)[key]
      : undefined
  }, json)
}

/** Returns the number at a path of keys. Throws a ToolOutputError unless it is a finite number of at least 0. */
export function jsonNumber(tool: string, output: string, json: unknown, ...path: (string | number)[]): number {
  const value = at(json, ...path)
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  const problem = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}, not a figure of 0 or more`
  throw new ToolOutputError(tool, `${path.join('.')} ${problem}`, output)
}
