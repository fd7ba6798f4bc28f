import type { TraceSource as Name } from '../../dsl/traced.ts'
import type { TraceEvent } from './pages.ts'

/** A file of a tracefs instance, and what is written to it. */
export type Setting = readonly [file: string, text: string]

/** One way to watch the kernel. A new one is a file beside this one and a line in the index. */
export interface Instrument {
  readonly name: Name
  readonly about: string
  /** The file that takes the host's process numbers, and the option that makes their children followed. */
  readonly pids: string
  readonly forks: string
  /** What sets it, and what unsets it. A kernel may list a tracer and still refuse this. */
  readonly enable: Setting
  readonly disable: Setting
  /** MiB of buffer for each CPU that guests run on. */
  readonly bufferMiB: number
  /** The kind of event that counts: its folder in `events`, and the field that tells them apart. */
  readonly event: string
  readonly field: string
  /** What an event counts as, or undefined for one that is not the task's doing. */
  nameOf(event: TraceEvent): string | undefined
}
