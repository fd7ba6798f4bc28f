import type { Plan } from '../model/plan.ts'
import type { BenchData } from '../model/suite.ts'
import { lastFailed } from '../records/history.ts'

/** Applies `--last-failed` to the selected benches. `notes` are for the user. */
export function onlyLastFailed(
  { benches: selected, excluded }: Pick<Plan, 'benches' | 'excluded'>,
  root: string,
): Pick<Plan, 'benches' | 'excluded'> & { readonly notes: readonly string[] } {
  const notes: string[] = []
  const failed = lastFailed(root, ({ why }) => void notes.push(`--last-failed skips a record: ${why}`))
  if (failed.size === 0)
    return {
      benches: selected,
      excluded,
      notes: [...notes, 'nothing failed in the latest run: all benches are measured'],
    }
  const isFailed = ({ id }: BenchData) => failed.has(id)
  const others = selected.filter((bench) => !isFailed(bench))
  return {
    benches: selected.filter(isFailed),
    excluded: [...excluded, ...others.map(({ id }) => ({ bench: id, reason: 'not-failed-before' as const }))],
    notes,
  }
}
