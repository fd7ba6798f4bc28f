import { describe, expect, it } from 'vitest'
import { findRelease, releases, releasesFor } from '../../../../src/host/releases/manifest.ts'
import { compareVersions } from '../../../../src/host/releases/release.ts'

describe('the manifest', () => {
  it('lists a name, a version and an architecture once', () => {
    const keys = releases.map(({ name, version, arch }) => `${name}@${version} ${arch}`)
    expect(new Set(keys).size).toBe(keys.length)
    expect(new Set(releases.map(({ name }) => name))).toEqual(
      new Set([
        ...['firecracker', 'firecracker-kernel', 'cloud-hypervisor', 'cloud-hypervisor-kernel', 'hypervisor-firmware'],
        ...['kata', 'kata-go', 'gvisor', 'crun', 'youki', 'osv'],
      ]),
    )
  })

  describe.each(releases.map((release) => [`${release.name}@${release.version} ${release.arch}`, release] as const))(
    '%s',
    (_, { version, arch, files, programs, released }) => {
      it('has complete digests, and says how many files state them', () => {
        for (const { sha256, sha512, statedBy } of files) {
          if (sha256 !== undefined) expect(sha256).toMatch(/^[0-9a-f]{64}$/)
          if (sha512 !== undefined) expect(sha512).toMatch(/^[0-9a-f]{128}$/)
          expect(statedBy > 0).toBe((sha256 ?? sha512) !== undefined)
        }
      })

      it('has addresses over TLS that name the version, and archives of the kind that their names say', () => {
        for (const { url, archive } of files) {
          expect(url).toMatch(/^https:\/\/[\w./-]+$/)
          expect(url).toContain(version.split('-')[0])
          expect(url).toMatch(archive === 'none' ? /(?<!\.(tgz|gz|bz2|xz|zst))$/ : ending[archive])
        }
      })

      it('installs the programs that drivers look for', () => {
        for (const { members } of files)
          for (const { as } of 'bundle' in members ? [] : members) expect(Object.values(programs)).toContain(as)
      })

      it('has a known architecture and a date', () => {
        expect(['x86_64', 'aarch64']).toContain(arch)
        if (released !== undefined) expect(new Date(released).toISOString().slice(0, 10)).toBe(released)
      })
    },
  )
})

const ending = {
  'tar.gz': /\.(tar\.gz|tgz)$/,
  'tar.bz2': /\.tar\.bz2$/,
  'tar.xz': /\.tar\.xz$/,
  'tar.zst': /\.tar\.zst$/,
  gz: /(?<!\.tar)\.gz$/,
} as const

describe('a release', () => {
  it('is found by name, and by default in the newest version', () => {
    expect(findRelease('firecracker', undefined, 'x86_64')?.version).toBe('1.17.0')
    expect(findRelease('firecracker', '1.15.1', 'aarch64')?.files[0]?.url).toMatch(
      /firecracker-v1\.15\.1-aarch64\.tgz$/,
    )
    expect(findRelease('firecracker', '0.1', 'x86_64')).toBeUndefined()
    expect(findRelease('firecracker', undefined, 's390x')).toBeUndefined()
  })

  it('comes before the older ones of its name', () => {
    const gvisor = releasesFor('x86_64').filter(({ name }) => name === 'gvisor')
    expect(gvisor.map(({ version }) => version)).toEqual(['20261005.0', '20260921.0'])
    const firecracker = releasesFor('aarch64').filter(({ name }) => name === 'firecracker')
    expect(firecracker.map(({ version }) => version)).toEqual(['1.17.0', '1.16.1', '1.15.1'])
  })
})

describe('versions', () => {
  it.each([
    ['1.9.0', '1.10.0'],
    ['1.15.1', '1.15.1-1'],
    ['6.16.9-20260508', '6.18.51-20260930'],
    ['20260921.0', '20260921.1'],
    ['1.0-rc1', '1.0-rc2'],
  ])('%s is older than %s', (older, newer) => {
    expect(compareVersions(older, newer)).toBeLessThan(0)
    expect(compareVersions(newer, older)).toBeGreaterThan(0)
    expect(compareVersions(newer, newer)).toBe(0)
  })
})
