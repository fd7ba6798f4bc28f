/** What a kernel recorded with its function tracer, and what it says of that itself. */
import { commonFormat, EventReader, eventType, offsetOf, pageFormat } from '../../../src/tracing/ring-buffer.ts'
import { functions, parseKallsyms } from '../../../src/tracing/sources.ts'

/** As read from tracefs and /proc; pages in base64, those of each CPU. */
export interface RecordedTrace {
  readonly kernel: string
  readonly headerPage: string
  readonly format: string
  readonly pages: readonly string[]
  /** The file `trace`: the same events as the kernel prints them. */
  readonly text: string
  /** `/proc/kallsyms`, or those of its lines that the events need. */
  readonly kallsyms: string
}

/**
 * How often each function was called, apart in and out of interrupts: `vfs_read`, `tick_nohz_handler in an interrupt`.
 */
type Tally = Record<string, number>

const add = (tally: Tally, name: string, inInterrupt: boolean) => {
  const key = inInterrupt ? `${name} in an interrupt` : name
  tally[key] = (tally[key] ?? 0) + 1
}

const sorted = (tally: Tally): Tally => Object.fromEntries(Object.entries(tally).sort(([a], [b]) => (a < b ? -1 : 1)))

function eachOf(trace: RecordedTrace, use: (event: { value: bigint; inInterrupt: boolean }) => void): void {
  const page = pageFormat(trace.headerPage)
  const [type, field] = [eventType(trace.format), offsetOf(trace.format, functions.field, '8')]
  for (const of of trace.pages) {
    const bytes = Buffer.from(of, 'base64')
    const events = new EventReader(page, commonFormat(trace.format))
    for (let at = 0; at < bytes.length; at += page.bytes) {
      events.load(new DataView(bytes.buffer, bytes.byteOffset + at, page.bytes))
      while (events.next())
        if (events.type === type) use({ value: events.long(field), inInterrupt: events.inInterrupt })
    }
  }
}

/** By isobench's reading of the pages. */
export function tallyOfPages(trace: RecordedTrace): Tally {
  const symbols = parseKallsyms(trace.kallsyms)
  const tally: Tally = {}
  // The kernel's text does not number functions of the same name.
  eachOf(trace, ({ value, inInterrupt }) =>
    add(tally, (symbols(value) ?? value.toString(16)).replace(/#\d+$/, ''), inInterrupt),
  )
  return sorted(tally)
}

/**
 * By the kernel's own text: ` cat-1234 [001] d.h1. 982.712345: tick_nohz_handler <-hrtimer_run_queues`. Of the flags
 * the third is of interrupts: h and s for hard and soft ones, H for one in the other, z and Z for NMIs.
 */
export function tallyOfText({ text }: RecordedTrace): Tally {
  const tally: Tally = {}
  for (const line of text.split('\n')) {
    const match = /^.{16}-\d+ +\[\d+\] ..(.).. +[\d.]+: (\S+)(?: \[\S+\])? <-/.exec(line)
    if (match) add(tally, match[2]!, match[1] !== '.')
    else if (line !== '' && !line.startsWith('#')) throw new Error(`what is this line of a trace? ${line}`)
  }
  return sorted(tally)
}

/** The same trace with only the symbols that its events lie in, and those right behind, where each ends. */
export function withNeededSymbols(trace: RecordedTrace): RecordedTrace {
  const addresses = new Set<bigint>()
  eachOf(trace, ({ value }) => addresses.add(value))
  const lines = trace.kallsyms
    .split('\n')
    .filter((line) => /^[\da-f]+ [tTwW] /.test(line))
    .sort()
  const starts = lines.map((line) => BigInt(`0x${line.split(' ')[0]!}`))
  const needed = new Set<bigint>()
  for (const address of addresses) {
    const behind = starts.findIndex((start) => start > address)
    const at = behind < 0 ? starts.length - 1 : behind - 1
    for (const start of [starts[at], starts[behind]]) if (start !== undefined) needed.add(start)
  }
  return {
    ...trace,
    kallsyms: trace.kallsyms
      .split('\n')
      .filter((line) => needed.has(startOf(line)))
      .join('\n'),
  }
}

const startOf = (line: string) => (/^[\da-f]+ /.test(line) ? BigInt(`0x${line.split(' ')[0]!}`) : -1n)
