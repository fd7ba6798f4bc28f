/** The conformance suite on cgroup v2 alone, as in current distributions, in a VM. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { ensureImage } from '../e2e/support/host.ts'
import { expectConformance, runConformance } from './support/conformance.ts'
import { runInVm } from './support/vm.ts'

const folder = mkdtempSync(join(tmpdir(), 'isobench-machine-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(ensureImage)

const platforms = process.env.ISOBENCH_E2E_PLATFORMS ?? 'native,runc,crun,bubblewrap,lxc,nspawn'

const script = `
grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts && ! grep -q ' cgroup ' /proc/mounts ||
  { echo 'not cgroup v2 alone'; exit 1; }
export ISOBENCH_E2E_PLATFORMS=${platforms}
${runConformance}
`

test(`${platforms} pass the conformance suite on cgroup v2`, async () => {
  expectConformance(await runInVm({ script, seconds: 5400, folder }), platforms.split(','))
})
