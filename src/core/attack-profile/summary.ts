import { type ProcessRole, processRoles, type RolePart, rolePart, roleParts } from '../../dsl/process-roles.ts'
import type { TraceSource } from '../../dsl/traced.ts'
import { type CallCounts, jaccard, totalCalls } from '../../tracing/call-counts.ts'
import type { BenchCase, Params } from '../model/plan.ts'
import type { AttackProfile, RunRecord } from '../model/record.ts'
import { benchById } from '../model/suite.ts'
import {
  type CallState,
  platformRoles,
  type TracedCalls,
  tracedCalls,
  tracedRoles,
  type Unseen,
  unseenBy,
} from '../model/traced-calls.ts'
import { median } from '../stats/index.ts'

/** What belongs together, for a reader of long lists of names. */

/** One of several alternatives, which are written on several lines. */
const oneOf = (names: readonly RegExp[]) => names.map(({ source }) => source).join('|')
const exactly = (...names: readonly RegExp[]) => new RegExp(`^(?:${oneOf(names)})$`)
const ending = (...names: readonly RegExp[]) => new RegExp(`(?:${oneOf(names)})$`)

/**
 * System calls by what they are about, in the words of the manual's section 2. A name belongs to the first that fits.
 */
const kinds: readonly (readonly [kind: string, of: RegExp])[] = [
  [
    'files',
    exactly(
      /openat2?|open|creat|read|write|p(?:read|write)(?:64|v2?)|readv|writev|l?seek|f?truncate|f?allocate/,
      /fadvise64|fsync|fdatasync|sync\w*|sendfile|splice|tee|copy_file_range|close(?:_range)?|dup[23]?/,
      /fcntl|flock|ioctl|io_\w+|readahead|vmsplice|cachestat/,
    ),
  ],
  [
    'paths',
    ending(
      /stat(?:x|fs|at)?\d*|access(?:at2?)?|faccessat2?|readlink(?:at)?|getdents(?:64)?|getcwd|f?chdir/,
      /mkdir(?:at)?|rmdir|rename(?:at2?)?|unlink(?:at)?|link(?:at)?|symlink(?:at)?|chmod\w*|fchmod\w*/,
      /[fl]?chown\w*|xattr\w*|mknod(?:at)?|utime\w*|futimesat|umask|name_to_handle_at|open_by_handle_at/,
    ),
  ],
  [
    'mounts',
    exactly(
      /u?mount2?|umount2|pivot_root|chroot|open_tree\w*|move_mount|fs(?:open|config|mount|pick)/,
      /mount_setattr|statmount|listmount|swapo\w+|quotactl\w*/,
    ),
  ],
  [
    'memory',
    exactly(
      /brk|m(?:map|unmap|remap|protect|advise|lock\w*|unlock\w*|incore|sync|embarrier|bind|seal)/,
      /process_madvise|process_mrelease|pkey_\w+|memfd_\w+|userfaultfd|get_mempolicy|set_mempolicy\w*/,
      /migrate_pages|move_pages|remap_file_pages|map_shadow_stack/,
    ),
  ],
  [
    'processes',
    exactly(
      /clone3?|v?fork|execve(?:at)?|exit(?:_group)?|wait(?:4|id)|kill|tg?kill|prctl|arch_prctl|ptrace/,
      /process_vm_\w+|pidfd_\w+|kcmp|unshare|setns|set_tid_address|gett?id|getp\w+|get_?sid|sets?id/,
      /setpg\w+|get_robust_list|set_robust_list|rseq|restart_syscall|seccomp|personality|acct/,
    ),
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
    exactly(
      /socket(?:pair)?|bind|listen|accept4?|connect|getsockname|getpeername|send(?:to|m?msg)/,
      /recv(?:from|m?msg)|[gs]etsockopt|shutdown/,
    ),
  ],
  ['users', /^(?:[gs]et(?:e|re|res|fs)?[ug]id|[gs]etgroups|cap[gs]et|[gs]etresuid)$/],
  ['limits', /^(?:[gs]etrlimit|prlimit64|getrusage|sysinfo|uname|getrandom|syslog|set(?:host|domain)name)$/],
  ['IPC', /^(?:pipe2?|shm\w+|sem\w+|msg\w+|mq_\w+|keyctl|add_key|request_key)$/],
  [
    'kernel',
    exactly(
      /bpf|perf_event_open|landlock_\w+|lsm_\w+|(?:init|finit|delete)_module|kexec_\w+|reboot|iopl|ioperm/,
      /modify_ldt/,
    ),
  ],
]

/**
 * The group of a name. System calls: by what they are about. Functions: by the first word of their name, which in the
 * kernel's sources is mostly the subsystem's (`tcp_sendmsg`, `ext4_file_read_iter`); leading underscores say no more
 * than "inner".
 */
export function groupOf(name: string, by: TraceSource): string {
  const call = name.replace(/^.*:/, '')
  if (by === 'syscalls') return kinds.find(([, of]) => of.test(call))?.[0] ?? 'other'
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

/** Names that one side reaches and the other does not, with how often. */
export interface Group {
  readonly group: string
  readonly names: readonly { readonly name: string; readonly calls: number }[]
}

/** One bench's profiles on two platforms, compared; of the work, and of setting up. */
export interface ProfileDiff {
  readonly case: string
  /** Name of the bench. */
  readonly name: string
  readonly params: Params
  readonly source: TraceSource
  readonly a: string
  readonly b: string
  readonly parts: readonly {
    readonly part: 'work' | 'setup'
    readonly onlyA: readonly Group[]
    readonly onlyB: readonly Group[]
    /** How many names both reach. */
    readonly both: number
    /** Names that one of the two reaches in some of its rounds only: neither on one side nor in both. */
    readonly someRounds: readonly string[]
    /** Of the other names, those of both over those of either. */
    readonly jaccard: number
  }[]
}

/** What each of two profiles of the same bench and trace source reaches in every round, and the other in none. */
export function diffOf(a: AttackProfileSummary, b: AttackProfileSummary): ProfileDiff {
  const part = (which: 'work' | 'setup') => {
    const someRounds = [...new Set([a, b].flatMap((profile) => profile.someRounds[which]))].sort()
    const decided = (profile: AttackProfileSummary) =>
      Object.keys(profile[which]).filter((name) => !someRounds.includes(name))
    const [one, other] = [decided(a), decided(b)]
    const missing = (names: readonly string[], from: AttackProfileSummary, than: AttackProfileSummary): Group[] =>
      groupFunctions(
        names.filter((name) => !Object.hasOwn(than[which], name)),
        a.source,
      ).map(([group, of]) => ({ group, names: of.map((name) => ({ name, calls: from[which][name]! })) }))
    return {
      part: which,
      onlyA: missing(one, a, b),
      onlyB: missing(other, b, a),
      both: one.filter((name) => Object.hasOwn(b[which], name)).length,
      someRounds,
      jaccard: jaccard(one, other),
    }
  }
  const { case: id, name, params, source } = a
  return { case: id, name, params, source, a: a.platform, b: b.platform, parts: [part('work'), part('setup')] }
}

/** The profiles that a run record holds, one for each traced bench and platform. Pure. */

/** What one platform reached in one traced bench, over the rounds. */
export interface AttackProfileSummary {
  readonly case: string
  readonly bench: string
  /** Name of the bench. */
  readonly name: string
  readonly params: Params
  readonly source: TraceSource
  readonly platform: string
  readonly rounds: number
  /** Samples without a profile: they failed. */
  readonly failed: number
  /** Medians over the rounds, without isobench's own processes. */
  readonly distinct: number
  readonly calls: number
  readonly perUnit: number
  readonly setupDistinct: number
  readonly setupCalls: number
  /** Names that were reached in every round, with the median of their calls. */
  readonly work: CallCounts
  readonly setup: CallCounts
  /** Names that were reached in some rounds and not in others: a runtime's own threads, mostly. */
  readonly someRounds: { readonly work: readonly string[]; readonly setup: readonly string[] }
  /** Names that only an idle guest or its barrier reached, by the controls. */
  readonly onlyBackground: readonly string[]
  /** The names that only the start of the platform reached. */
  readonly onlySetup: readonly string[]
  /** What the kernel does for the platform and the trace source does not show. */
  readonly unseen: readonly Unseen[]
  /** The same for each part, those without a call included. */
  readonly parts: Readonly<Record<RolePart, PartSummary>>
  /** The processes that made calls, with the medians of the rounds. */
  readonly roles: Readonly<Partial<Record<ProcessRole, PartSummary>>>
}

/** What some of the processes of a platform reached. Medians over the rounds. */
export interface PartSummary {
  readonly distinct: number
  readonly calls: number
  readonly setupDistinct: number
  readonly setupCalls: number
  /** Names that the work reached in every round, with the median of their calls. */
  readonly work: CallCounts
}

/** What all of several profiles have, with the median of the calls, and the names that only some of them have. */
export function splitByRounds(profiles: readonly CallCounts[]): {
  readonly everyRound: Record<string, number>
  readonly someRounds: string[]
} {
  const names = [...new Set(profiles.flatMap((calls) => Object.keys(calls)))].sort()
  const isAlways = (name: string) => profiles.every((calls) => Object.hasOwn(calls, name))
  const callsOf = (name: string) => Math.round(median(profiles.map((calls) => calls[name]!)))
  return {
    everyRound: Object.fromEntries(names.filter(isAlways).map((name) => [name, callsOf(name)])),
    someRounds: names.filter((name) => !isAlways(name)),
  }
}

function summaryOf(
  point: BenchCase,
  { name, source: by }: { readonly name: string; readonly source: TraceSource },
  platform: string,
  { plan, samples }: RunRecord,
): AttackProfileSummary | undefined {
  const taken = samples.filter((one) => one.case === point.id && one.platform === platform && !one.warmup)
  const traced = taken.flatMap(({ round, outcome }) =>
    outcome.ok && outcome.attackProfile ? [{ round, profile: outcome.attackProfile }] : [],
  )
  if (taken.length === 0) return undefined
  const profiles: AttackProfile[] = traced.map(({ profile }) => profile)
  const middle = (numbers: readonly number[]) => (numbers.length > 0 ? median(numbers) : 0)
  const callsOf = tracedCalls(profiles)
  const whole = callsOf(platformRoles)
  const [work, setup] = [splitByRounds(whole.work), splitByRounds(whole.setup)]
  const inState = (state: CallState) =>
    Object.keys(whole.states)
      .filter((name) => whole.states[name] === state)
      .sort()
  const figures = (calls: TracedCalls): PartSummary => ({
    distinct: middle(calls.work.map((names) => Object.keys(names).length)),
    calls: middle(calls.workCalls),
    setupDistinct: middle(calls.setup.map((names) => Object.keys(names).length)),
    setupCalls: middle(calls.setup.map(totalCalls)),
    work: splitByRounds(calls.work).everyRound,
  })
  const { work: _, ...totals } = figures(whole)
  const roles = tracedRoles(profiles)
  const about = plan.platforms.find((one) => one.name === platform)!
  return {
    case: point.id,
    bench: point.bench,
    name,
    params: point.params,
    source: by,
    platform,
    rounds: new Set(traced.map(({ round }) => round)).size,
    failed: taken.length - traced.length,
    ...totals,
    perUnit: middle(profiles.map(({ units }, round) => whole.workCalls[round]! / units)),
    work: work.everyRound,
    setup: setup.everyRound,
    someRounds: { work: work.someRounds, setup: setup.someRounds },
    onlyBackground: inState('background'),
    onlySetup: inState('setup'),
    unseen: unseenBy(by, about, roles),
    parts: Object.fromEntries(
      roleParts.map((part) => [part, figures(callsOf(processRoles.filter((role) => rolePart(role) === part)))]),
    ) as Record<RolePart, PartSummary>,
    roles: Object.fromEntries(roles.map((role) => [role, figures(callsOf([role]))])),
  }
}

/** Every traced result of a record, in the order of the plan: of all benches, or of those with a text in their id. */
export function attackProfiles(record: RunRecord, texts: readonly string[] = ['']): AttackProfileSummary[] {
  const { benches, cases: points, platforms } = record.plan
  return points.flatMap((point) => {
    const bench = benchById(benches, point.bench)
    const source = bench?.workload.traced
    if (source === undefined || !texts.some((text) => point.id.includes(text))) return []
    const traced = { name: bench!.name, source }
    return platforms
      .filter(({ available }) => available)
      .flatMap(({ name }) => summaryOf(point, traced, name, record) ?? [])
  })
}
