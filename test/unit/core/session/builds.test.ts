import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { buildText } from '../../../../src/commands/doctor.ts'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { buildsInUse, parseVersion, releaseDay, withAge } from '../../../../src/core/session/builds.ts'
import { platform } from '../../../../src/index.ts'
import { drivers } from '../../../../src/platforms/index.ts'
import { emptyReleases } from '../../../support/releases.ts'

const releases = emptyReleases()

describe('the version that a program prints', () => {
  it.each([
    ['runsc version release-20240729.0\nspec: 1.1.0-rc.1\n', '20240729.0'],
    ['runsc version 0.0~20240729.0\nspec: 1.1.0-rc.1\n', '0.0~20240729.0'],
    ['crun version 1.21\ncommit: 10269840aa07fb7e6b7e1acff6198692d8ff5c88\n', '1.21'],
    ['Firecracker v1.15.1\n\n2026-11-29T00:00:00 [anonymous-instance:main] exit_code=0\n', '1.15.1'],
    ['cloud-hypervisor v52.0.0\n', '52.0.0'],
    ['youki version: 0.7.0\ncommit: 0.7.0-abc\n', '0.7.0'],
    ['Kata Containers containerd shim (Rust): id: io.containerd.kata.v2, version: 4.1.0, commit: abc', '4.1.0'],
    ['usage: no version\n', undefined],
  ])('of %j is %s', (output, version) => {
    expect(parseVersion(output)).toBe(version)
  })
})

describe('the day of a release', () => {
  it('is that of the installed release, of the list, or in the version', () => {
    releases.install('crun', '1.29.1', { crun: { path: 'crun', text: '' } }, '2026-08-01')
    expect(releaseDay('crun', '1.29.1')).toBe('2026-08-01')
    expect(releaseDay('firecracker', '1.17.0')).toBe('2026-09-10')
    expect(releaseDay('cloud-hypervisor', '53.0.0')).toBe('2026-07-12')
    expect(releaseDay('gvisor', '20240729.0')).toBe('2024-07-29')
    expect(releaseDay('gvisor', '0.0~20240729.0')).toBe('2024-07-29')
    expect(releaseDay('crun', '1.21')).toBeUndefined()
  })
})

describe('the age of a build', () => {
  const runsc = { platform: 'gvisor', release: 'gvisor', program: 'runsc', binary: 'runsc', source: 'path' } as const

  it("warns of Debian's runsc, which is more than a year behind", () => {
    const old = withAge({ ...runsc, version: '20240729.0' }, '2026-11-29')
    expect(old).toMatchObject({
      released: '2024-07-29',
      ageDays: 853,
      newest: { version: '20261005.0' },
      daysBehind: 798,
    })
    expect(buildText(old)).toBe('runsc 20240729.0 (PATH), 28 months old; 26 months older than 20261005.0')
  })

  it('does not warn of a recent one, of one that the config chose, or of one without a date', () => {
    const recent = withAge({ ...runsc, version: '20260921.0', source: 'provisioned' }, '2026-11-29')
    expect(recent.daysBehind).toBeUndefined()
    expect(buildText(recent)).toBe('runsc 20260921.0 (provisioned), 69 days old')
    for (const source of ['config', 'version'] as const)
      expect(withAge({ ...runsc, version: '20240729.0', source }, '2026-11-29').daysBehind).toBeUndefined()
    const unknown = withAge({ ...runsc, release: 'crun', program: 'crun', version: '1.21' }, '2026-11-29')
    expect([unknown.ageDays, unknown.daysBehind]).toEqual([undefined, undefined])
    expect(buildText(withAge(runsc, '2026-11-29'))).toBe('runsc of unknown version (PATH)')
  })

  it('names the newest release if only the version shows that a build is older', () => {
    const crun = { ...runsc, release: 'crun', program: 'crun' }
    const old = withAge({ ...crun, version: '1.10.0' }, '2026-11-29')
    expect(old).toMatchObject({ isOlderVersion: true, newest: { version: '1.29.1' } })
    expect(buildText(old)).toBe('crun 1.10.0 (PATH); 1.29.1 is known (isobench provision crun)')
    const newer = withAge({ ...crun, version: '1.30' }, '2026-11-29')
    expect(newer).not.toHaveProperty('isOlderVersion')
    expect(buildText(newer)).toBe('crun 1.30 (PATH)')
    // The date of the version is known.
    expect(withAge({ ...runsc, version: '20260921.0' }, '2026-11-29')).not.toHaveProperty('isOlderVersion')
  })
})

it('lists the build of each platform once, with what the program prints', async () => {
  const script = (output: string) => `#!/bin/sh\necho '${output}'\n`
  const install = (version: string) =>
    releases.install('firecracker', version, {
      firecracker: { path: 'firecracker', text: script(`Firecracker v${version}`) },
      jailer: { path: 'jailer', text: script('') },
    })
  const [older, newer] = [install('1.15.1'), install('1.17.0')]
  const folder = releases.install('unused', '1', { crun: { path: 'crun', text: script('crun version 1.21') } })
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`)
  const platforms = resolvePlatforms(
    [
      platform('native'),
      platform('crun'),
      platform('firecracker', { jailer: true }),
      platform('firecracker', { version: '1.15.1', name: 'fc-1-15' }),
      platform('firecracker', { version: '1.16.2', name: 'missing' }),
    ],
    drivers,
    'isobench.config.ts',
  )
  const builds = await buildsInUse(platforms, '2026-11-29')
  expect(builds).toEqual([
    expect.objectContaining({ platform: 'crun', source: 'path', version: '1.21' }),
    expect.objectContaining({
      platform: 'firecracker',
      source: 'provisioned',
      version: '1.17.0',
      binary: join(newer, 'firecracker'),
      ageDays: 80,
    }),
    expect.objectContaining({ platform: 'fc-1-15', source: 'version', binary: join(older, 'firecracker') }),
  ])
})
