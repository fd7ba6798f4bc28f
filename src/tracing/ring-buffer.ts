/**
 * Parses pages of a tracefs ring buffer as `trace_pipe_raw` returns them. They have a tenth of the size of the text,
 * and the kernel need not format them. The format is in the kernel's include/linux/ring_buffer.h and, for events, in
 * tracefs's `format` files.
 */

/** What an event counts as: the field that the trace source selects, unsigned, and whether an interrupt was running. */
export interface TraceEvent {
  readonly value: bigint
  /** In a hard interrupt, soft interrupt or NMI, which may be unrelated to the task. */
  readonly inInterrupt: boolean
  /** Whether it is a system call by the interface for 32-bit programs. */
  readonly isCompat: boolean
}

/** Offsets in a page, in bytes. */
export interface PageFormat {
  readonly bytes: number
  readonly timestamp: number
  readonly commit: number
  readonly data: number
}

/** Offsets in an event of any kind, in bytes. */
export interface CommonFormat {
  readonly type: number
  readonly flags: number
  readonly pid: number
}

/**
 * Returns the offset of a field in a tracefs format.
 * @param size in bytes, as a regular expression
 * @throws {TypeError} if the field is missing or has another size
 */
export function offsetOf(format: string, field: string, size: string): number {
  const [match] = format.matchAll(new RegExp(`\\b${field};\\s+offset:(\\d+);\\s+size:${size};`, 'g'))
  if (!match) throw new TypeError(`the trace format has no field ${field} of ${size} bytes: ${JSON.stringify(format)}`)
  return Number(match[1])
}

/** Parses `events/header_page`. */
export function pageFormat(text: string): PageFormat {
  const data = offsetOf(text, 'data', '\\d+')
  const bytes = data + Number(/\bdata;.*\bsize:(\d+);/.exec(text)![1])
  return { bytes, timestamp: offsetOf(text, 'timestamp', '8'), commit: offsetOf(text, 'commit', '8'), data }
}

/** Parses the fields that the `format` files of all events share. */
export const commonFormat = (text: string): CommonFormat => ({
  type: offsetOf(text, 'common_type', '2'),
  flags: offsetOf(text, 'common_flags', '1'),
  pid: offsetOf(text, 'common_pid', '4'),
})

/** Returns the value of `common_type` for the events of a `format` file. */
export const eventType = (text: string): number => Number(/^ID: (\d+)$/m.exec(text)?.[1])

// TRACE_FLAG_HARDIRQ, _SOFTIRQ and _NMI in include/linux/trace_events.h.
const interruptFlags = 0x08 | 0x10 | 0x40

// Lower half of `commit`: the size, and two bits that are set if events before this page are missing.
const sizeMask = 2 ** 20 - 1
const missedEvents = 2 ** 30

/** Reads the events of one CPU, page by page and in order. It has no more than one event at a time, for speed. */
export class EventReader {
  #page: DataView = new DataView(new ArrayBuffer(0))
  #at = 0
  #end = 0
  /** Nanoseconds of the instance's clock. */
  time = 0
  /** `common_type` of the event. */
  type = 0
  /** Offset of the event in its page. */
  #event = 0

  constructor(
    private readonly format: PageFormat,
    private readonly common: CommonFormat,
  ) {}

  /**
   * Continues with a page.
   * @throws {RangeError} if events before the page are missing, or if it is no valid page
   */
  load(page: DataView): void {
    const committed = page.getUint32(this.format.commit, true)
    if (committed >= missedEvents) throw new RangeError('the trace reports missing events.')
    this.#page = page
    this.#at = this.format.data
    this.#end = this.#at + (committed & sizeMask)
    this.time = Number(page.getBigUint64(this.format.timestamp, true))
  }

  /** Goes to the next event of the page, and returns false at its end. */
  next(): boolean {
    const page = this.#page
    while (this.#at < this.#end) {
      const head = page.getUint32(this.#at, true)
      const kind = head & 31
      const delta = head >>> 5
      // 30: nanoseconds since the last event that 27 bits are too few for. 31: the time itself. 29: padding up to the
      // end of the page, or a discarded event.
      if (kind >= 30) {
        const time = page.getUint32(this.#at + 4, true) * 2 ** 27 + delta
        this.time = kind === 30 ? this.time + time : time
        this.#at += 8
      } else if (kind === 29) {
        if (delta === 0) break
        this.time += delta
        this.#at += 4 + page.getUint32(this.#at + 4, true)
      } else {
        // 1 to 28: length of the data in words. 0: the length in bytes, including its own word, comes first.
        this.#event = this.#at + (kind === 0 ? 8 : 4)
        this.#at += 4 + (kind === 0 ? page.getUint32(this.#at + 4, true) : kind * 4)
        this.time += delta
        this.type = page.getUint16(this.#event + this.common.type, true)
        return true
      }
    }
    this.#at = this.#end
    return false
  }

  /** The thread that caused the event. */
  get task(): number {
    return this.int(this.common.pid)
  }

  /** Whether the event happened in an interrupt. */
  get inInterrupt(): boolean {
    return (this.#page.getUint8(this.#event + this.common.flags) & interruptFlags) !== 0
  }

  /** A field of 4 bytes at this offset of the event. */
  int(offset: number): number {
    return this.#page.getInt32(this.#event + offset, true)
  }

  /** A field of 8 bytes, unsigned. */
  long(offset: number): bigint {
    return this.#page.getBigUint64(this.#event + offset, true)
  }

  /** A text of variable length (`__data_loc`): its offset and length are in a field of 4 bytes. */
  text(offset: number): string {
    const location = this.#page.getUint32(this.#event + offset, true)
    const start = this.#page.byteOffset + this.#event + (location & 0xffff)
    return Buffer.from(this.#page.buffer, start, location >>> 16)
      .toString('utf8')
      .replace(/\0.*$/s, '')
  }
}

/**
 * Returns the events that a CPU's `stats` file counts as lost: overwritten, not committed, or dropped from a full
 * buffer.
 */
export function lostEvents(stats: string): number {
  return ['overrun', 'commit overrun', 'dropped events']
    .map((name) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(stats)?.[1] ?? 0))
    .reduce((sum, lost) => sum + lost, 0)
}
