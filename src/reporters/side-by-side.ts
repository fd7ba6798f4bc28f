import { basename } from 'node:path'
import type { ClaimVerdict } from '../core/judge/judgement.ts'
import { describeParams } from '../core/plan/plan.ts'
import type { StoredRun } from '../core/reporting.ts'
import { amount, ratios } from './amount.ts'
import { verdictOn } from './facts.ts'

export interface SideBySide {
  /** A title for each record: when it was made, and its file. */
  readonly columns: readonly string[]
  readonly rows: readonly {
    /** The bench's id, and its parameters as words. */
    readonly id: string
    readonly params: string
    readonly bench: string
    readonly platform: string
    readonly metric: string
    readonly figures: readonly { readonly text: string; readonly claim: ClaimVerdict | undefined }[]
  }[]
}

/** Every figure of several records, a column each. Nothing is judged across records. */
export function sideBySide(runs: readonly Pick<StoredRun, 'report'>[]): SideBySide {
  const order = new Map<string, number>()
  const rows = new Map<string, Omit<Row, 'figures'> & { at: number; figures: (Figure | undefined)[] }>()
  for (const [at, { report }] of runs.entries())
    for (const bench of report.benches)
      for (const { platform, metrics } of bench.cells)
        for (const [metric, result] of Object.entries(metrics)) {
          const params = describeParams(bench.params)
          const name = [bench.name, params].filter(Boolean).join(' ')
          const point = JSON.stringify([bench.id, params])
          const key = JSON.stringify([point, platform, metric])
          if (!order.has(point)) order.set(point, order.size)
          const about = { id: bench.id, params, bench: name, platform, metric }
          const row = rows.get(key) ?? { ...about, at: order.get(point)!, figures: [] }
          const [{ ratio, interval }] = ratios([result.vsNative]) as [{ ratio: string; interval: string }]
          const median = result.median === null ? '–' : amount(result.median, result.unit)
          const text = result.vsNative ? `${median}, ${ratio}× ${interval}`.trim() : median
          row.figures[at] = { text, claim: verdictOn(report, bench, platform, metric) }
          rows.set(key, row)
        }
  return {
    columns: runs.map(({ report }) => `${report.environment.startedAt.slice(0, 16)} ${basename(report.record)}`),
    rows: [...rows.values()]
      .sort((a, b) => a.at - b.at)
      .map(({ at: _, ...row }) => ({
        ...row,
        figures: runs.map((_run, at) => row.figures[at] ?? { text: '–', claim: undefined }),
      })),
  }
}

type Row = SideBySide['rows'][number]
type Figure = Row['figures'][number]
