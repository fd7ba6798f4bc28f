import { describe, type TestContext, test } from 'vitest'
import type { SkipReason } from './skip-reasons.ts'

/** Skips the running test. `detail` says what was found on this host. */
export function skip(context: TestContext, reason: SkipReason, detail: string): never {
  return context.skip(`${reason}: ${detail}`)
}

/** Defines a test. If `unavailable` is not empty, the test is skipped. */
export function testUnless(
  unavailable: string,
  reason: SkipReason,
  title: string,
  run: (context: TestContext) => Promise<void> | void,
): void {
  test(title, (context) => (unavailable === '' ? run(context) : skip(context, reason, unavailable)))
}

/** Defines a suite. If `unavailable` is not empty, one skipped test takes the place of the suite. */
export function describeUnless(unavailable: string, reason: SkipReason, title: string, define: () => void): void {
  if (unavailable === '') describe(title, define)
  else testUnless(unavailable, reason, title, () => {})
}
