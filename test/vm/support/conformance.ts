/** The conformance suite in a VM. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { VmResult } from './vm.ts'

/** Runs the suite for the platforms of `ISOBENCH_E2E_PLATFORMS`. Its exit code is that of the suite. */
export const runConformance =
  'node node_modules/vitest/vitest.mjs run --project e2e conformance --testTimeout 1800000 --hookTimeout 1800000 ' +
  '--reporter verbose --reporter json --outputFile /results/report.json'

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** Expects that the suite passed. The suite skips a platform that does not work. Here, each must work. */
export function expectConformance({ exitCode, log, results }: VmResult, platforms: readonly string[]): void {
  expect(exitCode, log).toBe(0)
  const { testResults } = JSON.parse(readFileSync(join(results, 'report.json'), 'utf8')) as Report
  const passed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.flatMap(({ status, fullName }) => (status === 'passed' ? [fullName] : [])),
  )
  for (const name of platforms)
    expect(passed.filter((one) => one.startsWith(`${name} `)).length, `${name}: ${log}`).toBeGreaterThan(10)
}
