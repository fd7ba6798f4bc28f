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
  const argv = await bubblewrap.oneShot({ ...place, rootfs: '/' }, ['true'], { security })
  expect([argv.includes('--seccomp'), existsSync(join(place.stateDir, 'seccomp.bpf'))]).toEqual([
    isFiltered,
    isFiltered,
  ])
})

test('bubblewrap binds the nodes of the sandbox over those of the host', async () => {
  const { place } = fakeSandbox()
  const argv = await bubblewrap.oneShot({ ...place, rootfs: '/' }, ['true'], { security: 'none' })
  for (const name of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) {
    const at = argv.indexOf(`/devices/${name}`)
    expect(argv.slice(at - 1, at + 2)).toEqual(['--dev-bind', `/devices/${name}`, `/dev/${name}`])
    expect(at).toBeGreaterThan(argv.indexOf('--dev'))
  }
})
