import { basename } from 'node:path'
import type { ClaimVerdict } from '../core/judge/judgement.ts'
import { describeParams } from '../core/plan/plan.ts'
import type { StoredRun } from '../core/reporting.ts'
import { formatQuantity, formatRatios } from './amount.ts'
import { worstVerdict } from './facts.ts'

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
  const rows = new Map<string, Omit<SideBySideRow, 'figures'> & { at: number; figures: (Figure | undefined)[] }>()
  for (const [at, { report }] of runs.entries())
    for (const bench of report.cases)
      for (const { platform, metrics } of bench.results)
        for (const [metric, result] of Object.entries(metrics)) {
          const params = describeParams(bench.params)
          const name = [bench.name, params].filter(Boolean).join(' ')
          const point = JSON.stringify([bench.id, params])
          const key = JSON.stringify([point, platform, metric])
          if (!order.has(point)) order.set(point, order.size)
          const about = { id: bench.id, params, bench: name, platform, metric }
          const row = rows.get(key) ?? { ...about, at: order.get(point)!, figures: [] }
          const [{ ratio, interval }] = formatRatios([result.ratioToNative]) as [{ ratio: string; interval: string }]
          const median = result.median === null ? '–' : formatQuantity(result.median, result.unit)
          const text = result.ratioToNative ? `${median}, ${ratio}× ${interval}`.trim() : median
          row.figures[at] = { text, claim: worstVerdict(report, bench, platform, metric) }
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

type SideBySideRow = SideBySide['rows'][number]
type Figure = SideBySideRow['figures'][number]
