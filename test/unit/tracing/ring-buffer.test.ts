import { describe, expect, it } from 'vitest'
import { syscallName } from '../../../src/host/syscall-names.ts'
import {
  commonFormat,
  EventReader,
  eventType,
  lostEvents,
  offsetOf,
  pageFormat,
} from '../../../src/tracing/ring-buffer.ts'
import { functionName, functions, parseKallsyms, syscalls } from '../../../src/tracing/sources.ts'

// As Linux 6.12 and 6.18 have them on x86-64.
const headerPage = `\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;
`
const format = (name: string, id: number, field: string) => `name: ${name}
ID: ${id}
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:${field};\toffset:8;\tsize:8;\tsigned:0;
`
const functionFormat = format('function', 1, 'unsigned long ip')
const enterFormat = format('sys_enter', 443, 'long id')

/** A page with these pieces one after the other. `missed`: a flag that events before it are missing. */
function page(pieces: readonly Buffer[], missed = 0): DataView {
  const data = Buffer.concat(pieces)
  const bytes = Buffer.alloc(4096)
  bytes.writeUInt32LE(data.length + missed, 8)
  data.copy(bytes, 16)
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

const words = (...values: number[]) => Buffer.from(new Uint32Array(values).buffer)

/** An event with its size in the first word, in words; if `long`, after that word, in bytes. */
function event(id: number, flags: number, value: bigint, long = false): Buffer {
  const data = Buffer.alloc(24)
  data.writeUInt16LE(id, 0)
  data.writeUInt8(flags, 2)
  data.writeBigInt64LE(BigInt.asIntN(64, value), 8)
  return Buffer.concat([long ? words(0, data.length + 4) : words(data.length / 4), data])
}

function eventsOf(view: DataView, text: string, field: string) {
  const events: { value: bigint; inInterrupt: boolean; time: number; task: number }[] = []
  const reader = new EventReader(pageFormat(headerPage), commonFormat(text))
  const [type, offset] = [eventType(text), offsetOf(text, field, '8')]
  reader.load(view)
  while (reader.next())
    if (reader.type === type) {
      const { inInterrupt, time, task } = reader
      events.push({ value: reader.long(offset), inInterrupt, time, task })
    }
  return events
}

describe('a page of a ring buffer', () => {
  it('has events of either length, between times and what was taken back', () => {
    const pieces = [
      event(443, 0, 59n),
      words(30, 7),
      event(443, 0, 3n, true),
      words(29 + (1 << 5), 12, 0, 0),
      words(31, 9),
      event(9, 0, 4n),
      event(443, 0, -1n),
      words(29, 0, 0),
    ]
    const events = eventsOf(page(pieces), enterFormat, 'id')
    expect(events.map(({ value }) => BigInt.asIntN(64, value))).toEqual([59n, 3n, -1n])
    expect(eventsOf(page([]), enterFormat, 'id')).toEqual([])
  })

  it('marks what happened in an interrupt, which the task did not cause', () => {
    const ip = 0xffffffff81000104n
    const inInterrupt = (flags: number) => eventsOf(page([event(1, flags, ip)]), functionFormat, 'ip')[0]!.inInterrupt
    for (const flags of [0, 1 | 4 | 32 | 128]) expect(inInterrupt(flags), String(flags)).toBe(false)
    for (const flags of [8, 16, 64, 1 | 8]) expect(inInterrupt(flags), String(flags)).toBe(true)
    expect(functions.nameOf({ value: ip, inInterrupt: true, isCompat: false })).toBeUndefined()
  })

  it('is refused when events before it are missing', () => {
    for (const missed of [2 ** 31, 2 ** 30, 2 ** 31 + 2 ** 30])
      expect(() => eventsOf(page([event(1, 0, 1n)], missed), functionFormat, 'ip')).toThrow(/missing/)
  })

  it('is refused when its format is not what it was thought to be', () => {
    expect(() => offsetOf(functionFormat, 'id', '8')).toThrow(/no field id of 8 bytes/)
    expect(() => commonFormat(functionFormat.replace('size:2', 'size:4'))).toThrow(/no field common_type of 2 bytes/)
    expect(pageFormat(headerPage)).toEqual({ bytes: 4096, timestamp: 0, commit: 8, data: 16 })
  })

  it('has the time and the thread of each event', () => {
    const at = (time: number, task: number, kind = event(443, 0, 0n)) => {
      kind.writeUInt32LE(kind.readUInt32LE(0) + time * 32, 0)
      kind.writeInt32LE(task, kind.length - 20)
      return kind
    }
    // 30: the words of a time that is too long for an event. 31: a time that does not follow from the last one.
    const pieces = [at(5, 7), words(30 + 1 * 32, 2), at(0, 8), words(31 + 3 * 32, 4), at(1, 9)]
    const view = page(pieces)
    view.setBigUint64(0, 1000n, true)
    expect(eventsOf(view, enterFormat, 'id').map(({ time, task }) => [time, task])).toEqual([
      [1005, 7],
      [1005 + 2 * 2 ** 27 + 1, 8],
      [4 * 2 ** 27 + 3 + 1, 9],
    ])
  })

  it('has texts of any length', () => {
    const text = '/bin/true\0'
    const data = Buffer.alloc(28)
    data.writeUInt16LE(365, 0)
    data.writeUInt32LE(12 + (text.length << 16), 8)
    data.write(text, 12)
    const reader = new EventReader(pageFormat(headerPage), commonFormat(enterFormat))
    reader.load(page([words(data.length / 4), data]))
    expect(reader.next()).toBe(true)
    expect(reader.text(8)).toBe('/bin/true')
  })
})

it('an address is of the function that it lies in, of several names by the first, in modules too', () => {
  const symbols = parseKallsyms(`ffffffff81000100 T vfs_read
ffffffff81000200 t finish_task_switch.isra.0
ffffffff81000200 t another_name
ffffffff81000300 D jiffies
ffffffffc0000000 t ext4_file_read_iter\t[ext4]
`)
  expect(symbols(0xffffffff81000104n)).toBe('vfs_read')
  expect(symbols(0xffffffff81000204n)).toBe('finish_task_switch.isra.0')
  expect(symbols(0xffffffffc0000010n)).toBe('ext4_file_read_iter')
  expect(symbols(0xffn)).toBeUndefined()
})

it('addresses that the kernel hides are refused, because all of them are 0', () => {
  const hidden = '0000000000000000 T startup_64\n0000000000000000 T vfs_read\n'
  expect(() => parseKallsyms(hidden)).toThrow(expect.objectContaining({ fix: 'sysctl kernel.kptr_restrict=1' }))
  expect(() => parseKallsyms(hidden)).toThrow(/kernel\.kptr_restrict/)
})

it('a function is not the task’s when an interrupt comes in by it, and the compiler’s copy of one is that one', () => {
  for (const name of [
    'sysvec_apic_timer_interrupt',
    '__irq_exit_rcu',
    'irq_enter_rcu',
    'handle_softirqs',
    '__do_softirq',
  ])
    expect(functionName(name), name).toBeUndefined()
  for (const name of ['irqfd_wakeup', 'do_syscall_64', 'request_irq', 'schedule']) expect(functionName(name)).toBe(name)
  expect(functionName('finish_task_switch.isra.0')).toBe('finish_task_switch')
})

it('a system call without a name is refused, with its number and the kernel', () => {
  expect(syscallName(4711)).toBeUndefined()
  const call = { value: 4711n, inInterrupt: false, isCompat: false }
  expect(() => syscalls.nameOf(call)).toThrow(/system call 4711, which isobench cannot name on Linux \d/)
})

it('static functions with the same name have their order in memory', () => {
  const symbols = parseKallsyms(`ffffffff81000300 t show.isra.0
ffffffff81000100 t show
ffffffff81000200 t show
ffffffff81000200 t alias
ffffffffc0000000 t show\t[ext4]
ffffffffc0000100 t show.isra.0\t[ext4]
`)
  const names = [0x81000100n, 0x81000200n, 0x81000300n, 0xc0000000n, 0xc0000100n].map((at) =>
    functionName(symbols(0xffffffff00000000n + at)!),
  )
  expect(names).toEqual(['show', 'show#2', 'show', 'show#3', 'show#2'])
})

it.skipIf(process.arch !== 'x64')('system calls have the names of the kernel’s table', () => {
  const known = {
    0: 'read',
    59: 'execve',
    231: 'exit_group',
    257: 'openat',
    334: 'rseq',
    335: 'uretprobe',
    336: 'uprobe',
    424: 'pidfd_send_signal',
    435: 'clone3',
    462: 'mseal',
    468: 'file_getattr',
    470: 'listns',
  }
  for (const [number, name] of Object.entries(known)) expect(syscallName(Number(number))).toBe(name)
})

it('lost events are those overwritten, not committed and dropped', () => {
  const stats = (overrun: number, commit: number, dropped: number) =>
    `entries: 16\noverrun: ${overrun}\ncommit overrun: ${commit}\nbytes: 1088\noldest event ts:   982.7\n` +
    `now ts:   982.8\ndropped events: ${dropped}\nread events: 5\n`
  expect(lostEvents(stats(0, 0, 0))).toBe(0)
  expect(lostEvents(stats(1, 2, 4))).toBe(7)
})
