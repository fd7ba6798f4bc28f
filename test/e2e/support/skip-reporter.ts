import type { Reporter, TestCase, TestModule, Vitest } from 'vitest/node'
import { type SkipReason, skipReasons } from './skip-reasons.ts'

/** One skipped test, with the note of `skip(context, reason, detail)`. */
export interface SkippedTest {
  readonly name: string
  readonly note: string | undefined
}

export interface SkipSummary {
  /** Lines for people: one heading per reason, then one line per test. */
  readonly lines: readonly string[]
  /** Why the run must fail, or undefined. */
  readonly failure: string | undefined
}

/**
 * Groups skipped tests by reason.
 * @param limit the largest number of skipped tests that does not fail the run
 */
export function summarizeSkips(tests: readonly SkippedTest[], limit: number): SkipSummary {
  const groups = new Map<string, string[]>()
  for (const { name, note } of tests) {
    const [, reason, detail] = /^([\w-]+): ([\s\S]*)$/.exec(note ?? '') ?? []
    const group =
      reason !== undefined && reason in skipReasons
        ? `${reason}: ${skipReasons[reason as SkipReason]}`
        : 'unknown reason'
    const line = `  ${name}: ${(detail ?? note ?? 'no note').split('\n')[0]}`
    groups.set(group, [...(groups.get(group) ?? []), line])
  }
  const lines = [...groups].flatMap(([reason, names]) => [`${names.length} skipped, ${reason}`, ...names])
  const unknown = groups.get('unknown reason')?.length ?? 0
  const failure =
    unknown > 0
      ? `${unknown} end-to-end tests were skipped without a known reason. Use skip() of test/e2e/support/skip.ts.`
      : tests.length > limit
        ? `${tests.length} end-to-end tests were skipped, and at most ${limit} may be (ISOBENCH_E2E_MAX_SKIPS).`
        : undefined
  return { lines, failure }
}

/** Prints the skipped end-to-end tests at the end of a run, and fails a run with too many of them. */
export class SkipReporter implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const ended = modules.filter(({ project }) => project.name === 'e2e')
    const cases = ended.flatMap((module) => [...module.children.allTests()])
    // With `-t`, Vitest skips every other test without a note.
    if (cases.length === 0 || this.#vitest?.config.testNamePattern) return
    const skipped = cases.flatMap((test) => skippedTest(test))
    const limit = Number(process.env.ISOBENCH_E2E_MAX_SKIPS || Number.POSITIVE_INFINITY)
    const { lines, failure } = summarizeSkips(skipped, limit)
    const log = this.#vitest!.logger
    log.log(`\n${skipped.length} of ${cases.length} end-to-end tests were skipped.`)
    for (const line of lines) log.log(line)
    if (failure === undefined) return
    log.error(failure)
    process.exitCode = 1
  }
}

function skippedTest(test: TestCase): SkippedTest[] {
  const result = test.result()
  return result.state === 'skipped'
    ? [{ name: `${test.module.relativeModuleId} > ${test.name}`, note: result.note }]
    : []
}
