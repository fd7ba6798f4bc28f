import type { PlatformConfinement } from '../core/attack-profile/confinement.ts'
import type { SeccompForm, WorkloadSeccomp } from '../core/attack-profile/workload-seccomp.ts'
import type { Confinement } from '../core/model/confinement.ts'
import { rolePart } from '../dsl/process-roles.ts'
import { plural, sanitize, wrap } from '../util/text.ts'
import { escapeMarkdown as md } from './document.ts'
import { markdownTable } from './markdown-table.ts'
import { plainTable } from './terminal/table.ts'

/** What confines the host processes of each platform, as tables for people. Nothing is ranked. */

/**
 * What a profile of a workload has and lacks, and what the filters of the platform allow beyond it.
 * @param form a profile for OCI runtimes, or a program of the kernel
 */
export function seccompText(profile: WorkloadSeccomp, form: SeccompForm = 'oci'): string {
  const { calls, rounds, isWholeLife, beyond, denied, unknown } = profile
  const platform = sanitize(profile.platform, 60)
  const lines = [
    `The profile allows ${plural(calls.length, 'call')}, from ${plural(rounds, 'round')} of ${platform}, ` +
      'warm-up included.',
    isWholeLife
      ? 'The record has the whole life of the program.'
      : 'It lacks what the guest called only outside the traced work: at the start of a server, in commands with ' +
        'untraced: true, in prepare and in cleanup. To include it, trace a workload.boot, or start the server in the ' +
        'traced command.',
    ...interfaceLines(profile, form),
    ...(beyond
      ? [
          ...list(
            beyond.hasFilter ? `The filters of ${platform} also allow` : `${platform} has no filter, so it also allows`,
            beyond.allowed,
          ),
          ...list('and with some arguments', beyond.inPart),
          ...list('and calls of other interfaces', beyond.interfaces),
        ]
      : [
          `The record does not state which calls the filters of ${platform} allow, for example because only boots ` +
            'were traced.',
        ]),
    ...list(`Left out, because the filters of ${platform} deny them`, denied),
    ...list('Left out, because isobench does not know their names', unknown),
  ]
  return lines
    .flatMap((line) => wrap(line, 118))
    .map((line) => `${sanitize(line, 200)}\n`)
    .join('')
}

/** A line with all of these names; none without any. */
const list = (title: string, names: readonly string[]): string[] =>
  names.length > 0 ? [`${title} (${names.length}): ${names.join(', ')}`] : []

/** What a profile does with 32-bit programs. */
function interfaceLines({ calls32Bit, architectures }: WorkloadSeccomp, form: SeccompForm): string[] {
  if (form === 'program')
    return [
      '32-bit calls fail with ENOSYS.',
      ...list('So 32-bit programs of the workload do not run, which called', calls32Bit),
    ]
  const hasMultiplexer = ['i386:socketcall', 'i386:ipc'].some((name) => calls32Bit.includes(name))
  return [
    calls32Bit.length > 0
      ? 'It allows 32-bit programs, because the workload has them. A rule applies to both interfaces, so 32-bit and ' +
        '64-bit programs may make all of its calls.'
      : 'It does not allow 32-bit programs: a 32-bit call ends them with SIGSYS.',
    ...list('Calls of 32-bit programs', calls32Bit),
    ...(hasMultiplexer
      ? ['No filter sees the arguments of socketcall and ipc, so 32-bit programs may open any kind of socket.']
      : []),
    ...(architectures.length === 0 ? ['It names no architecture, so it is for that of the host that loads it.'] : []),
  ]
}

/** The columns of every table. The first two name a row. */
export const confinementTitles: readonly string[] = [
  'platform',
  'role',
  'programs',
  'calls used',
  'allowed',
  'capabilities',
  'may gain',
  'no_new_privs',
  'user',
  'shared with the host',
  'label',
  'devices',
  'host files',
]

/** `298 + 3 in part`; the calls are those that isobench knows on the host's architecture. */
function allowedText({ seccomp, calls }: Confinement): string {
  if (seccomp === 'none') return 'all'
  if (seccomp === 'strict') return '4 (strict)'
  if (!calls) return '?'
  const { allowed, conditional, supervised, otherInterfaces } = calls
  return [
    [
      String(allowed.length),
      conditional.length > 0 && `${conditional.length} in part`,
      supervised.length > 0 && `${supervised.length} asked`,
    ]
      .filter(Boolean)
      .join(' + '),
    ...otherInterfaces,
  ].join(', ')
}

const listText = (names: readonly string[], most = 4): string =>
  names.length > most ? `${names.slice(0, most).join(' ')} and ${names.length - most} more` : names.join(' ') || '–'

/** The cells of one row, as plain text. */
function cells({ platform, used }: PlatformConfinement, entry: Confinement): string[] {
  return [
    platform,
    entry.role,
    listText(entry.programs, 3),
    used[entry.role] === undefined ? '–' : String(used[entry.role]!.length),
    allowedText(entry),
    String(entry.capabilities.length),
    String(entry.boundingCapabilities.length),
    entry.noNewPrivileges ? 'yes' : 'no',
    String(entry.user),
    listText(entry.sharedNamespaces, 8),
    entry.lsmLabel ?? '–',
    listText(entry.devices),
    String(entry.hostFiles.length),
  ].map((text) => sanitize(text, 80))
}

const isOfPlatform = ({ role }: Confinement) => rolePart(role) !== 'scaffold'

/** A row for each platform and kind of confinement, without isobench's own processes; what a guest reaches first. */
export const confinementRows = (platforms: readonly PlatformConfinement[]): string[][] =>
  platforms.flatMap((platform) => {
    const { confinement } = platform
    const shown = confinement.filter(isOfPlatform)
    const reachable = shown.filter(({ role }) => rolePart(role) === 'guest-reachable')
    return [...reachable, ...shown.filter((one) => !reachable.includes(one))].map((one) => cells(platform, one))
  })

/** What the numbers mean, and which filters isobench could not read. */
export function confinementNotes(platforms: readonly PlatformConfinement[]): string[] {
  const all = platforms.flatMap(({ platform, confinement }) =>
    confinement.filter(isOfPlatform).map((entry) => ({ platform, entry })),
  )
  const known = Math.max(0, ...all.map(({ entry }) => entry.calls?.known ?? 0))
  const problems = new Map<string, Set<string>>()
  for (const { platform, entry } of all) {
    if (entry.callsProblem === undefined) continue
    const at = problems.get(entry.callsProblem) ?? new Set()
    problems.set(entry.callsProblem, at.add(`${platform} ${entry.role}`))
  }
  return [
    'Calls used: by the work in every round, by processes of this role. Nothing is ranked.',
    `Of ${known} known system calls, the filters that the kernel returned allow so many with any argument. Others are` +
      ' allowed in part, or another process decides about them. i386 and x32: also through these interfaces.',
    'Capabilities in effect, and those that a process may gain. User: its number on the host.',
    ...[...problems].map(([problem, where]) => `? of ${[...where].join(', ')}: ${sanitize(problem, 120)}.`),
  ]
}

const numeric = new Set(['calls used', 'capabilities', 'may gain', 'user', 'host files'])

/** A table for a terminal. Empty if nothing was read. */
export function confinementText(platforms: readonly PlatformConfinement[]): string {
  const rows = confinementRows(platforms)
  if (rows.length === 0) return ''
  const columns = confinementTitles.map((title) =>
    numeric.has(title) ? { title, align: 'right' as const } : { title },
  )
  const lines = plainTable(columns, rows).map((line) => `  ${line}`)
  const notes = confinementNotes(platforms).flatMap((note) => wrap(note, 118))
  return ['', 'What confines the host processes', ...lines, '', ...notes, ''].join('\n')
}

/** A table in Markdown. Empty if nothing was read. */
export function confinementMarkdown(platforms: readonly PlatformConfinement[]): string {
  const rows = confinementRows(platforms)
  if (rows.length === 0) return ''
  const columns = confinementTitles.map((title) => (numeric.has(title) ? { title, align: 'right' as const } : title))
  return [
    '',
    md(`What confines the host processes. ${confinementNotes(platforms).join(' ')}`),
    '',
    ...markdownTable(
      columns,
      rows.map((row) => row.map(md)),
    ),
    '',
  ].join('\n')
}
