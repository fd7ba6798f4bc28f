/**
 * Pages of a tracefs ring buffer as `trace_pipe_raw` gives them: a tenth of the text's size, and the kernel has nothing to format.
 * The format is in the kernel's include/linux/ring_buffer.h and, of events, in tracefs's own `format` files.
 */

/** One event: the value of its field that an instrument names, unsigned, and whether an interrupt was what ran. */
export interface TraceEvent {
  readonly value: bigint
  /** In a hard or soft interrupt or an NMI, whose work need not be the task's. */
  readonly inInterrupt: boolean
}

/** Where a page's parts are, in bytes from its start. */
export interface PageFormat {
  readonly bytes: number
  readonly commit: number
  readonly data: number
}

/** Where an event's parts are, in bytes from its start. */
export interface EventFormat {
  /** What `common_type` says of events of this kind. */
  readonly id: number
  readonly type: number
  readonly flags: number
  readonly value: number
}

/** The offset of a field in one of tracefs's formats. @throws TypeError when it is not there, or of another size than thought. */
function offsetOf(format: string, field: string, size: string): number {
  const [found] = format.matchAll(new RegExp(`\\b${field};\\s+offset:(\\d+);\\s+size:${size};`, 'g'))
  if (!found) throw new TypeError(`the trace's format has no ${field} of ${size} bytes: ${JSON.stringify(format)}`)
  return Number(found[1])
}

/** Reads `events/header_page`. */
export function pageFormat(text: string): PageFormat {
  const data = offsetOf(text, 'data', '\\d+')
  const bytes = data + Number(/\bdata;.*\bsize:(\d+);/.exec(text)![1])
  return { bytes, commit: offsetOf(text, 'commit', '8'), data }
}

/** Reads an event's `format`. */
export function eventFormat(text: string, field: string): EventFormat {
  return {
    id: Number(/^ID: (\d+)$/m.exec(text)?.[1]),
    type: offsetOf(text, 'common_type', '2'),
    flags: offsetOf(text, 'common_flags', '1'),
    value: offsetOf(text, field, '8'),
  }
}

// TRACE_FLAG_HARDIRQ, _SOFTIRQ and _NMI of include/linux/trace_events.h.
const interrupts = 0x08 | 0x10 | 0x40

// Of the lower half of `commit`: the size, and two bits that tell that events before this page are missing.
const sizeMask = 2 ** 20 - 1
const missed = 2 ** 30

/**
 * Tells `each` of the events of one page that are of this kind, in order.
 * @throws RangeError when events are missing before it, or it is no such page.
 */
export function eachEvent(
  page: DataView,
  { commit, data: start }: PageFormat,
  { id, type, flags, value }: EventFormat,
  each: (event: TraceEvent) => void,
): void {
  const committed = page.getUint32(commit, true)
  if (committed >= missed) throw new RangeError('the trace says that events are missing')
  const end = start + (committed & sizeMask)
  for (let at = start; at < end; ) {
    const head = page.getUint32(at, true)
    const kind = head & 31
    // 30 and 31: more of the time, which is of no use here. 29: nothing up to the end, or an event that was taken back.
    if (kind >= 30) at += 8
    else if (kind === 29) {
      if (head >>> 5 === 0) return
      at += 4 + page.getUint32(at + 4, true)
    } else {
      // 1 to 28: words of data. 0: the size, of which its own word is part, comes first.
      const event = at + (kind === 0 ? 8 : 4)
      if (page.getUint16(event + type, true) === id) {
        const inInterrupt = (page.getUint8(event + flags) & interrupts) !== 0
        each({ value: page.getBigUint64(event + value, true), inInterrupt })
      }
      at += 4 + (kind === 0 ? page.getUint32(at + 4, true) : kind * 4)
    }
  }
}

/** What a CPU's `stats` file counts as lost: overwritten, not committed, or dropped because the buffer was full. */
export function lostEvents(stats: string): number {
  return ['overrun', 'commit overrun', 'dropped events']
    .map((name) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(stats)?.[1] ?? 0))
    .reduce((sum, lost) => sum + lost, 0)
}
