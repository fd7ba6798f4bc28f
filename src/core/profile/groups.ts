/** What belongs together, for a reader of long lists of names. */
import type { TraceSource } from '../../dsl/traced.ts'

/** System calls by what they are about, in the words of the manual's section 2. A name belongs to the first that fits. */
const kinds: readonly (readonly [kind: string, of: RegExp])[] = [
  [
    'files',
    /^(?:openat2?|open|creat|read|write|p(?:read|write)(?:64|v2?)|readv|writev|l?seek|f?truncate|f?allocate|fadvise64|fsync|fdatasync|sync\w*|sendfile|splice|tee|copy_file_range|close(?:_range)?|dup[23]?|fcntl|flock|ioctl|io_\w+|readahead|vmsplice|cachestat)$/,
  ],
  [
    'paths',
    /(?:stat(?:x|fs|at)?\d*|access(?:at2?)?|faccessat2?|readlink(?:at)?|getdents(?:64)?|getcwd|f?chdir|mkdir(?:at)?|rmdir|rename(?:at2?)?|unlink(?:at)?|link(?:at)?|symlink(?:at)?|chmod\w*|fchmod\w*|[fl]?chown\w*|xattr\w*|mknod(?:at)?|utime\w*|futimesat|umask|name_to_handle_at|open_by_handle_at)$/,
  ],
  [
    'mounts',
    /^(?:u?mount2?|umount2|pivot_root|chroot|open_tree\w*|move_mount|fs(?:open|config|mount|pick)|mount_setattr|statmount|listmount|swapo\w+|quotactl\w*)$/,
  ],
  [
    'memory',
    /^(?:brk|m(?:map|unmap|remap|protect|advise|lock\w*|unlock\w*|incore|sync|embarrier|bind|seal)|process_madvise|process_mrelease|pkey_\w+|memfd_\w+|userfaultfd|get_mempolicy|set_mempolicy\w*|migrate_pages|move_pages|remap_file_pages|map_shadow_stack)$/,
  ],
  [
    'processes',
    /^(?:clone3?|v?fork|execve(?:at)?|exit(?:_group)?|wait(?:4|id)|kill|tg?kill|prctl|arch_prctl|ptrace|process_vm_\w+|pidfd_\w+|kcmp|unshare|setns|set_tid_address|gett?id|getp\w+|get_?sid|sets?id|setpg\w+|get_robust_list|set_robust_list|rseq|restart_syscall|seccomp|personality|acct)$/,
  ],
  [
    'scheduling',
    /^(?:sched_\w+|futex\w*|nanosleep|clock_nanosleep|getpriority|setpriority|ioprio_\w+|getcpu|[gs]et_thread_area)$/,
  ],
  ['waiting', /^(?:epoll_\w+|p?poll|p?select6?|eventfd2?|signalfd4?|timerfd_\w+|inotify_\w+|fanotify_\w+|pause)$/],
  ['signals', /^(?:rt_sig\w+|sigaltstack)$/],
  ['time', /^(?:clock_\w+|gettimeofday|settimeofday|time|times|timer_\w+|[gs]etitimer|alarm|adjtimex)$/],
  [
    'network',
    /^(?:socket(?:pair)?|bind|listen|accept4?|connect|getsockname|getpeername|send(?:to|m?msg)|recv(?:from|m?msg)|[gs]etsockopt|shutdown)$/,
  ],
  ['users', /^(?:[gs]et(?:e|re|res|fs)?[ug]id|[gs]etgroups|cap[gs]et|[gs]etresuid)$/],
  ['limits', /^(?:[gs]etrlimit|prlimit64|getrusage|sysinfo|uname|getrandom|syslog|set(?:host|domain)name)$/],
  ['IPC', /^(?:pipe2?|shm\w+|sem\w+|msg\w+|mq_\w+|keyctl|add_key|request_key)$/],
  [
    'kernel',
    /^(?:bpf|perf_event_open|landlock_\w+|lsm_\w+|(?:init|finit|delete)_module|kexec_\w+|reboot|iopl|ioperm|modify_ldt)$/,
  ],
]

/**
 * The group of a name. System calls: by what they are about. Functions: by the first word of their name, which in the kernel's
 * sources is mostly the subsystem's (`tcp_sendmsg`, `ext4_file_read_iter`); leading underscores say no more than "inner".
 */
export function groupOf(name: string, by: TraceSource): string {
  if (by === 'syscalls') return kinds.find(([, of]) => of.test(name))?.[0] ?? 'other'
  return /^_*([A-Za-z0-9]+)/.exec(name)?.[1]?.toLowerCase() ?? 'other'
}

/** Names in their groups, the largest group first; groups of functions with one name alone are put together. */
export function groupFunctions(names: readonly string[], by: TraceSource): [group: string, names: string[]][] {
  const groups = new Map<string, string[]>()
  for (const name of [...names].sort()) {
    const group = groupOf(name, by)
    groups.set(group, [...(groups.get(group) ?? []), name])
  }
  const single = [...groups].filter(([group, of]) => by === 'functions' && of.length === 1 && group !== 'other')
  if (single.length > 1) {
    for (const [group] of single) groups.delete(group)
    groups.set('other', [...(groups.get('other') ?? []), ...single.flatMap(([, of]) => of)].sort())
  }
  return [...groups].sort(([a, one], [b, other]) => other.length - one.length || (a < b ? -1 : 1))
}
