/**
 * Parses pages of a tracefs ring buffer as `trace_pipe_raw` returns them. They have a tenth of the size of the text,
 * and the kernel need not format them. The format is in the kernel's include/linux/ring_buffer.h and, for events, in
 * tracefs's `format` files.
 */

/** An event: the field that the trace source selects, unsigned, and whether an interrupt was running. */
export interface TraceEvent {
  readonly value: bigint
  /** In a hard interrupt, soft interrupt or NMI, which may be unrelated to the task. */
  readonly inInterrupt: boolean
}

/** Offsets in a page, in bytes. */
export interface PageFormat {
  readonly bytes: number
  readonly commit: number
  readonly data: number
}

/** Offsets in an event, in bytes. */
export interface EventFormat {
  /** Value of `common_type` for events of this kind. */
  readonly id: number
  readonly type: number
  readonly flags: number
  readonly value: number
}

/**
 * Returns the offset of a field in a tracefs format. Throws a TypeError if the field is missing or has another size.
 */
function offsetOf(format: string, field: string, size: string): number {
  const [match] = format.matchAll(new RegExp(`\\b${field};\\s+offset:(\\d+);\\s+size:${size};`, 'g'))
  if (!match) throw new TypeError(`the trace format has no field ${field} of ${size} bytes: ${JSON.stringify(format)}`)
  return Number(match[1])
}

/** Parses `events/header_page`. */
export function pageFormat(text: string): PageFormat {
  const data = offsetOf(text, 'data', '\\d+')
  const bytes = data + Number(/\bdata;.*\bsize:(\d+);/.exec(text)![1])
  return { bytes, commit: offsetOf(text, 'commit', '8'), data }
}

/** Parses the `format` file of an event. */
export function eventFormat(text: string, field: string): EventFormat {
  return {
    id: Number(/^ID: (\d+)$/m.exec(text)?.[1]),
    type: offsetOf(text, 'common_type', '2'),
    flags: offsetOf(text, 'common_flags', '1'),
    value: offsetOf(text, field, '8'),
  }
}

// TRACE_FLAG_HARDIRQ, _SOFTIRQ and _NMI in include/linux/trace_events.h.
const interruptFlags = 0x08 | 0x10 | 0x40

// Lower half of `commit`: the size, and two bits that are set if events before this page are missing.
const sizeMask = 2 ** 20 - 1
const missedEvents = 2 ** 30

/**
 * Calls `each` for the events of this kind in a page, in order.
 * @throws {RangeError} if events before the page are missing, or if it is no valid page
 */
export function eachEvent(
  page: DataView,
  { commit, data: start }: PageFormat,
  { id, type, flags, value }: EventFormat,
  each: (event: TraceEvent) => void,
): void {
  const committed = page.getUint32(commit, true)
  if (committed >= missedEvents) throw new RangeError('the trace reports missing events.')
  const end = start + (committed & sizeMask)
  for (let offset = start; offset < end; ) {
    const head = page.getUint32(offset, true)
    const kind = head & 31
    // 30 and 31: time stamps, not needed here. 29: padding up to the end of the page, or a discarded event.
    if (kind >= 30) offset += 8
    else if (kind === 29) {
      if (head >>> 5 === 0) return
      offset += 4 + page.getUint32(offset + 4, true)
    } else {
      // 1 to 28: length of the data in words. 0: the length in bytes, including its own word, comes first.
      const event = offset + (kind === 0 ? 8 : 4)
      if (page.getUint16(event + type, true) === id) {
        const inInterrupt = (page.getUint8(event + flags) & interruptFlags) !== 0
        each({ value: page.getBigUint64(event + value, true), inInterrupt })
      }
      offset += 4 + (kind === 0 ? page.getUint32(offset + 4, true) : kind * 4)
    }
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
