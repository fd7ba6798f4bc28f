/** The table of attack profiles for a page of documentation: a row for each platform, a column for each bench. */
import { figure } from '../../core/judge/words.ts'
import type { AttackProfileSummary } from '../../core/profile/profiles.ts'
import type { RunRecord } from '../../core/record/reader.ts'
import { median } from '../../core/stats/index.ts'
import { escapeMarkdown as md } from '../escape.ts'

const columnNames = { functions: 'distinct functions of the host kernel', syscalls: 'distinct system calls' } as const

/** What all names begin with, up to the last `: `. */
function commonStart(names: readonly string[]): string {
  const [first = '', ...others] = names
  const start = first.slice(0, first.lastIndexOf(': ') + 2)
  return others.length > 0 && others.every((name) => name.startsWith(start)) ? start : ''
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
const pair = (distinct: number, calls: number) => `${figure(distinct)} / ${figure(calls)}`

/** A table for each instrument: their figures do not compare. */
export function profilesMarkdown(
  cells: readonly AttackProfileSummary[],
  { environment, plan, samples }: RunRecord,
): string {
  const rounds = new Set(samples.filter(({ warmup }) => !warmup).map(({ round }) => round)).size
  const { cpu, kernel, startedAt } = environment
  const made = `${startedAt.slice(0, 10)}, Linux ${kernel}, ${cpu.model}, ${cpu.count} CPUs, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`
  const boots = new Set(plan.benches.flatMap(({ id, workload }) => (workload.kind === 'boot' ? id : [])))
  const tables = (['functions', 'syscalls'] as const).flatMap((by) => {
    const own = cells.filter((cell) => cell.source === by)
    if (own.length === 0) return []
    const points = [...new Set(own.map(({ case: point }) => point))]
    const names = points.map((point) => point.slice(point.indexOf('#') + 1))
    const start = commonStart(names)
    const head = ['', ...names.map((name) => md(name.slice(start.length))), 'at set-up']
    return [
      md(`${made}; by ${by}: ${columnNames[by]} / calls per unit of work, and at set-up ${columnNames[by]} / calls.`),
      '',
      row(head),
      row(head.map((_, at) => (at === 0 ? ':--' : '--:'))),
      ...[...new Set(own.map(({ platform }) => platform))].map((platform) => {
        const cellOf = (point: string) =>
          own.find((one) => one.platform === platform && one.case === point && one.rounds > 0)
        const there = points.flatMap((point) => cellOf(point) ?? [])
        // A boot is set-up and work in one: what it sets up before is not what a guest that stays takes.
        const staying = there.filter(({ bench }) => !boots.has(bench))
        const setup = (of: (cell: AttackProfileSummary) => number) => median(staying.map(of))
        return row([
          md(platform),
          ...points.map((point) => {
            const cell = cellOf(point)
            return cell ? pair(cell.distinct, cell.perUnit) : '-'
          }),
          staying.length > 0
            ? pair(
                setup((one) => one.setupDistinct),
                setup((one) => one.setupCalls),
              )
            : '-',
        ])
      }),
      '',
    ]
  })
  return tables.join('\n')
}
