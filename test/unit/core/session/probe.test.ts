import { describe, expect, it } from 'vitest'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { probePlatforms } from '../../../../src/core/session/probe.ts'
import type { Driver } from '../../../../src/driver.ts'
import type { PinnedDigests } from '../../../../src/host/releases/release.ts'
import { drivers } from '../../../../src/platforms/index.ts'
import { fakeHost } from '../../../support/fake-driver.ts'
import { emptyReleases } from '../../../support/releases.ts'

/** The status of a process, as its kernel reports it (proc(5)). */
const statusOf = (seccomp: 'none' | 'filter') =>
  `Name:\tcat\nCapEff:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t${seccomp === 'none' ? 0 : 2}\n`

/** Probes a fake platform with own members, and that has this in its guests. */
async function probe(own: Partial<Driver>, stdout: string, digests: PinnedDigests = {}) {
  const host = fakeHost({ crun: {} })
  const driver = { ...host.drivers.crun!, ...own }
  const platforms = resolvePlatforms([{ kind: 'crun', name: 'crun', tags: [], options: {} }], { crun: driver }, '')
  const session = await host.openSession({ memoryBytes: 1 } as never, {
    purpose: '',
    wait: false,
    signal: new AbortController().signal,
  })
  const exec = async () => ({ stdout, stderr: '', milliseconds: 1, firstByteMs: null })
  return (await probePlatforms(platforms, session, undefined, { exec, digests }))[0]!
}

describe('a platform that must have a seccomp filter', () => {
  it('is refused if its guests have none, with the way out', async () => {
    const result = await probe({ requiresSeccomp: () => true }, statusOf('none'))
    expect(result).toMatchObject({ available: false, cpuMode: 'hardware' })
    expect(result).toMatchObject({ reason: expect.stringContaining("security 'default' needs one") })
    expect(result).toMatchObject({ fix: expect.stringContaining("set security: 'none'") })
  })

  it('works with a filter, without the requirement, and if its guests have no /proc', async () => {
    for (const result of [
      await probe({ requiresSeccomp: () => true }, statusOf('filter')),
      await probe({ requiresSeccomp: () => false }, statusOf('none')),
      await probe({}, statusOf('none')),
      await probe({ requiresSeccomp: () => true }, ''),
    ])
      expect(result.available).toBe(true)
  })
})

describe('a platform that uses an installed release', () => {
  const { install } = emptyReleases()
  const url = 'https://github.com/containers/crun/releases/download/1.29.1/crun-1.29.1-linux-amd64'
  const [one, other] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`]

  it('is refused if the config requires another file, before the release is executed', async () => {
    const executed: string[] = []
    const run = async (version: string | undefined, digests: PinnedDigests) => {
      executed.length = 0
      const options = drivers.crun!.options.parse({ version })
      const requirements = () => drivers.crun!.requirements(options)
      const preflight = async () => void executed.push('preflight')
      return await probe({ requirements, preflight }, statusOf('filter'), digests)
    }
    const folder = install('crun', '1.29.1', { crun: { path: 'crun', text: '' } }, '2026-08-01', [
      { url, source: url, digest: one, trustedFirst: false },
    ])
    for (const version of ['1.29.1', undefined]) {
      expect(await run(version, { [url]: other })).toMatchObject({
        available: false,
        reason:
          `crun 1.29.1 in ${folder} was installed from a file with the digest ${one}, not ${other}, ` +
          'the one in releaseDigests of the config.',
        fix: 'isobench provision --remove crun@1.29.1, then isobench provision crun@1.29.1',
      })
      expect(executed).toEqual([])
      for (const digests of [{ [url]: one }, { [`${url}.other`]: other }])
        expect(await run(version, digests)).toMatchObject({ available: true })
      expect(executed).toEqual(['preflight'])
    }
  })
})

describe('the drivers that have the option security', () => {
  const kinds = ['runc', 'crun', 'youki', 'containerd', 'docker', 'podman', 'lxc', 'nspawn', 'bubblewrap']
  const required = (kind: string, options: Record<string, unknown>) =>
    drivers[kind]!.requiresSeccomp?.(drivers[kind]!.options.parse(options))

  it.each(kinds)('%s needs a filter by default, and none with security none', (kind) => {
    expect(required(kind, {})).toBe(true)
    expect(required(kind, { security: 'none' })).toBe(false)
  })

  it('need none over a runtime with its own kernel, and no other driver needs one', () => {
    for (const kind of ['containerd', 'docker', 'podman']) expect(required(kind, { runtime: 'runsc' })).toBe(false)
    const others = Object.keys(drivers).filter((kind) => !kinds.includes(kind))
    expect(others.filter((kind) => drivers[kind]!.requiresSeccomp)).toEqual([])
  })
})
