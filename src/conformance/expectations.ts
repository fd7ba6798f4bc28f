/** What the checks expect of a guest, and messages that state what was expected and what was seen. */

import { readFileSync } from 'node:fs'
import { IsobenchError, messageOf } from '../util/errors.ts'
import { sanitize } from '../util/text.ts'

/** The driver fails checks, which the message names, or its platform does not work on this host. */
export class ConformanceError extends IsobenchError {
  readonly code = 'ISOBENCH_CONFORMANCE'
}

/** @throws {ConformanceError} unless `holds` */
export function expectThat(holds: boolean, expected: string, seen: string): asserts holds {
  if (!holds) throw new ConformanceError(`expected ${expected}; seen: ${seen}`)
}

/** Characters of a text in a message. */
const maxQuoted = 120

/** A text of a guest as a JSON string, shortened. */
export function quote(text: string): string {
  const shown = text.length <= maxQuoted ? text : `${text.slice(0, maxQuoted)}...`
  return sanitize(JSON.stringify(shown)) + (text.length <= maxQuoted ? '' : ` (${text.length} characters)`)
}

/** @throws {ConformanceError} unless the texts are equal */
export const expectText = (what: string, expected: string, seen: string): void =>
  expectThat(seen === expected, `${what} ${quote(expected)}`, quote(seen))

/** @throws {ConformanceError} unless `received` has the bytes of `sent`; the message names the first difference */
export function expectBytes(where: string, sent: Buffer, received: Buffer): void {
  const expected = `${sent.length} bytes unchanged at ${where}`
  expectThat(received.length === sent.length, expected, `${received.length} bytes`)
  if (received.equals(sent)) return
  const at = sent.findIndex((byte, index) => byte !== received[index])
  expectThat(false, expected, `byte ${at} is ${received[at]}, and ${sent[at]} was sent`)
}

/** Items of a list in a message. */
const maxListed = 10

/** @throws {ConformanceError} if the list has items */
export function expectNone(what: string, found: readonly string[]): void {
  const listed = found.slice(0, maxListed).map((item) => sanitize(item))
  const more = found.length > maxListed ? ` and ${found.length - maxListed} more` : ''
  expectThat(found.length === 0, `no ${what}`, listed.join(', ') + more)
}

/** Awaits what must succeed. @throws {ConformanceError} if it fails */
export async function expectSuccess<T>(expected: string, outcome: Promise<T>): Promise<T> {
  try {
    return await outcome
  } catch (error) {
    if (error instanceof ConformanceError) throw error
    throw new ConformanceError(`expected ${expected}; seen: ${messageOf(error)}`)
  }
}

/** Awaits a command that must fail. @throws {ConformanceError} if it succeeds, or if its error has another message */
export async function expectFailure(expected: string, message: RegExp, outcome: Promise<unknown>): Promise<void> {
  const seen = await outcome.then(
    () => undefined,
    (error: unknown) => messageOf(error),
  )
  expectThat(seen !== undefined, expected, 'exit code 0')
  expectThat(message.test(seen), expected, seen)
}

/** How a process of the host ended: `exit code 1`, `SIGKILL`. */
export const describeExit = (code: number | null, signal: NodeJS.Signals | null): string =>
  code === null ? `ended by ${signal ?? 'a failure to start'}` : `exit code ${code}`

/** A process of the host with its command line. */
export function describeProcess(pid: number): string {
  try {
    return `process ${pid} (${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()})`
  } catch {
    // The process has ended.
    return `process ${pid}`
  }
}
