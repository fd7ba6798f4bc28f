import { absentCalls, containerConditions, type SeccompRules } from '../../host/seccomp-profile.ts'
import { syscallTable } from '../../host/syscall-names.ts'
import { UsageError } from '../../util/errors.ts'
import type { AttackProfile, RunRecord } from '../model/record.ts'

/** A seccomp profile that allows what a recorded workload called. */

/** How a program starts, ends, and returns from signals. */
const ofPrograms = ['execve', 'restart_syscall', 'rt_sigreturn', 'exit', 'exit_group']

/**
 * What runtimes call after they have installed the filter, read with strace from runc 1.1 and crun 1.8. With
 * no_new_privs they install it last, and otherwise before they change user and capabilities. The filter also applies
 * to the other threads of runc, so it includes what Go's runtime calls at any time (runtime/sys_linux_amd64.s).
 */
const ofRuntimes = [
  ...['fstat', 'fstatfs', 'getdents64', 'newfstatat', 'faccessat2', 'openat', 'read', 'write', 'close', 'close_range'],
  ...['fcntl', 'getcwd', 'chdir', 'prctl', 'capget', 'capset', 'getppid', 'pselect6', 'wait4'],
  ...['setgroups', 'setgid', 'setuid', 'setresgid', 'setresuid'],
  ...['futex', 'nanosleep', 'sched_yield', 'epoll_ctl', 'epoll_pwait', 'mmap', 'munmap', 'madvise', 'clone'],
  ...['getpid', 'gettid', 'tgkill', 'sigaltstack', 'rt_sigaction', 'rt_sigprocmask'],
]

/** Calls that every profile allows. */
export const alwaysAllowed: readonly string[] = [...ofPrograms, ...ofRuntimes]

/** A profile, and what the platform's own filters allow beyond it. */
export interface WorkloadSeccomp {
  readonly platform: string
  /** Rounds that the names are from. */
  readonly rounds: number
  /** The calls that the profile allows, some of them with conditions about their arguments. */
  readonly calls: readonly string[]
  readonly rules: SeccompRules
  /** Null if the record does not state what the filters of the platform's guests allow, as for boots. */
  readonly beyond: {
    /** Calls that the platform's filters allow, and the profile does not. Without a filter: all other known calls. */
    readonly allowed: readonly string[]
    /** The same for calls with some arguments. */
    readonly inPart: readonly string[]
  } | null
  /** Recorded names that the platform's filters deny: calls of a runtime in the guest's process before its program. */
  readonly denied: readonly string[]
  /** Recorded names that are no system call of this architecture, such as `i386:getpid`. The rules lack them. */
  readonly unknown: readonly string[]
}

/**
 * The names that the guest's processes called in one sample: also while they idled and waited. At set-up, the guest
 * only starts isobench's command that idles.
 */
const namesOf = ({ work, idle, barrier }: AttackProfile): string[] =>
  [work, idle.calls, barrier.calls].flatMap((calls) => Object.keys(calls.guest ?? {}))

/**
 * Makes a profile from every sample of a platform: a call of one round is a call that the workload needs.
 * @param texts only benches with one of these texts in the id of their case
 * @param arch as in `process.arch`
 * @throws {UsageError} if the record has no system calls of the platform's guests
 */
export function workloadSeccomp(
  { plan, samples, file }: Pick<RunRecord, 'plan' | 'samples' | 'file'>,
  platform: string,
  texts: readonly string[] = [],
  arch: string = process.arch,
): WorkloadSeccomp {
  const isChosen = (id: string) => texts.length === 0 || texts.some((text) => id.includes(text))
  const taken = samples.flatMap(({ case: id, platform: own, outcome, round }) =>
    own === platform && outcome.ok ? [{ id, round, ...outcome }] : [],
  )
  const chosen = taken.flatMap(({ id, round, attackProfile }) =>
    isChosen(id) && attackProfile?.source === 'syscalls' ? [{ round, profile: attackProfile }] : [],
  )
  const recorded = new Set(chosen.flatMap(({ profile }) => namesOf(profile)))
  if (recorded.size === 0) {
    const known = plan.platforms.some(({ name }) => name === platform)
    throw new UsageError(
      known
        ? `${file} has no system calls of guests of "${platform}": its guests do not call the host's kernel ` +
            'themselves, or they were not traced by system calls.'
        : `${file} has no platform "${platform}".`,
      'measure a platform that confines processes: isobench run isolation/attack-profile --tag syscalls -p runc',
    )
  }
  const table = new Set(syscallTable(arch).values())
  // Every workload of the platform runs with the same filters.
  const guests = taken.flatMap(({ confinement = [] }) => confinement.filter(({ role }) => role === 'guest'))
  const filters = guests.flatMap(({ calls }) => calls ?? [])
  const isOpen = guests.some(({ seccomp }) => seccomp === 'none')
  const isKnown = isOpen || filters.length > 0
  const open = new Set(isOpen ? table : filters.flatMap(({ allowed }) => allowed))
  const partial = new Set(filters.flatMap(({ conditional, supervised }) => [...conditional, ...supervised]))
  const isDenied = (name: string) => isKnown && table.has(name) && !open.has(name) && !partial.has(name)
  // A program falls back from an absent call to what an engine's own profile makes it use.
  const isAllowed = (name: string) => table.has(name) && !absentCalls.includes(name)
  const needed = [...recorded].filter((name) => !isDenied(name))
  const calls = [...new Set([...needed, ...alwaysAllowed])].filter(isAllowed).sort()
  const rules: SeccompRules = {
    allowed: calls.filter((name) => !Object.hasOwn(containerConditions, name)),
    conditional: Object.fromEntries(Object.entries(containerConditions).filter(([name]) => calls.includes(name))),
    absent: absentCalls,
  }
  const isUnused = (name: string) => !calls.includes(name)
  const inPart = [
    ...[...partial].filter((name) => isUnused(name) && !open.has(name)),
    ...Object.keys(rules.conditional).filter((name) => open.has(name)),
  ]
  return {
    platform,
    rounds: new Set(chosen.map(({ round }) => round)).size,
    calls,
    rules,
    beyond: isKnown ? { allowed: [...open].filter(isUnused).sort(), inPart: inPart.sort() } : null,
    denied: [...recorded].filter(isDenied).sort(),
    unknown: [...recorded].filter((name) => !table.has(name)).sort(),
  }
}
