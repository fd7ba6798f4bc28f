import { describe, expect, it } from 'vitest'
import { resolvePlatforms } from '../../../../src/core/project/platforms.ts'
import { probePlatforms } from '../../../../src/core/session/probe.ts'
import type { Driver } from '../../../../src/driver.ts'
import { drivers } from '../../../../src/platforms/index.ts'
import { fakeHost } from '../../../support/fake-driver.ts'

/** The status of a process, as its kernel reports it (proc(5)). */
const statusOf = (seccomp: 'none' | 'filter') =>
  `Name:\tcat\nCapEff:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t${seccomp === 'none' ? 0 : 2}\n`

/** Probes a fake platform that declares what it needs, and that has this in its guests. */
async function probe(requiresSeccomp: Driver['requiresSeccomp'] | undefined, stdout: string) {
  const host = fakeHost({ crun: {} })
  const driver = { ...host.drivers.crun!, ...(requiresSeccomp && { requiresSeccomp }) }
  const platforms = resolvePlatforms([{ kind: 'crun', name: 'crun', tags: [], options: {} }], { crun: driver }, '')
  const session = await host.openSession({ memoryBytes: 1 } as never, {
    purpose: '',
    wait: false,
    signal: new AbortController().signal,
  })
  const exec = async () => ({ stdout, stderr: '', milliseconds: 1, firstByteMs: null })
  return (await probePlatforms(platforms, session, undefined, { exec }))[0]!
}

describe('a platform that must have a seccomp filter', () => {
  it('is refused if its guests have none, with the way out', async () => {
    const result = await probe(() => true, statusOf('none'))
    expect(result).toMatchObject({ available: false, cpuMode: 'hardware' })
    expect(result).toMatchObject({ reason: expect.stringContaining("security 'default' needs one") })
    expect(result).toMatchObject({ fix: expect.stringContaining("set security: 'none'") })
  })

  it('works with a filter, without the requirement, and if its guests have no /proc', async () => {
    for (const result of [
      await probe(() => true, statusOf('filter')),
      await probe(() => false, statusOf('none')),
      await probe(undefined, statusOf('none')),
      await probe(() => true, ''),
    ])
      expect(result.available).toBe(true)
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
