/** Seccomp profiles of containers, in the format of OCI runtimes and as a program of the kernel. */

import { HostError } from '../util/errors.ts'
import { auditArchitectures } from './seccomp-filter.ts'
import { syscallNumber } from './syscall-names.ts'

/** What Docker's default profile allows with any arguments. */
const dockerAllowed = `
  accept accept4 access adjtimex alarm arch_prctl bind brk cachestat capget capset chdir chmod chown chroot
  clock_adjtime clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
  eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod
  fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat
  fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat get_robust_list
  get_thread_area getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid
  getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt
  gettid gettimeofday getuid getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch
  io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit ioctl ioprio_get ioprio_set kill
  landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listmount
  listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat madvise map_shadow_stack membarrier memfd_create
  memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap modify_ldt mprotect mq_getsetattr
  mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock
  munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe
  pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 process_mrelease
  process_vm_readv process_vm_writev pselect6 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat
  readv recvfrom recvmmsg recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2
  restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
  rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
  sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam
  sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto
  set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority
  setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid setxattr setxattrat shmat shmctl shmdt
  shmget shutdown sigaltstack signalfd signalfd4 socketpair splice stat statfs statmount statx symlink symlinkat sync
  sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
  timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink unlinkat
  utime utimensat utimes vfork vmsplice wait4 waitid write writev`
  .trim()
  .split(/\s+/)

/** A condition of an argument. `masked`: the argument without all but these bits is `value`. */
type Condition =
  | { readonly is: 'equal' | 'not-equal'; readonly value: number }
  | { readonly is: 'masked'; readonly mask: number; readonly value: number }

/** Conditions of Docker's default profile. They keep a guest in its namespaces. */
export const containerConditions: SeccompRules['conditional'] = {
  // No new namespace (sched.h: CLONE_NEW*), which needs CAP_SYS_ADMIN. Threads and processes are allowed.
  clone: [{ is: 'masked', mask: 0x7e020000, value: 0 }],
  // PER_LINUX and PER_LINUX32, each with and without UNAME26, and the query of the current one.
  personality: [0, 0x8, 0x20000, 0x20008, 0xffffffff].map((value) => ({ is: 'equal', value })),
  // Not AF_VSOCK, which leads past the network namespace.
  socket: [{ is: 'not-equal', value: 40 }],
}

/** What a profile does with system calls. Every other call fails with EPERM. */
export interface SeccompRules {
  /** Allowed with any arguments. Names that another architecture has instead have no effect. */
  readonly allowed: readonly string[]
  /** Allowed if the first argument fits one of the conditions. */
  readonly conditional: Readonly<Record<string, readonly Condition[]>>
  /** These fail with ENOSYS, as if the kernel lacked them, so that a program falls back to an older call. */
  readonly absent: readonly string[]
}

const EPERM = 1
const ENOSYS = 38

/** glibc then uses clone. A filter can read the flags of clone, and not those of clone3. */
export const absentCalls: readonly string[] = ['clone3']

/**
 * What Docker's default profile allows with Docker's default capabilities (docs.docker.com/engine/security/seccomp,
 * Docker 28). Platforms that have no profile get it, and podman, because the profile of podman 4.3 rejects
 * io_pgetevents, and with it libaio.
 */
const dockerRules: SeccompRules = { allowed: dockerAllowed, conditional: containerConditions, absent: absentCalls }

/** A rule of a profile for OCI runtimes. */
interface OciRule {
  readonly names: readonly string[]
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO'
  readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo?: number; op: string }[]
  readonly errnoRet?: number
}

/** A profile as `linux.seccomp` of the OCI runtime specification (config-linux.md), without host conditions. */
export interface OciSeccomp {
  readonly defaultAction: 'SCMP_ACT_ERRNO'
  readonly defaultErrnoRet: number
  readonly architectures?: readonly string[]
  readonly syscalls: readonly OciRule[]
}

/**
 * The interfaces of an architecture, as in `process.arch`, by their names in a profile (config-linux.md): its own one
 * first, then that of 32-bit programs.
 */
export const ociArchitectures: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
}

/** Docker's default profile, also for programs of the architecture's other interfaces, such as 32-bit programs. */
export const dockerSeccomp = (): OciSeccomp => ociSeccomp(dockerRules, ociArchitectures[process.arch])

/**
 * Writes rules as a profile for OCI runtimes. A rule applies to every interface that has a call of its name.
 * @param architectures the interfaces; by default the native one of the host that loads the profile
 */
export function ociSeccomp(
  { allowed, conditional, absent }: SeccompRules,
  architectures: readonly string[] = [],
): OciSeccomp {
  const argument = (condition: Condition) => {
    if (condition.is === 'masked')
      return { index: 0, value: condition.mask, valueTwo: condition.value, op: 'SCMP_CMP_MASKED_EQ' }
    return { index: 0, value: condition.value, op: condition.is === 'equal' ? 'SCMP_CMP_EQ' : 'SCMP_CMP_NE' }
  }
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: EPERM,
    ...(architectures.length > 0 && { architectures }),
    syscalls: [
      { names: allowed, action: 'SCMP_ACT_ALLOW' },
      ...Object.entries(conditional).flatMap(([name, conditions]) =>
        conditions.map((condition) => ({
          names: [name],
          action: 'SCMP_ACT_ALLOW' as const,
          args: [argument(condition)],
        })),
      ),
      { names: absent, action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    ],
  }
}

/** Instructions and results of classic BPF (linux/bpf_common.h) and of seccomp (linux/seccomp.h). */
const load = 0x20
const jump = 0x05
const jumpEqual = 0x15
const jumpGreaterOrEqual = 0x35
const and = 0x54
const result = 0x06
const allow = 0x7fff0000
const errno = 0x00050000

/** Offsets in `struct seccomp_data`. The low half of the first argument comes first on little-endian machines. */
const offsets = { number: 0, architecture: 4, firstArgument: 16 } as const

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]
const instruction = (code: number, value: number): Instruction => [code, 0, 0, value]
const returns = (value: number): readonly Instruction[] => [instruction(result, value)]

/** If the accumulator has this relation to the value, `yes`, otherwise `no`. Both must end with a result. */
const branch = (
  code: number,
  value: number,
  yes: readonly Instruction[],
  no: readonly Instruction[],
): readonly Instruction[] => [[code, 0, yes.length, value], ...yes, ...no]

/** Tests the conditions of the first argument one after the other. */
function testArgument(conditions: readonly Condition[]): readonly Instruction[] {
  return conditions.reduceRight<readonly Instruction[]>(
    (otherwise, condition) => {
      const read = [instruction(load, offsets.firstArgument)]
      if (condition.is === 'masked')
        return [
          ...read,
          instruction(and, condition.mask),
          ...branch(jumpEqual, condition.value, returns(allow), otherwise),
        ]
      const equal = condition.is === 'equal'
      return [
        ...read,
        ...branch(jumpEqual, condition.value, equal ? returns(allow) : otherwise, equal ? otherwise : returns(allow)),
      ]
    },
    returns(errno | EPERM),
  )
}

/** What happens to a system call by its number, as ranges: each ends where the next one starts. */
function ranges(
  { allowed, conditional, absent }: SeccompRules,
  arch: string,
): { readonly from: number; readonly code: readonly Instruction[] }[] {
  const codes = new Map<number, readonly Instruction[]>()
  const set = (name: string, code: readonly Instruction[]) => {
    const number = syscallNumber(name, arch)
    if (number !== undefined) codes.set(number, code)
  }
  const [yes, no, unknown] = [returns(allow), returns(errno | EPERM), returns(errno | ENOSYS)]
  for (const name of allowed) set(name, yes)
  for (const [name, conditions] of Object.entries(conditional)) set(name, testArgument(conditions))
  for (const name of absent) set(name, unknown)
  // Later kernels have calls that this profile does not know. A program falls back if the kernel seems to lack them.
  const last = Math.max(...codes.keys())
  const all = Array.from({ length: last + 1 }, (_, number) => ({ from: number, code: codes.get(number) ?? no }))
  return [...all, { from: last + 1, code: unknown }].filter(({ code }, at) => code !== all[at - 1]?.code)
}

/** A binary search over the ranges. The kernel caches which calls are always allowed, so the depth hardly matters. */
function search(list: ReturnType<typeof ranges>): readonly Instruction[] {
  if (list.length === 1) return list[0]!.code
  const middle = Math.ceil(list.length / 2)
  const [below, above] = [search(list.slice(0, middle)), search(list.slice(middle))]
  // A conditional jump skips at most 255 instructions.
  const far = below.length > 255
  return far
    ? [[jumpGreaterOrEqual, 0, 1, list[middle]!.from], [jump, 0, 0, below.length], ...below, ...above]
    : [[jumpGreaterOrEqual, below.length, 0, list[middle]!.from], ...below, ...above]
}

/**
 * Compiles rules to a program of the kernel: an array of `struct sock_filter`. Calls of another architecture, such as
 * those of 32-bit programs, fail with ENOSYS.
 * @param rules Docker's by default
 * @param arch as in `process.arch`
 * @throws {HostError} if isobench does not know the numbers of its system calls
 */
export function seccompProgram(rules: SeccompRules = dockerRules, arch: string = process.arch): Buffer {
  const architecture = auditArchitectures[arch]
  if (architecture === undefined) throw new HostError(`isobench has no seccomp filter for ${arch}.`)
  const program = [
    instruction(load, offsets.architecture),
    [jumpEqual, 1, 0, architecture] as Instruction,
    ...returns(errno | ENOSYS),
    instruction(load, offsets.number),
    ...search(ranges(rules, arch)),
  ]
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(([code, ifTrue, ifFalse, value], at) => {
    bytes.writeUInt16LE(code, at * 8)
    bytes.writeUInt8(ifTrue, at * 8 + 2)
    bytes.writeUInt8(ifFalse, at * 8 + 3)
    bytes.writeUInt32LE(value >>> 0, at * 8 + 4)
  })
  return bytes
}
