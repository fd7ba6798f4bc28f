import { syscallTable } from '../../host/syscall-names.ts'
import { UsageError } from '../../util/errors.ts'
import type { AttackProfile, RunRecord } from '../model/record.ts'

/** A seccomp profile that allows what a recorded workload called, in the format of Docker and podman. */

/**
 * What every guest needs: how its program starts, ends, and returns from signals; and what runc 1.1 calls after it has
 * installed the filter. Without no_new_privs, that includes the change of user and capabilities. Found by leaving out
 * one call after the other.
 */
const always: readonly string[] = [
  ...['execve', 'restart_syscall', 'rt_sigreturn', 'exit', 'exit_group'],
  ...['fstatfs', 'getdents64', 'newfstatat', 'faccessat2', 'getcwd', 'chdir', 'close_range', 'fcntl'],
  ...['prctl', 'capget', 'capset', 'getppid', 'setgroups', 'setgid', 'setuid'],
]

/** A profile, and what the platform's own filters allow beyond it. */
export interface WorkloadSeccomp {
  readonly platform: string
  /** Rounds that the names are from. */
  readonly rounds: number
  readonly profile: {
    readonly defaultAction: 'SCMP_ACT_ERRNO'
    readonly defaultErrnoRet: number
    readonly syscalls: readonly {
      readonly names: readonly string[]
      readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO'
      readonly errnoRet?: number
    }[]
  }
  /** Calls that the platform's filters allow, and the profile does not. Without a filter: all other known calls. */
  readonly beyond: { readonly allowed: readonly string[]; readonly inPart: readonly string[] }
  /** Recorded names that are no system call of this architecture, so that no profile can allow them. */
  readonly unknown: readonly string[]
}

/** The names that the guest's processes called in one sample: also while they started, idled, and waited. */
const namesOf = ({ setup, work, idle, barrier }: AttackProfile): string[] =>
  [setup, work, idle.calls, barrier.calls].flatMap((calls) => Object.keys(calls.guest ?? {}))

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
  const outcomes = samples.flatMap(({ case: id, platform: own, outcome, round }) =>
    own === platform && isChosen(id) && outcome.ok && outcome.attackProfile?.source === 'syscalls'
      ? [{ round, profile: outcome.attackProfile, confinement: outcome.confinement ?? [] }]
      : [],
  )
  const recorded = new Set(outcomes.flatMap(({ profile }) => namesOf(profile)))
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
  const names = [...new Set([...recorded, ...always])].filter((name) => table.has(name)).sort()
  const guests = outcomes.flatMap(({ confinement }) => confinement.filter(({ role }) => role === 'guest'))
  const isOpen = guests.length === 0 || guests.some(({ seccomp }) => seccomp === 'none')
  const filters = guests.flatMap(({ calls }) => calls ?? [])
  const beyond = (allowed: readonly string[]) => [...new Set(allowed)].filter((name) => !names.includes(name)).sort()
  const allowed = beyond(isOpen ? [...table] : filters.flatMap((calls) => calls.allowed))
  return {
    platform,
    rounds: new Set(outcomes.map(({ round }) => round)).size,
    profile: {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 1,
      syscalls: [
        { names, action: 'SCMP_ACT_ALLOW' },
        // Engines let clone3 look absent, so glibc has used clone in the record. With EPERM, it would not fall back.
        ...(names.includes('clone3') ? [] : [{ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 } as const]),
      ],
    },
    beyond: {
      allowed,
      inPart: isOpen
        ? []
        : beyond(filters.flatMap(({ conditional }) => conditional)).filter((name) => !allowed.includes(name)),
    },
    unknown: [...recorded].filter((name) => !table.has(name)).sort(),
  }
}
