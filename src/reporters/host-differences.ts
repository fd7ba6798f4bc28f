import type { Difference } from '../core/records/fingerprint.ts'
import { sanitize } from '../util/text.ts'

/**
 * A line about what differs between two hosts. It is not in comparison.ts, because every command can print it, and
 * must not load the judge for that.
 */
export const differenceText = ({ what, baseline: a, current: b }: Difference): string =>
  `  ${sanitize(what, 60)}: ${sanitize(a, 200)} → ${sanitize(b, 200)}`
