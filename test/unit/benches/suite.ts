/** What the bench files of this repository say, and every platform that they name. */

import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { glob } from 'tinyglobby'
import { it } from 'vitest'
import type { PlannedPlatform } from '../../../src/core/model/plan.ts'
import type { Suite } from '../../../src/core/model/suite.ts'
import { collect } from '../../../src/core/project/collect.ts'
import { bundlePath } from '../../../src/util/assets.ts'
import { aPlatform } from '../core/judge/builders.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Bench files are imported by a worker that is built. */
export const built = existsSync(bundlePath('collector'))

/** A test of the collected benches. It is skipped, and says why, if the worker is not built. */
export const itWithBuild = (name: string, run: () => void): void =>
  it(name, { timeout: 120_000 }, ({ skip }) => {
    if (!built) skip('dist/collector.js is missing: npm run build')
    run()
  })

export async function collectBenches(): Promise<Suite> {
  const files = await glob(['benches/**/*.bench.ts'], { cwd: root, absolute: true })
  return (await collect(root, files.map((file) => relative(root, file)).sort())).suite
}

const families: [PlannedPlatform['family'], string][] = [
  ['native', 'native'],
  ['container', 'runc crun docker podman lxc lxc-systemd bubblewrap nspawn'],
  ['secure-container', 'gvisor gvisor-ptrace gvisor-kvm gvisor-gofer gvisor-hostnet kata kata-go kata-9p'],
  [
    'hypervisor',
    'qemu qemu-q35 qemu-qboot qemu-microvm qemu-virtiofs qemu-9p firecracker cloud-hypervisor user-mode-linux',
  ],
  ['unikernel', 'osv osv-firecracker'],
]

export const allPlatforms: PlannedPlatform[] = families.flatMap(([family, names]) =>
  names.split(' ').map((name) => aPlatform(name, { family })),
)
