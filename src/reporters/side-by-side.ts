import { basename } from 'node:path'
import type { Verdict } from '../core/judge/judgement.ts'
import { describeParams } from '../core/plan/plan.ts'
import type { StoredRun } from '../core/reporting.ts'
import { amount, ratios } from './amount.ts'
import { verdictOn } from './facts.ts'

export interface SideBySide {
  /** A title for each record: when it was made, and its file. */
  readonly columns: readonly string[]
  readonly rows: readonly {
    readonly bench: string
    readonly platform: string
    readonly metric: string
    readonly figures: readonly { readonly text: string; readonly verdict: Verdict | undefined }[]
  }[]
}

/** Every figure of several records, a column each. Nothing is judged across records. */
export function sideBySide(runs: readonly Pick<StoredRun, 'report'>[]): SideBySide {
  const rows = new Map<string, { bench: string; platform: string; metric: string; figures: (Figure | undefined)[] }>()
  for (const [at, { report }] of runs.entries())
    for (const bench of report.benches)
      for (const { platform, metrics } of bench.cells)
        for (const [metric, result] of Object.entries(metrics)) {
          const name = [bench.name, describeParams(bench.params)].filter(Boolean).join(' ')
          const key = JSON.stringify([bench.id, describeParams(bench.params), platform, metric])
          const row = rows.get(key) ?? { bench: name, platform, metric, figures: [] }
          const [{ ratio, interval }] = ratios([result.vsNative]) as [{ ratio: string; interval: string }]
          const median = result.median === null ? '–' : amount(result.median, result.unit)
          const text = result.vsNative ? `${median}, ${ratio}× ${interval}`.trim() : median
          row.figures[at] = { text, verdict: verdictOn(report, bench, platform, metric)?.verdict }
          rows.set(key, row)
        }
  return {
    columns: runs.map(({ report }) => `${report.environment.startedAt.slice(0, 16)} ${basename(report.record)}`),
    rows: [...rows.values()].map((row) => ({
      ...row,
      figures: runs.map((_, at) => row.figures[at] ?? { text: '–', verdict: undefined }),
    })),
  }
}

type Figure = SideBySide['rows'][number]['figures'][number]
