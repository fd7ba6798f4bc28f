/** The conformance suite on cgroup v2 alone, as in current distributions, in a VM. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureImage } from '../e2e/support/host.ts'
import { runInVm } from './support/vm.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-machine-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(ensureImage)

const platforms = process.env.ISOBENCH_E2E_PLATFORMS ?? 'native,runc,crun,bubblewrap,lxc,nspawn'

const script = `
grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts && ! grep -q ' cgroup ' /proc/mounts ||
  { echo 'not cgroup v2 alone'; exit 1; }
export ISOBENCH_E2E_PLATFORMS=${platforms} ISOBENCH_PROBE_SECONDS=300
node node_modules/vitest/vitest.mjs run --project e2e conformance --testTimeout 1200000 --hookTimeout 1200000 \\
  --reporter verbose --reporter json --outputFile /results/report.json
`

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

test(`${platforms} pass the conformance suite on cgroup v2`, async () => {
  const done = await runInVm({ script, seconds: 5400, folder })
  expect(done.exitCode, done.log).toBe(0)
  const { testResults } = JSON.parse(readFileSync(join(done.results, 'report.json'), 'utf8')) as Report
  const passed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'passed'),
  )
  // There, a platform that does not work is skipped. Here, it must work.
  for (const name of platforms.split(','))
    expect(
      passed.filter(({ fullName }) => fullName.startsWith(`${name} `)).length,
      `${name}: ${done.log}`,
    ).toBeGreaterThan(10)
})
