import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bubblewrap } from '../../../src/platforms/bubblewrap.ts'
import { fakeSandbox } from './fake-sandbox.ts'

test.runIf(process.arch === 'x64').each([
  ['default', true],
  ['none', false],
] as const)('bubblewrap with security: %s has a seccomp filter: %s', async (security, isFiltered) => {
  const { place } = fakeSandbox()
  const sandbox = { ...place, rootfs: '/', wrap: (argv: readonly string[]) => argv } as unknown as typeof place
  const argv = await bubblewrap.oneShot(sandbox, ['true'], { security })
  expect([argv.includes('--seccomp'), existsSync(join(place.stateDir, 'seccomp.bpf'))]).toEqual([
    isFiltered,
    isFiltered,
  ])
})
