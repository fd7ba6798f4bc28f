import type { Instrument } from './instrument.ts'
import { syscallName } from './syscall-names.ts'

/**
 * The system calls of the guest's host processes, by the tracepoint raw_syscalls:sys_enter: cheap enough to lose nothing, and
 * allowed where a locked-down kernel forbids to trace its functions. Not the paper's instrument.
 */
export const syscalls: Instrument = {
  name: 'syscalls',
  about: 'system calls of the host processes, by the tracepoint raw_syscalls:sys_enter',
  pids: 'set_event_pid',
  forks: 'options/event-fork',
  enable: ['events/raw_syscalls/sys_enter/enable', '1'],
  disable: ['events/raw_syscalls/sys_enter/enable', '0'],
  bufferMiB: 256,
  event: 'raw_syscalls/sys_enter',
  field: 'id',
  nameOf: ({ value }) => {
    const number = Number(BigInt.asIntN(64, value))
    // -1 is a call that a seccomp filter or a ptracer has taken away.
    return number === -1 ? undefined : syscallName(number)
  },
}
