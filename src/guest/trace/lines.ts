/** The text of a tracefs instance's `trace` file; its format is in the kernel's Documentation/trace/ftrace.rst. */

/** One event. `inInterrupt`: it happened in a hard or soft interrupt, whose work need not be the task's. */
export interface TraceEvent {
  readonly pid: number
  readonly inInterrupt: boolean
  /** `sys_enter: NR 3 (…)`, or `vfs_read <-ksys_read`. */
  readonly what: string
}

// Past the task's name, which is 16 characters and may hold anything.
const rest = /^-(\d+)\s+\[\d+\] (\S+)\s+[\d.]+: (.*)$/

/** Flags of the third column: in a hard interrupt, a soft one, both, or an NMI. */
const interrupts = /[hHszZ]/

/** One line as an event; undefined for a comment. @throws TypeError for a line of another kind. */
export function parseLine(line: string): TraceEvent | undefined {
  if (line === '' || line.startsWith('#')) return undefined
  const match = rest.exec(line.slice(16))
  if (!match) throw new TypeError(`not a line of a trace: ${JSON.stringify(line.slice(0, 120))}`)
  return { pid: Number(match[1]), inInterrupt: interrupts.test(match[2]![2] ?? ''), what: match[3]! }
}

/** What a CPU's `stats` file counts as lost: overwritten, not committed, or dropped because the buffer was full. */
export function lostOf(stats: string): number {
  return ['overrun', 'commit overrun', 'dropped events']
    .map((name) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(stats)?.[1] ?? 0))
    .reduce((sum, lost) => sum + lost, 0)
}
