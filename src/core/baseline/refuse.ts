import { UsageError } from '../../errors.ts'
import type { RunRecord } from '../record/reader.ts'
import { type Comparison, compareRecords } from './compare.ts'
import { type FingerprintInput, hostDifferences } from './fingerprint.ts'
import { differenceText } from './text.ts'

/** @throws UsageError when two runs are of unlike hosts, naming what differs. */
export function assertSameHost(a: FingerprintInput, b: FingerprintInput): void {
  const unlike = hostDifferences(a, b)
  if (unlike.length === 0) return
  const told = unlike.map((difference) => differenceText(difference).trim()).join('; ')
  throw new UsageError(
    `the two runs are of unlike hosts: ${told}`,
    'compare them all the same with --allow-different-hosts',
  )
}

/**
 * Compares two records.
 * @throws UsageError when their hosts are unlike, naming what differs, unless `unlike` is set.
 */
export function compareSameHost(
  a: RunRecord,
  b: RunRecord,
  options: { readonly marginPercent: number; readonly unlike: boolean },
): Comparison {
  if (!options.unlike) assertSameHost(a, b)
  return compareRecords(a, b, options)
}

/** Whether a comparison fails: something that gates is worse by more than the margin. */
export const hasRegressed = ({ rows }: Comparison): boolean =>
  rows.some(({ failsRun: gates, change }) => gates && change === 'regressed')
