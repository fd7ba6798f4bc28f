/** The trace sources: functions of the host kernel (ftrace), and system calls (a tracepoint). */

import { readFileSync } from 'node:fs'
import type { TraceSource as Name } from '../dsl/traced.ts'
import type { TraceEvent } from './ring-buffer.ts'

/** Returns the name of the function that contains an address, or `undefined` below the first function. */
export type Symbols = (address: bigint) => string | undefined

/** Parses `/proc/kallsyms`. Of several names for an address the first one counts, as in the kernel's own traces. */
export function parseKallsyms(kallsyms: string): Symbols {
  const symbols: { readonly address: bigint; readonly name: string }[] = []
  for (const line of kallsyms.split('\n')) {
    // Kernel: `ffffffff81000010 t name`. Module: the same, followed by `\t[module]`.
    const match = /^([\da-f]+) [tTwW] (\S+)/.exec(line)
    if (match) symbols.push({ address: BigInt(`0x${match[1]!}`), name: match[2]! })
  }
  symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0))
  return (address) => {
    let [low, high] = [0, symbols.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (symbols[middle]!.address <= address) low = middle + 1
      else high = middle
    }
    let index = low - 1
    while (index > 0 && symbols[index - 1]!.address === symbols[index]!.address) index--
    return symbols[index]?.name
  }
}

let cached: { readonly modules: string; readonly symbols: Symbols } | undefined

/** Returns the symbols of this kernel and of its loaded modules. */
export function kernelSymbols(): Symbols {
  const modules = readFileSync('/proc/modules', 'utf8')
  if (cached?.modules !== modules) cached = { modules, symbols: parseKallsyms(readFileSync('/proc/kallsyms', 'utf8')) }
  return cached.symbols
}

/**
 * Functions that enter and leave an interrupt, before and after its flag is set. They are unrelated to the task. Based
 * on the filter of nabla-containers' nabla-measurements, with the names of current kernels.
 */
const interruptEntry = new RegExp(
  [
    /^(?:asm_)?(?:sysvec_|common_interrupt|fred_)|^__?irq_(?:enter|exit)|^irq_(?:enter|exit)|^irqentry_/,
    /^(?:__)?do_softirq|^handle_softirqs|^invoke_softirq|^irq_work_|^smp_\w*interrupt|^__sysvec_/,
    /^tick_irq_enter|^idle_cpu$|^ret_from_intr/,
  ]
    .map(({ source }) => source)
    .join('|'),
)

/**
 * Returns the function name of a kernel symbol. Copies by the compiler (`.isra.0`, `.constprop.0`, `.part.0`) count as
 * the function. Returns `undefined` for functions that enter or leave an interrupt.
 */
export const functionName = (symbol: string): string | undefined =>
  interruptEntry.test(symbol) ? undefined : symbol.replace(/\..*$/, '')

/** Functions of the host kernel, by ftrace's function tracer: the paper's trace source. */
export const functions: TraceSourceSpec = {
  name: 'functions',
  description: "functions of the host kernel, by ftrace's function tracer",
  pids: 'set_ftrace_pid',
  forks: 'options/function-fork',
  enable: ['current_tracer', 'function'],
  disable: ['current_tracer', 'nop'],
  bufferMiB: 500,
  event: 'ftrace/function',
  field: 'ip',
  nameOf: ({ value, inInterrupt }) =>
    inInterrupt ? undefined : functionName(kernelSymbols()(value) ?? `0x${value.toString(16)}`),
}

/**
 * System calls of x86-64 by number (arch/x86/entry/syscalls/syscall_64.tbl in the kernel): 0 to 334, and from 424 on,
 * where all architectures have the same numbers.
 */
const syscallsFrom0 = `
  read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn
  ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore madvise shmget shmat shmctl
  dup dup2 pause nanosleep getitimer alarm setitimer getpid sendfile socket connect accept sendto recvfrom sendmsg
  recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt clone fork vfork execve exit
  wait4 kill uname semget semop semctl shmdt msgget msgsnd msgrcv msgctl fcntl flock fsync fdatasync truncate
  ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink symlink readlink chmod fchmod chown
  fchown lchown umask gettimeofday getrlimit getrusage sysinfo times ptrace getuid syslog getgid setuid setgid geteuid
  getegid setpgid getppid getpgrp setsid setreuid setregid getgroups setgroups setresuid getresuid setresgid getresgid
  getpgid setfsuid setfsgid getsid capget capset rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend
  sigaltstack utime mknod uselib personality ustat statfs fstatfs sysfs getpriority setpriority sched_setparam
  sched_getparam sched_setscheduler sched_getscheduler sched_get_priority_max sched_get_priority_min
  sched_rr_get_interval mlock munlock mlockall munlockall vhangup modify_ldt pivot_root _sysctl prctl arch_prctl
  adjtimex setrlimit chroot sync acct settimeofday mount umount2 swapon swapoff reboot sethostname setdomainname iopl
  ioperm create_module init_module delete_module get_kernel_syms query_module quotactl nfsservctl getpmsg putpmsg
  afs_syscall tuxcall security gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr
  llistxattr flistxattr removexattr lremovexattr fremovexattr tkill time futex sched_setaffinity sched_getaffinity
  set_thread_area io_setup io_destroy io_getevents io_submit io_cancel get_thread_area lookup_dcookie epoll_create
  epoll_ctl_old epoll_wait_old remap_file_pages getdents64 set_tid_address restart_syscall semtimedop fadvise64
  timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres
  clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes vserver mbind set_mempolicy get_mempolicy mq_open
  mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl
  ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat
  futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare
  set_robust_list get_robust_list splice tee sync_file_range vmsplice move_pages utimensat epoll_pwait signalfd
  timerfd_create eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2 epoll_create1 dup3 pipe2
  inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark prlimit64
  name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns getcpu process_vm_readv process_vm_writev
  kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create kexec_file_load bpf execveat
  userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx
  io_pgetevents rseq
`
const syscallsFrom424 = `
  pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount
  fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr
  quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret process_mrelease
  futex_waitv set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue
  statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat
  removexattrat open_tree_attr
`

const splitWords = (text: string) => text.trim().split(/\s+/)
const names = new Map<number, string>([
  ...(process.arch === 'x64' ? splitWords(syscallsFrom0).map((name, index) => [index, name] as const) : []),
  ...splitWords(syscallsFrom424).map((name, index) => [424 + index, name] as const),
])

/** Returns the name of a system call, or `nr_N` for an unknown one. */
export const syscallName = (number: number): string => names.get(number) ?? `nr_${number}`

/**
 * System calls of the guest's host processes, by the tracepoint raw_syscalls:sys_enter. Cheap enough to lose no events,
 * and allowed by kernels in lockdown, which forbid function tracing. Not the paper's trace source.
 */
export const syscalls: TraceSourceSpec = {
  name: 'syscalls',
  description: 'system calls of the host processes, by the tracepoint raw_syscalls:sys_enter',
  pids: 'set_event_pid',
  forks: 'options/event-fork',
  enable: ['events/raw_syscalls/sys_enter/enable', '1'],
  disable: ['events/raw_syscalls/sys_enter/enable', '0'],
  bufferMiB: 256,
  event: 'raw_syscalls/sys_enter',
  field: 'id',
  nameOf: ({ value }) => {
    const number = Number(BigInt.asIntN(64, value))
    // -1: a seccomp filter or a ptracer has suppressed the call.
    return number === -1 ? undefined : syscallName(number)
  },
}

/** The trace sources by name. To add one, define it in this file and add it here. */
export const traceSources: Readonly<Record<Name, TraceSourceSpec>> = { functions, syscalls }

/** A file of a tracefs instance, and the text to write to it. */
export type Setting = readonly [file: string, text: string]

/** How to use one trace source. */
export interface TraceSourceSpec {
  readonly name: Name
  readonly description: string
  /** The file for the pids to trace, and the option that makes the kernel also trace their children. */
  readonly pids: string
  readonly forks: string
  /** What to write to enable and disable it. A kernel may list a tracer and still refuse to enable it. */
  readonly enable: Setting
  readonly disable: Setting
  /** Buffer size in MiB for each CPU of the guests. */
  readonly bufferMiB: number
  /** The event: its directory in `events`, and the field that identifies what happened. */
  readonly event: string
  readonly field: string
  /** Returns what an event counts as, or `undefined` if it is unrelated to the task. */
  nameOf(event: TraceEvent): string | undefined
}
