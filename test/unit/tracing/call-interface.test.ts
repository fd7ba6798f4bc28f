import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compatSyscallName } from '../../../src/host/syscall-names.ts'
import { readCallEvents, UnknownCallError } from '../../../src/tracing/call-interface.ts'
import { countEvents } from '../../../src/tracing/count-events.ts'
import { ProcessTable } from '../../../src/tracing/process-table.ts'
import { syscalls } from '../../../src/tracing/sources.ts'

const field = (text: string, offset: number, size: number) => `\tfield:${text};\toffset:${offset};\tsize:${size};\n`
const common =
  field('unsigned short common_type', 0, 2) + field('unsigned char common_flags', 2, 1) + field('int common_pid', 4, 4)
const [enterType, forkType, execType] = [443, 366, 365]

/** Types of the events of the calls themselves: of the calls with the numbers of this test, but not of 175. */
const callTypes = { write: 301, newstat: 303, getppid: 305, exit_group: 307, munmap: 309, writev: 311, semget: 313 }

const files = {
  'events/header_page':
    field('u64 timestamp', 0, 8) +
    field('local_t commit', 8, 8) +
    field('int overwrite', 8, 1) +
    field('char data', 16, 4080),
  'events/raw_syscalls/sys_enter/format': `ID: ${enterType}\n${common}${field('long id', 8, 8)}`,
  'events/sched/sched_process_fork/format': [
    `ID: ${forkType}\n${common}`,
    ...[field('pid_t parent_pid', 8, 4), field('pid_t child_pid', 12, 4)],
  ].join(''),
  'events/sched/sched_process_exec/format':
    `ID: ${execType}\n${common}` +
    field('__data_loc char[] filename', 8, 4) +
    field('pid_t pid', 12, 4) +
    field('pid_t old_pid', 16, 4),
  ...Object.fromEntries(
    Object.entries(callTypes).map(([name, type]) => [`events/syscalls/sys_enter_${name}/id`, `${type}\n`]),
  ),
  'events/syscalls/sys_exit_getppid/id': '304\n',
}

/** An event of a thread, in words behind the common fields. */
const event = (type: number, task: number, ...words: number[]) =>
  Buffer.from(new Uint32Array([2 + words.length + (1000 << 5), type, task, ...words]).buffer)
const enter = (task: number, number: number) => event(enterType, task, number, number < 0 ? -1 : 0)
const own = (task: number, name: keyof typeof callTypes) => event(callTypes[name], task, 0)
const both = (task: number, number: number, name: keyof typeof callTypes) => [enter(task, number), own(task, name)]
const fork = (parent: number, child: number) => event(forkType, parent, parent, child)
const exec = (task: number, file: string, asking = task) => {
  const name = Buffer.alloc(Math.ceil((file.length + 1) / 4) * 4)
  name.write(file)
  const words = new Uint32Array(name.buffer, name.byteOffset, name.length / 4)
  return event(execType, task, 20 + ((file.length + 1) << 16), task, asking, ...words)
}

/** What isobench counts for events that follow each other by 1 µs, as a tracefs instance has them. */
async function count(events: readonly Buffer[], stops: [number, number][] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'isobench-test-'))
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(folder, file, '..'), { recursive: true })
      writeFileSync(join(folder, file), text)
    }
    const data = Buffer.concat(events)
    const page = Buffer.alloc(4096)
    page.writeUInt32LE(data.length, 8)
    data.copy(page, 16)
    mkdirSync(join(folder, 'per_cpu/cpu0'), { recursive: true })
    writeFileSync(join(folder, 'per_cpu/cpu0/trace_pipe_raw'), page)
    const callEvents = readCallEvents(folder)
    return await countEvents(folder, syscalls, new ProcessTable(), { observations: [], stops, callEvents })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A program of the guest, in thread 7. */
const program = [exec(7, '/usr/sbin/chroot'), exec(7, '/data/program')]

// The test has the numbers of x86-64.
describe.skipIf(process.arch !== 'x64')('the interface of system calls', () => {
  it('is the kernel’s own if the event of the call follows, and that of 32-bit programs if not', async () => {
    const calls = [...both(7, 110, 'getppid'), enter(7, 20), enter(7, 20), ...both(7, 4, 'newstat'), enter(7, 1)]
    expect(await count([...program, ...calls])).toEqual({
      guest: { getppid: 1, stat: 1, 'i386:getpid': 2, 'i386:exit': 1 },
    })
  })

  it('is found thread by thread, whatever others call between the two events', async () => {
    const calls = [enter(7, 110), enter(8, 110), enter(9, 64), own(8, 'getppid'), own(7, 'getppid')]
    expect(await count([...program, fork(7, 8), fork(7, 9), ...calls])).toEqual({
      guest: { getppid: 2, 'i386:getppid': 1 },
    })
  })

  it('counts a call for the program that made it, also if the thread executes another one then', async () => {
    const [chroot, then] = program
    const calls = [chroot!, enter(7, 11), then!, enter(7, 20), fork(1, 7), ...both(7, 110, 'getppid')]
    expect(await count(calls)).toEqual({
      guest: { 'i386:getpid': 1 },
      scaffold: { 'i386:execve': 1, getppid: 1 },
    })
  })

  it('counts the last call of a first thread for its program, if another thread executes the next one', async () => {
    const calls = [exec(7, '/usr/sbin/chroot'), fork(7, 8), enter(7, 20), enter(8, 11), exec(7, '/data/program', 8)]
    expect(await count(calls)).toEqual({ scaffold: { 'i386:getpid': 1, 'i386:execve': 1 } })
  })

  it('is open at the end of a recording, so the call is left out, and at its start, too', async () => {
    const calls = [own(7, 'getppid'), enter(7, 20), enter(7, 110)]
    // The last event is at 5 µs. A stop that began 100 µs later cannot have cut the pair.
    expect(await count([...program, ...calls], [[5500, 9000]])).toEqual({})
    expect(await count([...program, ...calls], [[105_500, 109_000]])).toEqual({
      guest: { 'i386:getpid': 1, 'i386:iopl': 1 },
    })
  })

  it('of a call that the kernel lacks is that of the program’s other calls, and open if it uses both', async () => {
    // Number 175 is init_module on x86-64, and rt_sigprocmask for 32-bit programs.
    const lacking = enter(7, 175)
    expect(await count([...program, lacking])).toEqual({ guest: { init_module: 1 } })
    expect(await count([...program, ...both(7, 110, 'getppid'), lacking])).toEqual({
      guest: { init_module: 1, getppid: 1 },
    })
    expect(await count([...program, enter(7, 4), lacking])).toEqual({
      guest: { 'i386:write': 1, 'i386:rt_sigprocmask': 1 },
    })
    const mixed = count([...program, ...both(7, 110, 'getppid'), enter(7, 4), lacking])
    await expect(mixed).rejects.toThrow(UnknownCallError)
    await expect(mixed).rejects.toThrow(/system call 175/)
  })

  it('does not matter for a call that a seccomp filter has suppressed', async () => {
    expect(await count([...program, enter(7, -1), ...both(7, 231, 'exit_group'), enter(7, -1)])).toEqual({
      guest: { exit_group: 1 },
    })
  })

  it('of an unknown number is an error', async () => {
    await expect(count([...program, enter(7, 0x40000027)])).rejects.toThrow(/system call 1073741863/)
    await expect(count([...program, enter(7, 4), enter(7, 4711)])).rejects.toThrow(/32-bit system call 4711/)
  })
})

it('32-bit calls have the names of syscall_32.tbl, or their number if isobench has no table', () => {
  const known = { 0: 'restart_syscall', 20: 'getpid', 221: 'fcntl64', 224: 'gettid', 252: 'exit_group', 295: 'openat' }
  const later = { 384: 'arch_prctl', 393: 'semget', 407: 'clock_nanosleep_time64', 424: 'pidfd_send_signal' }
  for (const [number, name] of Object.entries({ ...known, ...later }))
    expect(compatSyscallName(Number(number), 'x64')).toBe(`i386:${name}`)
  for (const number of [-1, 222, 223, 251, 285, 387, 415, 4711])
    expect(compatSyscallName(number, 'x64'), String(number)).toBeUndefined()
  expect(compatSyscallName(20, 'arm64')).toBe('arm:20')
})
