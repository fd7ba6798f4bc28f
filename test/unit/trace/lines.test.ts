import { describe, expect, it } from 'vitest'
import { functions } from '../../../src/guest/trace/functions.ts'
import { lostOf, parseLine } from '../../../src/guest/trace/lines.ts'
import { syscallName } from '../../../src/guest/trace/syscall-names.ts'
import { syscalls } from '../../../src/guest/trace/syscalls.ts'

describe('a line of a trace', () => {
  it('is a system call by the number of its task', () => {
    const line = '         busybox-13864   [000] .....   982.745442: sys_enter: NR 59 (55b4661e1af0, 1, 3, 3a, 3, 1)'
    expect(parseLine(line)).toEqual({ pid: 13864, inInterrupt: false, what: expect.stringContaining('NR 59') })
    expect(syscalls.nameOf(parseLine(line)!)).toBe('execve')
  })

  it('is a function with its caller, in or out of an interrupt', () => {
    const at = (flags: string, what: string) =>
      parseLine(`        sysbench-4242    [001] ${flags}    41.250000: ${what}`)!
    expect(functions.nameOf(at('.....', 'vfs_read <-ksys_read'))).toBe('vfs_read')
    expect(functions.nameOf(at('d..2.', 'finish_task_switch.isra.0 <-__schedule'))).toBe('finish_task_switch')
    expect(functions.nameOf(at('.....', 'ext4_file_read_iter [ext4] <-vfs_read'))).toBe('ext4_file_read_iter')
    for (const flags of ['d.h1.', 'd.H2.', '..s1.', 'd.Z1.', 'd.z1.'])
      expect(functions.nameOf(at(flags, 'tick_sched_handle <-tick_nohz_handler')), flags).toBeUndefined()
  })

  it('is not the task’s when it is how an interrupt comes in', () => {
    const of = (name: string) => functions.nameOf({ pid: 1, inInterrupt: false, what: `${name} <-x` })
    for (const name of [
      'sysvec_apic_timer_interrupt',
      '__irq_exit_rcu',
      'irq_enter_rcu',
      'handle_softirqs',
      '__do_softirq',
    ])
      expect(of(name), name).toBeUndefined()
    for (const name of ['irqfd_wakeup', 'do_syscall_64', 'request_irq', 'schedule']) expect(of(name), name).toBe(name)
  })

  it('may belong to a task whose name looks like anything', () => {
    const names = ['a [000] -1 b: c', '-99  [001] .....', '<...>', 'kworker/0:1']
    for (const name of names) {
      const line = `${name.slice(0, 16).padStart(16)}-77      [003] .....   1.000001: sys_enter: NR 0 (0, 0, 0, 0, 0, 0)`
      expect(parseLine(line), name).toMatchObject({ pid: 77, what: 'sys_enter: NR 0 (0, 0, 0, 0, 0, 0)' })
    }
  })

  it('is left out when it is a comment, and refused when it is something else', () => {
    expect(parseLine('#           TASK-PID     CPU#')).toBeUndefined()
    expect(parseLine('')).toBeUndefined()
    expect(() => parseLine('CPU:1 [LOST 512 EVENTS]')).toThrow(/not a line of a trace/)
  })
})

it('a call that a filter has taken away is none, and one without a name keeps its number', () => {
  expect(syscalls.nameOf({ pid: 1, inInterrupt: false, what: 'sys_enter: NR -1 (0, 0, 0, 0, 0, 0)' })).toBeUndefined()
  expect(syscallName(4711)).toBe('nr_4711')
})

it.skipIf(process.arch !== 'x64')('system calls have the names of the kernel’s table', () => {
  const known = {
    0: 'read',
    59: 'execve',
    231: 'exit_group',
    257: 'openat',
    334: 'rseq',
    424: 'pidfd_send_signal',
    435: 'clone3',
    462: 'mseal',
  }
  for (const [number, name] of Object.entries(known)) expect(syscallName(Number(number))).toBe(name)
})

it('lost events are those overwritten, not committed and dropped', () => {
  const stats = (overrun: number, commit: number, dropped: number) =>
    `entries: 16\noverrun: ${overrun}\ncommit overrun: ${commit}\nbytes: 1088\noldest event ts:   982.7\nnow ts:   982.8\ndropped events: ${dropped}\nread events: 5\n`
  expect(lostOf(stats(0, 0, 0))).toBe(0)
  expect(lostOf(stats(1, 2, 4))).toBe(7)
})
