import { coverageIsAlike, type ExposedProfiles } from '../core/attack-profile/exposure.ts'
import {
  type AttackProfileSummary,
  type Group,
  groupFunctions,
  type ProfileDiff,
} from '../core/attack-profile/summary.ts'
import type { RunRecord } from '../core/model/record.ts'
import type { Unseen } from '../core/model/traced-calls.ts'
import { median } from '../core/stats/index.ts'
import { processRoles } from '../dsl/process-roles.ts'
import { pad, plural, sanitize, widthOf } from '../util/text.ts'
import { escapeMarkdown as md } from './document.ts'
import { figure } from './format.ts'
import { markdownTable } from './markdown-table.ts'
import { caseName } from './summary.ts'
import { plainTable } from './terminal/table.ts'

/** Profiles as tables for people. */

const sourceNames = { functions: 'functions of the host kernel', syscalls: 'system calls on the host' } as const

/** The case of a profile, and what was counted. */
const headingOf = ({ name, params, source }: Pick<AttackProfileSummary, 'name' | 'params' | 'source'>): string =>
  `${caseName({ name }, params)}: ${sourceNames[source]} (${source})`

/** The columns of a profile. */
const columns: readonly (readonly [title: string, value: (profile: AttackProfileSummary) => number])[] = [
  ['names', ({ distinct }) => distinct],
  ['calls', ({ calls }) => calls],
  ['per unit', ({ perUnit }) => perUnit],
  ["guest's names", ({ parts }) => parts['guest-reachable'].distinct],
  ['calls', ({ parts }) => parts['guest-reachable'].calls],
  ['control names', ({ parts }) => parts['control-plane'].distinct],
  ['calls', ({ parts }) => parts['control-plane'].calls],
  ['idle names', ({ onlyBackground }) => onlyBackground.length],
  ['set-up names', ({ setupDistinct }) => setupDistinct],
  ['calls', ({ setupCalls }) => setupCalls],
]

/**
 * A table for each traced bench: what each platform's work and setting up reach, and how exploitable that is.
 * @param isDetailed whether it also lists the names of the work, by role, and the CVEs
 */
export function tableText({ epss, profiles }: ExposedProfiles, isDetailed = false): string {
  const points = [...new Set(profiles.map(({ case: point }) => point))]
  const tables = points.flatMap((point) => {
    const own = profiles.filter((profile) => profile.case === point)
    const rows = own.map((profile) => [
      sanitize(profile.platform, 40),
      ...(profile.rounds === 0 ? columns.map(() => '-') : columns.map(([, value]) => figure(value(profile)))),
      ...exposureCells(profile),
      String(profile.rounds),
    ])
    const head = ['', ...columns.map(([title]) => title)]
    const scored = epss ? ['CVEs', 'EPSS sum', 'covered'] : []
    return [
      headingOf(own[0]!),
      ...plainTable(
        [...head, ...scored, 'rounds'].map((title, at) => (at === 0 ? { title } : { title, align: 'right' })),
        rows,
      ).map((line) => `  ${line}`),
      ...unseenNotes(own.filter(({ rounds }) => rounds > 0)).map((note) => `  ${sanitize(note, 400)}`),
      ...(isDetailed ? own.flatMap(namesLines) : []),
      '',
    ]
  })
  const notes = [
    'names: different functions or system calls of the work. calls: how often it called those on the left. per unit:',
    'all calls, divided by the work. idle: only an idle guest called them. set-up: the platform called them to start.',
    "guest's: of the guest, sentry, gofer and VMM, which the guest makes call. control: of shim, daemon and client.",
    "Medians over the rounds, without isobench's own processes. Compare only figures of the same trace source.",
    ...(isDetailed ? [] : ['Name platforms to list their names: isobench attack-profile show runc']),
    ...(epss ? exposureNotes({ epss, profiles }) : []),
  ]
  return `${[...tables, ...notes].join('\n')}\n`
}

/** The names that the work of a platform used in every round, by role, and the CVEs in them. */
function namesLines({ platform, source, roles, someRounds, exposure }: ExposedProfiles['profiles'][number]): string[] {
  const cves = (exposure?.cves ?? []).map(({ cve, epss }) => `${cve} (${epss.toFixed(3)})`)
  return [
    ...processRoles.flatMap((role) => {
      const calls = role === 'scaffold' ? undefined : roles[role]?.work
      if (!calls) return []
      const groups = groupFunctions(Object.keys(calls), source).map(([group, names]) => ({
        group,
        names: names.map((name) => ({ name, calls: calls[name]! })),
      }))
      return groupLines(`${sanitize(platform, 40)}, ${role}`, groups)
    }),
    ...listLines(`${sanitize(platform, 40)}, in some rounds and not in others`, someRounds.work),
    ...listLines(`${sanitize(platform, 40)}, CVEs with their EPSS scores`, cves),
  ]
}

const unseenNames: Readonly<Record<Unseen, string>> = {
  io_uring: 'operations of io_uring',
  softirq: 'packets and timers that the kernel handles in interrupts',
  seccomp: 'calls that a seccomp filter refuses',
  intercepted: "the guest's own calls, which its kernel in user space takes",
  'kvm-exits': 'exits of vCPUs that KVM handles in the kernel',
}

/** What the figures of a table do not include, and on which platforms. Sanitize or escape the result. */
export function unseenNotes(
  profiles: readonly { readonly platform: string; readonly unseen: readonly Unseen[] }[],
): string[] {
  return (Object.keys(unseenNames) as Unseen[]).flatMap((unseen) => {
    const names = profiles.flatMap((one) => (one.unseen.includes(unseen) ? [one.platform] : []))
    if (names.length === 0) return []
    return [`not seen${names.length < profiles.length ? ` on ${names.join(', ')}` : ''}: ${unseenNames[unseen]}`]
  })
}

function exposureCells({ exposure, rounds }: ExposedProfiles['profiles'][number]): string[] {
  if (!exposure) return []
  if (rounds === 0 || exposure.expected === null) return ['–', '–', `0 of ${exposure.total}`]
  return [String(exposure.cves.length), exposure.expected.toFixed(3), `${exposure.covered} of ${exposure.total}`]
}

/** Scores change every day, so scores of more than three months are reported. */
const oldScoresDays = 90
const msPerDay = 86_400_000

/** What is wrong with the date of EPSS scores, if anything is. @param now milliseconds since 1970 */
export function scoresAgeNotes(date: string | null, now = Date.now()): string[] {
  if (date === null) return ['The scores have no valid date, so isobench does not know how old they are.']
  const days = (now - Date.parse(date)) / msPerDay
  // Days begin earlier in other time zones.
  if (days < -1) return ['The date of the scores is in the future. The clock of this host, or the file, is wrong.']
  return days > oldScoresDays
    ? [`The scores are ${plural(Math.floor(days), 'day')} old. FIRST publishes new ones every day.`]
    : []
}

function exposureNotes({ epss, profiles }: { readonly epss: NonNullable<ExposedProfiles['epss']> } & ExposedProfiles) {
  const points = [...new Set(profiles.map(({ case: point }) => point))]
  const isAlike = points.every((point) =>
    coverageIsAlike(
      profiles.flatMap((one) => (one.case === point && one.rounds > 0 && one.exposure ? [one.exposure] : [])),
    ),
  )
  const versions =
    epss.kernelCves === null ? 'CVEs of all kernel versions' : `CVEs of Linux ${sanitize(epss.kernel, 60)}`
  return [
    `CVEs: ${versions} in the functions of the work. EPSS sum: how many are expected to be exploited in 30 days.`,
    `EPSS scores of ${sanitize(epss.date ?? 'an unknown date', 40)}, sha256 ${epss.scores.slice(0, 16)}…`,
    ...scoresAgeNotes(epss.date),
    ...(profiles.some(({ exposure }) => (exposure?.covered ?? 0) > 0)
      ? []
      : ['No function of a CVE is in these profiles. Profiles by system calls only reach the functions of the calls.']),
    ...(isAlike ? [] : ['Do not rank the platforms by CVEs: the data cover unlike shares of their functions.']),
  ]
}

function groupLines(title: string, groups: readonly Group[]): string[] {
  const count = groups.reduce((sum, { names }) => sum + names.length, 0)
  if (count === 0) return [`  ${title}: none`]
  const width = Math.max(...groups.map(({ group }) => widthOf(group)))
  return [
    `  ${title}: ${count}`,
    ...groups.flatMap(({ group, names }) => {
      const words = names.map(({ name, calls }) => `${sanitize(name, 80)} ×${figure(calls)}`)
      return wrapped(words, 110 - width).map((line, at) => `    ${pad(at === 0 ? group : '', width)}  ${line}`)
    }),
  ]
}

/** A list of names without their calls. No lines without names. */
function listLines(title: string, names: readonly string[]): string[] {
  if (names.length === 0) return []
  const words = names.map((name) => sanitize(name, 80))
  return [`  ${title}: ${names.length}`, ...wrapped(words, 108).map((line) => `    ${line}`)]
}

function wrapped(words: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 2 + word.length <= width) lines[lines.length - 1] = `${last}, ${word}`
    else lines.push(word)
  }
  return lines
}

/** Which names one platform reaches and the other does not, by group. */
export function diffText(diffs: readonly ProfileDiff[]): string {
  return diffs
    .flatMap(({ a, b, parts, ...profile }) => [
      headingOf(profile),
      ...parts.flatMap(({ part, onlyA, onlyB, both, someRounds, jaccard }) => [
        ` ${part === 'work' ? 'the work' : 'setting up'}: ${both} in both, Jaccard ${jaccard.toFixed(2)}`,
        ...groupLines(`only on ${sanitize(a, 40)}`, onlyA),
        ...groupLines(`only on ${sanitize(b, 40)}`, onlyB),
        ...listLines('in some rounds and not in others', someRounds),
      ]),
      '',
    ])
    .join('\n')
}

/** The table of attack profiles for a page of documentation: a row for each platform, a column for each bench. */

const columnNames = { functions: 'distinct functions of the host kernel', syscalls: 'distinct system calls' } as const

/** What all names begin with, up to the last `: `. */
function commonStart(names: readonly string[]): string {
  const [first = '', ...others] = names
  const start = first.slice(0, first.lastIndexOf(': ') + 2)
  return others.length > 0 && others.every((name) => name.startsWith(start)) ? start : ''
}

const pair = (distinct: number, calls: number) => `${figure(distinct)} / ${figure(calls)}`

/** A table for each trace source, because their figures do not compare. */
export function profilesMarkdown(
  profiles: readonly AttackProfileSummary[],
  { environment, plan, samples }: RunRecord,
): string {
  const rounds = new Set(samples.filter(({ warmup }) => !warmup).map(({ round }) => round)).size
  const { cpu, kernel, startedAt } = environment
  const day = startedAt.slice(0, 10)
  const made = `${day}, Linux ${kernel}, ${cpu.model}, ${cpu.count} CPUs, ${plural(rounds, 'round')}`
  const boots = new Set(plan.benches.flatMap(({ id, workload }) => (workload.kind === 'boot' ? id : [])))
  const tables = (['functions', 'syscalls'] as const).flatMap((by) => {
    const own = profiles.filter((profile) => profile.source === by)
    if (own.length === 0) return []
    const points = [...new Set(own.map(({ case: point }) => point))]
    const names = points.map((point) => {
      const { name, params } = own.find((one) => one.case === point)!
      return caseName({ name }, params)
    })
    const start = commonStart(names)
    const titles = [...names.map((name) => md(name.slice(start.length))), 'at set-up']
    return [
      md(`${made}; by ${by}: ${columnNames[by]} / calls per unit of work, and at set-up ${columnNames[by]} / calls.`),
      '',
      ...markdownTable(
        ['', ...titles.map((title) => ({ title, align: 'right' as const }))],
        [...new Set(own.map(({ platform }) => platform))].map((platform) => {
          const profileAt = (point: string) =>
            own.find((one) => one.platform === platform && one.case === point && one.rounds > 0)
          const there = points.flatMap((point) => profileAt(point) ?? [])
          // A boot is set-up and work in one: what it sets up before is not what a guest that stays takes.
          const staying = there.filter(({ bench }) => !boots.has(bench))
          const setup = (of: (profile: AttackProfileSummary) => number) => median(staying.map(of))
          return [
            md(platform),
            ...points.map((point) => {
              const profile = profileAt(point)
              return profile ? pair(profile.distinct, profile.perUnit) : '-'
            }),
            staying.length > 0
              ? pair(
                  setup((one) => one.setupDistinct),
                  setup((one) => one.setupCalls),
                )
              : '-',
          ]
        }),
      ),
      '',
    ]
  })
  return tables.join('\n')
}
