import { absentCalls, containerConditions, ociArchitectures, type SeccompRules } from '../../host/seccomp-profile.ts'
import { compatCall, syscallTable } from '../../host/syscall-names.ts'
import { UsageError } from '../../util/errors.ts'
import type { Confinement } from '../model/confinement.ts'
import type { AttackProfile, RunRecord } from '../model/record.ts'

/** A seccomp profile that allows what a recorded workload called. */

/** How a program starts, ends, and returns from signals. */
const ofPrograms = ['execve', 'restart_syscall', 'rt_sigreturn', 'exit', 'exit_group']

/** How a 32-bit program returns from a signal without information (sigreturn(2)). */
const of32BitPrograms = ['sigreturn']

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

/** The interfaces of x86-64 beside its own, as the record names them. */
const x64Interfaces = ['i386', 'x32']

/** Calls that every profile allows. */
export const alwaysAllowed: readonly string[] = [...ofPrograms, ...ofRuntimes]

/** What a profile is for: an OCI runtime, or the kernel. A program of the kernel is for one interface. */
export type SeccompForm = 'oci' | 'program'

/** A profile, and what the platform's own filters allow beyond it. */
export interface WorkloadSeccomp {
  readonly platform: string
  /** Rounds that the names are from. */
  readonly rounds: number
  /** Architecture of the recorded host, as in `process.arch`. */
  readonly arch: string
  /** The calls that the profile allows, some of them with conditions about their arguments. */
  readonly calls: readonly string[]
  /** The calls that 32-bit programs made, such as `i386:getpid`. A program of the kernel does not allow them. */
  readonly calls32Bit: readonly string[]
  readonly rules: SeccompRules
  /** The interfaces that the profile allows, by their names in a profile. Empty for an unknown architecture. */
  readonly architectures: readonly string[]
  /** Whether the record has the whole life of the programs. Otherwise calls before and after the work are missing. */
  readonly isWholeLife: boolean
  /** Null if the record does not state what the filters of the platform's guests allow, as for boots. */
  readonly beyond: {
    /** Whether the platform has a filter at all. */
    readonly hasFilter: boolean
    /** Calls that the platform's filters allow, and the profile does not. Without a filter: all other known calls. */
    readonly allowed: readonly string[]
    /** The same for calls with some arguments. */
    readonly inPart: readonly string[]
    /** Further interfaces that the platform's filters allow, and the profile does not: `i386`, `x32`. */
    readonly interfaces: readonly string[]
  } | null
  /**
   * Recorded names that the platform's filters deny and the profile too: calls of a runtime in the guest's process
   * before its program.
   */
  readonly denied: readonly string[]
  /** Recorded names that are no known system call of the architecture, such as `arm:20`. The rules lack them. */
  readonly unknown: readonly string[]
}

/** What the platform's own filters allow to its guests. */
interface Filters {
  readonly exist: boolean
  readonly open: ReadonlySet<string>
  readonly partial: ReadonlySet<string>
  readonly interfaces: readonly string[]
}

/** @returns undefined if the record does not state it */
function filtersOf(guests: readonly Confinement[], table: ReadonlySet<string>, arch: string): Filters | undefined {
  if (guests.some(({ seccomp }) => seccomp === 'none'))
    return { exist: false, open: table, partial: new Set(), interfaces: arch === 'x64' ? x64Interfaces : [] }
  const filters = guests.flatMap(({ calls }) => calls ?? [])
  if (filters.length === 0) return undefined
  return {
    exist: true,
    open: new Set(filters.flatMap(({ allowed }) => allowed)),
    partial: new Set(filters.flatMap(({ conditional, supervised }) => [...conditional, ...supervised])),
    interfaces: [...new Set(filters.flatMap(({ otherInterfaces }) => otherInterfaces))].sort(),
  }
}

function beyondOf(
  { exist, open, partial, interfaces }: Filters,
  calls: readonly string[],
  { conditional }: SeccompRules,
  has32Bit: boolean,
): WorkloadSeccomp['beyond'] {
  const isUnused = (name: string) => !calls.includes(name)
  const inPart = [
    ...[...partial].filter((name) => isUnused(name) && !open.has(name)),
    ...Object.keys(conditional).filter((name) => open.has(name)),
  ]
  return {
    hasFilter: exist,
    allowed: [...open].filter(isUnused).sort(),
    inPart: inPart.sort(),
    interfaces: interfaces.filter((name) => !(has32Bit && name === 'i386')),
  }
}

/** The names that the guest's processes called in one sample: also while they started, idled and waited. */
const namesOf = ({ setup, work, idle, barrier }: AttackProfile): string[] =>
  [setup, work, idle.calls, barrier.calls].flatMap((calls) => Object.keys(calls.guest ?? {}))

/**
 * Makes a profile from every sample of a platform: a call of one round is a call that the workload needs.
 * @param texts only benches with one of these texts in the id of their case
 * @throws {UsageError} if the record has no system calls of the platform's guests
 */
export function workloadSeccomp(
  { environment, plan, samples, file }: Pick<RunRecord, 'environment' | 'plan' | 'samples' | 'file'>,
  platform: string,
  texts: readonly string[] = [],
  form: SeccompForm = 'oci',
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
    const traced = taken.filter(({ attackProfile }) => attackProfile !== undefined)
    if (traced.length > 0 && !traced.some(({ id }) => isChosen(id)))
      throw new UsageError(
        `${file} has no traced bench of "${platform}" with ${texts.map((text) => `"${text}"`).join(' or ')} in its id.`,
        'isobench attack-profile show lists the traced benches',
      )
    const known = plan.platforms.some(({ name }) => name === platform)
    throw new UsageError(
      known
        ? `${file} has no system calls of guests of "${platform}": its guests do not call the host's kernel ` +
            'themselves, or they were not traced by system calls.'
        : `${file} has no platform "${platform}".`,
      'measure a platform that confines processes: isobench run isolation/attack-profile --tag syscalls -p runc',
    )
  }
  const arch = environment.arch ?? process.arch
  const table = new Set(syscallTable(arch).values())
  // Every workload of the platform runs with the same filters.
  const guests = taken.flatMap(({ confinement = [] }) => confinement.filter(({ role }) => role === 'guest'))
  const filters = filtersOf(guests, table, arch)
  const isDenied = (name: string) =>
    filters !== undefined && table.has(name) && !filters.open.has(name) && !filters.partial.has(name)
  const needed = [...recorded, ...alwaysAllowed].filter(
    (name) => table.has(name) && (alwaysAllowed.includes(name) || !isDenied(name)),
  )
  const calls32Bit = [...recorded].filter((name) => compatCall(name, arch) !== undefined).sort()
  const has32Bit = form === 'oci' && calls32Bit.length > 0
  const needed32Bit = has32Bit ? [...calls32Bit.map((name) => compatCall(name, arch)!), ...of32BitPrograms] : []
  const calls = [...new Set([...needed, ...needed32Bit])]
    // A program falls back from an absent call to what an engine's own profile makes it use.
    .filter((name) => !absentCalls.includes(name))
    .sort()
  const rules: SeccompRules = {
    allowed: calls.filter((name) => !Object.hasOwn(containerConditions, name)),
    conditional: Object.fromEntries(Object.entries(containerConditions).filter(([name]) => calls.includes(name))),
    absent: absentCalls,
  }
  return {
    platform,
    rounds: new Set(chosen.map(({ round }) => round)).size,
    arch,
    calls,
    calls32Bit,
    rules,
    architectures: ociArchitectures[arch]?.slice(0, has32Bit ? 2 : 1) ?? [],
    isWholeLife: chosen.every(({ profile }) => profile.idle.recordings === 0),
    beyond: filters ? beyondOf(filters, calls, rules, has32Bit) : null,
    denied: [...recorded].filter((name) => isDenied(name) && !calls.includes(name)).sort(),
    unknown: [...recorded].filter((name) => !table.has(name) && compatCall(name, arch) === undefined).sort(),
  }
}
